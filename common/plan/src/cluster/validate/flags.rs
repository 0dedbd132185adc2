//! The flags of `create cluster`, judged without any file.

use jiff::Timestamp;

use super::super::names;
use super::super::refusal::Refusals;
use super::super::spec::ClusterSpec;
use super::super::{durations, key_values, kms, machines, networking, quantity, tolerations};
use super::{Parsed, Purpose, access};
use crate::identities;

/// The capabilities of a cluster that can be chosen.
const CAPABILITIES: [&str; 7] =
    ["Console", "ImageRegistry", "Ingress", "Insights", "NodeTuning", "baremetal", "openshift-samples"];

const AVAILABILITY: [&str; 2] = ["SingleReplica", "HighlyAvailable"];

pub(super) fn check(spec: &ClusterSpec, purpose: Purpose, refusals: &mut Refusals) -> Parsed {
    cluster_names(spec, refusals);
    release("--release-image", spec, purpose, refusals);
    required_files(spec, refusals);
    node_pools(spec, refusals);
    choices(spec, refusals);
    capabilities(spec, refusals);
    dns_names(spec, refusals);
    access::check(spec, refusals);
    infrastructure(spec, refusals);
    match (purpose, spec.infra_json.is_some()) {
        (_, true) => {}
        (Purpose::Render, false) => without_infrastructure(refusals),
        (Purpose::Create, false) => new_infrastructure(spec, refusals),
    }
    identity_files(spec, refusals);
    Parsed {
        networks: networking::check(spec, refusals),
        node_drain_timeout: duration("--node-drain-timeout", &spec.node_drain_timeout, refusals),
        node_volume_detach_timeout: duration(
            "--node-volume-detach-timeout",
            &spec.node_volume_detach_timeout,
            refusals,
        ),
        etcd_storage_size: etcd_size(spec, refusals),
        labels: key_values::labels("--labels", &spec.labels, refusals),
        annotations: key_values::annotations("--annotations", &spec.annotations, refusals),
        node_selector: key_values::selection("--node-selector", &spec.node_selector, refusals),
        pods_labels: key_values::selection("--pods-labels", &spec.pods_labels, refusals),
        tolerations: tolerated(spec, refusals),
        encryption_key: spec.encryption_key_id.as_deref().and_then(|id| refusals.take(kms::parse(id))),
        paused_until: paused_until(spec, refusals),
    }
}

fn cluster_names(spec: &ClusterSpec, refusals: &mut Refusals) {
    let (name, namespace) = (spec.name.as_str(), spec.namespace.as_str());
    if name.is_empty() {
        refusals.add("--name", "", "a cluster needs a name", "give `--name NAME`");
        return;
    }
    if let Some(problem) = names::label_problem(name) {
        refusals.add("--name", name, problem, "choose a name such as `prod-1`");
    }
    if let Some(problem) = names::label_problem(namespace) {
        refusals.add("--namespace", namespace, problem, "choose a name such as `clusters`");
        return;
    }
    let control_plane = namespace.len() + 1 + name.len();
    if name.len() <= names::LABEL && control_plane > names::LABEL {
        refusals.add(
            "--name",
            name,
            format!(
                "the control plane's namespace {namespace}-{name} would have {control_plane} characters; 63 are allowed"
            ),
            format!("choose a name of at most {} characters", names::LABEL.saturating_sub(namespace.len() + 1)),
        );
    }
}

/// A release image: at most 253 characters, no white space, a word character first.
pub(crate) fn release_problem(image: &str) -> Option<&'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if image.len() > names::DOMAIN {
        Some("it is longer than 253 characters")
    } else if image.len() < 2 || !image.starts_with(word) || image.contains(char::is_whitespace) {
        Some("it is no image: it begins with a letter or digit and has no white space")
    } else {
        None
    }
}

fn release(flag: &'static str, spec: &ClusterSpec, purpose: Purpose, refusals: &mut Refusals) {
    const FIX: &str = "give for example `--release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi`";
    match (spec.release_image.as_deref(), spec.release_stream.as_deref()) {
        (Some(image), _) => {
            if let Some(problem) = release_problem(image) {
                refusals.add(flag, image, problem, FIX);
            }
        }
        // It is looked up before the objects are made.
        (None, Some(_)) if purpose == Purpose::Create => {}
        (None, Some(stream)) => refusals.add(
            "--release-stream",
            stream,
            "a stream names no image, and nothing is looked up while rendering; a HostedCluster needs --release-image",
            FIX,
        ),
        (None, None) => {
            refusals.add(flag, "", "a HostedCluster without a release image is refused by the API server", FIX)
        }
    }
}

fn required_files(spec: &ClusterSpec, refusals: &mut Refusals) {
    if spec.pull_secret.is_none() {
        refusals.add(
            "--pull-secret",
            "",
            "a cluster needs a pull secret",
            "download it from console.redhat.com/openshift/install/pull-secret and give its path",
        );
    }
    if spec.ssh_key.is_some() && spec.generate_ssh {
        refusals.add("--generate-ssh", "", "it excludes --ssh-key", "leave out one of them");
    }
}

