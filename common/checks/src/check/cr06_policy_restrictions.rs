//! CR06: Azure Policy lets the resources of a cluster be made.

use std::collections::{BTreeMap, BTreeSet};

use facts::governance::{PolicyAnswer, PolicyHit};
use facts::hosted::HostedCluster;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Azure Policy is asked beforehand about what a cluster makes in its managed resource group: virtual machines of each
    /// NodePool's size, network interfaces, disks, load balancers, public IPs, and the image registry's storage account.
    /// A policy that would deny one of them is a failure; one that would change it on the way is mentioned. Where the group
    /// does not exist yet the subscription is asked. Policies that only audit refuse nothing and are left out.
    ///
    /// The question is a POST and changes nothing.
    ///
    /// ## Why it matters
    /// Azure answers 403 RequestDisallowedByPolicy, to whoever asks: a tag that is missing, a public IP, a region or size that
    /// is not allowed. Machines never come, or a Service or the registry never gets what it needs.
    ///
    /// ## How to fix
    /// An exemption for the cluster's resource group, or a change of the assignment's parameters. Tags that a policy wants
    /// on single resources cannot be given through a NodePool.
    ///
    /// Source: <https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions>; Azure/ARO-RP#359,
    /// kubernetes-sigs/cluster-api-provider-azure#4156, Azure/azure-cli#7573.
    pub static POLICY_RESTRICTIONS = {
        code: "CR06",
        id: "policy-restrictions",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, NodePool],
        needs: [HostedCluster, PolicyRestrictions],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// What one policy assignment says to which resources.
#[derive(Default)]
struct Said<'a> {
    kinds: BTreeSet<String>,
    hits: Vec<&'a PolicyHit>,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let answers = view.policies()?;
    let mut denied: BTreeMap<&str, Said<'_>> = BTreeMap::new();
    let mut changed: BTreeMap<&str, Said<'_>> = BTreeMap::new();
    let (mut seen, mut gaps) = (0, Vec::new());
    for (kind, fact) in answers {
        let answer = match fact.known("the resource group") {
            Ok(answer) => answer,
            Err(gap) => {
                gaps.push((kind.clone(), gap));
                continue;
            }
        };
        seen += 1;
        let evaluated = answer.evaluations.iter();
        let restricted = answer.restrictions.iter().filter(|hit| is_violated(hit, &cluster.azure.location));
        for hit in evaluated.chain(restricted) {
            let by_effect = match hit.effect.as_deref() {
                Some(effect) if effect.eq_ignore_ascii_case("Deny") => &mut denied,
                Some(effect) if ["Modify", "Append"].iter().any(|one| effect.eq_ignore_ascii_case(one)) => &mut changed,
                _ => continue,
            };
            let said = by_effect.entry(&hit.assignment).or_default();
            said.kinds.insert(named(answer));
            if !said.hits.contains(&hit) {
                said.hits.push(hit);
            }
        }
    }
    // Who is refused is not changed as well.
    changed.retain(|assignment, _| !denied.contains_key(assignment));
    let mut findings: Vec<Finding> =
        denied.iter().map(|(assignment, said)| denies(cluster, assignment, said)).collect();
    findings.extend(changed.iter().map(|(assignment, said)| changes(assignment, said)));
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("Azure Policy lets {seen} kinds of resources be made"), findings))
}

/// `virtualMachines Standard_D4s_v5`.
fn named(answer: &PolicyAnswer) -> String {
    let kind = answer.resource_type.rsplit('/').next().unwrap_or(&answer.resource_type);
    answer.size.as_ref().map_or_else(|| kind.to_owned(), |size| format!("{kind} {size}"))
}

