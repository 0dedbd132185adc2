//! What the workers of a hosted cluster have to reach.
//!
//! Source: openshift/hypershift, ports of published services (KASSVCLBAzurePort 7443) and the node proxy; OpenShift's
//! documentation of network flows (10250 kubelet, 6081 Geneve, 9000 node metrics).

use std::net::IpAddr;

use facts::hosted::HostedCluster;
use facts::network::Direction;
use ipnet::IpNet;

use crate::nsg::{self, Peer, Protocol};

/// What workers need to reach.
pub(crate) struct Target {
    /// What to call it.
    pub(crate) label: String,
    /// TCP or UDP.
    pub(crate) protocol: Protocol,
    /// The destination port.
    pub(crate) port: u16,
    /// The other end; several where workers have several subnets.
    pub(crate) peers: Vec<Peer>,
    /// What an allow rule has to name: an address or a service tag.
    pub(crate) prefix: String,
    /// The direction, seen from the workers' subnet.
    pub(crate) direction: Direction,
}

/// The flows of a cluster's workers, from how the cluster publishes its services.
pub(crate) fn of(cluster: &HostedCluster, worker_prefixes: &[IpNet]) -> Vec<Target> {
    let public = |label: String, port: u16, tags: &[&str]| Target {
        label,
        protocol: Protocol::Tcp,
        port,
        prefix: (*tags.first().unwrap_or(&"Internet")).to_owned(),
        peers: vec![Peer::service(tags.iter().copied())],
        direction: Direction::Outbound,
    };
    let mut targets = published(cluster, worker_prefixes);
    let (entra, arm, blob) = endpoints(&cluster.azure.cloud);
    let storage_here = format!("Storage.{}", cluster.azure.location);
    targets.push(public(entra.into(), 443, &["AzureActiveDirectory", "AzureCloud", "Internet"]));
    targets.push(public(arm.into(), 443, &["AzureResourceManager", "AzureCloud", "Internet"]));
    targets.push(Target {
        prefix: "Storage".into(),
        ..public(blob.into(), 443, &["Storage", &storage_here, "AzureCloud", "Internet"])
    });
    targets.extend(registries(cluster));
    targets.push(Target {
        protocol: Protocol::Udp,
        peers: nsg::PLATFORM_ADDRESS.parse().map(Peer::address).into_iter().collect(),
        prefix: "AzurePlatformDNS".into(),
        ..public(format!("Azure DNS {}", nsg::PLATFORM_ADDRESS), 53, &[])
    });
    for (protocol, port) in [(Protocol::Tcp, 9000), (Protocol::Tcp, 10250), (Protocol::Udp, 6081)] {
        for direction in [Direction::Outbound, Direction::Inbound] {
            targets.push(Target {
                label: "workers".into(),
                protocol,
                port,
                peers: worker_prefixes.iter().copied().map(Peer::network).collect(),
                prefix: "VirtualNetwork".into(),
                direction,
            });
        }
    }
    if cluster.has_proxy {
        // What leaves the VNet goes through the proxy, which stands elsewhere and is not known to the facts.
        targets.retain(|target| matches!(target.prefix.as_str(), "VirtualNetwork" | "AzurePlatformDNS"));
    }
    targets
}

/// The API server, ignition, konnectivity and OAuth as workers reach them.
fn published(cluster: &HostedCluster, worker_prefixes: &[IpNet]) -> Vec<Target> {
    let services =
        [("APIServer", "API"), ("Ignition", "ignition"), ("Konnectivity", "konnectivity"), ("OAuthServer", "OAuth")];
    let is_load_balancer = |service| cluster.service(service).is_some_and(|own| own.strategy == "LoadBalancer");
    let mut targets = Vec::new();
    for (service, label) in services {
        // Workers of a private cluster go through the private endpoint, which lies in the cluster's own subnet.
        let target = if cluster.has_private_endpoint() {
            Target {
                label: format!("{label} (private endpoint)"),
                protocol: Protocol::Tcp,
                port: 443,
                peers: worker_prefixes
                    .first()
                    .map(|net| Peer::network(*net).tagged(["VirtualNetwork"]))
                    .into_iter()
                    .collect(),
                prefix: "VirtualNetwork".into(),
                direction: Direction::Outbound,
            }
        } else {
            let endpoint = cluster
                .endpoint
                .as_ref()
                .filter(|endpoint| service == "APIServer" && !endpoint.host.is_empty() && endpoint.port != 0);
            let hostname = cluster.service(service).and_then(|own| own.hostname.as_deref());
            let host = endpoint.map(|endpoint| endpoint.host.as_str()).or(hostname);
            let address: Option<IpAddr> = host.and_then(|host| host.parse().ok());
            let peer = address.map_or_else(Peer::default, Peer::address);
            let by_strategy = if service == "APIServer" && is_load_balancer(service) { 7443 } else { 443 };
            Target {
                label: host.map_or_else(|| label.to_owned(), |host| format!("{label} {host}")),
                protocol: Protocol::Tcp,
                port: endpoint.map_or(by_strategy, |endpoint| endpoint.port),
                peers: vec![if address.is_some_and(is_private) {
                    peer
                } else {
                    peer.tagged(["AzureCloud", "Internet"])
                }],
                prefix: address.map_or_else(|| "AzureCloud".into(), |address| address.to_string()),
                direction: Direction::Outbound,
            }
        };
        targets.push(target);
    }
    targets
}

