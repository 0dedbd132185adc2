//! Server-side apply of YAML documents, status included.

use std::collections::BTreeMap;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, Scope, pinned_kind};
use serde_json::{Value, json};

use crate::Error;

const MANAGER: &str = "e2e";

/// What a server writes into an object's metadata, and refuses or misreads in an apply.
const SERVER_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Applies every document of `text` in its order: the object first, then its status if it has one.
pub(crate) async fn apply_yaml(
    client: &Client,
    namespace: Option<&str>,
    text: &str,
) -> Result<Vec<DynamicObject>, Error> {
    let mut kinds = BTreeMap::new();
    let mut applied = Vec::new();
    for mut document in documents(text)? {
        let gvk = gvk(&document)?;
        if namespace.is_some() && gvk.group.is_empty() && gvk.kind == "Namespace" {
            continue;
        }
        let key = (gvk.api_version(), gvk.kind.clone());
        if !kinds.contains_key(&key) {
            kinds.insert(key.clone(), pinned_kind(client, &gvk).await?);
        }
        if let Some((resource, capabilities)) = kinds.get(&key) {
            clean(&mut document, namespace.filter(|_| capabilities.scope == Scope::Namespaced))?;
            applied.push(apply(client, resource, capabilities, document).await?);
        }
    }
    Ok(applied)
}

/// The objects in a text, with lists taken apart and empty documents left out.
fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let parsed: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| Error::Input(error.to_string()))?;
    let mut objects = Vec::new();
    for mut document in parsed {
        let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if is_list => objects.extend(items),
            Some(items) => {
                document["items"] = items;
                objects.push(document);
            }
            None if document.is_null() => {}
            None => objects.push(document),
        }
    }
    Ok(objects)
}

fn gvk(document: &Value) -> Result<GroupVersionKind, Error> {
    let (Some(api_version), Some(kind)) = (document["apiVersion"].as_str(), document["kind"].as_str()) else {
        return Err(Error::Input("a document has no apiVersion or no kind".into()));
    };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Ok(GroupVersionKind::gvk(group, version, kind))
}

fn clean(document: &mut Value, namespace: Option<&str>) -> Result<(), Error> {
    let metadata =
        document["metadata"].as_object_mut().ok_or_else(|| Error::Input("a document has no metadata".into()))?;
    for key in SERVER_METADATA {
        metadata.remove(key);
    }
    if let Some(namespace) = namespace {
        metadata.insert("namespace".into(), namespace.into());
    }
    Ok(())
}

async fn apply(
    client: &Client,
    resource: &ApiResource,
    capabilities: &ApiCapabilities,
    mut document: Value,
) -> Result<DynamicObject, Error> {
    let text = |key: &str| document["metadata"][key].as_str().map(str::to_owned);
    let name = text("name").ok_or_else(|| Error::Input(format!("a {} has no name", resource.kind)))?;
    let namespace = text("namespace");
    let object = match &namespace {
        Some(namespace) => format!("{} {namespace}/{name}", resource.kind),
        None => format!("{} {name}", resource.kind),
    };
    let api: Api<DynamicObject> = match (&capabilities.scope, &namespace) {
        (Scope::Cluster, _) => Api::all_with(client.clone(), resource),
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), namespace, resource),
        (Scope::Namespaced, None) => return Err(Error::Input(format!("{object} has no namespace"))),
    };
    let status = document.as_object_mut().and_then(|object| object.remove("status"));
    let params = PatchParams { field_validation: Some(kube::api::ValidationDirective::Strict), ..forced() };
    let refused = |error| refused(object.clone(), error);
    let applied = api.patch(&name, &params, &Patch::Apply(&document)).await.map_err(refused)?;

    let has_status = capabilities.subresources.iter().any(|(resource, _)| resource.plural == "status");
    let Some(status) = status.filter(|status| has_status && !is_empty(status)) else {
        return Ok(applied);
    };
    let mut metadata = json!({ "name": name });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    let patch = json!({
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": metadata,
        "status": status,
    });
    api.patch_status(&name, &params, &Patch::Apply(&patch)).await.map_err(refused)
}

fn forced() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

fn is_empty(status: &Value) -> bool {
    status.as_object().is_none_or(serde_json::Map::is_empty)
}

fn refused(object: String, error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) => Error::Refused { object, status },
        other => other.into(),
    }
}
