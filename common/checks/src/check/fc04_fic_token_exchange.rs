//! FC04: Entra takes a token of every component.

use std::collections::BTreeMap;

use facts::catalogue::{self, Component};
use facts::exchange::{Attempt, Outcome};
use facts::hosted::HostedCluster;

use crate::federation::{self, NO_WORKLOAD_IDENTITIES};
use crate::prelude::*;
use crate::refusal::{self, Entra, Refusal};
use crate::remedy;

declare_check! {
    /// ## What it checks
    /// With `--exchange`: Entra trades a token of each subject of each workload identity for an access token. The tokens are
    /// signed here, with the key of `--sa-token-issuer-private-key-path` or of the cluster's Secret, last ten minutes, and
    /// never leave the process but for Entra.
    ///
    /// ## Why it matters
    /// It is the rehearsal of what every component does at its first start. It proves issuer, subject, audience, client id,
    /// tenant, published key and reachability of the issuer in some seconds, also before a cluster exists.
    ///
    /// ## How to fix
    /// Entra's number names the part that does not match; the finding names the check that shows both sides of it. Entra
    /// takes up to five minutes to know a new federated identity credential: `--wait 5m` asks again until then.
    ///
    /// Source: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>, third case;
    /// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>; Azure/azure-workload-identity#1130, #1232.
    pub static FIC_TOKEN_EXCHANGE = {
        code: "FC04",
        id: "fic-token-exchange",
        group: Federation,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, TokenExchange],
        caused_by: ["FC01", "FC02", "FC03", "ID01", "OI01", "OI02", "OI03", "OI04"],
        judge: judge,
    };
}

/// The attempts of one identity that ended in the same way.
type Refused<'a> = BTreeMap<(&'a str, String), Vec<&'a Attempt>>;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(NO_WORKLOAD_IDENTITIES.into()));
    }
    let attempts = view.attempts()?;
    let mut refused = Refused::new();
    let mut exchanged = 0_usize;
    for attempt in attempts {
        let ended = match &attempt.outcome {
            Outcome::Exchanged => {
                exchanged += 1;
                continue;
            }
            Outcome::Refused { message } => code_of(message),
            Outcome::Unanswered { why } => format!("unanswered: {why}"),
        };
        refused.entry((attempt.component.as_str(), ended)).or_default().push(attempt);
    }
    let findings = refused.values().filter_map(|attempts| finding(cluster, attempts)).collect();
    Ok(Judgement::new(format!("Entra took {exchanged} tokens, one for each subject"), findings))
}

fn code_of(message: &str) -> String {
    entra(message).map_or_else(|| message.to_owned(), |entra| entra.code())
}

fn entra(message: &str) -> Option<Entra> {
    refusal::find(message).into_iter().find_map(|refusal| match refusal {
        Refusal::Entra(entra) => Some(entra),
        Refusal::Arm(_) => None,
    })
}

/// One finding for the attempts of one identity that failed alike.
fn finding(cluster: &HostedCluster, attempts: &[&Attempt]) -> Option<Finding> {
    let first = attempts.first()?;
    let component = catalogue::by_key(&first.component);
    let subjects: Vec<&str> = attempts.iter().map(|attempt| attempt.subject.as_str()).collect();
    let subject = format!("identity {}", first.component);
    let finding = match &first.outcome {
        Outcome::Exchanged => return None,
        Outcome::Unanswered { why } => {
            return Some(Finding::unknown(subject, Gap::new(GapKind::Unreachable, why.clone())));
        }
        Outcome::Refused { message } => match entra(message) {
            None => return Some(Finding::unknown(subject, Gap::new(GapKind::Failed, message.clone()))),
            Some(entra) => of_entra(cluster, component, subject, &entra),
        },
    };
    let finding = finding
        .see("client id", &first.client_id)
        .see(if subjects.len() == 1 { "subject" } else { "subjects" }, subjects.join(", "))
        .see("issuer of the token", &first.issuer)
        .see("key of the token", &first.kid)
        .see("at", first.at.to_string());
    Some(match component {
        Some(component) => {
            federation::weigh(finding, cluster.requires(component)).touches(Key::Identity(component.key.into()))
        }
        None => finding,
    })
}

