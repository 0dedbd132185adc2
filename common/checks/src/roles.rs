//! Evaluation of role definitions: what a role grants, and whether it grants all that another does.
//!
//! Source: <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>: an action is granted when an
//! entry of `permissions` names it in `actions` and not in `notActions`; `*` stands for any text, also for slashes; case
//! does not count.

use facts::azure::{Permission, RoleDefinition};

/// Whether a role grants a control-plane action such as `Microsoft.Network/virtualNetworks/subnets/join/action`.
pub fn grants(role: &RoleDefinition, action: &str) -> bool {
    role.permissions.iter().any(|entry| grants_in(&entry.actions, &entry.not_actions, action))
}

/// Whether what somebody holds at a scope grants a control-plane action.
pub fn permits(held: &[Permission], action: &str) -> bool {
    held.iter().any(|entry| grants_in(&entry.actions, &entry.not_actions, action))
}

/// Whether a role grants a data-plane action.
pub fn grants_data(role: &RoleDefinition, action: &str) -> bool {
    role.permissions.iter().any(|entry| grants_in(&entry.data_actions, &entry.not_data_actions, action))
}

/// Whether `wide` grants every action that `narrow` grants.
///
/// The answer is safe: "yes" is always true. "No" may be given for roles whose wildcards only together cover the other's.
pub fn covers(wide: &RoleDefinition, narrow: &RoleDefinition) -> bool {
    narrow.permissions.iter().all(|entry| {
        covers_in(wide, control, &entry.actions, &entry.not_actions)
            && covers_in(wide, data, &entry.data_actions, &entry.not_data_actions)
    })
}

/// Whether a role grants every control-plane action, but for exceptions: Owner, Contributor and their like.
pub fn grants_almost_everything(role: &RoleDefinition) -> bool {
    role.permissions.iter().any(|entry| entry.actions.iter().any(|action| action == "*"))
}

/// Whether a role grants nothing but reading.
pub fn only_reads(role: &RoleDefinition) -> bool {
    role.permissions
        .iter()
        .flat_map(|entry| entry.actions.iter().chain(&entry.data_actions))
        .all(|action| action.to_ascii_lowercase().ends_with("/read"))
}

type Patterns = fn(&Permission) -> (&[String], &[String]);

fn control(entry: &Permission) -> (&[String], &[String]) {
    (&entry.actions, &entry.not_actions)
}

fn data(entry: &Permission) -> (&[String], &[String]) {
    (&entry.data_actions, &entry.not_data_actions)
}

fn grants_in(patterns: &[String], exceptions: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| includes(pattern, action))
        && !exceptions.iter().any(|exception| includes(exception, action))
}

/// Whether each pattern of the narrow role lies within one entry of the wide role, and every exception of that entry that
/// touches the pattern is an exception of the narrow role, too.
fn covers_in(wide: &RoleDefinition, side: Patterns, narrow: &[String], narrow_exceptions: &[String]) -> bool {
    narrow.iter().all(|pattern| {
        wide.permissions.iter().map(side).any(|(patterns, exceptions)| {
            patterns.iter().any(|own| includes(own, pattern))
                && exceptions
                    .iter()
                    .filter(|exception| overlap(exception, pattern))
                    .all(|exception| narrow_exceptions.iter().any(|other| includes(other, exception)))
        })
    })
}

/// Whether every text that `inner` stands for is one that `outer` stands for. A text without `*` stands for itself.
fn includes(outer: &str, inner: &str) -> bool {
    // A star of `inner` is a letter like any other here: only a star of `outer` can take it in.
    walk(outer, inner, |outer, inner| outer != b'*' && outer.eq_ignore_ascii_case(&inner), false)
}

/// Whether some text is one that both patterns stand for.
fn overlap(a: &str, b: &str) -> bool {
    walk(a, b, |a, b| a.eq_ignore_ascii_case(&b), true)
}

