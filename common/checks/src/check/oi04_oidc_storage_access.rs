//! OI04: the storage behind the OIDC issuer lets Entra read.

use facts::oidc::IssuerStorage;

use crate::federation;
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// For an issuer that is a blob container: its storage account allows public access to blobs and traffic from all
    /// networks, and the container is public, at least for its blobs.
    ///
    /// An issuer elsewhere, or an account in another subscription, is judged by what it serves (OI01).
    ///
    /// ## Why it matters
    /// Entra fetches the issuer's documents over the internet, without credentials, from addresses that no firewall rule
    /// names. "Selected networks" shuts it out: token requests fail with AADSTS50166, AADSTS90061 or AADSTS501661. New
    /// accounts forbid public access unless it is asked for, and policies may take it away later.
    ///
    /// ## How to fix
    /// Allow public access on the account and the container. Where a policy forbids it, ask for an exemption, or publish
    /// the two documents elsewhere (a static website endpoint, Azure Front Door).
    ///
    /// Source: Azure/azure-workload-identity#1130; openshift/cloud-credential-operator#610 (OCPBUGS-22369);
    /// <https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure>.
    pub static OIDC_STORAGE_ACCESS = {
        code: "OI04",
        id: "oidc-storage-access",
        group: Oidc,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, IssuerStorage],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let Some(storage) = view.issuer_storage()? else {
        return Ok(Judgement::NotApplicable(match federation::blob_of(&cluster.issuer_url) {
            Some((account, _)) => {
                format!("storage account {account} is not in subscription {}", cluster.azure.subscription_id)
            }
            None => "the issuer is no blob container".into(),
        }));
    };
    let account = storage.account_id.name().unwrap_or("ACCOUNT");
    let subject = format!("storage account {account}");
    let blocks = blocks(storage);
    let mut findings = Vec::new();
    if !blocks.is_empty() {
        let what: Vec<&str> = blocks.iter().map(|block| block.what.as_str()).collect();
        let mut finding = Finding::fail(
            &subject,
            what.join("; "),
            "Entra cannot fetch the issuer's documents: every token request of the cluster fails (AADSTS50166, AADSTS90061, AADSTS501661)",
        );
        for block in &blocks {
            finding = finding.see(block.label, &block.value);
        }
        findings.push(finding.fix(fix(storage, account, &blocks)).touches(Key::Issuer));
    }
    if let Err(gap) = storage.container_public_access.present() {
        findings
            .push(Finding::unknown(format!("container {} of {subject}", storage.container), gap).touches(Key::Issuer));
    }
    if storage.allow_shared_key_access == Some(false) {
        findings.push(
            Finding::info(
                &subject,
                format!("{subject} does not allow access with shared keys"),
                "ccoctl uploads the issuer's documents with a shared key and fails here; az does it with --auth-mode login",
            )
            .see("allowSharedKeyAccess", "false")
            .touches(Key::Issuer),
        );
    }
    Ok(Judgement::new(format!("{subject} lets anybody read blobs of container {}", storage.container), findings))
}

/// One setting that shuts Entra out.
struct Block {
    what: String,
    label: &'static str,
    value: String,
    way_out: WayOut,
}