fn of_entra(cluster: &HostedCluster, component: Option<&'static Component>, subject: String, entra: &Entra) -> Finding {
    let code = entra.code();
    let mut finding = Finding::fail(
        subject,
        format!("{code}: {}", refusal::meaning(entra.aadsts)),
        "Entra refuses the component's tokens: it can do nothing in Azure".to_owned(),
    )
    .see("message", &entra.message);
    for (label, value) in [("trace id", &entra.trace_id), ("correlation id", &entra.correlation_id)] {
        if let Some(value) = value {
            finding = finding.see(label, value);
        }
    }
    let rows: Vec<String> = refusal::fixed_by(entra.aadsts).iter().map(|code| format!("HAZ-{code}")).collect();
    if !rows.is_empty() {
        finding = finding.see("checked by", rows.join(", "));
    }
    if refusal::concerns_issuer(entra.aadsts) {
        finding = finding.touches(Key::Issuer);
    }
    let fix = remedy::of(Some(cluster), component, &Refusal::Entra(entra.clone()), &std::collections::BTreeSet::new());
    finding.fix(
        fix.unwrap_or_else(|| {
            Fix::azure([format!("open https://login.microsoftonline.com/error?code={}", entra.aadsts)])
        }),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &FIC_TOKEN_EXCHANGE;

    fn refuse(facts: &mut Facts, component: &str, message: &str) {
        for attempt in attempts(facts).iter_mut().filter(|attempt| attempt.component == component) {
            attempt.outcome = Outcome::Refused { message: format!("{message} Trace ID: t-1 Correlation ID: c-1") };
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("Entra refuses a subject that Azure shows", |facts| {
                refuse(
                    facts,
                    "ingress",
                    "AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:openshift-ingress-operator:ingress-operator'.",
                );
            }),
            Fault::new("Entra does not know the key although it is published", |facts| {
                for component in [
                    "disk",
                    "file",
                    "imageRegistry",
                    "ingress",
                    "cloudProvider",
                    "nodePoolManagement",
                    "network",
                    "controlPlaneOperator",
                ] {
                    refuse(
                        facts,
                        component,
                        "AADSTS7000272: The certificate with identifier 'kid-1' used to sign the federated credential could not be found",
                    );
                }
            }),
        ]
    }

    #[test]
    fn tokens_that_are_taken_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_refusal_names_identity_subjects_code_and_ids() {
        let mut facts = healthy();
        refuse(&mut facts, "disk", "AADSTS700212: No match for presented assertion audience 'openshift'.");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity disk");
        assert!(finding.what.starts_with("AADSTS700212: "), "{}", finding.what);
        assert_eq!(finding.evidence.get("checked by"), Some("HAZ-FC03"));
        assert_eq!(finding.evidence.get("trace id"), Some("t-1"));
        assert_eq!(finding.evidence.get("correlation id"), Some("c-1"));
        assert_eq!(finding.evidence.get("subjects").unwrap().split(", ").count(), 3);
        assert!(finding.fixes[0].commands.iter().any(|command| command.contains("--audiences openshift")));
    }

    #[test]
    fn what_the_cluster_does_not_need_is_a_warning() {
        let mut facts = healthy();
        refuse(&mut facts, "controlPlaneOperator", "AADSTS700211: No match for presented assertion issuer 'i'.");
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Warn);
    }

    #[test]
    fn no_answer_is_unknown() {
        let mut facts = healthy();
        attempts(&mut facts)[0].outcome = Outcome::Unanswered { why: "no route to host".into() };
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Unknown);
        facts.exchange.attempts = Fact::Unreadable(Gap::new(GapKind::Blocked, "there is no signing key"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }

    #[test]
    fn an_answer_that_is_no_refusal_of_entra_is_unknown() {
        let mut facts = healthy();
        refuse(&mut facts, "network", "<html>proxy</html>");
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Unknown);
    }
}