fn node_pools(spec: &ClusterSpec, refusals: &mut Refusals) {
    machines::check(&spec.machines, &spec.arch, refusals);
    for (at, zone) in spec.availability_zones.iter().enumerate() {
        refusals.choice("--availability-zones", zone, &machines::ZONES);
        if spec.availability_zones[..at].contains(zone) {
            refusals.add("--availability-zones", zone, "it is named twice", "name each zone once");
        }
    }
    if spec.wait && spec.node_pool_replicas < 1 {
        refusals.add(
            "--wait",
            "",
            "a cluster without nodes never becomes ready",
            "give `--node-pool-replicas` with at least 1, or leave --wait out",
        );
    }
    if let Some(timeout) = spec.timeout.as_deref() {
        duration("--timeout", timeout, refusals);
    }
}

fn choices(spec: &ClusterSpec, refusals: &mut Refusals) {
    refusals.choice("--node-upgrade-type", &spec.node_upgrade_type, &["", "Replace", "InPlace"]);
    refusals.choice("--control-plane-availability-policy", &spec.control_plane_availability_policy, &AVAILABILITY);
    refusals.choice(
        "--infra-availability-policy",
        &spec.infra_availability_policy,
        &["", AVAILABILITY[0], AVAILABILITY[1]],
    );
    refusals.choice(
        "--olm-catalog-placement",
        &spec.olm_catalog_placement.to_ascii_lowercase(),
        &["management", "guest"],
    );
    refusals.choice("--feature-set", &spec.feature_set, &["", "TechPreviewNoUpgrade", "DevPreviewNoUpgrade"]);
    refusals.choice("--oauth-publishing-strategy", &spec.oauth_publishing_strategy, &["", "Route", "LoadBalancer"]);
    if let Some(cloud) = &spec.cloud {
        refusals.choice(
            "--cloud",
            cloud,
            &[
                "AzurePublicCloud",
                "AzureUSGovernmentCloud",
                "AzureChinaCloud",
                "AzureGermanCloud",
                "AzureBleuCloud",
                "AzureStackCloud",
            ],
        );
    }
    if let Some(id) = spec.subscription.as_deref().filter(|id| !facts::arm_id::is_guid(id)) {
        refusals.add("--subscription", id, "it is no id of a subscription", "`az account list -o table` lists the ids");
    }
    if let Some(class) = spec.etcd_storage_class.as_deref().filter(|class| class.len() > 255) {
        refusals.add(
            "--etcd-storage-class",
            class,
            "it is longer than 255 characters",
            "give the name of a StorageClass",
        );
    }
}

fn capabilities(spec: &ClusterSpec, refusals: &mut Refusals) {
    for (flag, list) in [
        ("--enable-cluster-capabilities", &spec.enable_cluster_capabilities),
        ("--disable-cluster-capabilities", &spec.disable_cluster_capabilities),
    ] {
        for capability in list {
            refusals.choice(flag, capability, &CAPABILITIES);
        }
    }
    let disabled = &spec.disable_cluster_capabilities;
    let has = |name: &str| disabled.iter().any(|capability| capability == name);
    if has("Ingress") && !has("Console") {
        refusals.add(
            "--disable-cluster-capabilities",
            disabled.join(","),
            "the console needs Ingress",
            "disable Console too, or keep Ingress",
        );
    }
    for both in spec.enable_cluster_capabilities.iter().filter(|name| has(name)) {
        refusals.add(
            "--enable-cluster-capabilities",
            both,
            "it is disabled as well",
            "name it in one of the two flags",
        );
    }
}

fn dns_names(spec: &ClusterSpec, refusals: &mut Refusals) {
    if let Some(name) = spec.kas_dns_name.as_deref()
        && !(names::is_subdomain(name) && names::is_domain(name))
    {
        refusals.add(
            "--kas-dns-name",
            name,
            "it is no DNS name in lower case",
            "give for example api.prod.example.com",
        );
    }
    if let Some(url) = spec.oidc_issuer_url.as_deref()
        && (!machines::is_https_url(url) || url.len() > 255)
    {
        refusals.add(
            "--oidc-issuer-url",
            url,
            "it is no https address of at most 255 characters; Entra takes no other issuer",
            "give for example https://ACCOUNT.blob.core.windows.net/CONTAINER",
        );
    }
}

