//! CR04: the client secret of the service principal lives on.

use std::collections::BTreeMap;

use facts::azure::Login;
use facts::governance::AppSecret;
use facts::hosted::LogLine;
use jiff::{Timestamp, ToSpan as _};

use crate::prelude::*;
use crate::refusal::{self, Refusal};
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The client secrets of the application that signed in are asked of Microsoft Graph, and none of the control plane's logs
    /// says that a client secret is wrong or has expired (AADSTS7000215, AADSTS7000222).
    ///
    /// A last secret that ends within 30 days is a warning. Which of several secrets is in use Graph does not tell: one of
    /// them that ends soon is only mentioned. Somebody who signed in without a secret has none to lose.
    ///
    /// ## Why it matters
    /// The HyperShift operator, ExternalDNS and this program often share one service principal. The day its secret ends no
    /// DNS record is written and no private endpoint is made any more, and nothing says so but their logs.
    ///
    /// ## How to fix
    /// Append a new secret, put it in the place of the old one in the Secrets of the management cluster, and restart what
    /// reads them.
    ///
    /// Source: <https://learn.microsoft.com/graph/api/application-get>;
    /// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
    pub static SP_SECRET_EXPIRY = {
        code: "CR04",
        id: "sp-secret-expiry",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [Login, AppSecrets, Logs],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// How many days before its end a secret is spoken of.
const SOON: i64 = 30;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let app = match view.login() {
        Ok(Login::SignedIn(caller)) => caller.app_id.as_deref(),
        Ok(Login::Refused { .. }) | Err(_) => None,
    };
    let secrets = view.app_secrets();
    // Logs are further evidence: a cluster that is only planned has none.
    let lines = view.logs().ok().flatten().map_or(&[][..], Vec::as_slice);
    let mut findings = in_logs(lines);
    let passed = match &secrets {
        Ok(None) => "signed in without a client secret".to_owned(),
        Ok(Some(list)) => {
            findings.extend(of_graph(view.now(), app, list));
            match list.iter().map(|secret| secret.ends_at).max() {
                Some(last) => {
                    format!("the last client secret of application {} ends {}", app.unwrap_or("?"), day(last))
                }
                None => format!("application {} has no client secret", app.unwrap_or("?")),
            }
        }
        Err(_) => String::new(),
    };
    if let Err(gap) = secrets {
        findings.push(Finding::unknown("client secrets of the application", gap));
    }
    Ok(Judgement::new(passed, findings))
}

fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

fn reset(app: &str) -> Fix {
    Fix::azure([command!("az ad app credential reset --id {app} --append --query password -o tsv"; app)])
        .note("the old secret stays valid beside it; put the new one wherever the old one stands: credentials files, the Secrets of HyperShift's operator and of ExternalDNS")
}

fn of_graph(now: Timestamp, app: Option<&str>, secrets: &[AppSecret]) -> Option<Finding> {
    let soon = now.checked_add((SOON * 24).hours()).unwrap_or(now);
    let last = secrets.iter().max_by_key(|secret| secret.ends_at)?;
    let app = app.unwrap_or("APP_ID");
    let subject = format!("application {app}");
    let why = "whatever signs in with it is refused from then on (AADSTS7000222)";
    let finding = if last.ends_at <= now {
        let what = format!("its last client secret has expired on {}", day(last.ends_at));
        Finding::fail(subject, what, "whatever signs in with it is refused (AADSTS7000222)")
    } else if last.ends_at <= soon {
        Finding::warn(subject, format!("its last client secret ends on {}", day(last.ends_at)), why)
    } else {
        let ending = secrets.iter().filter(|secret| secret.ends_at > now && secret.ends_at <= soon);
        let next = ending.map(|secret| secret.ends_at).min()?;
        let what = format!("one of its client secrets ends on {}, another lives on", day(next));
        Finding::info(subject, what, "which of them is in use cannot be told from here")
    };
    let finding = secrets.iter().fold(finding, |finding, secret| {
        let name = secret.name.as_deref().unwrap_or("no name");
        finding.see("secret", format!("{} ({name}) until {}", secret.key_id, secret.ends_at))
    });
    Some(finding.fix(reset(app)))
}

