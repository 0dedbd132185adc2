//! Everything the simulator holds, and the JSON it is loaded from and shown as.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, arm::registry, seed};

/// The document behind `--state` and `GET /_sim/state`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default)]
    pub subscriptions: Option<Vec<Value>>,
    #[serde(default)]
    pub resources: Vec<Value>,
    #[serde(default)]
    pub role_assignments: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_definitions: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny_assignments: Vec<Value>,
    #[serde(default)]
    pub principals: Option<Vec<Principal>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Provider>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Feature>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usages: Vec<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skus: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marketplace_agreements: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_restrictions: Vec<PolicyRestriction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_replication_ms: Option<u64>,
}

/// A directory object that can hold roles and, with credentials, obtain tokens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Principal {
    /// Object id.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `ServicePrincipal`, `User` or `Group`.
    #[serde(rename = "type", default = "service_principal")]
    pub kind: String,
    /// May do everything, whatever its role assignments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner: bool,
    /// May read service principals in Microsoft Graph.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub graph_read: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Federated credentials of an application; those of a managed identity are resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub federated_identity_credentials: Vec<Federation>,
    /// The managed identity this principal belongs to. Such entries follow from the resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_identity: Option<String>,
}

/// A client secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Secret {
    pub value: String,
    /// RFC 3339; absent means it never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// What a federated identity credential trusts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Federation {
    pub issuer: String,
    pub subject: String,
    pub audiences: Vec<String>,
}

/// The registration of a resource provider where it is not simply `Registered`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Provider {
    pub subscription_id: String,
    pub namespace: String,
    pub registration_state: String,
    /// A full provider body to answer with, for namespaces the simulator does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// A preview feature of a subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Feature {
    pub subscription_id: String,
    pub namespace: String,
    pub name: String,
    pub state: String,
}

/// A quota row of Microsoft.Compute or Microsoft.Network that overrides the built-in one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Usage {
    pub provider: String,
    pub location: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localized_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_value: Option<i64>,
    pub limit: i64,
}

/// A policy that refuses resources of one type below a scope.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PolicyRestriction {
    pub scope: String,
    pub resource_type: String,
    pub field: String,
    pub result: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    pub policy_assignment_id: String,
    pub policy_definition_id: String,
}

/// The same, indexed: keys are lower-case ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub tenant: String,
    pub subscriptions: BTreeMap<String, Value>,
    pub resources: BTreeMap<String, Value>,
    pub role_assignments: BTreeMap<String, Value>,
    pub role_definitions: BTreeMap<String, Value>,
    pub deny_assignments: Vec<Value>,
    pub principals: BTreeMap<String, Principal>,
    pub providers: BTreeMap<(String, String), Provider>,
    pub features: Vec<Feature>,
    pub usages: Vec<Usage>,
    pub skus: Option<Vec<Value>>,
    pub marketplace_agreements: Vec<Value>,
    pub policy_restrictions: Vec<PolicyRestriction>,
    pub page_size: Option<usize>,
    pub principal_replication_ms: Option<u64>,
    pub blob_endpoint: Option<String>,
}

/// Page size of lists unless the state sets `pageSize`.
pub(crate) const PAGE_SIZE: usize = 100;

impl State {
    /// Reads a state document, filling in what ARM would have filled in (ids of identities, default
    /// security rules, provisioning states), so that documents can be short.
    ///
    /// # Errors
    /// `Error::State` names the first entry that cannot be read.
    pub fn load(value: Value, blob_endpoint: Option<&str>) -> Result<Self, Error> {
        let document: Document = serde_json::from_value(value).map_err(|e| Error::State(e.to_string()))?;
        let mut state = Self {
            tenant: document.tenant.unwrap_or_else(|| seed::TENANT.to_owned()),
            deny_assignments: document.deny_assignments,
            features: document.features,
            usages: document.usages,
            skus: document.skus,
            marketplace_agreements: document.marketplace_agreements,
            policy_restrictions: document.policy_restrictions,
            page_size: document.page_size,
            principal_replication_ms: document.principal_replication_ms,
            blob_endpoint: blob_endpoint.map(str::to_owned),
            ..Self::default()
        };
        for subscription in document.subscriptions.unwrap_or_else(|| vec![seed::subscription()]) {
            state.put_subscription(subscription)?;
        }
        for principal in document.principals.unwrap_or_else(|| vec![seed::owner()]) {
            if principal.managed_identity.is_none() {
                state.principals.insert(principal.id.to_lowercase(), principal);
            }
        }
        for resource in document.resources {
            state.put(resource)?;
        }
        for assignment in document.role_assignments {
            let id = id_of(&assignment)?;
            state.role_assignments.insert(id, assignment);
        }
        for definition in document.role_definitions {
            let id = id_of(&definition)?;
            state.role_definitions.insert(id, definition);
        }
        for provider in document.providers {
            let key = (provider.subscription_id.to_lowercase(), provider.namespace.to_lowercase());
            state.providers.insert(key, provider);
        }
        Ok(state)
    }

    /// Stores a resource as if it had been created, completed the way its provider completes it.
    ///
    /// # Errors
    /// `Error::State` when the body has no `id`.
    pub fn put(&mut self, mut resource: Value) -> Result<(), Error> {
        let key = id_of(&resource)?;
        if key.contains("/providers/microsoft.authorization/roleassignments/") {
            self.role_assignments.insert(key, resource);
            return Ok(());
        }
        registry::complete(self, &mut resource);
        self.resources.insert(key, resource);
        Ok(())
    }