fn infrastructure(spec: &ClusterSpec, refusals: &mut Refusals) {
    refusals.take(key_values::pairs_of_list("--resource-group-tags", &spec.resource_group_tags));
    if let Some(id) = spec.network_security_group_id.as_deref()
        && spec.resource_group_name.is_none()
    {
        refusals.add(
            "--network-security-group-id",
            id,
            "it needs --resource-group-name",
            "give `--resource-group-name GROUP` too",
        );
    }
    for (flag, given) in [
        ("--assign-service-principal-roles", spec.assign_service_principal_roles),
        ("--assign-custom-hcp-roles", spec.assign_custom_hcp_roles),
    ] {
        if given && spec.infra_json.is_some() {
            refusals.add(
                flag,
                "",
                "with --infra-json the infrastructure is there already, and no role is assigned",
                "give `--assign-identity-roles` to `create infra` instead",
            );
        } else if given && spec.dns_zone_rg_name.as_deref().is_none_or(|group| group.trim().is_empty()) {
            refusals.add(
                flag,
                "",
                "roles are needed on the resource group of the DNS zone, and it is not named",
                "give `--dns-zone-rg-name GROUP`",
            );
        }
    }
}

fn without_infrastructure(refusals: &mut Refusals) {
    refusals.add(
        "--infra-json",
        "",
        "rendering never touches Azure, so the infrastructure must be there",
        "write the file with `create infra --output-file FILE` and give its path",
    );
}

/// What must be known to make the infrastructure, and the identities where none are given.
fn new_infrastructure(spec: &ClusterSpec, refusals: &mut Refusals) {
    if spec.base_domain.is_none() {
        refusals.add(
            "--base-domain",
            "",
            "new infrastructure needs the public DNS zone of the cluster's names",
            "give `--base-domain DOMAIN`, or `--infra-json FILE` of what is there",
        );
    }
    if let Some(path) = spec.managed_identities_file.as_deref() {
        refusals.add(
            "--managed-identities-file",
            path,
            "managed identities come with infrastructure that is there",
            "write the infra file with `create infra --managed-identities-file FILE …` and give it as `--infra-json`",
        );
    }
    if spec.oidc_issuer_url.is_none() {
        refusals.add(
            "--oidc-issuer-url",
            "",
            "without an issuer that Entra can reach no component could sign in to Azure",
            "make one with `create oidc-issuer`, and give the URL that it prints",
        );
    }
    if spec.sa_token_issuer_private_key_path.is_none() {
        refusals.add(
            "--sa-token-issuer-private-key-path",
            "",
            "without the issuer's private key nothing could sign tokens that Entra takes",
            "give the private key that `create oidc-issuer` wrote",
        );
    }
}

fn identity_files(spec: &ClusterSpec, refusals: &mut Refusals) {
    let managed = spec.managed_identities_file.as_deref();
    let files = identities::check_files(
        spec.workload_identities_file.as_deref(),
        managed,
        spec.data_plane_identities_file.as_deref(),
    );
    refusals.0.extend(files.err().unwrap_or_default());
    if managed.is_some() && spec.oauth_publishing_strategy == "LoadBalancer" {
        refusals.add(
            "--oauth-publishing-strategy",
            "LoadBalancer",
            "a cluster with managed identities publishes OAuth by a Route",
            "leave it out",
        );
    }
}

fn duration(flag: &'static str, given: &str, refusals: &mut Refusals) -> String {
    match durations::canonical(given) {
        Some(text) if !text.starts_with('-') => text,
        _ => {
            refusals.add(flag, given, "it is no time such as 90s, 10m or 1h30m", "give for example 10m");
            String::new()
        }
    }
}

fn etcd_size(spec: &ClusterSpec, refusals: &mut Refusals) -> Option<String> {
    let given = spec.etcd_storage_size.as_deref()?;
    let size = quantity::canonical_size(given);
    if size.is_none() {
        refusals.add("--etcd-storage-size", given, "it is no size such as 8Gi", "give for example 8Gi");
    }
    size
}

fn tolerated(spec: &ClusterSpec, refusals: &mut Refusals) -> Vec<serde_json::Value> {
    if spec.toleration.len() > tolerations::MAX {
        refusals.add(
            "--toleration",
            "",
            format!("there are {}; at most {} are allowed", spec.toleration.len(), tolerations::MAX),
            "give fewer",
        );
    }
    let parsed = spec.toleration.iter().map(|given| tolerations::parse(given));
    parsed.filter_map(|toleration| refusals.take(toleration)).collect()
}

/// `true` pauses the NodePools alone, as upstream does it; a time pauses the HostedCluster too.
fn paused_until(spec: &ClusterSpec, refusals: &mut Refusals) -> Option<String> {
    let given = spec.paused_until.as_deref()?;
    if given == "true" {
        return None;
    }
    let bytes = given.as_bytes();
    let shaped = (20..=35).contains(&bytes.len()) && bytes[10] == b'T' && bytes[13] == b':' && bytes[16] == b':';
    if shaped && given.parse::<Timestamp>().is_ok() {
        return Some(given.to_owned());
    }
    refusals.add(
        "--pausedUntil",
        given,
        "it is neither `true` nor a time such as 2026-12-01T09:00:00Z",
        "give a time in RFC 3339 form",
    );
    None
}