/// The registries that images come from. With a mirrored release only the mirror is known to be needed.
fn registries(cluster: &HostedCluster) -> Vec<Target> {
    let host = cluster.release_image.split('/').next().unwrap_or_default();
    let (host, port) = host.split_once(':').map_or((host, 443), |(host, port)| (host, port.parse().unwrap_or(443)));
    let hosts = match host {
        "quay.io" | "registry.redhat.io" => vec!["quay.io", "registry.redhat.io"],
        host if host.contains('.') => vec![host],
        _ => Vec::new(),
    };
    hosts
        .into_iter()
        .map(|host| {
            let (peer, prefix) = match host {
                "quay.io" | "registry.redhat.io" => (Peer::service(["Internet"]), "Internet".to_owned()),
                host if host.ends_with(".azurecr.io") => (
                    Peer::service(["AzureContainerRegistry", "AzureCloud", "Internet"]),
                    "AzureContainerRegistry".to_owned(),
                ),
                _ => (Peer::anywhere(), "ADDRESS_OF_THE_REGISTRY".to_owned()),
            };
            Target {
                label: host.to_owned(),
                protocol: Protocol::Tcp,
                port,
                peers: vec![peer],
                prefix,
                direction: Direction::Outbound,
            }
        })
        .collect()
}

/// Entra, ARM and blob storage of a cloud.
fn endpoints(cloud: &str) -> (&'static str, &'static str, &'static str) {
    match cloud {
        "AzureUSGovernmentCloud" => {
            ("login.microsoftonline.us", "management.usgovcloudapi.net", "blob.core.usgovcloudapi.net")
        }
        "AzureChinaCloud" => ("login.chinacloudapi.cn", "management.chinacloudapi.cn", "blob.core.chinacloudapi.cn"),
        _ => ("login.microsoftonline.com", "management.azure.com", "blob.core.windows.net"),
    }
}

/// Whether an address is of a private range.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use crate::testkit::*;

    fn labels(facts: &mut facts::Facts) -> Vec<String> {
        let prefixes = ["10.0.0.0/24".parse().unwrap_or_else(|_| panic!("a CIDR"))];
        let mut labels: Vec<String> =
            of(cluster(facts), &prefixes).iter().map(|target| format!("{}:{}", target.label, target.port)).collect();
        labels.dedup();
        labels
    }

    #[test]
    fn a_public_cluster() {
        assert_eq!(
            labels(&mut healthy()),
            [
                "API 20.81.4.17:7443",
                "ignition:443",
                "konnectivity:443",
                "OAuth:443",
                "login.microsoftonline.com:443",
                "management.azure.com:443",
                "blob.core.windows.net:443",
                "quay.io:443",
                "registry.redhat.io:443",
                "Azure DNS 168.63.129.16:53",
                "workers:9000",
                "workers:10250",
                "workers:6081",
            ]
        );
    }

    #[test]
    fn behind_a_proxy_only_what_stays_in_the_vnet_counts() {
        let mut facts = healthy();
        cluster(&mut facts).has_proxy = true;
        assert_eq!(labels(&mut facts), ["Azure DNS 168.63.129.16:53", "workers:9000", "workers:10250", "workers:6081"]);
    }

    #[test]
    fn the_api_before_its_endpoint_is_known() {
        let mut facts = healthy();
        cluster(&mut facts).endpoint = None;
        assert_eq!(labels(&mut facts)[0], "API:7443");
        let api = &mut cluster(&mut facts).services[0];
        api.strategy = "Route".into();
        api.hostname = Some("api-prod.ext.example.com".into());
        assert_eq!(labels(&mut facts)[0], "API api-prod.ext.example.com:443");
    }

    #[test]
    fn other_clouds_have_other_endpoints() {
        let mut facts = healthy();
        cluster(&mut facts).azure.cloud = "AzureUSGovernmentCloud".into();
        assert!(labels(&mut facts).contains(&"login.microsoftonline.us:443".to_owned()));
    }
}