    /// Removes a resource, or a role assignment, and everything below it; true when there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let key = id.to_lowercase();
        let below = format!("{key}/");
        let before = self.resources.len() + self.role_assignments.len();
        self.resources.retain(|id, _| *id != key && !id.starts_with(&below));
        self.role_assignments.retain(|id, _| *id != key && !id.starts_with(&below));
        before != self.resources.len() + self.role_assignments.len()
    }

    /// What stands at a scope and below it, by lower-case id.
    pub fn within(&self, scope: &str) -> impl Iterator<Item = (&String, &Value)> {
        let scope = scope.trim_end_matches('/').to_lowercase();
        let below = format!("{scope}/");
        let found = self.resources.range(scope.clone()..);
        // Ids such as `scope-2` sort between a scope and what is below it.
        found
            .take_while(move |(id, _)| id.starts_with(&scope))
            .filter(move |(id, _)| id.starts_with(&below) || id.len() + 1 == below.len())
    }

    /// The resource with this id, whatever its case.
    pub fn get(&self, id: &str) -> Option<&Value> {
        self.resources.get(&id.to_lowercase())
    }

    /// The principal of a managed identity.
    fn identity_principal(resource: &Value) -> Option<Principal> {
        let properties = &resource["properties"];
        Some(Principal {
            id: properties["principalId"].as_str()?.to_owned(),
            app_id: Some(properties["clientId"].as_str()?.to_owned()),
            display_name: resource["name"].as_str().map(str::to_owned),
            kind: service_principal(),
            managed_identity: resource["id"].as_str().map(str::to_owned),
            ..Principal::default()
        })
    }

    /// The managed identities, as resources.
    pub fn identities(&self) -> impl Iterator<Item = &Value> {
        self.resources
            .iter()
            .filter(|(id, _)| {
                id.contains("/providers/microsoft.managedidentity/userassignedidentities/")
                    && !id.contains("/federatedidentitycredentials/")
            })
            .map(|(_, resource)| resource)
    }

    /// All principals, those of managed identities included.
    pub fn all_principals(&self) -> impl Iterator<Item = Principal> + '_ {
        self.principals.values().cloned().chain(self.identities().filter_map(Self::identity_principal))
    }

    /// The tenant whose tokens a subscription takes: its own `tenantId`, else the one there is.
    pub fn tenant_of(&self, subscription: &str) -> &str {
        let found = self.subscriptions.get(&subscription.to_lowercase());
        found.and_then(|body| body["tenantId"].as_str()).unwrap_or(&self.tenant)
    }

    /// The principal with this object id.
    pub fn principal(&self, object_id: &str) -> Option<Principal> {
        self.all_principals().find(|principal| principal.id.eq_ignore_ascii_case(object_id))
    }

    /// The principal with this application id.
    pub fn application(&self, app_id: &str) -> Option<Principal> {
        self.all_principals()
            .find(|principal| principal.app_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(app_id)))
    }

    /// The document: object keys and lists sorted, so that equal states are equal bytes.
    pub fn document(&self) -> Value {
        let mut principals: Vec<Principal> = self.all_principals().collect();
        principals.sort_by(|a, b| a.id.cmp(&b.id));
        let document = Document {
            tenant: Some(self.tenant.clone()),
            subscriptions: Some(self.subscriptions.values().cloned().collect()),
            resources: self.resources.values().cloned().collect(),
            role_assignments: self.role_assignments.values().cloned().collect(),
            role_definitions: self.role_definitions.values().cloned().collect(),
            deny_assignments: self.deny_assignments.clone(),
            principals: Some(principals),
            providers: self.providers.values().cloned().collect(),
            features: self.features.clone(),
            usages: self.usages.clone(),
            skus: self.skus.clone(),
            marketplace_agreements: self.marketplace_agreements.clone(),
            policy_restrictions: self.policy_restrictions.clone(),
            page_size: self.page_size,
            principal_replication_ms: self.principal_replication_ms,
        };
        sorted(&serde_json::to_value(document).unwrap_or(Value::Null))
    }

    fn put_subscription(&mut self, mut subscription: Value) -> Result<(), Error> {
        let id = subscription["subscriptionId"]
            .as_str()
            .ok_or_else(|| Error::State("a subscription without subscriptionId".to_owned()))?
            .to_owned();
        let tenant = self.tenant.clone();
        let defaults = json!({
            "id": format!("/subscriptions/{id}"),
            "tenantId": tenant,
            "displayName": id,
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
        });
        fill(&mut subscription, &defaults);
        self.subscriptions.insert(id.to_lowercase(), subscription);
        Ok(())
    }
}

/// Adds the members of `defaults` that `value` lacks, at every depth of objects.
pub(crate) fn fill(value: &mut Value, defaults: &Value) {
    let Value::Object(defaults) = defaults else { return };
    if value.is_null() {
        *value = json!({});
    }
    let Value::Object(members) = value else { return };
    for (key, default) in defaults {
        match members.get_mut(key) {
            None | Some(Value::Null) => {
                members.insert(key.clone(), default.clone());
            }
            Some(member) if default.is_object() && member.is_object() => fill(member, default),
            Some(_) => {}
        }
    }
}

/// The list in a member of `properties`, if there is one.
pub(crate) fn list_mut<'a>(resource: &'a mut Value, member: &str) -> impl Iterator<Item = &'a mut Value> {
    resource
        .get_mut("properties")
        .and_then(|properties| properties.get_mut(member))
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// The value with the keys of every object in order.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<&String, Value> = members.iter().map(|(key, member)| (key, sorted(member))).collect();
            Value::Object(ordered.into_iter().map(|(key, member)| (key.clone(), member)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn id_of(value: &Value) -> Result<String, Error> {
    value["id"]
        .as_str()
        .map(|id| id.trim_end_matches('/').to_lowercase())
        .ok_or_else(|| Error::State(format!("an entry without id: {value}")))
}

fn service_principal() -> String {
    "ServicePrincipal".to_owned()
}
