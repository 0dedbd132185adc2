//! Managed identities of a HostedCluster, and the SecretProviderClasses that bring their credentials.

use std::collections::BTreeMap;

use facts::fleet::{ManagedIdentities, ManagedIdentity, SecretObject, SecretProviderClass};
use serde_json::Value;

use super::json::{members, str_at, string, text};

/// The managed identities that a HostedCluster names; none where it signs in otherwise.
pub fn managed_identities(object: &Value) -> Option<ManagedIdentities> {
    let config = "/spec/platform/azure/azureAuthenticationConfig/managedIdentities/controlPlane";
    let plane = object.pointer(config)?;
    let identity = |value: &Value| {
        Some(ManagedIdentity {
            client_id: text(value, "/clientID"),
            secret_name: text(value, "/credentialsSecretName")?,
            encoding: string(value, "/objectEncoding"),
        })
    };
    let mut identities: BTreeMap<String, ManagedIdentity> =
        members(object, config).filter_map(|(key, value)| Some((key.clone(), identity(value)?))).collect();
    if let Some(kms) = object.pointer("/spec/secretEncryption/kms/azure/kms").and_then(identity) {
        identities.insert("kms".to_owned(), kms);
    }
    Some(ManagedIdentities {
        vault: string(plane, "/managedIdentitiesKeyVault/name"),
        tenant_id: string(plane, "/managedIdentitiesKeyVault/tenantID"),
        identities,
    })
}

/// Reads a SecretProviderClass of provider `azure`; none for another.
pub fn secret_provider_class(object: &Value) -> Option<SecretProviderClass> {
    if str_at(object, "/spec/provider") != Some("azure") {
        return None;
    }
    Some(SecretProviderClass {
        name: text(object, "/metadata/name")?,
        vault: string(object, "/spec/parameters/keyvaultName"),
        tenant_id: string(object, "/spec/parameters/tenantId"),
        reader_client_id: string(object, "/spec/parameters/userAssignedIdentityID"),
        objects: secret_objects(str_at(object, "/spec/parameters/objects").unwrap_or_default()),
    })
}

/// The parameter `objects`: YAML with an array of YAML texts.
fn secret_objects(text: &str) -> Vec<SecretObject> {
    #[derive(serde::Deserialize)]
    struct List {
        #[serde(default)]
        array: Vec<String>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        object_name: String,
        #[serde(default)]
        object_encoding: Option<String>,
    }
    let list: List = serde_saphyr::from_str(text).unwrap_or(List { array: Vec::new() });
    let entries = list.array.iter().filter_map(|entry| serde_saphyr::from_str::<Entry>(entry).ok());
    entries
        .map(|entry| SecretObject {
            name: entry.object_name,
            encoding: entry.object_encoding.filter(|it| !it.is_empty()).unwrap_or_else(|| "utf-8".to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_operator_writes_is_read() {
        let objects = "\narray:\n  - |\n    objectName: disk\n    objectEncoding: hex\n    objectType: secret\n";
        let class = json!({"metadata": {"name": "managed-azure-disk-csi"}, "spec": {"provider": "azure", "parameters": {
            "keyvaultName": "kv", "tenantId": "t", "userAssignedIdentityID": "u", "objects": objects}}});
        let class = secret_provider_class(&class).unwrap();
        assert_eq!((class.vault.as_str(), class.reader_client_id.as_str()), ("kv", "u"));
        assert_eq!(class.objects, [SecretObject { name: "disk".into(), encoding: "hex".into() }]);
        assert_eq!(secret_provider_class(&json!({"metadata": {"name": "x"}, "spec": {"provider": "aws"}})), None);
        assert!(secret_objects("array: 1").is_empty() && secret_objects("{").is_empty());
    }

    #[test]
    fn the_identities_that_a_cluster_names() {
        let cluster = json!({"spec": {
            "secretEncryption": {"kms": {"azure": {"kms": {"credentialsSecretName": "kms", "objectEncoding": "utf-8"}}}},
            "platform": {"azure": {"azureAuthenticationConfig": {"managedIdentities": {"controlPlane": {
                "managedIdentitiesKeyVault": {"name": "kv", "tenantID": "t"},
                "disk": {"clientID": "c", "credentialsSecretName": "disk", "objectEncoding": "hex"}}}}}}}});
        let found = managed_identities(&cluster).unwrap();
        assert_eq!(found.vault, "kv");
        assert_eq!(found.identities.keys().collect::<Vec<_>>(), ["disk", "kms"]);
        assert_eq!(managed_identities(&json!({})), None);
    }
}
