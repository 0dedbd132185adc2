//! What workers have to reach in the Internet: the list that the egress probe tries.

/// The version of [`ADDRESSES`]: a report of another list is told as such.
pub const LIST: &str = "2026-11";

/// The label of the probe's pods, and the namespace in the hosted cluster where they run.
pub const LABEL: &str = "hcp-azure.io/egress-probe";
/// See [`LABEL`].
pub const NAMESPACE: &str = "default";

/// An address that workers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Host; TLS on port 443.
    pub host: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Whether a cluster does not work without it; clusters with mirrored images do without registries.
    pub required: bool,
}

const fn address(host: &'static str, purpose: &'static str, required: bool) -> Address {
    Address { host, purpose, required }
}

/// The addresses that are the same in every cloud. Entra and Resource Manager of the cloud come on top, and are required.
///
/// Source: OpenShift Container Platform documentation, "Configuring your firewall".
pub const ADDRESSES: [Address; 10] = [
    address("quay.io", "release images", true),
    address("cdn.quay.io", "layers of release images", true),
    address("cdn01.quay.io", "layers of release images", true),
    address("cdn02.quay.io", "layers of release images", true),
    address("cdn03.quay.io", "layers of release images", true),
    address("registry.redhat.io", "images of operators", true),
    address("registry.access.redhat.com", "images of operators", false),
    address("sso.redhat.com", "sign-in to registries and telemetry", false),
    address("api.openshift.com", "update graph", false),
    address("console.redhat.com", "insights", false),
];

/// The entry of a `host:port`; none for Entra and Resource Manager, whose names depend on the cloud.
pub fn entry(address: &str) -> Option<&'static Address> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    ADDRESSES.iter().find(|entry| entry.host == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_address() {
        assert_eq!(entry("quay.io:443").map(|entry| entry.required), Some(true));
        assert_eq!(entry("login.microsoftonline.com:443"), None);
    }
}
