//! The questions in their order: what each is about, when it is asked, and what its answer means.

use plan::Refusal;
use plan::cluster::ClusterSpec;
use ui::ask::{Completion, Question};

use super::known::Known;

/// One thing that may be asked.
pub(super) struct Item {
    /// The flag that it stands for.
    pub flag: &'static str,
    /// The flag's field, as it is in Rust.
    pub field: &'static str,
    /// Whether it is asked only where the user wants to see the rest.
    pub advanced: bool,
    /// The question; none where it need not be asked.
    pub question: fn(&Known, &ClusterSpec) -> Option<Question>,
    /// Enters an answer; an empty one takes back what is there.
    pub set: fn(&mut ClusterSpec, &Known, &str) -> Result<(), Refusal>,
}

pub(super) const CREDS: Item = Item {
    flag: "--azure-creds",
    field: "azure_creds",
    advanced: false,
    question: |known, _| {
        let help = "JSON or YAML with subscriptionId, tenantId, clientId and clientSecret";
        Some(file("Azure credentials file", help, known.files.get("--azure-creds")))
    },
    set: |spec, _, text| {
        spec.azure_creds = given(text);
        Ok(())
    },
};

/// All but the credentials, without which nothing can be found out.
pub(super) const ITEMS: &[Item] = &[
    Item {
        flag: "--name",
        field: "name",
        advanced: false,
        question: |known, spec| {
            let there: Vec<&str> = (known.clusters.iter())
                .filter(|cluster| cluster.namespace == spec.namespace)
                .map(|cluster| cluster.name.as_str())
                .collect();
            let there = if there.is_empty() { "none yet".to_owned() } else { there.join(", ") };
            let help = format!("The HostedCluster's name in namespace {}; there: {there}", spec.namespace);
            Some(plain("Name", help, None))
        },
        set: |spec, known, text| {
            let taken = |cluster: &&facts::Target| cluster.namespace == spec.namespace && cluster.name == text;
            if let Some(cluster) = known.clusters.iter().find(taken) {
                return Err(Refusal::new(
                    "--name",
                    text,
                    format!("HostedCluster {cluster} exists already"),
                    "choose another name; its own command line, run again, goes on with a cluster that was begun",
                ));
            }
            text.clone_into(&mut spec.name);
            Ok(())
        },
    },
    Item {
        flag: "--base-domain",
        field: "base_domain",
        advanced: false,
        question: |known, spec| {
            if spec.infra_json.is_some() {
                return None;
            }
            let names = known.zone_names();
            let help = match (&known.zones, names.as_slice()) {
                (None, _) => "The public DNS zone above the cluster's names; you may not list the zones".to_owned(),
                (Some(_), []) => "The public DNS zone above the cluster's names; the subscription has none".to_owned(),
                (Some(_), names) => {
                    format!("The public DNS zone above the cluster's names; there: {}", names.join(", "))
                }
            };
            let only = if let [only] = names.as_slice() { Some(only.clone()) } else { None };
            Some(words("Base domain", help, only, names))
        },
        set: |spec, known, text| {
            spec.base_domain = given(text);
            if known.zones.is_none() {
                return Ok(());
            }
            if text.is_empty() || known.zone(text).is_some() {
                return Ok(());
            }
            let there = match known.zone_names().as_slice() {
                [] => "there is none".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            Err(Refusal::new(
                "--base-domain",
                text,
                format!("the subscription has no public DNS zone of this name; {there}"),
                format!("`az network dns zone create -g GROUP -n {text}`, or give another domain"),
            ))
        },
    },
    Item {
        flag: "--location",
        field: "location",
        advanced: false,
        // The management cluster's region is taken as it is; it can be changed with the rest.
        question: |known, spec| if known.region.is_some() { None } else { region(known, spec) },
        set: set_region,
    },
    Item {
        flag: "--release-image",
        field: "release_image",
        advanced: false,
        question: |known, spec| {
            if spec.release_stream.is_some() {
                return None;
            }
            let help = "A version such as 4.22.3, or a release image";
            Some(plain("Release", help, known.release.clone()))
        },
        set: |spec, known, text| {
            let is_version = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['/', ':', '@']);
            let image = match text {
                version if is_version => format!("quay.io/openshift-release-dev/ocp-release:{version}-multi"),
                image => image.to_owned(),
            };
            spec.release_image = given(&image);
            if known.supports(&image) {
                return Ok(());
            }
            let minors = known.supported_words().unwrap_or_default();
            Err(Refusal::new(
                "--release-image",
                image,
                format!("the HyperShift operator supports {minors}"),
                "give a release of one of these",
            ))
        },
    },
    Item {
        flag: "--pull-secret",
        field: "pull_secret",
        advanced: false,
        question: |known, _| {
            let help = "Downloaded from console.redhat.com/openshift/install/pull-secret";
            Some(file("Pull secret file", help, known.files.get("--pull-secret")))
        },
        set: |spec, _, text| {
            spec.pull_secret = given(text);
            Ok(())
        },
    },
    Item {
        flag: "--sa-token-issuer-private-key-path",
        field: "sa_token_issuer_private_key_path",
        advanced: false,
        question: |known, spec| {
            if spec.infra_json.is_some() {
                return None;
            }
            let help = "The issuer's private key, as `create oidc-issuer` wrote it";
            Some(file("Signing key file", help, known.files.get("--sa-token-issuer-private-key-path")))
        },
        set: |spec, _, text| {
            spec.sa_token_issuer_private_key_path = given(text);
            Ok(())
        },
    },
    Item {
        flag: "--oidc-issuer-url",
        field: "oidc_issuer_url",
        advanced: false,
        question: |known, spec| {
            if spec.infra_json.is_some() {
                return None;
            }
            let help = "The address that `create oidc-issuer` printed; it must publish this key";
            Some(words("OIDC issuer", help, None, known.issuers.iter().cloned().collect()))
        },
        set: |spec, _, text| {
            spec.oidc_issuer_url = given(text);
            Ok(())
        },
    },
    Item {
        flag: "--assign-service-principal-roles",
        field: "assign_service_principal_roles",
        advanced: false,
        question: |_, spec| {
            if spec.infra_json.is_some() {
                return None;
            }
            let help = "What the identities may do; takes Owner or User Access Administrator";
            Some(yes_or_no("Assign roles", help, true))
        },
        set: |spec, known, text| {
            spec.assign_service_principal_roles = is_yes("--assign-service-principal-roles", text)?;
            let domain = spec.base_domain.as_deref().unwrap_or_default();
            if spec.assign_service_principal_roles && spec.dns_zone_rg_name.is_none() {
                spec.dns_zone_rg_name = known.zone(domain).and_then(|zone| zone.resource_group()).map(str::to_owned);
            }
            Ok(())
        },
    },
    Item {
        flag: "--dns-zone-rg-name",
        field: "dns_zone_rg_name",
        advanced: false,
        question: |_, spec| {
            if !spec.assign_service_principal_roles || spec.dns_zone_rg_name.is_some() {
                return None;
            }
            Some(plain("Resource group of the DNS zone", "Where the ingress identity needs a role", None))
        },
        set: |spec, _, text| {
            spec.dns_zone_rg_name = given(text);
            Ok(())
        },
    },
    Item {
        flag: "--node-pool-replicas",
        field: "node_pool_replicas",
        advanced: false,
        question: |_, _| {
            Some(plain("Nodes", "How many worker nodes to begin with; -1 makes no NodePool", Some("2".into())))
        },
        set: |spec, _, text| {
            let why =
                |_| Refusal::new("--node-pool-replicas", text, "it is no whole number", "give a number such as 2");
            spec.node_pool_replicas = text.parse().map_err(why)?;
            Ok(())
        },
    },
    Item {
        flag: "--instance-type",
        field: "instance_type",
        advanced: false,
        question: |_, spec| {
            let usual = if spec.arch == "arm64" { "Standard_D4ps_v5" } else { "Standard_D4s_v5" };
            (spec.node_pool_replicas >= 0).then(|| {
                plain("VM size", "The size of the worker nodes; `az vm list-sizes` lists them", Some(usual.into()))
            })
        },
        set: |spec, _, text| {
            text.clone_into(&mut spec.machines.instance_type);
            Ok(())
        },
    },
    Item {
        flag: "--location",
        field: "location",
        advanced: true,
        question: |known, spec| if known.region.is_some() { region(known, spec) } else { None },
        set: set_region,
    },
    Item {
        flag: "--control-plane-availability-policy",
        field: "control_plane_availability_policy",
        advanced: true,
        question: |_, spec| {
            let both = ["SingleReplica", "HighlyAvailable"].map(str::to_owned).to_vec();
            let help = "Replicas of the control plane: SingleReplica or HighlyAvailable";
            Some(words("Control plane", help, Some(spec.control_plane_availability_policy.clone()), both))
        },
        set: |spec, _, text| {
            text.clone_into(&mut spec.control_plane_availability_policy);
            Ok(())
        },
    },
    Item {
        flag: "--endpoint-access",
        field: "endpoint_access",
        advanced: true,
        question: |_, spec| {
            let all = ["Public", "PublicAndPrivate", "Private"].map(str::to_owned).to_vec();
            let help = "Who reaches the control plane: Public, PublicAndPrivate or Private";
            Some(words("Endpoint access", help, Some(spec.endpoint_access.clone()), all))
        },
        set: |spec, _, text| {
            text.clone_into(&mut spec.endpoint_access);
            Ok(())
        },
    },
    Item {
        flag: "--endpoint-access-private-nat-subnet-id",
        field: "endpoint_access_private_nat_subnet_id",
        advanced: true,
        question: |_, spec| {
            let private = !["", "Public"].contains(&spec.endpoint_access.as_str());
            let help = "The subnet for the Private Link service, in the management cluster's VNet: its ARM id";
            private.then(|| plain("NAT subnet id", help, None))
        },
        set: |spec, _, text| {
            spec.endpoint_access_private_nat_subnet_id = given(text);
            Ok(())
        },
    },
    Item {
        flag: "--availability-zones",
        field: "availability_zones",
        advanced: true,
        question: |_, _| {
            Some(plain("Zones", "Zones of the nodes, such as 1,2,3, with a NodePool each; empty for none", None))
        },
        set: |spec, _, text| {
            spec.availability_zones = list(text);
            Ok(())
        },
    },
    Item {
        flag: "--cluster-cidr",
        field: "cluster_cidr",
        advanced: true,
        question: |_, _| Some(plain("Network of pods", "In CIDR form", Some("10.132.0.0/14".into()))),
        set: |spec, _, text| {
            spec.cluster_cidr = list(text);
            Ok(())
        },
    },
    Item {
        flag: "--service-cidr",
        field: "service_cidr",
        advanced: true,
        question: |_, _| Some(plain("Network of services", "In CIDR form", Some("172.31.0.0/16".into()))),
        set: |spec, _, text| {
            spec.service_cidr = list(text);
            Ok(())
        },
    },
    Item {
        flag: "--resource-group-name",
        field: "resource_group_name",
        advanced: true,
        question: |_, spec| {
            let help = "A resource group that exists, for all that is made; empty makes groups of the cluster's own";
            spec.infra_json.is_none().then(|| plain("Resource group", help, None))
        },
        set: |spec, _, text| {
            spec.resource_group_name = given(text);
            Ok(())
        },
    },
    Item {
        flag: "--infra-id",
        field: "infra_id",
        advanced: true,
        question: |_, spec| {
            let help = "The infra id, part of every name in Azure; empty chooses one";
            spec.infra_json.is_none().then(|| plain("Infra id", help, None))
        },
        set: |spec, _, text| {
            spec.infra_id = given(text);
            Ok(())
        },
    },
];

