//! HC15: admission webhooks of the hosted cluster that may not fail have somebody who answers.

use facts::guest::DeadWebhook;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Every validating or mutating webhook of the hosted cluster with failure policy Fail that leads to a Service has a
    /// ready endpoint behind it.
    ///
    /// One that matches pods, nodes or certificate signing requests of every namespace is a failure, another one a warning.
    /// Webhooks at a URL are not tried.
    ///
    /// ## Why it matters
    /// The API server refuses what such a webhook should look at. When it matches pods, not even its own pod can start
    /// again; when it matches nodes or signing requests, no machine joins.
    ///
    /// ## How to fix
    /// Bring its workload back. Where that cannot start because of the webhook itself, delete the configuration: its
    /// operator makes it anew.
    ///
    /// Source: kubernetes.io docs, admission webhook good practices; openshift/hypershift bb654c4a1e.
    pub static GUEST_WEBHOOKS = {
        code: "HC15",
        id: "guest-webhooks",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [Guest],
        caused_by: ["NP02", "NW02", "NW03"],
        judge: judge,
    };
}

/// Resources without which a cluster does not recover.
const VITAL: [&str; 6] =
    ["*", "*/*", "pods", "nodes", "certificates.k8s.io/certificatesigningrequests", "certificates.k8s.io/*"];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let dead = view.dead_webhooks()?;
    Ok(Judgement::new("every webhook that may not fail has a ready endpoint", dead.iter().map(finding).collect()))
}

fn finding(webhook: &DeadWebhook) -> Finding {
    let vital: Vec<&str> =
        webhook.resources.iter().map(String::as_str).filter(|resource| VITAL.contains(resource)).collect();
    let subject = format!("webhook {}", webhook.name);
    let what =
        format!("webhook {} may not fail and its Service {} has no ready endpoint", webhook.name, webhook.service);
    let finding = if vital.is_empty() || webhook.is_selective {
        Finding::warn(subject, what, "the API server refuses what this webhook should look at")
    } else {
        let why = format!("the API server refuses every {} until the webhook answers", vital.join(", "));
        Finding::fail(subject, what, why)
    };
    let (namespace, service) = webhook.service.split_once('/').unwrap_or(("NAMESPACE", &webhook.service));
    finding
        .see("configuration", format!("{} {}", webhook.kind, webhook.configuration))
        .see("matches", webhook.resources.join(", "))
        .fix(
            Fix::hypershift([
                command!("oc -n {} get service,endpointslices,pods -o wide", namespace),
                command!("oc delete {} {}", webhook.kind.to_ascii_lowercase(), webhook.configuration),
            ])
            .note(format!(
                "with the kubeconfig of the hosted cluster; the second only where what stands behind {service} cannot start"
            )),
        )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &GUEST_WEBHOOKS;

    fn with(resource: &str, is_selective: bool) -> Facts {
        let mut facts = healthy();
        facts.guest.dead_webhooks = Fact::Known(vec![DeadWebhook {
            kind: "ValidatingWebhookConfiguration".into(),
            configuration: "policy".into(),
            name: "check.policy.example.com".into(),
            service: "policy/hook".into(),
            resources: vec![resource.into()],
            is_selective,
        }]);
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a webhook for all pods is dead", |facts| {
            facts.guest.dead_webhooks = with("pods", false).guest.dead_webhooks;
        })]
    }

    #[test]
    fn webhooks_that_answer_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_dead_webhook_for_pods() {
        let finding = the_failure(CHECK, &with("pods", false));
        assert_eq!(finding.why, "the API server refuses every pods until the webhook answers");
        assert_eq!(finding.fixes[0].commands[1], "oc delete validatingwebhookconfiguration policy");
    }

    #[test]
    fn what_matches_little_is_a_warning() {
        for facts in [with("pods", true), with("apps/deployments", false)] {
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        }
    }

    #[test]
    fn webhooks_that_cannot_be_read() {
        let mut facts = healthy();
        facts.guest.dead_webhooks = Fact::Unreadable(denied("list validatingwebhookconfigurations"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
