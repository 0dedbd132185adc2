//! What facts hold and what they lack, by unit.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Facts, Gap, GapKind, Need};

/// How much of a unit of facts is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// How many lookups brought something.
    pub known: u64,
    /// How many lookups showed that there is nothing.
    pub absent: u64,
    /// How many lookups failed.
    pub unreadable: u64,
}

impl State {
    /// `read`, `absent`, `unreadable`, `partly` or `notAsked`.
    pub fn word(self) -> &'static str {
        match (self.known, self.absent, self.unreadable) {
            (0, 0, 0) => "notAsked",
            (0, 0, _) => "unreadable",
            (0, _, 0) => "absent",
            (_, _, 0) => "read",
            _ => "partly",
        }
    }
}

/// How much facts hold of each unit, and every reason why something could not be read, with the units it concerns.
pub fn take(facts: &Facts) -> (BTreeMap<Need, State>, BTreeMap<Gap, BTreeSet<Need>>) {
    let value = serde_json::to_value(facts).unwrap_or_default();
    let mut states = BTreeMap::new();
    let mut gaps: BTreeMap<Gap, BTreeSet<Need>> = BTreeMap::new();
    for need in Need::ALL.iter().copied().filter(|need| *need != Need::Recording) {
        let mut state = State::default();
        for place in places(need) {
            if let Some(value) = find(&value, place) {
                count(value, &mut state, &mut |gap| {
                    gaps.entry(gap).or_default().insert(need);
                });
            }
        }
        states.insert(need, state);
    }
    (states, gaps)
}

/// Where the facts of a unit are; units that are read together share a place. Paths of member names; `*` stands for all members of an object or list.
fn places(need: Need) -> &'static [&'static str] {
    match need {
        Need::CredsFile => &["local/credsFile"],
        Need::Login => &["azure/login"],
        Need::Subscription => &["azure/subscription"],
        Need::Providers => &["azure/providers"],
        Need::ResourceGroups => &["azure/resourceGroups"],
        Need::Identities => &["azure/identities"],
        Need::FederatedCredentials => &["azure/identities/value/*/federated"],
        Need::Roles => &["azure/roleAssignments", "azure/roleDefinitions"],
        Need::Network => &["azure/network"],
        Need::IssuerStorage => &["oidc/storage"],
        Need::IssuerDocuments => &["oidc/discovery", "oidc/jwks"],
        Need::SigningKey => &["oidc/signingKey"],
        Need::Operator => &["management/operators"],
        Need::ApiResources => &["management/apiResources"],
        Need::Access => &["management/access"],
        Need::SupportedVersions => &["management/supportedVersions"],
        Need::HostedCluster => &["hosted/cluster"],
        Need::NodePools => &["hosted/nodePools"],
        Need::Machines => &["hosted/machines", "hosted/azureMachines"],
        Need::Components => &["hosted/components", "hosted/workloads"],
        Need::Pods => &["hosted/pods", "hosted/warnings"],
        Need::Logs => &["hosted/logs"],
        Need::CallerPermissions => &["azure/governance/callerPermissions", "azure/governance/denyAssignments"],
        Need::PolicyRestrictions => &["azure/governance/policies"],
        Need::Locks => &["azure/governance/locks"],
        Need::AppSecrets => &["azure/governance/appSecrets"],
        Need::Features => &["azure/quota/encryptionAtHost"],
        Need::Skus => &["azure/quota/sizes"],
        Need::Usages => {
            &["azure/quota/compute", "azure/quota/network", "azure/quota/subnets", "azure/quota/roleAssignments"]
        }
        Need::ImageTerms => &["azure/quota/imageTerms"],
        Need::DnsZones => &["names/zones", "names/privateZones", "privateLink/zones"],
        Need::KeyVault => &["azure/keyVault"],
        Need::IdentitySecrets => &["azure/identitySecrets"],
        Need::PrivateEndpoints => {
            &["privateLink/linkServices", "privateLink/endpoints", "privateLink/balancers", "privateLink/vnets"]
        }
        Need::VirtualMachines => &["azure/compute/virtualMachines"],
        Need::BootLogs => &["azure/compute/bootLogs"],
        Need::Leftovers => &["azure/leftovers"],
        Need::Clocks => &["clocks"],
        Need::Resolution => &["names/delegation", "names/hosts", "names/loadBalancers"],
        Need::PullSecret => &["release/pullSecret"],
        Need::ReleaseImage => &["release/image"],
        Need::ApiServer => &["names/apiServer"],
        Need::Guest => &[
            "guest/clusterOperators",
            "guest/nodes",
            "guest/signingRequests",
            "guest/credentials",
            "guest/unschedulable",
            "guest/deadWebhooks",
        ],
        Need::GuestTokens => &["guest/tokens"],
        Need::EgressProbe => &["guest/egressProbe"],
        Need::Certificates => &["hosted/controlPlane/certificates"],
        Need::ClusterApi => &[
            "hosted/controlPlane/cluster",
            "hosted/controlPlane/azureCluster",
            "hosted/controlPlane/azureIdentity",
            "hosted/controlPlane/healthChecks",
        ],
        Need::Volumes => &["hosted/controlPlane/volumes"],
        Need::SecretProviders => &["management/fleet/secretProviders"],
        Need::PrivateLink => &["privateLink/services", "privateLink/operators"],
        Need::ExternalDns => &["names/externalDns", "names/externalDnsLog"],
        Need::ManagementNodes => &[
            "management/fleet/nodes",
            "management/fleet/requests",
            "management/fleet/storageClasses",
            "management/fleet/clusterOperators",
            "management/fleet/machineConfigPools",
        ],
        Need::OtherClusters => &["management/fleet/others"],
        Need::TokenExchange => &["exchange/attempts"],
        Need::EffectivePermissions => &["exchange/permissions"],
        Need::Recording => &[],
    }
}

