//! AR04: the Key Vault of etcd's key can be reached.

use facts::key_vault::Vault;

use crate::judgement::Level;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The Key Vault whose key encrypts etcd answers on the internet, or a private endpoint to it is approved. A firewall
    /// that lets in some networks is told: whether the management cluster's way out is among them is not seen.
    ///
    /// ## Why it matters
    /// The API server's KMS plugin runs on the management cluster and asks the vault at each start. A vault that lets it in no
    /// longer shows only then: the API server does not come back, and ValidAzureKMSConfig stays True, since nothing looks.
    ///
    /// ## How to fix
    /// Approve the private endpoint connection, or let the management cluster's addresses through the firewall.
    ///
    /// Source: <https://learn.microsoft.com/azure/key-vault/general/network-security>; openshift/hypershift
    /// hostedcontrolplane_controller.go, ValidAzureKMSConfig.
    pub static KV_NETWORK = {
        code: "AR04",
        id: "kv-network",
        group: ManagedIdentities,
        since: "0.1.0",
        when: [Preflight, Upgrade, Support],
        needs: [HostedCluster, KeyVault],
        caused_by: ["RA03", "CR01"],
        judge: judge,
    };
}

const APPROVED: &str = "Approved";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(kms) = &cluster.kms else {
        return Ok(Judgement::NotApplicable("etcd is not encrypted with Azure KMS".into()));
    };
    let Some(vault) = view.key_vault()? else {
        return Ok(Judgement::NotApplicable("the Key Vault is not there, which RA03 tells".into()));
    };
    let subject = format!("vault {}", kms.vault);
    let why = "the API server cannot read what etcd holds once it starts anew";
    let is_approved = |state: &String| state.eq_ignore_ascii_case(APPROVED);
    let approved = vault.endpoints.values().any(is_approved);
    let waiting: Vec<_> = vault.endpoints.iter().filter(|(_, state)| !is_approved(state)).collect();
    let finding = match (vault.public, vault.firewall) {
        _ if approved => None,
        (false, _) => Some(Finding::fail(
            &subject,
            "it is closed to the internet, and no private endpoint to it is approved",
            why,
        )),
        (true, Some(0)) => {
            Some(Finding::fail(&subject, "its firewall lets nobody in, and no private endpoint to it is approved", why))
        }
        (true, Some(count)) => Some(
            Finding::info(
                &subject,
                "its firewall lets in only the networks that it lists",
                "the management cluster's way out must be among them, which is not seen",
            )
            .see("rules", count.to_string())
            .fix(Fix::azure([command!("az keyvault network-rule list --name {}", kms.vault)])),
        ),
        (true, None) => None,
    };
    let finding = finding.map(|finding| {
        let finding = waiting
            .iter()
            .fold(finding, |finding, (id, state)| finding.see("private endpoint", format!("{id} ({state})")));
        match finding.level {
            Level::Fail => finding.fix(open(vault, &kms.vault)),
            _ => finding,
        }
        .touches(Key::Identity("kms".into()))
    });
    Ok(Judgement::new(format!("the Key Vault {} can be reached", kms.vault), finding.into_iter().collect()))
}

fn open(vault: &Vault, name: &str) -> Fix {
    if vault.endpoints.is_empty() {
        return Fix::azure([
            command!("az keyvault update --name {} --public-network-access Enabled", name),
            command!("az keyvault network-rule add --name {} --ip-address ADDRESS", name),
        ])
        .note("ADDRESS is where the management cluster's nodes come from; or make a private endpoint in its network");
    }
    Fix::azure([
        command!("az network private-endpoint-connection list --id {} -o table", vault.id),
        "az network private-endpoint-connection approve --id CONNECTION".to_owned(),
    ])
    .note("CONNECTION is the id that the list shows")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{ArmId, Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &KV_NETWORK;

    fn vault(facts: &mut Facts) -> &mut Vault {
        match &mut facts.azure.key_vault.vault {
            Fact::Known(vault) => vault,
            other => panic!("{other:?}"),
        }
    }

    fn endpoint(facts: &mut Facts, state: &str) {
        let id = ArmId::in_group(SUBSCRIPTION, "mgmt", "Microsoft.Network/privateEndpoints/kv");
        vault(facts).endpoints.insert(id, state.into());
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the Key Vault's private endpoint is not approved", |facts| {
                vault(facts).public = false;
                endpoint(facts, "Pending");
            })
            .of(healthy_kms),
        ]
    }

    #[test]
    fn a_vault_that_answers_passes() {
        let mut facts = healthy_kms();
        assert_passes(CHECK, &facts);
        vault(&mut facts).public = false;
        endpoint(&mut facts, "approved");
        assert_passes(CHECK, &facts);
        assert_not_applicable(CHECK, &healthy());
        facts.azure.key_vault.vault = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn a_vault_that_nobody_reaches() {
        let mut facts = healthy_kms();
        vault(&mut facts).firewall = Some(0);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[1].contains("network-rule add"), "{finding:#?}");
        vault(&mut facts).public = false;
        assert!(the_failure(CHECK, &facts).what.contains("closed to the internet"));
        endpoint(&mut facts, "Rejected");
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[1].contains("approve"), "{finding:#?}");
        assert!(finding.evidence.get("private endpoint").unwrap().ends_with("(Rejected)"));
    }

    #[test]
    fn a_firewall_is_told() {
        let mut facts = healthy_kms();
        vault(&mut facts).firewall = Some(2);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("rules")), (Level::Info, Some("2")));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy_kms();
        facts.azure.key_vault.vault = Fact::Unreadable(denied("Microsoft.KeyVault/vaults/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
