//! The identities of a hosted cluster as files hold them.

use std::collections::BTreeMap;

use facts::catalogue::{self, Required};
use serde_json::{Map, Value, json};

use crate::identities::{ClientIds, KMS};

/// The member that holds an identity's client id.
pub(super) const CLIENT_ID: &str = "clientID";

const KMS_CLIENT_ID: &str = "kmsClientID";

/// The identities of the control plane of a managed cluster.
const MANAGED: [&str; 8] = [
    "cloudProvider",
    "nodePoolManagement",
    "controlPlaneOperator",
    "imageRegistry",
    "ingress",
    "network",
    "disk",
    "file",
];

/// The identities of the data plane of a managed cluster.
const DATA_PLANE: [&str; 3] = ["imageRegistryMSIClientID", "diskMSIClientID", "fileMSIClientID"];

/// Client ids of federated identities by the keys of [`facts::catalogue`], without that of KMS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadIdentities(pub BTreeMap<String, String>);

impl WorkloadIdentities {
    /// Reads `{"disk": {"clientID": …}, …}`. Keys that no HostedCluster has are passed over.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(object: &Map<String, Value>) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        for key in keys() {
            let identity = object.get(key).unwrap_or(&Value::Null);
            match identity.get(CLIENT_ID) {
                _ if identity.is_null() => {}
                Some(Value::String(id)) if !id.is_empty() => {
                    found.insert(key.to_owned(), id.clone());
                }
                _ => return Err(format!("{key} has no {CLIENT_ID}")),
            }
        }
        Ok(Self(found))
    }

    /// The keys that every cluster needs and that are missing.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        catalogue::COMPONENTS
            .iter()
            .filter(|component| component.required == Required::Always && !self.0.contains_key(component.key))
            .map(|component| component.key)
            .collect()
    }

    /// As a HostedCluster holds them.
    pub(super) fn object(&self) -> Value {
        self.0.iter().map(|(key, id)| (key.clone(), json!({ CLIENT_ID: id }))).collect()
    }
}

fn keys() -> impl Iterator<Item = &'static str> {
    catalogue::COMPONENTS.iter().filter(|component| component.required != Required::Kms).map(|component| component.key)
}

/// What `create iam` writes: identities and, beside them, the client id of KMS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadIdentitiesFile {
    /// The identities.
    pub identities: WorkloadIdentities,
    /// The client id of the KMS identity.
    pub kms_client_id: Option<String>,
}

impl WorkloadIdentitiesFile {
    /// Reads the content of the file.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(content: &Value) -> Result<Self, String> {
        let object = content.as_object().ok_or("it is no object")?;
        Ok(Self { identities: WorkloadIdentities::of(object)?, kms_client_id: kms_client_id(object)? })
    }
}

impl WorkloadIdentitiesFile {
    /// All client ids, that of KMS included.
    pub fn client_ids(&self) -> ClientIds {
        let kms = self.kms_client_id.clone().map(|id| (KMS.to_owned(), id));
        self.identities.0.clone().into_iter().chain(kms).collect()
    }
}

/// The `kmsClientID` of a file, if it has one.
pub(super) fn kms_client_id(object: &Map<String, Value>) -> Result<Option<String>, String> {
    match object.get(KMS_CLIENT_ID) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone()).filter(|id| !id.is_empty())),
        Some(_) => Err(format!("{KMS_CLIENT_ID} is no text")),
    }
}

/// The identities of a managed cluster: certificates in a Key Vault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedIdentities {
    /// The name of the Key Vault.
    pub key_vault: String,
    /// The tenant of the Key Vault.
    pub key_vault_tenant: String,
    /// Client id, which may be empty, and name of the vault's secret by identity.
    pub control_plane: BTreeMap<String, (String, String)>,
    /// The identities of the data plane.
    pub data_plane: DataPlaneIdentities,
}

/// Client ids of the data plane by their keys in the HostedCluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataPlaneIdentities(pub BTreeMap<String, String>);

impl DataPlaneIdentities {
    /// Reads `{"diskMSIClientID": …, …}`; what is missing is empty.
    pub fn of(object: &Value) -> Self {
        Self(DATA_PLANE.iter().map(|key| ((*key).to_owned(), text(object, key))).collect())
    }
}

