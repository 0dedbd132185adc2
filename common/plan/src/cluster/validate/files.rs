//! The content of the files that flags name.

use facts::ArmId;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::super::azure_ids;
use super::super::infra::InfraOutput;
use super::super::inputs::Inputs;
use super::super::machines;
use super::super::names;
use super::super::refusal::Refusals;
use super::super::spec::ClusterSpec;
use super::access;

const INFRA: &str = "--infra-json";
const ANEW: &str = "write the file anew with `create infra`";

/// Takes the identities of `--workload-identities-file` where the infra file has none, and refuses a contradiction.
pub(super) fn adopt_identities(spec: &ClusterSpec, inputs: &mut Inputs, refusals: &mut Refusals) {
    let Some(file) = inputs.identities.as_ref() else { return };
    let path = spec.workload_identities_file.clone().unwrap_or_default();
    let infra = &mut inputs.infra;
    if infra.managed_identities.is_some() && infra.workload_identities.is_none() {
        refusals.add(
            "--workload-identities-file",
            path,
            "the infra file holds managed identities",
            "leave it out, or give the infra file of these identities",
        );
        return;
    }
    let known = infra.workload_identities.get_or_insert_with(|| file.identities.clone());
    let other = file.identities.0.iter().find(|(key, id)| known.0.get(*key).is_some_and(|known| known != *id));
    if let Some((key, id)) = other {
        refusals.add(
            "--workload-identities-file",
            path,
            format!("its identity {key} is {id}, and that of the infra file {}", known.0[key]),
            "give the files of one cluster",
        );
    }
    if infra.kms_client_id.is_none() {
        infra.kms_client_id.clone_from(&file.kms_client_id);
    }
}

pub(super) fn check(spec: &ClusterSpec, inputs: &Inputs, refusals: &mut Refusals) {
    let path = spec.infra_json.as_deref().unwrap_or_default();
    infra_values(path, &inputs.infra, refusals);
    infra_identities(path, &inputs.infra, refusals);
    account(spec, inputs, refusals);
    if let Some(domain) = spec.external_dns_domain.as_deref()
        && spec.base_domain.as_deref() != Some(inputs.infra.base_domain.as_str())
    {
        access::check_shadow(spec, domain, &inputs.infra.base_domain, refusals);
    }
    pull_secret(spec, inputs, refusals);
    keys(spec, inputs, refusals);
    if let Some(bundle) = &inputs.trust_bundle
        && !bundle.contains("-----BEGIN CERTIFICATE-----")
    {
        refusals.add(
            "--additional-trust-bundle",
            spec.additional_trust_bundle.clone().unwrap_or_default(),
            "it holds no certificate in PEM form",
            "give a file with -----BEGIN CERTIFICATE----- blocks",
        );
    }
    image_sources(spec, inputs, refusals);
}

fn infra_values(path: &str, infra: &InfraOutput, refusals: &mut Refusals) {
    let mut refuse = |why: String| refusals.add(INFRA, path, why, ANEW);
    let needed = [
        ("baseDomain", &infra.base_domain, 253),
        ("region", &infra.region, 255),
        ("resourceGroupName", &infra.resource_group_name, 90),
        ("vnetID", &infra.vnet_id, 255),
        ("infraID", &infra.infra_id, 253),
        ("securityGroupID", &infra.security_group_id, 255),
    ];
    for (key, value, longest) in needed {
        if value.is_empty() {
            refuse(format!("{key} is missing"));
        } else if value.len() > longest {
            refuse(format!("{key} is longer than {longest} characters"));
        }
    }
    for (key, value, longest) in [
        ("publicZoneID", &infra.public_zone_id, 258),
        ("privateZoneID", &infra.private_zone_id, 265),
        ("bootImageID", &infra.boot_image_id, 255),
    ] {
        if value.len() > longest {
            refuse(format!("{key} is longer than {longest} characters"));
        }
    }
    if !infra.base_domain.is_empty() && !names::is_domain(&infra.base_domain) {
        refuse(format!("baseDomain '{}' is no domain", infra.base_domain));
    }
    if !infra.resource_group_name.is_empty() && !azure_ids::is_group_name(&infra.resource_group_name) {
        refuse(format!("resourceGroupName '{}' is no name of a resource group", infra.resource_group_name));
    }
    if !infra.infra_id.is_empty() && !names::is_infra_id(&infra.infra_id) {
        refuse(format!(
            "infraID '{}' has other characters than lower case letters, digits and dashes, or a dash at an end",
            infra.infra_id
        ));
    }
    machines::check_subnet(INFRA, path, &infra.subnet_id, refusals);
}

fn infra_identities(path: &str, infra: &InfraOutput, refusals: &mut Refusals) {
    let mut refuse = |why: String, fix: &str| refusals.add(INFRA, path, why, fix);
    match (&infra.workload_identities, &infra.managed_identities) {
        (Some(identities), _) => {
            let missing = identities.missing();
            if !missing.is_empty() {
                refuse(
                    format!("workloadIdentities lacks {}", missing.join(", ")),
                    "run `create iam` again, then `create infra` with the new file",
                );
            }
            for (key, id) in identities.0.iter().filter(|(_, id)| !azure_ids::is_guid(id)) {
                refuse(format!("the client id '{id}' of {key} is no GUID"), ANEW);
            }
        }
        (None, Some(identities)) => {
            if let Err(why) = identities.check() {
                refuse(why, ANEW);
            }
        }
        (None, None) => refuse(
            "it has neither workloadIdentities nor controlPlaneMIs, so the cluster could not sign in to Azure"
                .to_owned(),
            "run `create infra` with `--workload-identities-file FILE`, or give that flag here",
        ),
    }
}

