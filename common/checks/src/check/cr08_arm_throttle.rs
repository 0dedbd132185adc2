//! CR08: Azure does not throttle the components.

use std::collections::BTreeMap;

use facts::hosted::LogLine;

use crate::prelude::*;
use crate::refusal::is_throttled;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The logs of the control plane and of the HyperShift operator show no answer 429 of Azure in the last hour.
    /// ExternalDNS is DN06's matter.
    ///
    /// ## Why it matters
    /// Azure Resource Manager counts the requests of each principal in each subscription, and the compute provider those of
    /// all of them. Who is refused tries again later: machines, load balancers and disks come late or not at all, and no
    /// condition says why.
    ///
    /// ## How to fix
    /// Find out who asks so much. Components of many clusters that share a service principal share its limit; identities of
    /// their own, or clusters in several subscriptions, have limits of their own.
    ///
    /// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>;
    /// openshift/hypershift#8098.
    pub static ARM_THROTTLE = {
        code: "CR08",
        id: "arm-throttle",
        group: Credentials,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Logs],
        caused_by: [],
        judge: judge,
    };
}

/// Whose log DN06 reads.
const EXTERNAL_DNS: &str = "external-dns";
/// How long ago it may have been, in minutes.
const RECENT: i64 = 60;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(lines) = view.logs()? else {
        return Err(Gap::new(GapKind::NotRecorded, "no log of the control plane was found"));
    };
    let mut throttled: BTreeMap<&str, Vec<&LogLine>> = BTreeMap::new();
    for line in lines.iter().filter(|line| is_throttled(&line.text) && is_recent(view, line)) {
        let workload = line.app.as_deref().unwrap_or(&line.pod);
        if workload != EXTERNAL_DNS {
            throttled.entry(workload).or_default().push(line);
        }
    }
    let plane = view.target().control_plane_namespace();
    let findings = throttled.into_iter().map(|(workload, lines)| {
        let finding = Finding::warn(
            format!("workload {workload}"),
            format!("Azure throttles {workload} ({} kinds of refusal in the last hour)", lines.len()),
            "what it is to make or to delete in Azure comes late or not at all",
        );
        // The operator makes nothing in Azure for a single cluster, so that its namespace is another one.
        let namespace = if workload == "operator" { "hypershift" } else { plane.as_str() };
        let finding = match lines.iter().max_by_key(|line| line.time) {
            Some(last) => finding.see("message", last.text.chars().take(300).collect::<String>()),
            None => finding,
        };
        finding.fix(
            Fix::azure([
                command!("oc -n {} logs deployment/{} --since 1h", namespace, workload),
                command!(
                    "az monitor activity-log list --subscription {} --offset 1h --query \"[].caller\" -o tsv",
                    cluster.azure.subscription_id
                ),
            ])
            .note("the second command shows who writes; give the busiest an identity or a subscription of its own"),
        )
    });
    Ok(Judgement::new("no log of the control plane shows throttling by Azure", findings.collect()))
}

/// By the log's own clock in a recording, whose end may be long ago.
fn is_recent(view: &View<'_>, line: &LogLine) -> bool {
    let Some(time) = line.time else { return false };
    let now = line.log_end.filter(|_| view.is_offline()).unwrap_or(view.now());
    now.as_second() - time.as_second() <= RECENT * 60
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::Fact;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &ARM_THROTTLE;
    const LINE: &str = "RESPONSE 429: 429 Too Many Requests ERROR CODE: OperationNotAllowed, Retry-After: 17";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("Azure throttles Cluster API", |facts| {
            log_line(facts, "capi-provider", "manager", 5, LINE);
        })]
    }

    #[test]
    fn logs_without_such_answers_pass() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        log_line(&mut facts, "capi-provider", "manager", 90, LINE);
        log_line(&mut facts, "external-dns", "external-dns", 5, LINE);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn each_workload_is_told_with_its_last_message() {
        let mut facts = healthy();
        log_line(&mut facts, "capi-provider", "manager", 20, "status code: 429, older");
        log_line(&mut facts, "capi-provider", "manager", 5, LINE);
        log_line(&mut facts, "operator", "operator", 5, "TooManyRequests");
        let findings = findings(CHECK, &facts);
        let told: Vec<_> = findings.iter().map(|finding| (finding.level, finding.subject.as_str())).collect();
        assert_eq!(told, [(Level::Warn, "workload capi-provider"), (Level::Warn, "workload operator")]);
        assert_eq!(findings[0].evidence.get("message"), Some(LINE));
        assert!(findings[1].fixes[0].commands[0].starts_with("oc -n hypershift"), "{findings:#?}");
    }

    #[test]
    fn logs_that_cannot_be_read_are_unknown() {
        let mut facts = healthy();
        facts.hosted.logs = Fact::Unreadable(denied("get pods/log"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.logs = Fact::Absent;
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
    }
}
