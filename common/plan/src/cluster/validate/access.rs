//! Who may reach the control plane, and under which names.

use super::super::azure_ids;
use super::super::identities;
use super::super::inputs::Inputs;
use super::super::names;
use super::super::refusal::Refusals;
use super::super::services::{ACCESS, Access, services};
use super::super::spec::ClusterSpec;
use super::Parsed;

const NAT_SUBNET: &str = "--endpoint-access-private-nat-subnet-id";
const SUBSCRIPTIONS: &str = "--endpoint-access-private-additional-allowed-subscriptions";

/// How many subscriptions may be allowed to connect.
const MAX_SUBSCRIPTIONS: usize = 50;

/// Judges the flags alone.
pub(super) fn check(spec: &ClusterSpec, refusals: &mut Refusals) {
    refusals.choice("--endpoint-access", &spec.endpoint_access, &ACCESS);
    private_link(spec, refusals);
    external_dns(spec, refusals);
}

fn private_link(spec: &ClusterSpec, refusals: &mut Refusals) {
    if let Some(id) = spec.endpoint_access_private_nat_subnet_id.as_deref()
        && let Some(problem) = azure_ids::nat_subnet_problem(id)
    {
        refusals.add(
            NAT_SUBNET,
            id,
            problem,
            "`az network vnet subnet show -g GROUP --vnet-name VNET -n SUBNET --query id` prints it",
        );
    }
    if Access::of(spec) == Access::Public {
        return;
    }
    let subscriptions = &spec.endpoint_access_private_additional_allowed_subscriptions;
    for (at, subscription) in subscriptions.iter().enumerate() {
        if !azure_ids::is_guid(subscription) {
            refusals.add(
                SUBSCRIPTIONS,
                subscription,
                "it is no GUID, as the id of a subscription is",
                "`az account show --query id` prints it",
            );
        } else if subscriptions[..at].contains(subscription) {
            refusals.add(SUBSCRIPTIONS, subscription, "it is named twice", "name it once");
        }
    }
    if subscriptions.len() > MAX_SUBSCRIPTIONS {
        refusals.add(
            SUBSCRIPTIONS,
            "",
            format!("there are {}; at most {MAX_SUBSCRIPTIONS} are allowed", subscriptions.len()),
            "name fewer",
        );
    }
}

/// The names below the external domain. The zone of that domain is copied into the cluster's network, where it must not
/// hide the cluster's own names.
fn external_dns(spec: &ClusterSpec, refusals: &mut Refusals) {
    let flag = "--external-dns-domain";
    let Some(domain) = spec.external_dns_domain.as_deref() else {
        return;
    };
    if let Some(base_domain) = spec.base_domain.as_deref() {
        check_shadow(spec, domain, base_domain, refusals);
    }
    for service in services(spec) {
        let Some(hostname) = service.hostname else { continue };
        if let Some(label) = names::long_label(&hostname) {
            refusals.add(
                "--name",
                &spec.name,
                format!(
                    "the name {hostname} of {} would begin with {} characters; DNS takes 63 in a label",
                    service.name,
                    label.len()
                ),
                format!("choose a name at least {} characters shorter", label.len() - names::LABEL),
            );
            return;
        }
        if !names::is_hostname(&hostname) && names::label_problem(&spec.name).is_none() {
            refusals.add(
                flag,
                domain,
                format!("{hostname} would be no DNS name"),
                "give a domain such as ext.example.com, without a dot at its end",
            );
            return;
        }
    }
}

/// Refuses an external domain that is, or encloses, the domain of the cluster.
pub(super) fn check_shadow(spec: &ClusterSpec, domain: &str, base_domain: &str, refusals: &mut Refusals) {
    let lower = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let cluster = lower(&format!("{}.{base_domain}", spec.name));
    let external = lower(domain);
    if !base_domain.is_empty() && (cluster == external || cluster.ends_with(&format!(".{external}"))) {
        refusals.add(
            "--external-dns-domain",
            domain,
            format!("its private zone would hide *.apps.{cluster} inside the cluster's network"),
            format!("give a domain that does not enclose {cluster}"),
        );
    }
}

/// Judges what depends on the cluster's identities.
pub(super) fn check_with_identities(spec: &ClusterSpec, inputs: &Inputs, parsed: &Parsed, refusals: &mut Refusals) {
    let infra = &inputs.infra;
    let workload = infra.workload_identities.as_ref();
    if Access::of(spec) != Access::Public {
        let subscriptions = &spec.endpoint_access_private_additional_allowed_subscriptions;
        if spec.endpoint_access_private_nat_subnet_id.is_none() && subscriptions.is_empty() {
            let id = Some(infra.nat_subnet_id.as_str()).filter(|id| !id.is_empty()).unwrap_or("SUBNET_ID");
            refusals.add(
                "--endpoint-access",
                &spec.endpoint_access,
                "Private Link needs a subnet for its service, or subscriptions that may connect",
                format!("give `{NAT_SUBNET} {id}`, a subnet of the management cluster's VNet"),
            );
        }
        if workload.is_some_and(|identities| !identities.0.contains_key("controlPlaneOperator")) {
            refusals.add(
                "--endpoint-access",
                &spec.endpoint_access,
                "Private Link needs an identity of the control plane operator, and the infra file has none",
                "run `create iam` again, which makes it, then `create infra` with the new file",
            );
        }
    }
    if workload.is_none() && spec.oauth_publishing_strategy == "LoadBalancer" && spec.managed_identities_file.is_none()
    {
        refusals.add(
            "--oauth-publishing-strategy",
            "LoadBalancer",
            "a cluster with managed identities publishes OAuth by a Route",
            "leave it out",
        );
    }
    let Some(key) = parsed.encryption_key.as_ref() else {
        return;
    };
    let id = spec.encryption_key_id.clone().unwrap_or_default();
    let fits_secret = |name: &str| identities::is_secret_name(name);
    match (workload, infra.kms_client_id.as_deref()) {
        (Some(_), None) => refusals.add(
            "--encryption-key-id",
            id,
            format!("key {} needs a KMS identity, and the infra file has no kmsClientID", key.name),
            "run `create iam --enable-kms`, then `create infra` with the new file",
        ),
        (Some(_), Some(client_id)) if !azure_ids::is_guid(client_id) => refusals.add(
            "--infra-json",
            spec.infra_json.clone().unwrap_or_default(),
            format!("kmsClientID '{client_id}' is no GUID"),
            "write the file anew with `create infra`",
        ),
        (None, _) if !spec.kms_credentials_secret_name.as_deref().is_some_and(fits_secret) => refusals.add(
            "--kms-credentials-secret-name",
            spec.kms_credentials_secret_name.clone().unwrap_or_default(),
            "a cluster with managed identities needs it for --encryption-key-id: letters, digits and dashes, at most 127",
            "give the name of the Key Vault secret that holds the KMS identity",
        ),
        _ => {}
    }
}
