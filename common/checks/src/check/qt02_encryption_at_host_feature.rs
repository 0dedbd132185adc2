//! QT02: encryption at host is registered in the subscription, and the sizes of the NodePools can do it.

use crate::capacity::{Demand, Wish, demands};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::shell::command;
use crate::supply;

declare_check! {
    /// ## What it checks
    /// The feature EncryptionAtHost of Microsoft.Compute is registered in the subscription, and the size of every NodePool
    /// whose machines are to be encrypted at the host can do it.
    ///
    /// A NodePool asks for encryption at host unless `encryptionAtHost` is `Disabled`. Machines that run go on without the
    /// feature, so that its loss is a failure only where machines are still to be made, and else a warning.
    ///
    /// ## Why it matters
    /// Azure refuses every VM of such a NodePool with InvalidParameter on `securityProfile.encryptionAtHost`. A new
    /// subscription does not have the feature registered.
    ///
    /// ## How to fix
    /// Register the feature and then the provider. Or make a NodePool with `--encryption-at-host Disabled`, or of a size
    /// that can do it.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/azure.go, issue #4701; Azure documentation "Use the Azure CLI to
    /// enable end-to-end encryption using encryption at host".
    pub static ENCRYPTION_AT_HOST_FEATURE = {
        code: "QT02",
        id: "encryption-at-host-feature",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Features, Skus],
        caused_by: ["CR01", "QT01"],
        judge: judge,
    };
}

const WHY: &str = "Azure refuses the VMs: InvalidParameter on securityProfile.encryptionAtHost";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let pools = view.node_pools()?;
    let demands = demands(view, &Wish::default())?;
    let wants =
        |demand: &&Demand| pools.iter().any(|pool| pool.name == demand.pool && pool.vm.wants_encryption_at_host());
    let asking: Vec<&Demand> = demands.iter().filter(wants).collect();
    if asking.is_empty() {
        return Ok(Judgement::NotApplicable("no NodePool asks for encryption at host".into()));
    }
    let subscription = &cluster.azure.subscription_id;
    let names: Vec<String> = asking.iter().map(|demand| demand.pool.clone()).collect();
    let subject = "feature Microsoft.Compute/EncryptionAtHost";
    let mut findings = Vec::new();
    match view.encryption_at_host() {
        Err(gap) => findings.push(Finding::unknown(subject, gap)),
        Ok(state) => {
            let state = state.map_or("NotRegistered", String::as_str);
            if !state.eq_ignore_ascii_case("Registered") {
                let what = format!("encryption at host is not registered in subscription {subscription}");
                let finding = if state.eq_ignore_ascii_case("Registering") {
                    let what = format!("encryption at host is being registered in subscription {subscription}");
                    Finding::warn(subject, what, format!("until that is done, {WHY}"))
                } else {
                    supply::finding(cluster, &asking, subject, what, WHY)
                };
                let finding = finding.compare("Registered", state).see("asked for by", names.join(", ")).fix(
                    Fix::azure([
                        command!("az feature register --subscription {subscription} --namespace Microsoft.Compute --name EncryptionAtHost"; subscription),
                        command!("az feature show --subscription {subscription} --namespace Microsoft.Compute --name EncryptionAtHost --query properties.state"; subscription),
                        command!("az provider register --subscription {subscription} --namespace Microsoft.Compute"; subscription),
                    ])
                    .note("registration takes some minutes; register the provider once the state is Registered"),
                );
                findings.push(supply::touching(finding, Supply::EncryptionAtHost, &names));
            }
        }
    }
    for demand in &asking {
        match view.vm_size(&demand.size) {
            Err(gap) => findings.push(Finding::unknown(format!("size {}", demand.size), gap)),
            Ok(Some(size)) if size.encryption_at_host == Some(false) => {
                let able = view.nearest_sizes(&demand.size).iter().find(|size| size.encryption_at_host != Some(false));
                let size = able.map_or("SIZE", |size| size.name.as_str());
                let finding = supply::finding(
                    cluster,
                    &[*demand],
                    format!("NodePool {}", demand.pool),
                    format!("machines of size {} cannot be encrypted at the host", demand.size),
                    WHY,
                )
                .see("size", demand.size.as_str())
                .fix(
                    Fix::hypershift([
                        supply::another_pool(cluster, demand, size, &demand.subnet),
                        supply::another_pool(cluster, demand, &demand.size, &demand.subnet)
                            + " --encryption-at-host Disabled",
                    ])
                    .note("either of them: a size that can do it, or machines without it"),
                );
                findings.push(supply::touching(finding, Supply::EncryptionAtHost, [&demand.pool]));
            }
            // A size that the region does not offer is QT03's matter.
            Ok(_) => {}
        }
    }
    Ok(Judgement::new("encryption at host is registered, and the sizes can do it", findings))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &ENCRYPTION_AT_HOST_FEATURE;

    const REFUSED: &str = "ERROR CODE: InvalidParameter {\"error\":{\"code\":\"InvalidParameter\",\"message\":\"The property 'securityProfile.encryptionAtHost' is not valid because the 'Microsoft.Compute/EncryptionAtHost' feature is not enabled for this subscription.\"}}";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("encryption at host is not registered, and a machine is refused", |facts| {
                facts.azure.quota.encryption_at_host = Fact::Known("NotRegistered".into());
                refuse_machine(facts, REFUSED);
            }),
            Fault::new("encryption at host was unregistered", |facts| {
                facts.azure.quota.encryption_at_host = Fact::Known("Unregistered".into());
            }),
            Fault::new("a size without encryption at host", |facts| {
                vm_size(facts, "Standard_D4s_v5").encryption_at_host = Some(false);
                refuse_machine(facts, REFUSED);
            }),
        ]
    }

    #[test]
    fn a_registered_feature_passes_whatever_its_case() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        facts.azure.quota.encryption_at_host = Fact::Known("registered".into());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_feature_that_is_not_registered() {
        let mut facts = healthy();
        facts.azure.quota.encryption_at_host = Fact::Known("NotRegistered".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        refuse_machine(&mut facts, REFUSED);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some("NotRegistered"));
        assert!(finding.fixes[0].commands[0].starts_with("az feature register"));
        facts.azure.quota.encryption_at_host = Fact::Absent;
        the_failure(CHECK, &facts);
        facts.azure.quota.encryption_at_host = Fact::Known("Registering".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        pool(&mut facts).vm.encryption_at_host = Some("Disabled".into());
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn before_a_cluster_exists_it_is_a_failure() {
        let mut facts = planned();
        facts.azure.quota.encryption_at_host = Fact::Known("NotRegistered".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_size_that_cannot() {
        let mut facts = planned();
        vm_size(&mut facts, "Standard_D4s_v5").encryption_at_host = Some(false);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "NodePool prod");
        assert!(finding.fixes[0].commands[1].ends_with("--encryption-at-host Disabled"));
    }

    #[test]
    fn an_unreadable_feature_is_unknown() {
        let mut facts = healthy();
        facts.azure.quota.encryption_at_host = Fact::Unreadable(denied("Microsoft.Features/providers/features/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
