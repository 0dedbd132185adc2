//! The networks of a hosted cluster: pods, services, machines.

use ipnet::IpNet;

use super::refusal::{Refusal, Refusals};
use super::spec::ClusterSpec;

/// How many networks of one kind a HostedCluster takes: one of each IP family.
const MAX_NETWORKS: usize = 2;

/// The network of pods unless another is given.
const PODS: &str = "10.132.0.0/14";

/// The network of services unless another is given.
const SERVICES: &str = "172.31.0.0/16";

/// The networks, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Networks {
    /// Pods.
    pub cluster: Vec<IpNet>,
    /// Services.
    pub service: Vec<IpNet>,
    /// Machines; none leaves it to the platform.
    pub machine: Vec<IpNet>,
}

pub(super) fn check(spec: &ClusterSpec, refusals: &mut Refusals) -> Networks {
    let networks = Networks {
        cluster: list("--cluster-cidr", &spec.cluster_cidr, Some(PODS), refusals),
        service: list("--service-cidr", &spec.service_cidr, Some(SERVICES), refusals),
        machine: list("--machine-cidr", &spec.machine_cidr, None, refusals),
    };
    overlaps(&networks, refusals);
    options(spec, refusals);
    networks
}

fn list(flag: &'static str, given: &[String], default: Option<&str>, refusals: &mut Refusals) -> Vec<IpNet> {
    if given.is_empty() {
        return default.and_then(|text| refusals.take(network(flag, text))).into_iter().collect();
    }
    if given.len() > MAX_NETWORKS {
        refusals.add(
            flag,
            given.join(" "),
            "at most two networks are allowed",
            "give one network of each IP family at most",
        );
    }
    given.iter().filter_map(|text| refusals.take(network(flag, text))).collect()
}

fn network(flag: &'static str, text: &str) -> Result<IpNet, Refusal> {
    text.parse()
        .map_err(|_| Refusal::new(flag, text, "it is no network in CIDR form", "give for example 10.132.0.0/14"))
}

/// Networks that share addresses cannot be told apart by routes. The API server compares texts only.
fn overlaps(networks: &Networks, refusals: &mut Refusals) {
    let all: Vec<(&'static str, IpNet)> = [
        ("--cluster-cidr", &networks.cluster),
        ("--service-cidr", &networks.service),
        ("--machine-cidr", &networks.machine),
    ]
    .into_iter()
    .flat_map(|(flag, list)| list.iter().map(move |network| (flag, *network)))
    .collect();
    for (at, (flag, network)) in all.iter().enumerate() {
        for (earlier_flag, earlier) in &all[..at] {
            if earlier.contains(network) || network.contains(earlier) {
                refusals.add(
                    flag,
                    network.to_string(),
                    format!("it shares addresses with {earlier_flag} {earlier}"),
                    "give networks that do not overlap",
                );
            }
        }
    }
}

fn options(spec: &ClusterSpec, refusals: &mut Refusals) {
    let kind = spec.network_type.as_str();
    refusals.choice("--network-type", kind, &["OVNKubernetes", "Calico", "OpenShiftSDN", "Other"]);
    for (flag, given) in
        [("--disable-multi-network", spec.disable_multi_network), ("--allocate-node-cidrs", spec.allocate_node_cidrs)]
    {
        if given && kind != "Other" {
            refusals.add(
                flag,
                "",
                format!("it is for --network-type Other, not {kind}"),
                "leave it out, or give `--network-type Other`",
            );
        }
    }
    let mtu = spec.ovn_kubernetes_mtu;
    if mtu != 0 && kind != "OVNKubernetes" {
        refusals.add(
            "--ovn-kubernetes-mtu",
            mtu.to_string(),
            format!("it is for --network-type OVNKubernetes, not {kind}"),
            "leave it out",
        );
    } else if mtu != 0 && !(576..=9216).contains(&mtu) {
        refusals.add(
            "--ovn-kubernetes-mtu",
            mtu.to_string(),
            "it is not between 576 and 9216",
            "leave it out to have it detected",
        );
    }
    if spec.default_dual && !(spec.cluster_cidr.is_empty() && spec.service_cidr.is_empty()) {
        refusals.add("--default-dual", "", "it excludes --cluster-cidr and --service-cidr", "leave out one of them");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(change: impl FnOnce(&mut ClusterSpec)) -> (Networks, Vec<Refusal>) {
        let mut spec = ClusterSpec::default();
        change(&mut spec);
        let mut refusals = Refusals::default();
        let networks = check(&spec, &mut refusals);
        (networks, refusals.0)
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_defaults_and_dual_stack() {
        let (networks, refusals) = of(|_| {});
        assert_eq!((networks.cluster.len(), networks.machine.len(), refusals.len()), (1, 0, 0));
        let (networks, refusals) = of(|spec| {
            spec.cluster_cidr = texts(&["10.128.0.0/14", "fd01::/48"]);
            spec.service_cidr = texts(&["172.30.0.0/16", "fd02::/112"]);
        });
        assert_eq!((networks.cluster.len(), refusals), (2, vec![]));
    }

    #[test]
    fn networks_that_share_addresses() {
        let (_, refusals) = of(|spec| {
            spec.cluster_cidr = texts(&["10.0.0.0/8"]);
            spec.service_cidr = texts(&["10.1.0.0/16"]);
        });
        assert_eq!(refusals.len(), 1);
        assert_eq!((refusals[0].flag, refusals[0].value.as_str()), ("--service-cidr", "10.1.0.0/16"));
        let (_, refusals) = of(|spec| spec.machine_cidr = texts(&["172.31.0.0/24"]));
        assert_eq!(refusals[0].flag, "--machine-cidr");
    }

    #[test]
    fn what_is_no_network_and_options_of_other_kinds() {
        for bad in ["x", "1/33", "10.0.0.0", "10.0.0.0/40", ""] {
            let (_, refusals) = of(|spec| spec.service_cidr = texts(&[bad]));
            assert_eq!(refusals[0].flag, "--service-cidr", "{bad}");
        }
        let flags = |change: &dyn Fn(&mut ClusterSpec)| -> Vec<&'static str> {
            of(|spec| change(spec)).1.iter().map(|refusal| refusal.flag).collect()
        };
        assert_eq!(flags(&|spec| spec.disable_multi_network = true), ["--disable-multi-network"]);
        assert_eq!(flags(&|spec| spec.allocate_node_cidrs = true), ["--allocate-node-cidrs"]);
        assert_eq!(flags(&|spec| spec.ovn_kubernetes_mtu = 9300), ["--ovn-kubernetes-mtu"]);
        assert_eq!(flags(&|spec| spec.network_type = "ovn".into()), ["--network-type"]);
        assert!(
            flags(&|spec| {
                spec.network_type = "Other".into();
                spec.disable_multi_network = true;
                spec.allocate_node_cidrs = true;
            })
            .is_empty()
        );
        assert_eq!(
            flags(&|spec| {
                spec.default_dual = true;
                spec.service_cidr = texts(&["172.30.0.0/16"]);
            }),
            ["--default-dual"]
        );
    }
}
