//! DNS: zones, records, what resolves, who writes records, and the API server behind the names.
//!
//! Names are in lower case and without a dot at their end; addresses are text as DNS writes them.

use serde::{Deserialize, Serialize};

use crate::hosted::{LogLine, Workload};
use crate::{ArmId, Fact};

/// DNS: zones, records, what resolves, who writes records, and the API server behind the names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Names {
    /// Public zones of the subscription that hold, or could hold, names of the cluster; sorted by name and id.
    pub zones: Fact<Vec<Zone>>,
    /// Private zones of the subscription that could answer for names of the cluster; sorted by name and id.
    pub private_zones: Fact<Vec<PrivateZone>>,
    /// What the zone above the base domain says of it.
    pub delegation: Fact<Delegation>,
    /// What DNS answers for the public names of the cluster, sorted by name; empty when it has none.
    pub hosts: Fact<Vec<Host>>,
    /// Services of type LoadBalancer in the control plane namespace, sorted by name.
    pub load_balancers: Fact<Vec<ServiceAddresses>>,
    /// ExternalDNS of the management cluster; absent when it is not installed.
    pub external_dns: Fact<ExternalDns>,
    /// Lines of ExternalDNS's log that speak of Entra or Azure refusals.
    pub external_dns_log: Fact<Vec<LogLine>>,
    /// The hosted API server, tried from here; absent when the cluster publishes no kubeconfig yet.
    pub api_server: Fact<ApiServer>,
}

/// A public DNS zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// Its ARM id.
    pub id: ArmId,
    /// The domain.
    pub name: String,
    /// Azure's name servers for it.
    pub name_servers: Vec<String>,
    /// The record sets that bear on the cluster, sorted by name and type.
    #[serde(default)]
    pub records: Fact<Vec<RecordSet>>,
}

/// A set of records of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordSet {
    /// The full name.
    pub name: String,
    /// `A`, `AAAA`, `CNAME` or `TXT`.
    pub kind: String,
    /// Seconds for which resolvers keep it.
    pub ttl: Option<u32>,
    /// Addresses, the canonical name, or texts; the ARM id of the target for an alias record.
    pub values: Vec<String>,
}

/// A private DNS zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateZone {
    /// Its ARM id.
    pub id: ArmId,
    /// The domain.
    pub name: String,
    /// Its links to virtual networks.
    #[serde(default)]
    pub links: Fact<Vec<VnetLink>>,
    /// All its record sets of types A, AAAA and CNAME, sorted by name and type.
    #[serde(default)]
    pub records: Fact<Vec<RecordSet>>,
}

/// A link of a private zone to a virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VnetLink {
    /// Its name.
    pub name: String,
    /// The virtual network.
    pub vnet_id: ArmId,
    /// `Completed` when it works.
    pub state: Option<String>,
    /// `NxDomainRedirect` when names that the zone lacks are looked for on the Internet; `Default` otherwise.
    pub resolution_policy: Option<String>,
}

/// What is said of the base domain where it is delegated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delegation {
    /// The zone above, as far as it was found.
    pub parent: Option<String>,
    /// The name servers that a server of the zone above names.
    pub at_parent: Fact<Answer>,
    /// The name servers that the resolver of this machine names.
    pub at_resolver: Fact<Answer>,
}