impl ManagedIdentities {
    /// Reads the flat form of the managed identities file: the vault and eight identities.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(content: &Value, data_plane: DataPlaneIdentities) -> Result<Self, String> {
        let vault = content.get("managedIdentitiesKeyVault").unwrap_or(&Value::Null);
        let mut control_plane = BTreeMap::new();
        for key in MANAGED {
            let identity = content.get(key).filter(|identity| identity.is_object());
            let identity = identity.ok_or_else(|| format!("identity {key} is missing"))?;
            let secret = text(identity, "credentialsSecretName");
            if !is_secret_name(&secret) {
                return Err(format!("credentialsSecretName '{secret}' of {key} is no name of a Key Vault secret"));
            }
            control_plane.insert(key.to_owned(), (text(identity, CLIENT_ID), secret));
        }
        let (key_vault, key_vault_tenant) = (text(vault, "name"), text(vault, "tenantID"));
        if key_vault.is_empty() || key_vault_tenant.is_empty() {
            return Err("managedIdentitiesKeyVault lacks its name or tenantID".to_owned());
        }
        Ok(Self { key_vault, key_vault_tenant, control_plane, data_plane })
    }

    /// As a HostedCluster holds them.
    pub(super) fn object(&self) -> Value {
        let mut control_plane: Map<String, Value> = Map::new();
        for (key, (client_id, secret)) in &self.control_plane {
            let mut identity = json!({"credentialsSecretName": secret, "objectEncoding": OBJECT_ENCODING});
            if !client_id.is_empty() {
                identity[CLIENT_ID] = json!(client_id);
            }
            control_plane.insert(key.clone(), identity);
        }
        control_plane.insert(
            "managedIdentitiesKeyVault".to_owned(),
            json!({"name": self.key_vault, "tenantID": self.key_vault_tenant}),
        );
        json!({"controlPlane": control_plane, "dataPlane": self.data_plane.0})
    }
}

/// How certificates are encoded in the Key Vault.
pub(super) const OBJECT_ENCODING: &str = "utf-8";

/// Whether the CRD takes a text as the name of a Key Vault secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    (1..=127).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn text(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn workload_identities_by_the_catalogue() {
        let file = json!({"disk": {"clientID": "d", "resourceID": "/x"}, "tenantID": "t", "network": null, "kmsClientID": "k"});
        let read = WorkloadIdentitiesFile::of(&file).unwrap();
        assert_eq!(read.identities.0, BTreeMap::from([("disk".into(), "d".into())]));
        assert_eq!(read.kms_client_id.as_deref(), Some("k"));
        assert_eq!(read.identities.missing().len(), 6);
        assert_eq!(read.identities.object(), json!({"disk": {"clientID": "d"}}));
        for bad in [json!([]), json!({"disk": {}}), json!({"disk": "d"}), json!({"kmsClientID": 1})] {
            assert!(WorkloadIdentitiesFile::of(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn managed_identities_need_all_eight_and_a_vault() {
        let mut file = json!({"managedIdentitiesKeyVault": {"name": "kv", "tenantID": "t"}});
        for key in MANAGED {
            file[key] = json!({"clientID": "", "credentialsSecretName": format!("{key}-creds")});
        }
        let read = ManagedIdentities::of(&file, DataPlaneIdentities::of(&json!({"diskMSIClientID": "d"}))).unwrap();
        let object = read.object();
        assert_eq!(
            object["controlPlane"]["disk"],
            json!({"credentialsSecretName": "disk-creds", "objectEncoding": "utf-8"})
        );
        assert_eq!(object["dataPlane"]["diskMSIClientID"], "d");
        for (key, value) in [
            ("disk", json!(null)),
            ("file", json!({"credentialsSecretName": "a b"})),
            ("managedIdentitiesKeyVault", json!({})),
        ] {
            let mut broken = file.clone();
            broken[key] = value;
            assert!(ManagedIdentities::of(&broken, DataPlaneIdentities::default()).is_err(), "{key}");
        }
    }
}
