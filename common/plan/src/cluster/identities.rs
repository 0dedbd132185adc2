//! The identities of a managed cluster as files hold them.

use std::collections::BTreeMap;

use facts::arm_id::is_guid;
use serde_json::{Map, Value, json};

use crate::identities::CLIENT_ID;

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

/// The identities of the data plane of a managed cluster, and the components of [`facts::catalogue`] that they are kin to.
const DATA_PLANE: [(&str, &str); 3] =
    [("imageRegistryMSIClientID", "imageRegistry"), ("diskMSIClientID", "disk"), ("fileMSIClientID", "file")];

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
        Self(DATA_PLANE.iter().map(|(key, _)| ((*key).to_owned(), text(object, key))).collect())
    }

    /// The client ids by the keys of the components that they are kin to.
    pub fn by_component(&self) -> impl Iterator<Item = (&'static str, &str)> {
        DATA_PLANE.iter().filter_map(|(key, component)| Some((*component, self.0.get(*key)?.as_str())))
    }

    /// Checks that each has a client id.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        match self.0.iter().find(|(_, id)| !is_guid(id)) {
            None => Ok(()),
            Some((key, id)) if id.is_empty() => Err(format!("{key} is missing")),
            Some((key, id)) => Err(format!("{key} '{id}' is no GUID")),
        }
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

    /// Checks the client ids of the control plane; those that are not told are passed over.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut ids = self.control_plane.iter().map(|(key, (id, _))| (key, id));
        match ids.find(|(_, id)| !id.is_empty() && !is_guid(id)) {
            None => Ok(()),
            Some((key, id)) => Err(format!("the client id '{id}' of {key} is no GUID")),
        }
    }

    /// As a HostedCluster holds them.
    pub(crate) fn object(&self) -> Value {
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

    #[test]
    fn client_ids_are_guids_where_they_are_needed() {
        let guid = "00000000-0000-0000-0000-000000000001";
        let of = |disk: &str| {
            let file = json!({"diskMSIClientID": disk, "fileMSIClientID": guid, "imageRegistryMSIClientID": guid});
            DataPlaneIdentities::of(&file)
        };
        of(guid).check().unwrap();
        assert_eq!(of("").check().unwrap_err(), "diskMSIClientID is missing");
        assert_eq!(of("d").check().unwrap_err(), "diskMSIClientID 'd' is no GUID");
        let kin: Vec<(&str, String)> = of("d").by_component().map(|(key, id)| (key, id.to_owned())).collect();
        assert_eq!(kin[1], ("disk", "d".to_owned()));
        let managed = |id: &str| ManagedIdentities {
            control_plane: BTreeMap::from([("disk".to_owned(), (id.to_owned(), "s".to_owned()))]),
            ..ManagedIdentities::default()
        };
        for fine in ["", guid] {
            managed(fine).check().unwrap();
        }
        assert!(managed("d").check().unwrap_err().contains("'d' of disk"));
    }
}
