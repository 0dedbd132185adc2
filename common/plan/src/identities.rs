//! The workload identities file: client ids by component, in upstream's flat JSON form; and which files of identities go
//! together.

use std::collections::BTreeMap;

use facts::arm_id::is_guid;
use facts::catalogue::{COMPONENTS, Required};
use serde_json::{Map, Value, json};

use crate::Refusal;

/// The keys of the file, in the order in which upstream writes them. The KMS identity stands apart, as `kmsClientID`.
pub const KEYS: [&str; 8] = [
    "imageRegistry",
    "ingress",
    "file",
    "disk",
    "nodePoolManagement",
    "cloudProvider",
    "network",
    "controlPlaneOperator",
];

/// The key in the catalogue of the identity that the file calls `kmsClientID`.
pub const KMS: &str = "kms";

/// The member that holds an identity's client id.
pub(crate) const CLIENT_ID: &str = "clientID";

const KMS_MEMBER: &str = "kmsClientID";

/// The client ids of the identities of a cluster, by the catalogue's key (`disk`, `kms` and so on).
pub type ClientIds = BTreeMap<String, String>;

/// The file's text for these identities.
pub fn text(ids: &ClientIds) -> String {
    let mut all = Map::new();
    for key in KEYS {
        if let Some(id) = ids.get(key) {
            all.insert(key.to_owned(), json!({ CLIENT_ID: id }));
        }
    }
    if let Some(id) = ids.get(KMS) {
        all.insert(KMS_MEMBER.to_owned(), json!(id));
    }
    // Upstream writes no line break at the end.
    format!("{:#}", Value::Object(all))
}

/// Client ids of federated identities by the keys of [`facts::catalogue`], without that of KMS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadIdentities(pub BTreeMap<String, String>);

impl WorkloadIdentities {
    /// Reads `{"disk": {"clientID": …}, …}`. Keys that no HostedCluster has are passed over, and so is an identity without
    /// a client id that a cluster can be without: upstream writes it so.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(object: &Map<String, Value>) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        for component in COMPONENTS.iter().filter(|component| component.required != Required::Kms) {
            let key = component.key;
            let identity = object.get(key).unwrap_or(&Value::Null);
            let id = match identity.get(CLIENT_ID) {
                None | Some(Value::Null) => "",
                Some(Value::String(id)) => id,
                Some(_) => return Err(format!("{key} has no text as its {CLIENT_ID}")),
            };
            let dispensable = identity.is_object() && component.required != Required::Always;
            match id {
                "" if identity.is_null() || dispensable => {}
                "" => return Err(format!("{key} has no {CLIENT_ID}")),
                id => drop(found.insert(key.to_owned(), id.to_owned())),
            }
        }
        Ok(Self(found))
    }

    /// The keys that every cluster needs and that are missing.
    pub fn missing(&self) -> Vec<&'static str> {
        COMPONENTS
            .iter()
            .filter(|component| component.required == Required::Always && !self.0.contains_key(component.key))
            .map(|component| component.key)
            .collect()
    }

    /// As a HostedCluster holds them.
    pub(crate) fn object(&self) -> Value {
        self.0.iter().map(|(key, id)| (key.clone(), json!({ CLIENT_ID: id }))).collect()
    }
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

    /// All client ids, that of KMS included.
    pub fn client_ids(&self) -> ClientIds {
        let kms = self.kms_client_id.clone().map(|id| (KMS.to_owned(), id));
        self.identities.0.clone().into_iter().chain(kms).collect()
    }

    /// Checks that every identity that a cluster needs is there, which an interrupted run may not have left, and that
    /// client ids are GUIDs.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let missing = self.identities.missing();
        if !missing.is_empty() {
            return Err(format!("without a client id of {}", missing.join(", ")));
        }
        match self.client_ids().iter().find(|(_, id)| !is_guid(id)) {
            None => Ok(()),
            Some((key, id)) => Err(format!("the client id of {key}, '{id}', is no GUID")),
        }
    }
}

/// The `kmsClientID` of a file, if it has one.
pub(crate) fn kms_client_id(object: &Map<String, Value>) -> Result<Option<String>, String> {
    match object.get(KMS_MEMBER) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone()).filter(|id| !id.is_empty())),
        Some(_) => Err(format!("{KMS_MEMBER} is no text")),
    }
}

