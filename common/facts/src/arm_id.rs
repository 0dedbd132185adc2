//! [`ArmId`]: the name of a resource in Azure Resource Manager.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An ARM resource id such as `/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/v/subnets/s`.
///
/// It keeps the text as it was written, and compares without case as ARM does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArmId(String);

/// Whether a text is a GUID in its usual form, 8-4-4-4-12 hexadecimal digits: what subscriptions, tenants and identities
/// are called.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl ArmId {
    /// Takes the text as it is; a trailing slash is dropped.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        while text.len() > 1 && text.ends_with('/') {
            text.pop();
        }
        Self(text)
    }

    /// The id of a resource group.
    pub fn of_group(subscription: &str, group: &str) -> Self {
        Self(format!("/subscriptions/{subscription}/resourceGroups/{group}"))
    }

    /// The id of a resource in a group; `path` is `<provider>/<type>/<name>[/<type>/<name>…]`.
    pub fn in_group(subscription: &str, group: &str, path: &str) -> Self {
        Self(format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{path}"))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text in lower case: a key for maps.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The value after a path segment, compared without case: `segment("subnets")`.
    pub fn segment(&self, kind: &str) -> Option<&str> {
        let mut parts = self.0.split('/').filter(|part| !part.is_empty());
        while let Some(part) = parts.next() {
            if part.eq_ignore_ascii_case(kind) {
                return parts.next();
            }
        }
        None
    }

    /// The subscription id.
    pub fn subscription(&self) -> Option<&str> {
        self.segment("subscriptions")
    }

    /// The resource group name.
    pub fn resource_group(&self) -> Option<&str> {
        self.segment("resourceGroups")
    }

    /// The resource provider namespace of the innermost resource, as `Microsoft.Network`.
    pub fn provider(&self) -> Option<&str> {
        let parts: Vec<&str> = self.parts().collect();
        let at = parts.iter().rposition(|part| part.eq_ignore_ascii_case("providers"))?;
        parts.get(at + 1).copied()
    }

    /// The full resource type below the provider, as `virtualNetworks/subnets`.
    pub fn resource_type(&self) -> Option<String> {
        let parts: Vec<&str> = self.parts().collect();
        let at = parts.iter().rposition(|part| part.eq_ignore_ascii_case("providers"))?;
        let types: Vec<&str> = parts.iter().skip(at + 2).step_by(2).copied().collect();
        (!types.is_empty()).then(|| types.join("/"))
    }

    /// The last name.
    pub fn name(&self) -> Option<&str> {
        self.parts().last()
    }

    /// The id of the enclosing resource: of a subnet its VNet, of a resource its group, of a group its subscription.
    pub fn parent(&self) -> Option<Self> {
        let parts: Vec<&str> = self.parts().collect();
        if parts.len() <= 2 {
            return None;
        }
        let mut keep = parts.len() - 2;
        // Right below a provider the parent is what stands before "/providers/<namespace>".
        if keep >= 2 && parts[keep - 2].eq_ignore_ascii_case("providers") {
            keep -= 2;
        }
        (keep > 0).then(|| Self(format!("/{}", parts[..keep].join("/"))))
    }

    /// The id of a child: `vnet.child("subnets", "default")`.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        Self(format!("{}/{kind}/{name}", self.0))
    }

    /// Whether it has the shape of a resource id: pairs of non-empty segments that begin with a subscription and, below
    /// it, a resource group and a provider with a type and a name.
    pub fn is_resource(&self) -> bool {
        let parts: Vec<&str> = self.0.split('/').collect();
        let [first, rest @ ..] = parts.as_slice() else {
            return false;
        };
        first.is_empty()
            && rest.len() >= 8
            && rest.len() % 2 == 0
            && rest.iter().all(|part| !part.is_empty())
            && rest[0].eq_ignore_ascii_case("subscriptions")
            && rest[2].eq_ignore_ascii_case("resourceGroups")
            && rest[4].eq_ignore_ascii_case("providers")
    }

    /// Whether `scope` is this id or encloses it, so that a role assigned at `scope` counts here.
    pub fn is_within(&self, scope: &str) -> bool {
        let (own, scope) = (self.key(), scope.trim_end_matches('/').to_ascii_lowercase());
        own == scope || scope.is_empty() || own.strip_prefix(&scope).is_some_and(|rest| rest.starts_with('/'))
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ArmId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ArmId {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ArmId {}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SUBNET: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n";

    #[test]
    fn guids() {
        assert!(is_guid("00000001-aaaa-BBBB-cccc-dddddddddddd"));
        for bad in ["", "00000001aaaabbbbccccdddddddddddd", "0000000g-aaaa-bbbb-cccc-dddddddddddd"] {
            assert!(!is_guid(bad), "{bad}");
        }
    }

    #[test]
    fn parts_of_a_nested_resource() {
        let id = ArmId::from(SUBNET);
        assert_eq!(id.subscription(), Some("s"));
        assert_eq!(id.resource_group(), Some("g"));
        assert_eq!(id.provider(), Some("Microsoft.Network"));
        assert_eq!(id.resource_type().as_deref(), Some("virtualNetworks/subnets"));
        assert_eq!(id.name(), Some("n"));
        let parents: Vec<String> = std::iter::successors(id.parent(), ArmId::parent).map(|id| id.to_string()).collect();
        assert_eq!(
            parents,
            [
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
                "/subscriptions/s/resourceGroups/g",
                "/subscriptions/s",
            ]
        );
    }

    #[test]
    fn comparison_ignores_case_and_display_keeps_it() {
        let id = ArmId::from(SUBNET);
        assert_eq!(id, ArmId::from(SUBNET.to_uppercase()));
        assert_eq!(id.to_string(), SUBNET);
    }

    #[test]
    fn scopes_enclose_by_whole_segments() {
        let id = ArmId::of_group("s", "group");
        assert!(id.is_within("/subscriptions/S"));
        assert!(id.is_within("/"));
        assert!(id.is_within("/subscriptions/s/resourcegroups/group/"));
        assert!(!id.is_within("/subscriptions/s/resourceGroups/gro"));
        assert!(!id.is_within(SUBNET));
    }

    #[test]
    fn shapes() {
        assert!(ArmId::from(SUBNET).is_resource());
        for bad in [
            "",
            "/",
            "vnet",
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/g",
            "//subscriptions/s/resourceGroups/g/providers/p/t/n",
        ] {
            assert!(!ArmId::from(bad).is_resource(), "{bad}");
        }
        assert_eq!(ArmId::from("/").parent(), None);
    }
}
