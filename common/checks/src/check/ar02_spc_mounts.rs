//! AR02: the credentials of managed identities are mounted.

use std::collections::BTreeMap;

use facts::fleet::SecretProviderClass;
use facts::hosted::{Event, Pod};

use crate::judgement::BEING_DELETED;
use crate::managed::{CLASSES, NO_MANAGED_IDENTITIES};
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// No pod of the control plane waits for a volume of the Secrets Store CSI driver: its events FailedMount are read, and
    /// what the driver or the Key Vault said is told.
    ///
    /// Events of pods that run by now do not count.
    ///
    /// ## Why it matters
    /// A component whose credentials cannot be mounted does not start. The event is the only place that says why: the
    /// object is not in the vault or disabled, the identity may not read it, the vault's firewall is closed, or the object
    /// is stored in another encoding than the class names.
    ///
    /// ## How to fix
    /// Do what the message asks for in the Key Vault, or correct the encoding in the HostedCluster; the driver tries again.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/azure.go (objectEncoding); Secrets Store CSI driver,
    /// troubleshooting.
    pub static SPC_MOUNTS = {
        code: "AR02",
        id: "spc-mounts",
        group: ManagedIdentities,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, SecretProviders, Pods],
        caused_by: ["AR01"],
        judge: judge,
    };
}

/// What the driver says of a volume of its own.
const DRIVER: [&str; 3] = ["secrets-store.csi", "SecretProviderClass", "secrets store"];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.managed_identities.is_none() {
        return Ok(Judgement::NotApplicable(NO_MANAGED_IDENTITIES.into()));
    }
    let (pods, warnings, classes) = (view.pods()?, view.warnings()?, view.secret_providers());
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let pods = pods.map_or(&[][..], Vec::as_slice);
    // The classes only add what is meant to be mounted.
    let classes = classes.ok().flatten().map_or(&[][..], Vec::as_slice);
    let mut by_app: BTreeMap<&str, (&Pod, &Event)> = BTreeMap::new();
    for event in warnings.into_iter().flatten().filter(|event| is_of_driver(event)) {
        let waits = |pod: &&Pod| event.about == format!("Pod/{}", pod.name) && pod.phase.as_deref() == Some("Pending");
        if let Some(pod) = pods.iter().find(waits) {
            by_app.insert(pod.app.as_deref().unwrap_or(&pod.name), (pod, event));
        }
    }
    let plane = view.target().control_plane_namespace();
    let findings = by_app.into_iter().map(|(app, (pod, event))| failed(&plane, app, pod, event, classes)).collect();
    Ok(Judgement::new(format!("none of {} pods waits for the Secrets Store CSI driver", pods.len()), findings))
}

fn is_of_driver(event: &Event) -> bool {
    event.reason == "FailedMount" && DRIVER.iter().any(|words| event.message.contains(words))
}

fn failed(plane: &str, app: &str, pod: &Pod, event: &Event, classes: &[SecretProviderClass]) -> Finding {
    let component = catalogue::by_workload(app);
    let class = component
        .and_then(|component| crate::managed::class_of(component.key))
        .or_else(|| CLASSES.iter().map(|(_, class)| *class).find(|class| event.message.contains(class)));
    let class = class.and_then(|name| classes.iter().find(|known| known.name == name));
    let mut finding = Finding::fail(
        format!("workload {app}"),
        format!("the credentials of {app} cannot be mounted: {}", meaning(&event.message)),
        "the pod does not start without them",
    )
    .see("pod", &pod.name)
    .see("event", facts::redact::text(&event.message));
    if let Some(seen) = event.last_seen {
        finding = finding.see("last seen", seen.to_string());
    }
    let mut commands = vec![command!("oc -n {} describe pod {}", plane, pod.name)];
    if let Some(class) = class {
        finding = finding.see("class", &class.name).see("vault", &class.vault);
        if let Some(object) = class.objects.first() {
            finding = finding.see("object", format!("{} ({})", object.name, object.encoding));
            let query = format!("[?name=='{}'].attributes", object.name);
            commands.push(command!("az keyvault secret list --vault-name {} --query {}", class.vault, query));
        }
    }
    finding = finding.touches(Key::Workload(app.to_owned()));
    if let Some(component) = component {
        finding = finding.touches(Key::Identity(component.key.into()));
    }
    finding
        .fix(Fix::azure(commands).note("the list shows attributes only, no values; the driver tries again by itself"))
}