/// What is at a path; a list of what is there for a path with `*`.
fn find(value: &Value, path: &str) -> Option<Value> {
    let Some((name, rest)) = path.split_once('/') else { return value.get(path).cloned() };
    if name != "*" {
        return find(value.get(name)?, rest);
    }
    let inner: Vec<Value> = match value {
        Value::Array(items) => items.iter().filter_map(|item| find(item, rest)).collect(),
        Value::Object(members) => members.values().filter_map(|item| find(item, rest)).collect(),
        _ => return None,
    };
    Some(Value::Array(inner))
}

/// Counts the lookups in a value, nested ones included.
fn count(value: Value, state: &mut State, told: &mut dyn FnMut(Gap)) {
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| count(item, state, told)),
        Value::Object(mut members) => {
            let is_fact = members.len() <= 2;
            match members.get("state").and_then(Value::as_str).filter(|_| is_fact) {
                Some("known") => {
                    state.known += 1;
                    count(members.remove("value").unwrap_or_default(), state, told);
                }
                Some("absent") => state.absent += 1,
                Some("unreadable") => {
                    let gap: Option<Gap> = serde_json::from_value(members.remove("value").unwrap_or_default()).ok();
                    match gap {
                        Some(gap) if gap.kind == GapKind::NotAsked => {}
                        Some(gap) => {
                            state.unreadable += 1;
                            told(gap);
                        }
                        None => state.unreadable += 1,
                    }
                }
                _ => members.into_iter().for_each(|(_, item)| count(item, state, told)),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Fact, Source, Target};

    fn unread() -> Facts {
        let target = Target { namespace: "n".into(), name: "c".into() };
        Facts::unread("2026-11-20T12:00:00Z".parse().unwrap(), Source::Live { context: None }, target)
    }

    #[test]
    fn nothing_read_is_not_asked_everywhere() {
        let (states, gaps) = take(&unread());
        assert_eq!(states.len(), Need::ALL.len() - 1);
        assert!(states.values().all(|state| state.word() == "notAsked") && gaps.is_empty());
    }

    #[test]
    fn lookups_are_counted_and_reasons_told_once() {
        let mut facts = unread();
        let gap = Gap::new(GapKind::Denied, "403").needing("a/read", "/s");
        facts.azure.subscription = Fact::Absent;
        facts.azure.providers.insert("A".into(), Fact::Known("Registered".into()));
        facts.azure.providers.insert("B".into(), Fact::Unreadable(gap.clone()));
        facts.azure.resource_groups.insert("g".into(), Fact::Unreadable(gap.clone()));
        facts.hosted.node_pools = Fact::Known(vec![]);
        let (states, gaps) = take(&facts);
        assert_eq!(states[&Need::Providers], State { known: 1, absent: 0, unreadable: 1 });
        let words =
            [Need::Providers, Need::ResourceGroups, Need::Subscription, Need::NodePools].map(|n| states[&n].word());
        assert_eq!(words, ["partly", "unreadable", "absent", "read"]);
        assert_eq!(gaps, [(gap, [Need::Providers, Need::ResourceGroups].into())].into());
    }
}