/// What leads to the advanced questions.
pub(super) fn gate() -> Question {
    yes_or_no("More", "Region, networks, zones, availability, access, groups: `yes` asks for each", false)
}

/// `y`, `yes`, `n` or `no`.
///
/// # Errors
/// A refusal of any other answer.
pub(super) fn is_yes(flag: &'static str, text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err(Refusal::new(flag, text, "it is neither yes nor no", "answer `yes` or `no`")),
    }
}

fn region(known: &Known, spec: &ClusterSpec) -> Option<Question> {
    let usual = known.region.clone().unwrap_or_else(|| spec.location.clone());
    let help = "The Azure region; the management cluster's own is the nearest";
    spec.infra_json.is_none().then(|| words("Region", help, Some(usual), known.regions.clone()))
}

fn set_region(spec: &mut ClusterSpec, known: &Known, text: &str) -> Result<(), Refusal> {
    text.clone_into(&mut spec.location);
    plan::infra::check_region(text, &known.regions)
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn plain(text: &str, help: impl Into<String>, default: Option<String>) -> Question {
    Question { text: text.into(), help: help.into(), default, completion: Completion::Nothing }
}

fn words(text: &str, help: impl Into<String>, default: Option<String>, words: Vec<String>) -> Question {
    Question { completion: Completion::Words(words), ..plain(text, help, default) }
}

fn file(text: &str, help: &str, found: Option<&String>) -> Question {
    Question { completion: Completion::Files, ..plain(text, help, found.cloned()) }
}

fn yes_or_no(text: &str, help: &str, yes: bool) -> Question {
    let default = if yes { "yes" } else { "no" };
    words(text, help, Some(default.into()), vec!["yes".into(), "no".into()])
}
