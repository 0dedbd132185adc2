//! Azure Resource Manager resource ids.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A resource id of Azure Resource Manager, such as
/// `/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V/subnets/N`.
///
/// The text is kept as it was written, but ids compare, order and hash without regard to case, as Azure does.
/// Subscriptions, resource groups, tenant-level resources and extension resources
/// (`…/providers/A/t/n/providers/B/u/m`) are ids too; for an extension, provider, type and name are those of the
/// last `providers` part.
///
/// Parsing refuses whatever could change the address that a request goes to (`?`, `#`, `%`, `\`, `.` and `..`
/// segments, control characters), so an id from a user's file is safe to put into a URL.
#[derive(Debug, Clone)]
pub struct ArmId {
    text: String,
    subscription: Option<String>,
    resource_group: Option<String>,
    provider: Option<String>,
    types: Vec<String>,
    names: Vec<String>,
}

/// Why a text is no resource id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not begin with a slash, or is empty.
    #[error("`{0}` is not a resource id: it must begin with `/subscriptions/` or `/providers/`")]
    NotAbsolute(String),
    /// A key has no value, or a segment between two slashes is empty.
    #[error("`{0}` is not a resource id: it is incomplete")]
    Incomplete(String),
    /// A segment holds a character that no resource id has.
    #[error("`{0}` is not a resource id: `{1}` is not allowed in it")]
    Forbidden(String, String),
}

impl ArmId {
    /// Reads an id. One trailing slash is tolerated and dropped.
    ///
    /// # Errors
    /// [`IdError`] when the text is not absolute, is incomplete, or holds a character that ids never have.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let rest = text.strip_prefix('/').ok_or_else(|| IdError::NotAbsolute(text.to_owned()))?;
        let segments: Vec<&str> = rest.split('/').collect();
        for segment in &segments {
            check_segment(text, segment)?;
        }
        let mut id = Self {
            text: text.to_owned(),
            subscription: None,
            resource_group: None,
            provider: None,
            types: Vec::new(),
            names: Vec::new(),
        };
        let mut rest = segments.as_slice();
        while let [key, value, tail @ ..] = rest {
            rest = tail;
            if key.eq_ignore_ascii_case("providers") {
                id.provider = Some((*value).to_owned());
                id.types.clear();
                id.names.clear();
            } else if id.provider.is_some() {
                id.types.push((*key).to_owned());
                id.names.push((*value).to_owned());
            } else if key.eq_ignore_ascii_case("subscriptions") && id.subscription.is_none() {
                id.subscription = Some((*value).to_owned());
            } else if key.eq_ignore_ascii_case("resourceGroups")
                && id.subscription.is_some()
                && id.resource_group.is_none()
            {
                id.resource_group = Some((*value).to_owned());
            } else {
                return Err(IdError::NotAbsolute(text.to_owned()));
            }
        }
        let complete = rest.is_empty() && (id.provider.is_none() || !id.types.is_empty());
        if complete { Ok(id) } else { Err(IdError::Incomplete(text.to_owned())) }
    }

    /// The id of a subscription.
    ///
    /// # Errors
    /// [`IdError`] when `subscription` cannot be one segment of an id.
    pub fn for_subscription(subscription: &str) -> Result<Self, IdError> {
        Self::join("/subscriptions", &[subscription])
    }

    /// The id of a resource group.
    ///
    /// # Errors
    /// [`IdError`] when one of the names cannot be one segment of an id.
    pub fn for_resource_group(subscription: &str, group: &str) -> Result<Self, IdError> {
        Self::join("/subscriptions", &[subscription, "resourceGroups", group])
    }

    /// The id of a resource that lies directly in this subscription, group or resource (then it is an extension
    /// resource, such as a role assignment).
    ///
    /// # Errors
    /// [`IdError`] when one of the parts cannot be one segment of an id.
    pub fn resource(&self, provider: &str, resource_type: &str, name: &str) -> Result<Self, IdError> {
        Self::join(&self.text, &["providers", provider, resource_type, name])
    }

    /// The id of a child of this resource, such as a subnet of a virtual network.
    ///
    /// # Errors
    /// [`IdError`] when this is no resource, or a part cannot be one segment of an id.
    pub fn child(&self, resource_type: &str, name: &str) -> Result<Self, IdError> {
        Self::join(&self.text, &[resource_type, name])
    }

    /// An id from parts, each of which must be one segment: no part may bring further ones along.
    fn join(base: &str, parts: &[&str]) -> Result<Self, IdError> {
        let text = format!("{base}/{}", parts.join("/"));
        match parts.iter().find(|part| part.contains('/')) {
            Some(_) => Err(IdError::Forbidden(text, "/".to_owned())),
            None => Self::parse(&text),
        }
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The subscription's id; none for tenant-level resources.
    pub fn subscription(&self) -> Option<&str> {
        self.subscription.as_deref()
    }

    /// The resource group's name; none above resource groups.
    pub fn resource_group(&self) -> Option<&str> {
        self.resource_group.as_deref()
    }

    /// The namespace of the resource provider, such as `Microsoft.Network`; none for subscriptions and groups.
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The full type, such as `Microsoft.Network/virtualNetworks/subnets`. Subscriptions and resource groups have
    /// the type under which ARM lists them.
    pub fn resource_type(&self) -> String {
        match &self.provider {
            Some(provider) => format!("{provider}/{}", self.types.join("/")),
            None if self.resource_group.is_some() => "Microsoft.Resources/resourceGroups".to_owned(),
            None => "Microsoft.Resources/subscriptions".to_owned(),
        }
    }

    /// The last segment: the name of the resource, of the group, or the subscription's id.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The names from the outermost resource to this one; empty for subscriptions and groups.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What this lies in: the parent resource, else what is before the last `providers` part, else the
    /// subscription of a group. None for a subscription or a tenant-level resource.
    pub fn parent(&self) -> Option<Self> {
        let dropped = if self.types.len() == 1 { 4 } else { 2 };
        let segments: Vec<&str> = self.text.split('/').collect();
        let kept = segments.len().checked_sub(dropped)?;
        Self::parse(&segments.get(..kept)?.join("/")).ok()
    }

    /// Whether this is of the full type `wanted`, without regard to case.
    pub fn is_type(&self, wanted: &str) -> bool {
        self.resource_type().eq_ignore_ascii_case(wanted)
    }

    fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }
}

