//! `create iam`: the managed identities of a cluster and their federated credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use facts::ArmId;
use facts::catalogue::{self, Component, Credential, Required};
use serde_json::{Value, json};

use crate::change::{Change, Content, Origin};
use crate::compare::text;
use crate::identities::{self, ClientIds};
use crate::late::Late;
use crate::resource::{FileSeen, Seen, Wanted, kept};
use crate::{Refusal, Step, Verb, input, tags};

/// The api-version in which identities and federated credentials are read and written.
pub const IDENTITIES: &str = "2023-01-31";
/// The api-version in which resource groups are read and written.
pub const GROUPS: &str = "2021-04-01";

/// What `create iam` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The cluster's name.
    pub name: String,
    /// The infra id, part of the identities' names.
    pub infra_id: String,
    /// The subscription.
    pub subscription: String,
    /// The resource group of the identities; created when it is not there.
    pub resource_group: String,
    /// The region.
    pub location: String,
    /// The issuer that Entra is to trust, exactly as the cluster's tokens name it.
    pub issuer: String,
    /// Whether there is to be an identity for Azure KMS.
    pub kms: bool,
    /// The workload identities file to write, if there is to be one.
    pub output_file: Option<PathBuf>,
}

/// What `create iam` has to know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The resource group and the identities that exist.
    pub seen: Seen,
    /// The federated credentials of each identity that exists, by the identity's [`ArmId::key`].
    pub credentials: BTreeMap<String, Vec<Value>>,
    /// The output file, if it exists.
    pub file: Option<FileSeen>,
}

impl Spec {
    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self) -> Result<(), Refusal> {
        input::cluster_name(&self.name)?;
        input::infra_id(&self.infra_id)?;
        input::location(&self.location)?;
        input::group("--resource-group-name", &self.resource_group)?;
        input::issuer(&self.issuer)?;
        for component in self.components() {
            let name = component.identity_name(&self.name, &self.infra_id);
            input::length("managed identity", &name, input::IDENTITY_NAME, &self.name)?;
        }
        Ok(())
    }

    /// The components that get an identity, in the order of the catalogue.
    pub fn components(&self) -> impl Iterator<Item = &'static Component> {
        let kms = self.kms;
        catalogue::COMPONENTS.iter().filter(move |component| kms || component.required != Required::Kms)
    }

    /// The resource group of the identities.
    pub fn group(&self) -> ArmId {
        ArmId::of_group(&self.subscription, &self.resource_group)
    }

    /// The identity of a component.
    pub fn identity(&self, component: &Component) -> ArmId {
        let name = component.identity_name(&self.name, &self.infra_id);
        let path = format!("Microsoft.ManagedIdentity/userAssignedIdentities/{name}");
        ArmId::in_group(&self.subscription, &self.resource_group, &path)
    }
}

/// The name of the step that leaves a component's identity; its result holds the identity's client and principal ids.
pub fn identity_step(key: &str) -> String {
    format!("identity/{key}")
}

/// The steps: what is missing or different is created or changed, everything else stays.
///
/// # Errors
/// A [`Refusal`] of what cannot be granted.
pub fn plan(spec: &Spec, facts: &Facts) -> Result<Vec<Step>, Refusal> {
    spec.check()?;
    let mut steps = vec![group(spec, facts)?];
    for component in spec.components() {
        steps.push(identity(spec, facts, component)?);
        steps.extend(credentials(spec, facts, component)?);
    }
    steps.extend(file(spec, facts));
    Ok(steps)
}

/// The client ids of the identities: those of existing ones, and placeholders for what the steps will leave.
pub fn client_ids(spec: &Spec, facts: &Facts) -> (ClientIds, Late) {
    let mut late = Late::default();
    let ids = spec.components().map(|component| {
        let known = client_id(spec, facts, component).map(str::to_owned);
        let id = known.unwrap_or_else(|| late.stand_in(&identity_step(component.key)));
        (component.key.to_owned(), id)
    });
    let ids = ids.collect();
    (ids, late)
}

fn client_id<'a>(spec: &Spec, facts: &'a Facts, component: &Component) -> Option<&'a str> {
    text(facts.seen.get(&spec.identity(component))?, &["properties", "clientId"])
}

fn group(spec: &Spec, facts: &Facts) -> Result<Step, Refusal> {
    let id = spec.group();
    let resource = format!("resource group {}", spec.resource_group);
    match facts.seen.get(&id) {
        // Its region is its own affair, as are its tags: others may live in it.
        Some(group) if is_going(group) => Err(being_deleted("--resource-group-name", &spec.resource_group)),
        Some(_) => Ok(kept("group", resource, "exists")),
        None => Ok(Wanted {
            step: "group".into(),
            resource,
            id,
            api_version: GROUPS,
            body: json!({"location": spec.location}),
            // A group that bears the infra id is this cluster's own.
            tags: if spec.resource_group.contains(&spec.infra_id) {
                tags::of_cluster(&spec.name, &spec.infra_id)
            } else {
                tags::shared()
            },
            depends_on: BTreeSet::new(),
            reason: "holds the identities".into(),
        }
        .step(None)),
    }
}

pub(crate) fn is_going(group: &Value) -> bool {
    text(group, &["properties", "provisioningState"]).is_some_and(|state| state.eq_ignore_ascii_case("Deleting"))
}

pub(crate) fn being_deleted(flag: &'static str, group: &str) -> Refusal {
    Refusal::new(
        flag,
        group,
        "the resource group is being deleted",
        format!("wait for its end, `az group wait --deleted -n {group}`, and run the same command again"),
    )
}

