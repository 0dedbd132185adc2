//! DNS: zones, records, what resolves, ExternalDNS, the API server as reached from here.

use facts::Need;
use facts::dns::{ApiServer, Delegation, ExternalDns, Host, PrivateZone, ServiceAddresses, Zone};
use facts::hosted::LogLine;

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// The public DNS zones of the subscription that could hold names of the cluster.
    pub fn dns_zones(&self) -> Read<'a, Vec<Zone>> {
        self.read(Need::DnsZones).names.zones.known("the list of DNS zones")
    }

    /// The private DNS zones of the subscription that could answer for names of the cluster.
    pub fn private_dns_zones(&self) -> Read<'a, Vec<PrivateZone>> {
        self.read(Need::DnsZones).names.private_zones.known("the list of private DNS zones")
    }

    /// What is said of the base domain where it is delegated.
    pub fn delegation(&self) -> Read<'a, Delegation> {
        self.read(Need::Resolution).names.delegation.known("the delegation of the base domain")
    }

    /// What DNS answers for the public names of the cluster.
    pub fn hosts(&self) -> Read<'a, Vec<Host>> {
        self.read(Need::Resolution).names.hosts.known("what DNS answers")
    }

    /// The Services of type LoadBalancer of the control plane.
    pub fn load_balancer_services(&self) -> Read<'a, Vec<ServiceAddresses>> {
        self.read(Need::Resolution).names.load_balancers.known("the Services of the control plane")
    }

    /// ExternalDNS; absent when it is not installed.
    pub fn external_dns(&self) -> Lookup<'a, ExternalDns> {
        self.read(Need::ExternalDns).names.external_dns.present()
    }

    /// Lines of ExternalDNS's log that speak of refusals; absent when there is no log.
    pub fn external_dns_log(&self) -> Lookup<'a, Vec<LogLine>> {
        self.read(Need::ExternalDns).names.external_dns_log.present()
    }

    /// The API server as reached from here; absent when no kubeconfig is published yet.
    pub fn api_server(&self) -> Lookup<'a, ApiServer> {
        self.read(Need::ApiServer).names.api_server.present()
    }
}
