//! How the services of a control plane are published.

use serde_json::{Value, json};

use super::spec::ClusterSpec;

/// Who may reach the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Public,
    PublicAndPrivate,
    Private,
}

/// The values of `--endpoint-access`.
pub(super) const ACCESS: [&str; 4] = ["", "Public", "PublicAndPrivate", "Private"];

impl Access {
    /// The access that was asked for. An unknown word, refused elsewhere, counts as public.
    pub fn of(spec: &ClusterSpec) -> Self {
        match spec.endpoint_access.as_str() {
            "PublicAndPrivate" => Self::PublicAndPrivate,
            "Private" => Self::Private,
            _ => Self::Public,
        }
    }

    /// As `spec.platform.azure.topology` holds it.
    pub fn topology(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::PublicAndPrivate => "PublicAndPrivate",
            Self::Private => "Private",
        }
    }
}

/// A published service: its name, strategy, and hostname.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub name: &'static str,
    pub strategy: &'static str,
    pub hostname: Option<String>,
}

/// The services, in the order in which a HostedCluster holds them.
///
/// External DNS names every service of a public cluster. A private one's ignition and konnectivity are reached inside its
/// network, under names that HyperShift makes by itself.
pub(super) fn services(spec: &ClusterSpec) -> Vec<Service> {
    let access = Access::of(spec);
    let hostname = |prefix: &str| {
        let domain = spec.external_dns_domain.as_deref()?;
        Some(format!("{prefix}-{}.{domain}", spec.name))
    };
    let named = hostname("api").is_some();
    let public_only = |prefix| hostname(prefix).filter(|_| access == Access::Public);
    let api = if named || access == Access::Private { "Route" } else { "LoadBalancer" };
    let oauth = if spec.oauth_publishing_strategy == "LoadBalancer" { "LoadBalancer" } else { "Route" };
    let service = |name, strategy, hostname| Service { name, strategy, hostname };
    vec![
        service("APIServer", api, hostname("api")),
        service("Ignition", "Route", public_only("ignition")),
        service("Konnectivity", "Route", public_only("konnectivity")),
        service("OAuthServer", oauth, hostname("oauth")),
    ]
}

impl Service {
    /// As `spec.services` holds it.
    pub fn object(&self) -> Value {
        let mut strategy = json!({"type": self.strategy});
        if let Some(hostname) = &self.hostname {
            let member = if self.strategy == "Route" { "route" } else { "loadBalancer" };
            strategy[member] = json!({"hostname": hostname});
        }
        json!({"service": self.name, "servicePublishingStrategy": strategy})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix, a row per access and external DNS: strategy and hostname prefix of each service.
    #[test]
    fn the_matrix() {
        let of = |access: &str, domain: Option<&str>, oauth: &str| -> String {
            let spec = ClusterSpec {
                name: "demo".into(),
                endpoint_access: access.into(),
                external_dns_domain: domain.map(Into::into),
                oauth_publishing_strategy: oauth.into(),
                ..ClusterSpec::default()
            };
            let short = |service: Service| {
                let host = service.hostname.unwrap_or_default();
                format!("{}:{}", service.strategy, host.split('-').next().unwrap_or_default())
            };
            services(&spec).into_iter().map(short).collect::<Vec<_>>().join(" ")
        };
        let domain = Some("ext.example.net");
        for (access, domain, oauth, want) in [
            ("Public", None, "Route", "LoadBalancer: Route: Route: Route:"),
            ("", domain, "", "Route:api Route:ignition Route:konnectivity Route:oauth"),
            ("PublicAndPrivate", None, "Route", "LoadBalancer: Route: Route: Route:"),
            ("PublicAndPrivate", domain, "Route", "Route:api Route: Route: Route:oauth"),
            ("Private", None, "Route", "Route: Route: Route: Route:"),
            ("Private", domain, "Route", "Route:api Route: Route: Route:oauth"),
            ("Public", None, "LoadBalancer", "LoadBalancer: Route: Route: LoadBalancer:"),
            ("Public", domain, "LoadBalancer", "Route:api Route:ignition Route:konnectivity LoadBalancer:oauth"),
        ] {
            assert_eq!(of(access, domain, oauth), want, "{access} {domain:?} {oauth}");
        }
    }

    #[test]
    fn the_hostname_stands_with_its_strategy() {
        let service =
            Service { name: "OAuthServer", strategy: "LoadBalancer", hostname: Some("oauth-demo.x.net".into()) };
        assert_eq!(
            service.object()["servicePublishingStrategy"],
            json!({"type": "LoadBalancer", "loadBalancer": {"hostname": "oauth-demo.x.net"}})
        );
    }
}
