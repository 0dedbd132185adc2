//! Resource ids: taken apart, put together in ARM's casing.

use super::registry::{self, Kind};
use crate::{errors::Refusal, state::State};

/// A resource or collection of a provider, as a path names it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub subscription: String,
    pub group: Option<String>,
    pub kind: &'static Kind,
    /// One name per type; one fewer when the path names a collection.
    pub names: Vec<String>,
    /// A verb after the name, as in `…/listKeys`.
    pub verb: Option<String>,
}

impl Target {
    /// Reads a path below `/subscriptions/…[/resourceGroups/…]/providers/…`.
    ///
    /// # Errors
    /// `InvalidResourceNamespace` or `InvalidResourceType` as ARM words them.
    pub fn parse(segments: &[&str], version: &str) -> Result<Option<Self>, Refusal> {
        let Some(at) = segments.iter().rposition(|part| part.eq_ignore_ascii_case("providers")) else {
            return Ok(None);
        };
        let (subscription, group) = match segments[..at] {
            [_, subscription] => (subscription, None),
            [_, subscription, groups, group] if groups.eq_ignore_ascii_case("resourcegroups") => {
                (subscription, Some(group.to_owned()))
            }
            _ => return Ok(None),
        };
        let Some((namespace, rest)) = segments[at + 1..].split_first() else {
            return Ok(None);
        };
        let known = registry::namespace(namespace).ok_or_else(|| {
            Refusal::new(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
                .gateway()
        })?;
        let types: Vec<&str> = rest.iter().copied().step_by(2).collect();
        let names: Vec<String> = rest.iter().skip(1).step_by(2).map(|name| (*name).to_owned()).collect();
        let target = |kind, verb| Self {
            subscription: subscription.to_owned(),
            group: group.clone(),
            kind,
            names: names.clone(),
            verb,
        };
        if let Some(kind) = registry::find(known, &types.join("/")) {
            return Ok(Some(target(kind, None)));
        }
        if let Some((verb, types)) = types.split_last()
            && names.len() == types.len()
            && let Some(kind) = registry::find(known, &types.join("/"))
        {
            return Ok(Some(target(kind, Some(verb.to_lowercase()))));
        }
        Err(Refusal::new(
            404,
            "InvalidResourceType",
            format!(
                "The resource type '{}' could not be found in the namespace '{known}' for api version '{version}'.",
                types.join("/")
            ),
        )
        .gateway())
    }

    /// Whether the path ends with a type rather than a name.
    pub fn is_collection(&self) -> bool {
        self.names.len() < self.kind.path.split('/').count()
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The group's name, empty for a subscription's collection.
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or_default()
    }

    /// The id in ARM's casing; the group's name is as it was created.
    pub fn id(&self, state: &State) -> String {
        let group_id = group_id(&self.subscription, self.group());
        let group =
            state.get(&group_id).and_then(|group| group["name"].as_str()).unwrap_or_else(|| self.group()).to_owned();
        // Microsoft.ManagedIdentity spells the word in lower case in the ids that it gives back.
        let word = if self.kind.namespace == "Microsoft.ManagedIdentity" { "resourcegroups" } else { "resourceGroups" };
        let mut id = format!("/subscriptions/{}/{word}/{group}/providers/{}", self.subscription, self.kind.namespace);
        for (kind, name) in self.kind.path.split('/').zip(&self.names) {
            let name =
                if self.kind.path.to_lowercase().contains("dnszones") { name.to_lowercase() } else { name.clone() };
            id.push_str(&format!("/{kind}/{name}"));
        }
        id
    }

    /// The parent, for a child type.
    pub fn parent(&self) -> Option<Self> {
        let kind = self.kind.parent()?;
        let count = kind.path.split('/').count();
        Some(Self { kind, names: self.names.iter().take(count).cloned().collect(), verb: None, ..self.clone() })
    }
}

/// The id of a resource group.
pub(crate) fn group_id(subscription: &str, group: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{group}")
}

/// The group part of an id.
pub(crate) fn group_of(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.split('/').collect();
    (parts.len() >= 5 && parts[3].eq_ignore_ascii_case("resourcegroups")).then(|| parts[..5].join("/"))
}

/// Whether `id` is `scope` or below it.
pub(crate) fn within(id: &str, scope: &str) -> bool {
    let (id, scope) = (id.to_lowercase(), scope.trim_end_matches('/').to_lowercase());
    id == scope || id.starts_with(&format!("{scope}/"))
}
