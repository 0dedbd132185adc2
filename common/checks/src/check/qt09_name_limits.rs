//! QT09: the names that follow from a cluster's own fit where they are used.

use facts::hosted::HostedCluster;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The names of a HostedCluster, and those that are made of them, fit the services that take them: the control plane
    /// namespace, the labels of DNS names, the hosts that OpenShift gives to routes without a hostname, resource groups and
    /// network resources, and the storage account of the issuer.
    ///
    /// ## Why it matters
    /// Most of these names are made late, by the operator or by Azure, so that one that is too long shows long after the
    /// cluster was asked for, and a HostedCluster cannot be renamed.
    ///
    /// ## How to fix
    /// Choose a shorter name or namespace for the cluster, or a hostname for the service that is named.
    ///
    /// Source: Azure documentation "Naming rules and restrictions for Azure resources"; RFC 1123; openshift/hypershift
    /// hypershift-operator/controllers/manifests; openshift/cloud-credential-operator pkg/cmd/provisioning/azure.
    pub static NAME_LIMITS = {
        code: "QT09",
        id: "name-limits",
        group: Quota,
        since: "0.1.0",
        when: [Preflight],
        needs: [HostedCluster],
        caused_by: [],
        judge: judge,
    };
}

/// The longest label of a DNS name.
const LABEL: usize = 63;
/// The longest DNS name.
const DOMAIN: usize = 253;

/// A name, what it is, and what is wrong with it.
struct Bad {
    what: String,
    name: String,
    want: String,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let mut bad = Vec::new();
    let mut count = 0;
    let mut hold = |what: &str, name: &str, longest: usize| {
        count += 1;
        if name.chars().count() > longest {
            bad.push(Bad {
                what: what.to_owned(),
                name: name.to_owned(),
                want: format!("at most {longest} characters"),
            });
        }
    };
    let azure = &cluster.azure;
    let plane = view.target().control_plane_namespace();
    hold("the control plane namespace", &plane, LABEL);
    hold("the managed resource group", &azure.resource_group, 90);
    hold("the load balancer and public IP of the way out", &cluster.infra_id, 80);
    hold("the network security group", azure.security_group_id.name().unwrap_or_default(), 80);
    hold("the VNet", azure.vnet_id.name().unwrap_or_default(), 64);
    hold("the subnet", azure.subnet_id.name().unwrap_or_default(), 80);
    for (service, route) in
        [("OAuthServer", "oauth"), ("Konnectivity", "konnectivity-server"), ("Ignition", "ignition-server")]
    {
        let Some(published) = cluster.service(service) else { continue };
        if published.strategy == "Route" && published.hostname.as_deref().is_none_or(str::is_empty) {
            hold(&format!("the first label of the host of {service}"), &format!("{route}-{plane}"), LABEL);
        }
    }
    let names = domains(cluster);
    for (what, name) in &names {
        hold(what, name, DOMAIN);
        for label in name.split('.') {
            hold(&format!("a label of {what}"), label, LABEL);
        }
    }
    count += 1;
    if !is_label(&cluster.name) {
        bad.push(Bad {
            what: "the name of the HostedCluster".into(),
            name: cluster.name.clone(),
            want: "lower case letters, digits and dashes, beginning and ending with a letter or digit".into(),
        });
    }
    if let Some(account) = storage_account(&cluster.issuer_url) {
        count += 1;
        let fits = (3..=24).contains(&account.len())
            && account.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !fits {
            bad.push(Bad {
                what: "the storage account of the issuer".into(),
                name: account.to_owned(),
                want: "3 to 24 lower case letters and digits".into(),
            });
        }
    }
    let findings = bad.into_iter().map(|bad| finding(cluster, &bad)).collect();
    Ok(Judgement::new(format!("{count} names fit where they are used"), findings))
}

/// The DNS names of a cluster, and what they are.
fn domains(cluster: &HostedCluster) -> Vec<(String, String)> {
    let mut names = Vec::new();
    if !cluster.dns.base_domain.is_empty() {
        names.push((
            "the domain of the cluster's routes".into(),
            format!("apps.{}.{}", cluster.name, cluster.dns.base_domain),
        ));
    }
    for service in &cluster.services {
        if let Some(host) = service.hostname.as_ref().filter(|host| !host.is_empty()) {
            names.push((format!("the hostname of {}", service.service), host.clone()));
        }
    }
    names
}

fn is_label(name: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= LABEL
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

/// `https://ACCOUNT.blob.core.windows.net/…` → `ACCOUNT`.
fn storage_account(issuer: &str) -> Option<&str> {
    let host = issuer.strip_prefix("https://")?.split('/').next()?;
    let (account, rest) = host.split_once('.')?;
    rest.starts_with("blob.").then_some(account)
}

fn finding(cluster: &HostedCluster, bad: &Bad) -> Finding {
    let length = bad.name.chars().count();
    Finding::fail(
        format!("name {}", bad.name),
        format!("{} does not fit: {} ({length} characters)", bad.what, bad.name),
        "whoever makes it is refused, long after the cluster was asked for",
    )
    .compare(&bad.want, &bad.name)
    .fix(
        Fix::hypershift([command!(
            "oc hcp-azure create cluster SHORTER_NAME -n {} --base-domain {} --dry-run",
            cluster.namespace,
            cluster.dns.base_domain
        )])
        .note("with the other flags as before; a HostedCluster cannot be renamed once it is there"),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &NAME_LIMITS;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a hostname with a label that is too long", |facts| {
                let own = format!("{}.ext.example.com", "k".repeat(64));
                let service = &mut cluster(facts).services[2];
                service.hostname = Some(own.clone());
                let service = service.service.clone();
                host(facts, &service).name = own;
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn names_that_fit_pass() {
        for facts in healthy_clusters() {
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn each_name_that_does_not_fit() {
        type Change = fn(&mut HostedCluster);
        let cases: [(&str, Change); 5] = [
            ("the managed resource group", |cluster| cluster.azure.resource_group = "g".repeat(91)),
            ("the VNet", |cluster| {
                let vnet = format!(
                    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/{}",
                    "v".repeat(65)
                );
                cluster.azure.vnet_id = vnet.as_str().into();
            }),
            ("the load balancer", |cluster| cluster.infra_id = "i".repeat(81)),
            ("the storage account", |cluster| {
                cluster.issuer_url = "https://my-oidc.blob.core.windows.net/x".into();
            }),
            ("the name of the HostedCluster", |cluster| cluster.name = "Prod".into()),
        ];
        for (words, change) in cases {
            let mut facts = healthy();
            change(cluster(&mut facts));
            let finding = the_failure(CHECK, &facts);
            assert!(finding.what.starts_with(words), "{}", finding.what);
        }
    }

    #[test]
    fn route_hosts_hold_the_namespace() {
        let mut facts = healthy();
        facts.target.name = "a".repeat(35);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.subject.starts_with("name konnectivity-server-clusters-a"), "{}", finding.subject);
        cluster(&mut facts).services[2].hostname = Some("konnectivity.example.com".into());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_unreadable_cluster_is_unknown() {
        let mut facts = healthy();
        facts.hosted.cluster = facts::Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