/// Whether what is made goes against a restriction of a field. Of the fields only the region is known and tags are
/// known to be missing; what is sent of others Azure judges itself.
fn is_violated(hit: &PolicyHit, location: &str) -> bool {
    let field = hit.field.as_deref().unwrap_or_default().to_ascii_lowercase();
    let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    let listed = hit.values.iter().any(|value| plain(value) == plain(location));
    match (field.as_str(), hit.result.as_deref()) {
        ("location", Some("Required")) => !hit.values.is_empty() && !listed,
        ("location", Some("Deny")) => listed,
        (field, Some("Required")) => field == "tags" || field.starts_with("tags.") || field.starts_with("tags["),
        _ => false,
    }
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn with_evidence(mut finding: Finding, assignment: &str, said: &Said<'_>) -> Finding {
    finding = finding.see("policy assignment", assignment);
    for hit in &said.hits {
        finding = finding.see("policy", &hit.definition);
        if let (Some(field), Some(result)) = (&hit.field, &hit.result) {
            let values = if hit.values.is_empty() { String::new() } else { format!(": {}", hit.values.join(", ")) };
            finding = finding.see("field", format!("{field} {}{values}", result.to_ascii_lowercase()));
        }
        if let Some(reason) = &hit.reason {
            finding = finding.see("reason", facts::redact::text(reason));
        }
    }
    finding
}

fn denies(cluster: &HostedCluster, assignment: &str, said: &Said<'_>) -> Finding {
    let kinds: Vec<&str> = said.kinds.iter().map(String::as_str).collect();
    let finding = Finding::fail(
        format!("policy assignment {}", last(assignment)),
        format!("Azure Policy denies {} in {}", kinds.join(", "), cluster.azure.location),
        "Azure refuses each of them (403 RequestDisallowedByPolicy), whoever asks for it",
    );
    with_evidence(finding, assignment, said).touches(Key::Policy).fix(
        Fix::azure([command!(
            "az policy exemption create -n hcp-{} --policy-assignment {assignment} --exemption-category Waiver --scope {}",
            cluster.infra_id,
            cluster.managed_group();
            assignment
        )])
        .note("the resource group has to exist first; it needs the right to make exemptions at the assignment's scope"),
    )
}

fn changes(assignment: &str, said: &Said<'_>) -> Finding {
    let kinds: Vec<&str> = said.kinds.iter().map(String::as_str).collect();
    let finding = Finding::info(
        format!("policy assignment {}", last(assignment)),
        format!("Azure Policy changes {} on the way", kinds.join(", ")),
        "what is made is not quite what was asked for; mostly that is a tag",
    );
    with_evidence(finding, assignment, said)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &POLICY_RESTRICTIONS;
    const ASSIGNMENT: &str = "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/no-public-ip";

    fn answer<'a>(facts: &'a mut facts::Facts, kind: &str) -> &'a mut PolicyAnswer {
        match facts.azure.governance.policies.get_mut(kind) {
            Some(Fact::Known(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn hit(effect: &str) -> PolicyHit {
        PolicyHit {
            assignment: ASSIGNMENT.into(),
            definition: "/providers/Microsoft.Authorization/policyDefinitions/d".into(),
            effect: Some(effect.into()),
            field: None,
            result: None,
            values: Vec::new(),
            reason: None,
        }
    }

    fn restriction(field: &str, result: &str, values: &[&str]) -> PolicyHit {
        PolicyHit {
            field: Some(field.into()),
            result: Some(result.into()),
            values: values.iter().map(|&value| value.into()).collect(),
            ..hit("Deny")
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a policy denies virtual machines", |facts| {
                answer(facts, "microsoft.compute/virtualmachines").evaluations.push(hit("Deny"));
                refuse_a_machine(facts, "RequestDisallowedByPolicy");
            }),
            Fault::new("a policy wants a tag on disks", |facts| {
                let wanted = restriction("tags.owner", "Required", &[]);
                answer(facts, "microsoft.compute/disks").restrictions.push(wanted);
            }),
        ]
    }

    #[test]
    fn what_no_policy_denies_passes() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        answer(&mut facts, "microsoft.compute/disks").evaluations.push(hit("Audit"));
        for (field, result, values) in [
            ("location", "Required", &["East US", "westus"][..]),
            ("location", "Deny", &["West Europe"]),
            ("Microsoft.Compute/virtualMachines/sku.name", "Required", &["Standard_B1s"]),
            ("tags.owner", "Removed", &[]),
        ] {
            let allowed = restriction(field, result, values);
            answer(&mut facts, "microsoft.compute/disks").restrictions.push(allowed);
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn one_assignment_is_one_finding_with_what_it_denies() {
        let mut facts = healthy();
        for kind in ["microsoft.network/publicipaddresses", "microsoft.network/loadbalancers"] {
            answer(&mut facts, kind).evaluations.push(hit("deny"));
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "policy assignment no-public-ip");
        assert_eq!(finding.what, "Azure Policy denies loadBalancers, publicIPAddresses in eastus");
        assert!(finding.fixes[0].commands[0].contains(&format!("--policy-assignment {ASSIGNMENT} ")));
    }

    #[test]
    fn regions_and_tags() {
        for (field, result, values) in [
            ("location", "Required", &["westus"][..]),
            ("location", "Deny", &["East US"]),
            ("tags.owner", "Required", &[]),
            ("tags['cost center']", "Required", &["1", "2"]),
        ] {
            let mut facts = healthy();
            let broken = restriction(field, result, values);
            answer(&mut facts, "microsoft.compute/disks").restrictions.push(broken);
            let finding = the_failure(CHECK, &facts);
            assert!(finding.evidence.get("field").unwrap().starts_with(field), "{finding:#?}");
        }
    }

    #[test]
    fn a_policy_that_changes_is_mentioned() {
        let mut facts = healthy();
        answer(&mut facts, "microsoft.compute/disks").evaluations.push(hit("Modify"));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
    }

    #[test]
    fn an_unreadable_answer_does_not_hide_the_others() {
        let mut facts = healthy();
        let gap = denied("Microsoft.PolicyInsights/checkPolicyRestrictions/read");
        facts.azure.governance.policies.insert("microsoft.compute/disks".into(), Fact::Unreadable(gap));
        answer(&mut facts, "microsoft.compute/virtualmachines").evaluations.push(hit("Deny"));
        let levels: Vec<_> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
    }

    #[test]
    fn nothing_asked_is_unknown() {
        let mut facts = healthy();
        facts.azure.governance.policies.clear();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
    }
}