/// How a setting is changed.
enum WayOut {
    /// With a flag of `az storage account update`.
    Account(&'static str),
    /// With a verb of `az storage container-rm`.
    Container(&'static str),
}

fn blocks(storage: &IssuerStorage) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut add = |what: String, label, value: &str, way_out| {
        blocks.push(Block { what, label, value: value.to_owned(), way_out });
    };
    if storage.allow_blob_public_access == Some(false) {
        let flag = WayOut::Account("--allow-blob-public-access true");
        add("public access to blobs is forbidden".into(), "allowBlobPublicAccess", "false", flag);
    }
    if let Some(value @ ("Disabled" | "SecuredByPerimeter")) = storage.public_network_access.as_deref() {
        let flag = WayOut::Account("--public-network-access Enabled");
        add("public network access is off".into(), "publicNetworkAccess", value, flag);
    }
    if let Some(value @ "Deny") = storage.default_action.as_deref() {
        let flag = WayOut::Account("--default-action Allow");
        let what = "the firewall lets in selected networks only".into();
        add(what, "networkAcls.defaultAction", value, flag);
    }
    let container = &storage.container;
    match storage.container_public_access.present() {
        Ok(None) => {
            let what = format!("container {container} does not exist");
            add(what, "container", "absent", WayOut::Container("create"));
        }
        Ok(Some(level)) if level.is_empty() || level.eq_ignore_ascii_case("None") => {
            let what = format!("container {container} is private");
            add(what, "publicAccess", "None", WayOut::Container("update"));
        }
        _ => {}
    }
    blocks
}

fn fix(storage: &IssuerStorage, account: &str, blocks: &[Block]) -> Fix {
    let group = quote(storage.account_id.resource_group().unwrap_or("RESOURCE_GROUP"));
    let subscription = quote(storage.account_id.subscription().unwrap_or("SUBSCRIPTION_ID"));
    let account = quote(account);
    let mut flags = Vec::new();
    let mut commands = Vec::new();
    for block in blocks {
        match block.way_out {
            WayOut::Account(flag) => flags.push(flag),
            WayOut::Container(verb) => commands.push(format!(
                "az storage container-rm {verb} -g {group} --storage-account {account} --name {} --public-access blob --subscription {subscription}",
                quote(&storage.container),
            )),
        }
    }
    if !flags.is_empty() {
        let update = format!("az storage account update -g {group} -n {account} --subscription {subscription}");
        commands.insert(0, format!("{update} {}", flags.join(" ")));
    }
    Fix::azure(commands)
        .note("if Azure Policy refuses this (RequestDisallowedByPolicy), the account needs an exemption")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &OIDC_STORAGE_ACCESS;

    fn with(change: impl FnOnce(&mut IssuerStorage)) -> facts::Facts {
        let mut facts = healthy();
        if let Fact::Known(storage) = &mut facts.oidc.storage {
            change(storage);
        }
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        fn shut(facts: &mut facts::Facts, change: impl FnOnce(&mut IssuerStorage)) {
            if let Fact::Known(storage) = &mut facts.oidc.storage {
                change(storage);
            }
            close_issuer(facts);
            let message = "AADSTS50166: Request to External OIDC endpoint failed.";
            log(facts, "capi-provider", message);
            log(facts, "ingress-operator", message);
            refuse_every_exchange(facts, message);
        }
        const SHOWS: &[&str] = &["FC04", "FC05", "OI01", "OI02", "OI03"];
        vec![
            Fault::new("a policy forbids public blobs", |facts| {
                shut(facts, |storage| storage.allow_blob_public_access = Some(false));
            })
            .showing(SHOWS),
            Fault::new("the storage account has a firewall", |facts| {
                shut(facts, |storage| storage.default_action = Some("Deny".into()));
            })
            .showing(SHOWS),
            Fault::new("the container is private", |facts| {
                shut(facts, |storage| storage.container_public_access = Fact::Known("None".into()));
            })
            .showing(SHOWS),
        ]
    }

    #[test]
    fn public_blobs_are_enough() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &with(|storage| storage.container_public_access = Fact::Known("Blob".into())));
        assert_passes(
            CHECK,
            &with(|storage| {
                storage.allow_blob_public_access = None;
                storage.public_network_access = None;
                storage.default_action = None;
                storage.allow_shared_key_access = None;
            }),
        );
    }

    #[test]
    fn each_setting_that_shuts_entra_out_is_named() {
        type Change = fn(&mut IssuerStorage);
        let table: [(&str, &str, Change); 6] = [
            ("allowBlobPublicAccess", "false", |storage| storage.allow_blob_public_access = Some(false)),
            ("publicNetworkAccess", "Disabled", |storage| storage.public_network_access = Some("Disabled".into())),
            ("publicNetworkAccess", "SecuredByPerimeter", |storage| {
                storage.public_network_access = Some("SecuredByPerimeter".into());
            }),
            ("networkAcls.defaultAction", "Deny", |storage| storage.default_action = Some("Deny".into())),
            ("publicAccess", "None", |storage| storage.container_public_access = Fact::Known("None".into())),
            ("container", "absent", |storage| storage.container_public_access = Fact::Absent),
        ];
        for (label, value, change) in table {
            let finding = the_failure(CHECK, &with(change));
            assert_eq!(finding.evidence.get(label), Some(value));
            assert_eq!(finding.keys, [Key::Issuer]);
        }
    }

    #[test]
    fn several_settings_are_one_finding_with_both_commands() {
        let finding = the_failure(
            CHECK,
            &with(|storage| {
                storage.allow_blob_public_access = Some(false);
                storage.default_action = Some("Deny".into());
                storage.container_public_access = Fact::Known("None".into());
            }),
        );
        assert_eq!(finding.subject, "storage account acct");
        let commands = &finding.fixes[0].commands;
        assert_eq!(
            commands[0],
            format!(
                "az storage account update -g os4-common -n acct --subscription {SUBSCRIPTION} --allow-blob-public-access true --default-action Allow"
            )
        );
        assert!(commands[1].starts_with("az storage container-rm update"), "{}", commands[1]);
    }

    #[test]
    fn no_shared_keys_is_worth_knowing() {
        let finding = the_finding(CHECK, &with(|storage| storage.allow_shared_key_access = Some(false)));
        assert_eq!(finding.level, Level::Info);
    }

    #[test]
    fn an_issuer_elsewhere_is_not_judged() {
        let mut facts = healthy();
        facts.oidc.storage = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
        cluster(&mut facts).issuer_url = "https://example.com/oidc".into();
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let gap = denied("Microsoft.Storage/storageAccounts/blobServices/containers/read");
        let facts = with(|storage| storage.container_public_access = Fact::Unreadable(gap));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        let mut facts = healthy();
        facts.oidc.storage = Fact::Unreadable(denied("Microsoft.Storage/storageAccounts/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn managed_identities_need_no_issuer() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