/// The refusals of client secrets that logs tell of: one finding for each workload.
fn in_logs(lines: &[LogLine]) -> Vec<Finding> {
    let mut found: BTreeMap<&str, (u32, &LogLine, Option<String>)> = BTreeMap::new();
    for line in lines {
        for refusal in refusal::find(&line.text) {
            let Refusal::Entra(entra) = refusal else { continue };
            if matches!(entra.aadsts, 7_000_215 | 7_000_222) {
                let workload = line.app.as_deref().unwrap_or(&line.pod);
                let newer = found.get(workload).is_none_or(|(_, known, _)| known.time <= line.time);
                if newer {
                    found.insert(workload, (entra.aadsts, line, entra.app_id));
                }
            }
        }
    }
    let finding = |(workload, (aadsts, line, app)): (&str, (u32, &LogLine, Option<String>))| {
        let present = line.time.zip(line.log_end).is_some_and(|(time, end)| end.as_second() - time.as_second() <= 600);
        let subject = format!("client secret of {workload}");
        let what = format!("AADSTS{aadsts}: {}", refusal::meaning(aadsts));
        let why = format!("{workload} gets no token and does nothing in Azure");
        let finding = if present { Finding::fail(subject, what, why) } else { Finding::warn(subject, what, why) };
        let finding = finding.see("pod", line.pod.as_str()).see("line", line.text.as_str());
        finding.touches(Key::Workload(workload.to_owned())).fix(reset(app.as_deref().unwrap_or("APP_ID")))
    };
    found.into_iter().map(finding).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;
    use facts::azure::Caller;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &SP_SECRET_EXPIRY;
    const APP: &str = "99999999-aaaa-bbbb-cccc-dddddddddddd";

    fn secrets(facts: &mut facts::Facts, ends: &[&str]) {
        let list = ends.iter().map(|end| AppSecret {
            key_id: "k".into(),
            name: None,
            ends_at: format!("{end}T00:00:00Z").parse().unwrap(),
        });
        facts.azure.governance.app_secrets = Fact::Known(list.collect());
    }

    fn log(facts: &mut facts::Facts, text: &str, minutes: i64) {
        let line = LogLine {
            pod: "azure-private-link-0".into(),
            app: Some("azure-private-link".into()),
            container: "c".into(),
            time: Some(minutes_ago(minutes)),
            log_end: Some(minutes_ago(0)),
            text: text.into(),
        };
        match &mut facts.hosted.logs {
            Fact::Known(lines) => lines.push(line),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the last client secret ends in ten days", |facts| secrets(facts, &["2026-11-30"])),
            Fault::new("a log tells of an expired client secret", |facts| {
                log(facts, "AADSTS7000222: The provided client secret keys are expired.", 1);
            }),
        ]
    }

    #[test]
    fn a_secret_that_lives_on_passes_and_so_does_none() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        secrets(&mut facts, &["2026-01-01", "2027-05-01"]);
        assert_passes(CHECK, &facts);
        secrets(&mut facts, &[]);
        assert_passes(CHECK, &facts);
        facts.azure.governance.app_secrets = Fact::Absent;
        facts.hosted.logs = Fact::Unreadable(Gap::not_asked());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn the_end_of_the_last_secret_counts() {
        let mut facts = healthy();
        secrets(&mut facts, &["2026-11-01", "2026-11-19"]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, format!("application {APP}"));
        assert_eq!(
            finding.fixes[0].commands,
            [format!("az ad app credential reset --id {APP} --append --query password -o tsv")]
        );
        secrets(&mut facts, &["2026-11-01", "2026-12-19"]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        secrets(&mut facts, &["2026-12-19", "2027-12-19"]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
    }

    #[test]
    fn logs_tell_of_secrets_that_others_use() {
        let mut facts = healthy();
        let text = "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value for app '11111111-2222-3333-4444-555555555555'.";
        log(&mut facts, text, 40);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.subject.as_str()), (Level::Warn, "client secret of azure-private-link"));
        log(&mut facts, text, 1);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn without_graph_it_is_not_known() {
        let mut facts = healthy();
        let gap = denied("Application.Read.All");
        facts.azure.governance.app_secrets = Fact::Unreadable(gap);
        assert_eq!(the_gap(CHECK, &facts).needs.as_deref(), Some("Application.Read.All"));
        log(&mut facts, "AADSTS7000222: The provided client secret keys are expired.", 1);
        let levels: Vec<_> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
        facts.azure.login = Fact::Known(Login::SignedIn(Caller {
            via: "az login".into(),
            tenant_id: TENANT.into(),
            object_id: None,
            app_id: None,
            name: None,
        }));
        secrets(&mut facts, &["2026-11-01"]);
        assert!(findings(CHECK, &facts)[1].subject.ends_with("APP_ID"));
    }
}