fn identity(spec: &Spec, facts: &Facts, component: &Component) -> Result<Step, Refusal> {
    let id = spec.identity(component);
    let have = facts.seen.get(&id);
    same_region("managed identity", id.name().unwrap_or_default(), have, &spec.location)?;
    let wanted = Wanted {
        step: identity_step(component.key),
        resource: format!("managed identity {}", id.name().unwrap_or_default()),
        id,
        api_version: IDENTITIES,
        body: json!({"location": spec.location}),
        tags: tags::of_cluster(&spec.name, &spec.infra_id),
        depends_on: ["group".to_owned()].into(),
        reason: format!("acts for {}", component.key),
    };
    Ok(wanted.step(have))
}

/// Refuses a resource of the right name in another region: a region cannot be changed.
pub(crate) fn same_region(what: &str, name: &str, have: Option<&Value>, location: &str) -> Result<(), Refusal> {
    let Some(other) = have.and_then(|have| text(have, &["location"])) else {
        return Ok(());
    };
    if azure_region(other) == azure_region(location) {
        return Ok(());
    }
    Err(Refusal::new(
        "--location",
        location,
        format!("the {what} {name} exists in {other} already"),
        format!("give `--location {}`, or another infra id", azure_region(other)),
    ))
}

/// A region's name without the blanks and capitals of its display name.
pub(crate) fn azure_region(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

fn credentials(spec: &Spec, facts: &Facts, component: &Component) -> Result<Vec<Step>, Refusal> {
    let identity = spec.identity(component);
    let none = Vec::new();
    let held = facts.credentials.get(&identity.key()).unwrap_or(&none);
    let steps: Vec<Step> = component
        .credentials
        .iter()
        .map(|credential| credential_step(spec, component, &identity, credential, held))
        .collect();
    let total = held.len() + steps.iter().filter(|step| step.verb == Verb::Create).count();
    if total > catalogue::MAX_FEDERATED_CREDENTIALS {
        let name = identity.name().unwrap_or_default();
        return Err(Refusal::new(
            "--oidc-issuer-url",
            &spec.issuer,
            format!(
                "managed identity {name} has {} federated credentials already, and Entra takes {}",
                held.len(),
                catalogue::MAX_FEDERATED_CREDENTIALS
            ),
            format!(
                "delete those of issuers that are gone: `az identity federated-credential list -g {} --identity-name {name} -o table`",
                spec.resource_group
            ),
        ));
    }
    Ok(steps)
}

fn credential_step(
    spec: &Spec,
    component: &Component,
    identity: &ArmId,
    credential: &Credential,
    held: &[Value],
) -> Step {
    let name = component.credential_name(&spec.name, credential);
    let subject = credential.subject();
    let step = format!("credential/{}", credential.suffix);
    let resource = format!("federated credential {name}");
    let property = |held: &Value, key: &str| text(held, &["properties", key]).map(str::to_owned);
    // Entra compares all three byte for byte, and takes a pair of issuer and subject once, under any name.
    let trusts = |held: &Value| {
        property(held, "issuer").as_deref() == Some(&spec.issuer)
            && property(held, "subject").as_deref() == Some(&subject)
    };
    let exact = |held: &Value| held["properties"]["audiences"] == json!([catalogue::AUDIENCE]);
    let body = json!({"properties": {
        "issuer": spec.issuer, "subject": subject, "audiences": [catalogue::AUDIENCE],
    }});
    let named = held.iter().find(|held| text(held, &["name"]).is_some_and(|own| own.eq_ignore_ascii_case(&name)));
    let twin = held.iter().find(|held| trusts(held));
    let (verb, target, reason) = match (twin, named) {
        (Some(twin), _) if exact(twin) => return kept(step, resource, "exists as it should be"),
        // The pair stands under some name with another audience: that one is put right.
        (Some(twin), _) => {
            let own = text(twin, &["name"]).unwrap_or(&name).to_owned();
            (Verb::Change, own, "exists with another audience".to_owned())
        }
        (None, Some(_)) => (Verb::Change, name, "exists with another issuer or subject".to_owned()),
        (None, None) => (Verb::Create, name, format!("trusts {subject}")),
    };
    Step {
        id: step,
        verb,
        resource,
        reason,
        depends_on: [identity_step(component.key)].into(),
        change: Some(Change::ArmPut {
            id: identity.child("federatedIdentityCredentials", &target),
            api_version: IDENTITIES,
            body,
        }),
        // Azure refuses concurrent writes of one identity's credentials.
        serial: Some(identity.key()),
    }
}

fn file(spec: &Spec, facts: &Facts) -> Option<Step> {
    let path = spec.output_file.as_ref()?;
    let mut origins = BTreeMap::new();
    let mut known = ClientIds::new();
    for component in spec.components() {
        let origin = match client_id(spec, facts, component) {
            Some(id) => {
                known.insert(component.key.to_owned(), id.to_owned());
                Origin::Known(id.to_owned())
            }
            None => Origin::Step(identity_step(component.key)),
        };
        origins.insert(component.key.to_owned(), origin);
    }
    let complete = known.len() == origins.len();
    let resource = format!("workload identities file {}", path.display());
    let (verb, reason) = match &facts.file {
        None => (Verb::Create, "what create infra and create cluster read"),
        Some(_) if !complete => (Verb::Change, "new client ids"),
        Some(file) => match file.differs(&identities::text(&known)) {
            None => return Some(kept("file", resource, "exists as it should be")),
            Some(why) => (Verb::Change, why),
        },
    };
    Some(Step {
        id: "file".into(),
        verb,
        resource,
        reason: reason.into(),
        depends_on: spec.components().map(|component| identity_step(component.key)).collect(),
        change: Some(Change::File { path: path.clone(), content: Content::WorkloadIdentities(origins) }),
        serial: None,
    })
}