/// Whether two patterns can be read side by side to their ends: `equal` bytes are read together, a star of `a` (and
/// of `b`, if `both`) takes in any stretch of the other.
fn walk(a: &str, b: &str, equal: impl Fn(u8, u8) -> bool, both: bool) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    // reach[j] tells for the current i whether a[i..] and b[j..] can be read to their ends.
    let mut reach = vec![false; b.len() + 1];
    for i in (0..=a.len()).rev() {
        let below = reach.clone();
        for j in (0..=b.len()).rev() {
            let end = i == a.len() && j == b.len();
            let star_of_a = i < a.len() && a[i] == b'*' && (below[j] || (j < b.len() && reach[j + 1]));
            let star_of_b = both && j < b.len() && b[j] == b'*' && (reach[j + 1] || (i < a.len() && below[j]));
            let together = i < a.len() && j < b.len() && equal(a[i], b[j]) && below[j + 1];
            reach[j] = end || star_of_a || star_of_b || together;
        }
    }
    reach[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn role(actions: &[&str], not_actions: &[&str]) -> RoleDefinition {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        RoleDefinition {
            guid: "g".into(),
            name: "n".into(),
            built_in: true,
            permissions: vec![Permission {
                actions: owned(actions),
                not_actions: owned(not_actions),
                ..Permission::default()
            }],
        }
    }

    const CONTRIBUTOR_EXCEPTIONS: &[&str] = &[
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ];

    #[test]
    fn grants_follow_actions_and_exceptions_without_case() {
        let contributor = role(&["*"], CONTRIBUTOR_EXCEPTIONS);
        assert!(grants(&contributor, "microsoft.network/virtualNetworks/subnets/join/action"));
        assert!(grants(&contributor, "Microsoft.Authorization/roleAssignments/read"));
        assert!(!grants(&contributor, "microsoft.authorization/roleAssignments/WRITE"));
        let network = role(&["Microsoft.Network/*/read", "Microsoft.Network/dnsZones/A/*"], &[]);
        assert!(grants(&network, "Microsoft.Network/dnsZones/A/write"));
        assert!(grants(&network, "Microsoft.Network/virtualNetworks/subnets/read"));
        assert!(!grants(&network, "Microsoft.Network/virtualNetworks/subnets/write"));
        assert!(!grants(&network, "Microsoft.Network/dnsZones/AAAA/write"));
    }

    #[test]
    fn an_exception_of_one_entry_does_not_bind_another() {
        let mut both = role(&["*"], &["Microsoft.Authorization/*"]);
        both.permissions.extend(role(&["Microsoft.Authorization/roleAssignments/write"], &[]).permissions);
        assert!(grants(&both, "Microsoft.Authorization/roleAssignments/write"));
        assert!(!grants(&both, "Microsoft.Authorization/locks/write"));
    }

    #[test]
    fn coverage() {
        let owner = role(&["*"], &[]);
        let contributor = role(&["*"], CONTRIBUTOR_EXCEPTIONS);
        let disks = role(&["Microsoft.Compute/disks/*", "Microsoft.Compute/virtualMachines/read"], &[]);
        let assigner = role(&["Microsoft.Authorization/roleAssignments/*"], &[]);
        for (wide, narrow, want) in [
            (&owner, &contributor, true),
            (&contributor, &contributor, true),
            (&contributor, &owner, false),
            (&contributor, &disks, true),
            (&contributor, &assigner, false),
            (&disks, &disks, true),
            (&disks, &contributor, false),
        ] {
            assert_eq!(covers(wide, narrow), want, "{wide:?} over {narrow:?}");
        }
    }

    #[test]
    fn data_actions_count_for_themselves() {
        let mut blobs = role(&["Microsoft.Storage/storageAccounts/read"], &[]);
        blobs.permissions[0].data_actions =
            vec!["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*".into()];
        assert!(grants_data(&blobs, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"));
        assert!(!grants(&blobs, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"));
        assert!(!covers(&role(&["*"], &[]), &blobs));
        assert!(covers(&blobs, &blobs));
    }

    #[test]
    fn kinds_of_roles() {
        assert!(only_reads(&role(&["*/read"], &[])));
        assert!(!only_reads(&role(&["*/read", "Microsoft.Support/*"], &[])));
        assert!(grants_almost_everything(&role(&["*"], CONTRIBUTOR_EXCEPTIONS)));
        assert!(!grants_almost_everything(&role(&["*/read"], &[])));
    }

    /// Patterns and actions over a small alphabet, so that they meet often.
    fn pattern() -> impl Strategy<Value = String> {
        "[aB*/]{0,6}"
    }

    fn action() -> impl Strategy<Value = String> {
        "[aAbB/]{0,7}"
    }

    fn any_role() -> impl Strategy<Value = RoleDefinition> {
        let patterns = || proptest::collection::vec(pattern(), 0..3);
        proptest::collection::vec((patterns(), patterns()), 0..3).prop_map(|entries| {
            let mut any = role(&[], &[]);
            any.permissions = entries
                .into_iter()
                .map(|(actions, not_actions)| Permission { actions, not_actions, ..Permission::default() })
                .collect();
            any
        })
    }

    /// The oracle: a pattern split at its stars, each piece looked for in turn.
    fn matches_by_pieces(pattern: &str, text: &str) -> bool {
        let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
        let pieces: Vec<&str> = pattern.split('*').collect();
        let [first, middle @ .., last] = pieces.as_slice() else {
            return pattern == text;
        };
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        for piece in middle {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn includes_agrees_with_the_oracle(pattern in pattern(), action in action()) {
            prop_assert_eq!(includes(&pattern, &action), matches_by_pieces(&pattern, &action));
        }

        #[test]
        fn overlapping_patterns_are_found(a in pattern(), b in pattern(), action in action()) {
            if includes(&a, &action) && includes(&b, &action) {
                prop_assert!(overlap(&a, &b));
            }
            prop_assert_eq!(overlap(&a, &b), overlap(&b, &a));
        }

        #[test]
        fn inclusion_is_transitive(a in pattern(), b in pattern(), c in action()) {
            if includes(&a, &b) && includes(&b, &c) {
                prop_assert!(includes(&a, &c));
            }
        }

        #[test]
        fn coverage_is_safe(wide in any_role(), narrow in any_role(), actions in proptest::collection::vec(action(), 0..20)) {
            if covers(&wide, &narrow) {
                for action in actions {
                    prop_assert!(!grants(&narrow, &action) || grants(&wide, &action), "{}", action);
                }
            }
        }

        #[test]
        fn everything_covers_every_role(narrow in any_role()) {
            prop_assert!(covers(&role(&["*"], &[]), &narrow));
        }
    }
}