/// An answer of a DNS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The server that was asked, by name or address.
    pub server: String,
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` …
    pub code: String,
    /// Addresses or name servers, sorted; empty when the name does not exist or has none.
    pub values: Vec<String>,
    /// The names that the answer led over (CNAME).
    #[serde(default)]
    pub aliases: Vec<String>,
    /// For how many more seconds the server keeps it that there is nothing (SOA of a negative answer).
    #[serde(default)]
    pub negative_ttl: Option<u32>,
}

impl Answer {
    /// Whether the server says that there is no such thing: no such name, or none of that type.
    pub fn is_negative(&self) -> bool {
        self.values.is_empty() && matches!(self.code.as_str(), "NXDOMAIN" | "NOERROR")
    }

    /// Whether the server could not or would not say.
    pub fn is_failure(&self) -> bool {
        !matches!(self.code.as_str(), "NXDOMAIN" | "NOERROR")
    }
}

/// A public name of the cluster and what DNS answers for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// The name.
    pub name: String,
    /// What is published under it: `APIServer`, `OAuthServer`, `Konnectivity` or `Ignition`.
    pub service: String,
    /// What a server of the zone that holds it says.
    pub authoritative: Fact<Answer>,
    /// What the resolver of this machine says.
    pub resolver: Fact<Answer>,
}

/// The addresses of a Service of type LoadBalancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAddresses {
    /// The Service's name.
    pub name: String,
    /// `status.loadBalancer.ingress`: addresses and host names.
    pub addresses: Vec<String>,
}

/// ExternalDNS, which writes the public names of hosted clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalDns {
    /// Its namespace.
    pub namespace: String,
    /// Its Deployment.
    pub workload: Workload,
    /// Its arguments, less anything that looks like a secret.
    pub args: Vec<String>,
    /// The shape of its credentials; absent when the Secret does not exist.
    pub credentials: Fact<DnsCredentials>,
}

impl ExternalDns {
    /// The values of a flag, given as `--flag=value` or `--flag value`.
    pub fn flag(&self, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if let Some(value) = arg.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                values.push(value);
            } else if arg == name {
                values.extend(args.next().map(String::as_str));
            }
        }
        values
    }
}

/// What the credentials of ExternalDNS hold; never a secret value.
///
/// Source: kubernetes-sigs/external-dns, docs/tutorials/azure.md (the file of `--azure-config-file`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DnsCredentials {
    /// The Secret's name.
    pub secret: String,
    /// Why it cannot be understood.
    pub problem: Option<String>,
    /// `tenantId`.
    pub tenant_id: Option<String>,
    /// `subscriptionId`.
    pub subscription_id: Option<String>,
    /// `resourceGroup`: that of the zones.
    pub resource_group: Option<String>,
    /// `aadClientId`.
    pub client_id: Option<String>,
    /// Whether `aadClientSecret` holds something.
    pub has_client_secret: bool,
    /// Whether it signs in as a managed or workload identity, without a secret.
    pub uses_identity: bool,
}

/// The hosted API server, as tried from where the facts were collected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiServer {
    /// The host of the published kubeconfig.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The stages that were tried, in order; the last one may have failed.
    pub stages: Vec<Stage>,
    /// The certificate that it presented.
    pub certificate: Option<Certificate>,
    /// The lines of `/readyz?verbose` that say no.
    pub not_ready: Vec<String>,
    /// `gitVersion` of `/version`.
    pub version: Option<String>,
}

/// A stage on the way to the API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Which one.
    pub stage: StageKind,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What went wrong.
    pub problem: Option<String>,
}

/// The stages on the way to the API server, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StageKind {
    /// Finding the address of the host.
    Resolve,
    /// Connecting.
    Tcp,
    /// The TLS handshake, and whether the certificate is the cluster's and names the host.
    Tls,
    /// `/readyz`, with the credentials of the kubeconfig.
    Ready,
    /// `/version`.
    Version,
}

impl StageKind {
    /// What to call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Tcp => "connect",
            Self::Tls => "TLS",
            Self::Ready => "/readyz",
            Self::Version => "/version",
        }
    }
}

/// A certificate, public parts only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The end of its validity.
    pub not_after: Option<jiff::Timestamp>,
    /// The names it is for, when the host is not among them.
    pub names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_both_spellings() {
        let dns = ExternalDns {
            namespace: "hypershift".into(),
            workload: Workload {
                kind: "Deployment".into(),
                name: "external-dns".into(),
                desired: 1,
                ready: 1,
                created_at: None,
                conditions: Vec::new(),
            },
            args: ["--domain-filter=a.example", "--domain-filter", "b.example", "--domain-filters=c", "--registry=txt"]
                .map(String::from)
                .to_vec(),
            credentials: Fact::Absent,
        };
        assert_eq!(dns.flag("--domain-filter"), ["a.example", "b.example"]);
        assert_eq!(dns.flag("--registry"), ["txt"]);
        assert!(dns.flag("--txt-owner-id").is_empty());
    }

    #[test]
    fn negative_is_not_failed() {
        let answer = |code: &str| Answer {
            server: "s".into(),
            code: code.into(),
            values: Vec::new(),
            aliases: Vec::new(),
            negative_ttl: None,
        };
        assert!(answer("NXDOMAIN").is_negative() && answer("NOERROR").is_negative());
        assert!(answer("SERVFAIL").is_failure() && !answer("SERVFAIL").is_negative());
    }
}