/// The managed resource group, and with it the private zone, lies in the subscription that the cluster signs in to.
fn account(spec: &ClusterSpec, inputs: &Inputs, refusals: &mut Refusals) {
    let account = &inputs.account;
    let file = || spec.azure_creds.clone().unwrap_or_default();
    let zone = ArmId::from(inputs.infra.private_zone_id.as_str());
    if let Some(subscription) = zone.subscription()
        && !subscription.eq_ignore_ascii_case(&account.subscription_id)
    {
        refusals.add(
            "--azure-creds",
            file(),
            format!(
                "its subscription is {}, and {} of the infra file is in {subscription}",
                account.subscription_id, "the private zone"
            ),
            format!(
                "give the credentials with which {} was made",
                spec.infra_json.as_deref().unwrap_or("the infra file")
            ),
        );
    }
    if let Some(vault) = inputs.infra.managed_identities.as_ref().map(|identities| &identities.key_vault_tenant)
        && [vault, &account.tenant_id].into_iter().all(|id| azure_ids::is_guid(id))
        && !vault.eq_ignore_ascii_case(&account.tenant_id)
    {
        refusals.add(
            "--azure-creds",
            file(),
            format!(
                "it is of tenant {}, and the Key Vault of the managed identities is of tenant {vault}",
                account.tenant_id
            ),
            format!("give credentials of tenant {vault}"),
        );
    }
    for (what, id) in [("subscriptionId", &account.subscription_id), ("tenantId", &account.tenant_id)] {
        if id.is_empty() || id.len() > 255 {
            refusals.add(
                "--azure-creds",
                file(),
                format!("it has no usable {what}"),
                "give a file with subscriptionId, tenantId, clientId and clientSecret",
            );
        }
    }
}

fn pull_secret(spec: &ClusterSpec, inputs: &Inputs, refusals: &mut Refusals) {
    let text = inputs.pull_secret.expose_secret();
    let usable = serde_json::from_str::<Value>(text).is_ok_and(|secret| {
        secret.get("auths").and_then(Value::as_object).is_some_and(|registries| !registries.is_empty())
    });
    if !usable {
        refusals.add(
            "--pull-secret",
            spec.pull_secret.clone().unwrap_or_default(),
            if text.trim().is_empty() { "it is empty" } else { "it is no JSON object with `auths`" },
            "download it from console.redhat.com/openshift/install/pull-secret",
        );
    }
}

fn keys(spec: &ClusterSpec, inputs: &Inputs, refusals: &mut Refusals) {
    if let Some(key) = &inputs.ssh_key
        && spec.ssh_key.is_some()
        && let Some(problem) = ssh_problem(&key.public)
    {
        refusals.add(
            "--ssh-key",
            spec.ssh_key.clone().unwrap_or_default(),
            problem,
            "give the public half, such as ~/.ssh/id_ed25519.pub",
        );
    }
    if spec.sa_token_issuer_private_key_path.is_some()
        && !inputs.signing_key.as_ref().is_some_and(|key| is_pkcs1(key.expose_secret()))
    {
        refusals.add(
            "--sa-token-issuer-private-key-path",
            spec.sa_token_issuer_private_key_path.clone().unwrap_or_default(),
            "it holds no RSA private key in PEM form",
            "give serviceaccount-signer.private, which `create oidc-issuer` or `ccoctl azure create-key-pair` writes",
        );
    }
}

fn ssh_problem(text: &str) -> Option<&'static str> {
    if text.contains("PRIVATE KEY-----") {
        return Some("it is a private key; nodes get the public one");
    }
    let known = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).peekable();
    if lines.peek().is_none() {
        return Some("it holds no key");
    }
    let is_key = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| !known.iter().any(|kind| word.starts_with(kind)));
        words.next().is_some() && words.next().is_some_and(|blob| blob.starts_with("AAAA"))
    };
    (!lines.all(is_key)).then_some("it is no SSH public key")
}

/// HyperShift reads the first PEM section as PKCS#1 and nothing else.
/// Source: openshift/hypershift support/certs/tls.go (PemToPrivateKey).
fn is_pkcs1(text: &str) -> bool {
    text.find("-----BEGIN ").is_some_and(|at| text[at..].starts_with("-----BEGIN RSA PRIVATE KEY-----"))
}

fn image_sources(spec: &ClusterSpec, inputs: &Inputs, refusals: &mut Refusals) {
    let path = spec.image_content_sources.clone().unwrap_or_default();
    let mut refuse = |why: String| {
        refusals.add(
            "--image-content-sources",
            path.clone(),
            why,
            "give a YAML list of entries with `source` and `mirrors`",
        );
    };
    if inputs.image_content_sources.len() > 255 {
        refuse("it has more than 255 entries".to_owned());
    }
    for (at, entry) in inputs.image_content_sources.iter().enumerate() {
        let place = at + 1;
        if entry.source.is_empty() {
            refuse(format!("entry {place} has no source"));
        }
        let longest = entry.mirrors.iter().chain([&entry.source]).map(String::len).max().unwrap_or_default();
        if longest > 255 || entry.mirrors.len() > 255 {
            refuse(format!("entry {place} has more than 255 mirrors or characters"));
        }
        let mut mirrors = entry.mirrors.clone();
        mirrors.sort_unstable();
        mirrors.dedup();
        if mirrors.len() != entry.mirrors.len() {
            refuse(format!("entry {place} names a mirror twice"));
        }
    }
}