/// The flag of the workload identities file.
pub const WORKLOAD: &str = "--workload-identities-file";
/// The flag of the managed identities file: those of the control plane.
pub const MANAGED: &str = "--managed-identities-file";
/// The flag of the file with the managed identities of the data plane.
pub const DATA_PLANE: &str = "--data-plane-identities-file";

/// Judges which files of identities are given together: workload identities, or the two of managed ones, or none.
///
/// # Errors
/// A refusal of each flag that does not fit the others.
pub fn check_files(
    workload: Option<&str>,
    managed: Option<&str>,
    data_plane: Option<&str>,
) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    if let (Some(path), Some(_)) = (workload, managed.or(data_plane)) {
        let other = if managed.is_some() { MANAGED } else { DATA_PLANE };
        refusals.push(Refusal::new(
            WORKLOAD,
            path,
            format!("it excludes {other}: a cluster has workload identities or managed identities"),
            "leave out one kind",
        ));
    }
    for (flag, path, other, missing) in
        [(MANAGED, managed, DATA_PLANE, data_plane), (DATA_PLANE, data_plane, MANAGED, managed)]
    {
        if let (Some(path), None, None) = (path, missing, workload) {
            refusals.push(Refusal::new(flag, path, format!("it needs {other}"), format!("give `{other} FILE` too")));
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all() -> ClientIds {
        KEYS.iter()
            .enumerate()
            .map(|(at, key)| ((*key).to_owned(), format!("00000000-0000-0000-0000-00000000000{at}")))
            .collect()
    }

    fn read(text: &str) -> Result<WorkloadIdentitiesFile, String> {
        WorkloadIdentitiesFile::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let mut ids = all();
        assert_eq!(read(&text(&ids)).unwrap().client_ids(), ids);
        assert!(!text(&ids).contains("kms"));
        ids.insert(KMS.into(), "00000000-0000-0000-0000-00000000000a".into());
        let file = read(&text(&ids)).unwrap();
        assert_eq!(file.client_ids(), ids);
        file.check().unwrap();
        assert!(text(&ids).starts_with("{\n  \"imageRegistry\": {\n    \"clientID\": \"0000"));
        assert!(text(&ids).ends_with("\"kmsClientID\": \"00000000-0000-0000-0000-00000000000a\"\n}"));
    }

    #[test]
    fn incomplete_files_are_refused() {
        let without = |key: &str| {
            let mut ids = all();
            ids.remove(key);
            read(&text(&ids)).unwrap().check()
        };
        assert!(without("controlPlaneOperator").is_ok());
        assert!(without("disk").unwrap_err().contains("disk"));
        let mut ids = all();
        ids.insert("disk".into(), "nonsense".into());
        assert!(read(&text(&ids)).unwrap().check().unwrap_err().contains("nonsense"));
    }

    #[test]
    fn workload_identities_by_the_catalogue() {
        let file = json!({
            "disk": {"clientID": "d", "resourceID": "/x"}, "tenantID": "t", "network": null, "kmsClientID": "k",
            "controlPlaneOperator": {"clientID": ""},
        });
        let read = WorkloadIdentitiesFile::of(&file).unwrap();
        assert_eq!(read.identities.0, BTreeMap::from([("disk".into(), "d".into())]));
        assert_eq!(read.kms_client_id.as_deref(), Some("k"));
        assert_eq!(read.identities.missing().len(), 6);
        assert_eq!(read.identities.object(), json!({"disk": {"clientID": "d"}}));
        for bad in [
            json!([]),
            json!({"disk": {}}),
            json!({"disk": {"clientID": ""}}),
            json!({"disk": "d"}),
            json!({"controlPlaneOperator": "d"}),
            json!({"disk": {"clientID": 1}}),
            json!({"kmsClientID": 1}),
        ] {
            assert!(WorkloadIdentitiesFile::of(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_kind_of_identities_is_given() {
        let flags = |workload, managed, data_plane| -> Vec<&str> {
            let refusals = check_files(workload, managed, data_plane).err().unwrap_or_default();
            refusals.iter().map(|refusal| refusal.flag).collect()
        };
        let some = Some("f");
        for fine in [(None, None, None), (some, None, None), (None, some, some)] {
            assert!(flags(fine.0, fine.1, fine.2).is_empty(), "{fine:?}");
        }
        assert_eq!(flags(None, some, None), [MANAGED]);
        assert_eq!(flags(None, None, some), [DATA_PLANE]);
        for both in [(some, some, None), (some, None, some), (some, some, some)] {
            assert_eq!(flags(both.0, both.1, both.2), [WORKLOAD], "{both:?}");
        }
    }
}
