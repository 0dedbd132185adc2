//! ExternalDNS, the shape of its credentials, and Services of type LoadBalancer.

use facts::Fact;
use facts::dns::{DnsCredentials, ExternalDns, ServiceAddresses};
use facts::redact;
use serde_json::Value;

use super::json::{items, str_at, string, strings, text};
use super::workload::workload;

/// Reads ExternalDNS's Deployment, and the name of the Secret that it mounts; none without a name.
pub fn external_dns(object: &Value) -> Option<(ExternalDns, Option<String>)> {
    let containers = items(object, "/spec/template/spec/containers");
    let container = containers.iter().find(|one| str_at(one, "/name") == Some("external-dns")).or(containers.first());
    let args = container.map(|container| strings(container, "/args")).unwrap_or_default();
    let secret =
        items(object, "/spec/template/spec/volumes").iter().find_map(|volume| text(volume, "/secret/secretName"));
    let found = ExternalDns {
        namespace: string(object, "/metadata/namespace"),
        workload: workload(object, "Deployment")?,
        args: args.iter().map(|arg| redact::text(arg)).collect(),
        credentials: Fact::default(),
    };
    Some((found, secret))
}

/// What the credentials file of ExternalDNS holds, without any secret.
pub fn dns_credentials(secret: &str, content: Option<&[u8]>) -> DnsCredentials {
    let broken = |problem: &str| DnsCredentials {
        secret: secret.to_owned(),
        problem: Some(problem.to_owned()),
        ..DnsCredentials::default()
    };
    let Some(content) = content else {
        return broken("it has no key 'credentials'");
    };
    // The parser's message might quote what it stumbled over.
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(content) else {
        return broken("it holds no JSON object");
    };
    let of = |key: &str| members.get(key).and_then(Value::as_str).filter(|value| !value.trim().is_empty());
    let is = |key: &str| members.get(key).is_some_and(|value| value == &Value::Bool(true));
    DnsCredentials {
        secret: secret.to_owned(),
        problem: None,
        tenant_id: of("tenantId").map(str::to_owned),
        subscription_id: of("subscriptionId").map(str::to_owned),
        resource_group: of("resourceGroup").map(str::to_owned),
        client_id: of("aadClientId").map(str::to_owned),
        has_client_secret: of("aadClientSecret").is_some(),
        uses_identity: is("useManagedIdentityExtension") || is("useWorkloadIdentityExtension"),
    }
}

/// Reads a Service of type LoadBalancer; none of another type.
pub fn service_addresses(object: &Value) -> Option<ServiceAddresses> {
    (str_at(object, "/spec/type") == Some("LoadBalancer")).then_some(())?;
    let ingress = items(object, "/status/loadBalancer/ingress");
    let addresses = ingress.iter().filter_map(|one| text(one, "/ip").or_else(|| text(one, "/hostname"))).collect();
    Some(ServiceAddresses { name: text(object, "/metadata/name")?, addresses })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn external_dns_and_its_secret() {
        let object = json!({"metadata": {"name": "external-dns", "namespace": "hypershift"}, "spec": {"template": {"spec": {
            "containers": [{"name": "external-dns", "args": ["--provider=azure", "--azure-client-secret=s3cr3t"]}],
            "volumes": [{"name": "ca", "configMap": {}}, {"name": "credentials", "secret": {"secretName": "creds"}}]}}},
            "status": {"readyReplicas": 1}});
        let (found, secret) = external_dns(&object).unwrap();
        assert_eq!(secret.as_deref(), Some("creds"));
        assert_eq!(found.flag("--provider"), ["azure"]);
        assert!(!format!("{found:?}").contains("s3cr3t"), "{found:?}");
    }

    #[test]
    fn credentials_show_no_secret() {
        let file = br#"{"tenantId":"t","subscriptionId":"s","resourceGroup":"g","aadClientId":"c","aadClientSecret":"s3cr3t"}"#;
        let found = dns_credentials("creds", Some(file));
        assert!(found.has_client_secret && found.problem.is_none());
        assert_eq!((found.client_id.as_deref(), found.resource_group.as_deref()), (Some("c"), Some("g")));
        assert!(!format!("{found:?}").contains("s3cr3t"));
        let broken = dns_credentials("creds", Some(b"{\"aadClientSecret\": s3cr3t"));
        assert!(broken.problem.is_some() && !format!("{broken:?}").contains("s3cr3t"));
        assert!(dns_credentials("creds", None).problem.is_some());
        assert!(!dns_credentials("creds", Some(br#"{"aadClientSecret":" "}"#)).has_client_secret);
    }

    #[test]
    fn addresses_of_load_balancers() {
        let service = |kind: &str| {
            json!({"metadata": {"name": "router"}, "spec": {"type": kind},
            "status": {"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}, {"hostname": "x.example"}]}}})
        };
        assert_eq!(service_addresses(&service("LoadBalancer")).unwrap().addresses, ["20.1.2.3", "x.example"]);
        assert!(service_addresses(&service("ClusterIP")).is_none());
        assert!(
            service_addresses(&json!({"metadata": {"name": "new"}, "spec": {"type": "LoadBalancer"}}))
                .unwrap()
                .addresses
                .is_empty()
        );
    }
}
