//! AzurePrivateLinkService, and what an operator's Deployment says about private clusters.

use facts::ArmId;
use facts::private_link::{AzurePrivateLinkService, OperatorCredentials, OperatorSetup};
use serde_json::Value;

use super::json::{conditions, items, str_at, string, strings, text, time};

/// Reads an AzurePrivateLinkService; none without a name.
pub fn private_link_service(object: &Value) -> Option<AzurePrivateLinkService> {
    let id = |pointer: &str| text(object, pointer).map(ArmId::new);
    Some(AzurePrivateLinkService {
        name: text(object, "/metadata/name")?,
        created_at: time(object, "/metadata/creationTimestamp"),
        load_balancer_ip: text(object, "/spec/loadBalancerIP"),
        base_domain: text(object, "/spec/baseDomain"),
        additional_subscriptions: strings(object, "/spec/additionalAllowedSubscriptions"),
        internal_load_balancer_id: id("/status/internalLoadBalancerID"),
        private_link_service_id: id("/status/privateLinkServiceID"),
        private_endpoint_id: id("/status/privateEndpointID"),
        private_endpoint_ip: text(object, "/status/privateEndpointIP"),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Reads how a HyperShift operator's Deployment is set up for private clusters.
///
/// Values of its environment are names and ids; the credentials themselves are in a Secret, of which only the name is kept.
pub fn operator_setup(object: &Value) -> OperatorSetup {
    const PLATFORM: &str = "--private-platform";
    let containers = items(object, "/spec/template/spec/containers");
    let named = containers.iter().find(|container| str_at(container, "/name") == Some("operator"));
    let container = named.or(containers.first()).unwrap_or(&Value::Null);
    let args = strings(container, "/args");
    // Both spellings of the flag package: `--flag=value` and `--flag value`.
    let platform = args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix(PLATFORM)? {
        "" => args.get(at + 1).cloned(),
        rest => rest.strip_prefix('=').map(str::to_owned),
    });
    let variable = |name: &str| {
        let entry = items(container, "/env").iter().find(|entry| str_at(entry, "/name") == Some(name))?;
        text(entry, "/value")
    };
    let credentials = match (variable("AZURE_PLS_CLIENT_ID"), variable("AZURE_CREDENTIALS_FILE")) {
        (Some(client_id), _) => Some(OperatorCredentials::WorkloadIdentity { client_id }),
        (None, Some(file)) => Some(OperatorCredentials::Secret { name: mounted_secret(object, container, &file) }),
        (None, None) => None,
    };
    OperatorSetup {
        namespace: string(object, "/metadata/namespace"),
        private_platform: platform.unwrap_or_else(|| "None".to_owned()),
        resource_group: variable("AZURE_RESOURCE_GROUP"),
        credentials,
        subscription: variable("AZURE_SUBSCRIPTION_ID"),
    }
}

/// The Secret that is mounted above a file.
fn mounted_secret(object: &Value, container: &Value, file: &str) -> Option<String> {
    let mounts = items(container, "/volumeMounts").iter().filter(|mount| {
        let path = str_at(mount, "/mountPath").unwrap_or_default().trim_end_matches('/');
        !path.is_empty() && file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    });
    mounts.filter_map(|mount| str_at(mount, "/name")).find_map(|name| {
        let volume = items(object, "/spec/template/spec/volumes").iter().find(|v| str_at(v, "/name") == Some(name))?;
        text(volume, "/secret/secretName")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_with_and_without_status() {
        let found = private_link_service(&json!({
            "metadata": {"name": "private-router", "creationTimestamp": "2026-11-18T08:00:00Z"},
            "spec": {"loadBalancerIP": "10.9.0.7", "baseDomain": "hcp.example.com", "additionalAllowedSubscriptions": ["s2"]},
            "status": {
                "privateLinkServiceID": "/pls", "privateEndpointIP": "10.0.0.9",
                "conditions": [{"type": "AzurePLSCreated", "status": "True", "reason": "AzureSuccess", "message": ""}],
            },
        }))
        .unwrap();
        assert_eq!(found.private_link_service_id, Some(ArmId::from("/pls")));
        assert_eq!(found.private_endpoint_ip.as_deref(), Some("10.0.0.9"));
        assert!(found.condition("AzurePLSCreated").unwrap().is_true());
        let bare = private_link_service(&json!({"metadata": {"name": "x"}})).unwrap();
        assert_eq!((bare.private_endpoint_id, bare.conditions.len()), (None, 0));
        assert_eq!(private_link_service(&json!({})), None);
    }

    fn deployment(args: Value, env: Value) -> Value {
        json!({"metadata": {"name": "operator", "namespace": "hypershift"}, "spec": {"template": {"spec": {
            "containers": [{"name": "operator", "args": args, "env": env,
                "volumeMounts": [{"name": "other", "mountPath": "/etc/azure"}, {"name": "creds", "mountPath": "/etc/azure-provider"}]}],
            "volumes": [{"name": "creds", "secret": {"secretName": "hypershift-operator-azure-credentials"}}],
        }}}})
    }

    #[test]
    fn operators_of_all_sorts() {
        let found = operator_setup(&deployment(json!(["run", "--private-platform=None"]), json!([])));
        assert_eq!((found.private_platform.as_str(), found.credentials), ("None", None));
        assert_eq!(operator_setup(&json!({})).private_platform, "None");

        let env = json!([{"name": "AZURE_RESOURCE_GROUP", "value": "mgmt"},
            {"name": "AZURE_CREDENTIALS_FILE", "value": "/etc/azure-provider/credentials"}]);
        let found = operator_setup(&deployment(json!(["--private-platform", "Azure"]), env));
        assert_eq!((found.private_platform.as_str(), found.resource_group.as_deref()), ("Azure", Some("mgmt")));
        let secret = Some("hypershift-operator-azure-credentials".to_owned());
        assert_eq!(found.credentials, Some(OperatorCredentials::Secret { name: secret }));

        let env =
            json!([{"name": "AZURE_PLS_CLIENT_ID", "value": "c"}, {"name": "AZURE_SUBSCRIPTION_ID", "value": "s"}]);
        let found = operator_setup(&deployment(json!(["--private-platform=Azure"]), env));
        assert_eq!(found.credentials, Some(OperatorCredentials::WorkloadIdentity { client_id: "c".into() }));
        assert_eq!(found.subscription.as_deref(), Some("s"));
    }
}