fn check_segment(text: &str, segment: &str) -> Result<(), IdError> {
    if segment.is_empty() {
        return Err(IdError::Incomplete(text.to_owned()));
    }
    if segment == "." || segment == ".." {
        return Err(IdError::Forbidden(text.to_owned(), segment.to_owned()));
    }
    match segment.chars().find(|c| c.is_control() || matches!(c, '?' | '#' | '%' | '\\')) {
        Some(c) => Err(IdError::Forbidden(text.to_owned(), c.escape_default().to_string())),
        None => Ok(()),
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ArmId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for ArmId {}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Serialize for ArmId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ArmId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SUBNET: &str =
        "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v1/subnets/n1";

    #[test]
    fn accessors_of_every_form() {
        struct Row {
            id: &'static str,
            subscription: Option<&'static str>,
            group: Option<&'static str>,
            provider: Option<&'static str>,
            kind: &'static str,
            name: &'static str,
            parent: Option<&'static str>,
        }
        let rows = [
            Row {
                id: "/subscriptions/s1",
                subscription: Some("s1"),
                group: None,
                provider: None,
                kind: "Microsoft.Resources/subscriptions",
                name: "s1",
                parent: None,
            },
            Row {
                id: "/subscriptions/s1/resourcegroups/G1",
                subscription: Some("s1"),
                group: Some("G1"),
                provider: None,
                kind: "Microsoft.Resources/resourceGroups",
                name: "G1",
                parent: Some("/subscriptions/s1"),
            },
            Row {
                id: SUBNET,
                subscription: Some("s1"),
                group: Some("g1"),
                provider: Some("Microsoft.Network"),
                kind: "Microsoft.Network/virtualNetworks/subnets",
                name: "n1",
                parent: Some("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v1"),
            },
            Row {
                id: "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v1",
                subscription: Some("s1"),
                group: Some("g1"),
                provider: Some("Microsoft.Network"),
                kind: "Microsoft.Network/virtualNetworks",
                name: "v1",
                parent: Some("/subscriptions/s1/resourceGroups/g1"),
            },
            Row {
                id: "/providers/Microsoft.Authorization/roleDefinitions/abc",
                subscription: None,
                group: None,
                provider: Some("Microsoft.Authorization"),
                kind: "Microsoft.Authorization/roleDefinitions",
                name: "abc",
                parent: None,
            },
            Row {
                id: "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/dnsZones/z.example/providers/Microsoft.Authorization/roleAssignments/ra",
                subscription: Some("s1"),
                group: Some("g1"),
                provider: Some("Microsoft.Authorization"),
                kind: "Microsoft.Authorization/roleAssignments",
                name: "ra",
                parent: Some("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/dnsZones/z.example"),
            },
        ];
        for row in rows {
            let id = ArmId::parse(row.id).unwrap();
            assert_eq!(id.subscription(), row.subscription, "{}", row.id);
            assert_eq!(id.resource_group(), row.group, "{}", row.id);
            assert_eq!(id.provider(), row.provider, "{}", row.id);
            assert_eq!(id.resource_type(), row.kind, "{}", row.id);
            assert_eq!(id.name(), row.name, "{}", row.id);
            assert_eq!(id.parent().map(|p| p.to_string()).as_deref(), row.parent, "{}", row.id);
            assert_eq!(id.to_string(), row.id);
        }
    }

    #[test]
    fn refuses_what_is_no_id_or_could_redirect_a_request() {
        for bad in [
            "",
            "/",
            "subscriptions/s1",
            "/subscriptions",
            "/subscriptions/s1/resourceGroups",
            "/subscriptions//resourceGroups/g",
            "/subscriptions/s1/providers/Microsoft.Network",
            "/subscriptions/s1/providers/Microsoft.Network/virtualNetworks",
            "/subscriptions/s1/../s2",
            "/subscriptions/s1/resourceGroups/..",
            "/subscriptions/s1?x=1",
            "/subscriptions/s1/resourceGroups/a%2fb",
            "/subscriptions/s1#f",
            "/subscriptions/s1\\x",
            "/subscriptions/s\n1",
            "https://evil.example/subscriptions/s1",
            "//evil.example/subscriptions/s1",
            "/resourceGroups/g1",
            "/subscriptions/s1/foo/bar",
        ] {
            assert!(ArmId::parse(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(ArmId::parse("/subscriptions/s1/").unwrap().as_str(), "/subscriptions/s1");
    }

    #[test]
    fn equality_hash_and_order_ignore_case() {
        let lower = ArmId::parse(&SUBNET.to_lowercase()).unwrap();
        let upper = ArmId::parse(SUBNET).unwrap();
        assert_eq!(lower, upper);
        assert_eq!(lower.cmp(&upper), Ordering::Equal);
        assert_eq!(std::collections::HashSet::from([lower, upper.clone()]).len(), 1);
        assert!(upper.is_type("microsoft.network/VIRTUALNETWORKS/subnets"));
    }

    #[test]
    fn building_and_serde() {
        let group = ArmId::for_resource_group("s1", "g1").unwrap();
        let vnet = group.resource("Microsoft.Network", "virtualNetworks", "v1").unwrap();
        let subnet = vnet.child("subnets", "n1").unwrap();
        assert_eq!(subnet.as_str(), SUBNET);
        assert_eq!(subnet.names(), ["v1", "n1"]);
        assert!(group.child("subnets", "n1").is_err());
        assert!(vnet.child("subnets", "a/b").is_err());
        assert!(vnet.child("subnets", "a/providers/b/c/d").is_err());
        assert!(ArmId::for_subscription("s1/resourceGroups/g1").is_err());
        assert!(ArmId::for_resource_group("s1", "g1/providers/a/b/c").is_err());
        let json = serde_json::to_string(&subnet).unwrap();
        assert_eq!(serde_json::from_str::<ArmId>(&json).unwrap(), subnet);
        assert!(serde_json::from_str::<ArmId>("\"nonsense\"").is_err());
    }
}