/// What the driver's message says, in a few words.
fn meaning(message: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if has(&["SecretNotFound", "was not found in this key vault"]) {
        "the Key Vault has no such object"
    } else if has(&["SecretDisabled", "Operation get is not allowed on a disabled secret"]) {
        "the object is disabled"
    } else if has(&[
        "ForbiddenByFirewall",
        "Public network access is disabled",
        "not authorized and caller is not a trusted service",
    ]) {
        "the Key Vault's firewall is closed"
    } else if has(&["Forbidden", "StatusCode=403", "RESPONSE 403"]) {
        "the identity may not read the Key Vault"
    } else if has(&["Identity not found", "identity not found", "failed to acquire token", "AADSTS"]) {
        "the identity that reads the Key Vault gets no token"
    } else if has(&["objectEncoding", "illegal base64", "encoding/hex"]) {
        "the object is stored in another encoding than the class names"
    } else if has(&["not found in the list of registered CSI drivers", "provider not found"]) {
        "the driver or its provider does not run on the node"
    } else if has(&["failed to get secretproviderclass"]) {
        "the SecretProviderClass does not exist"
    } else {
        "see what the event says"
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &SPC_MOUNTS;

    fn fail(facts: &mut Facts, app: &str, said: &str) {
        let Fact::Known(pods) = &mut facts.hosted.pods else { panic!("no pods") };
        let pod = pods.iter_mut().find(|pod| pod.app.as_deref() == Some(app)).unwrap();
        pod.phase = Some("Pending".into());
        pod.containers[0].ready = false;
        pod.containers[0].waiting_reason = Some("ContainerCreating".into());
        let Fact::Known(events) = &mut facts.hosted.warnings else { panic!("no events") };
        events.push(Event {
            about: format!("Pod/{}", pod.name),
            reason: "FailedMount".into(),
            message: format!("MountVolume.SetUp failed for volume \"cloud-credentials\" : rpc error: failed to mount secrets store objects for pod: {said}"),
            last_seen: Some(minutes_ago(1)),
            count: 40,
        });
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the Key Vault has no credentials of ingress", |facts| {
                fail(facts, "ingress-operator", "Code=\"SecretNotFound\"");
            })
            .of(healthy_managed),
        ]
    }

    #[test]
    fn mounts_that_work_pass() {
        assert_passes(CHECK, &healthy_managed());
        assert_not_applicable(CHECK, &healthy());
        // A pod that runs by now has got over it.
        let mut facts = healthy_managed();
        fail(&mut facts, "capi-provider", "Forbidden");
        let Fact::Known(pods) = &mut facts.hosted.pods else { panic!("no pods") };
        pods.iter_mut().for_each(|pod| pod.phase = Some("Running".into()));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_keeps_a_mount_from_working() {
        for (said, words) in [
            ("Code=\"SecretNotFound\"", "no such object"),
            ("Code=\"Forbidden\" InnerError={code:\"ForbiddenByFirewall\"}", "firewall"),
            ("StatusCode=403 Code=\"Forbidden\"", "may not read"),
            ("illegal base64 data at input byte 4", "another encoding"),
            ("driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers", "does not run"),
            ("something else", "see what the event says"),
        ] {
            let mut facts = healthy_managed();
            fail(&mut facts, "ingress-operator", said);
            let finding = the_failure(CHECK, &facts);
            assert!(finding.what.contains(words), "{}", finding.what);
            assert_eq!(finding.evidence.get("object"), Some("prod-ingress (utf-8)"));
            assert!(finding.fixes[0].commands[1].contains("--vault-name prod-msi"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy_managed();
        facts.hosted.warnings = Fact::Unreadable(denied("list events"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
