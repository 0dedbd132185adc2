//! The infra id: part of most names of a cluster in Azure, made once and never again.

use crate::tags;
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest part that comes from the cluster's name.
const NAME: usize = 21;
/// How many random characters follow.
pub const RANDOM: usize = 5;
/// Characters that make no words and are not mistaken for one another: Kubernetes' own alphabet for names.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A new infra id for a cluster's name, of random bytes that the caller made.
pub fn new(name: &str, random: [u8; RANDOM]) -> String {
    let mut base = String::new();
    for c in name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }) {
        if c != '-' || !base.ends_with('-') {
            base.push(c);
        }
    }
    base.truncate(NAME);
    let tail: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect();
    format!("{}-{tail}", base.trim_end_matches('-'))
}

/// Whether an infra id is of the form that [`new`] gives: then a name that bears it does not bear it by chance.
pub fn is_generated(id: &str) -> bool {
    let Some((name, tail)) = id.rsplit_once('-') else { return false };
    !name.is_empty() && tail.len() == RANDOM && tail.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// The infra ids for which resources of a cluster's name were created, from the tags of what exists.
pub fn of_tags(name: &str, bodies: &[Value]) -> BTreeSet<String> {
    let tag = |body: &Value, key: &str| body["tags"][key].as_str().map(str::to_owned);
    bodies
        .iter()
        .filter(|body| tag(body, tags::CLUSTER).as_deref() == Some(name))
        .filter_map(|body| tag(body, tags::INFRA_ID))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_of_upstreams_form() {
        assert_eq!(new("dev", [0, 1, 2, 3, 26]), "dev-bcdf9");
        assert_eq!(new("a.very..long-name-that-is-cut", [255; 5]), "a-very-long-name-that-qqqqq");
        assert!(new(&"x".repeat(63), [9; 5]).len() <= 27);
        assert!(is_generated("dev-bcdf9") && is_generated(&new("dev", [7; 5])));
        for other in ["dev", "dev-1", "my-rhel9", "-bcdf9", "dev-bcdf99"] {
            assert!(!is_generated(other), "{other}");
        }
    }

    #[test]
    fn ids_are_found_in_tags_of_the_same_cluster() {
        let body = |name: &str, id: &str| json!({"tags": {tags::CLUSTER: name, tags::INFRA_ID: id}});
        let found = of_tags("dev", &[body("dev", "dev-a"), body("dev", "dev-a"), body("prod", "prod-b"), json!({})]);
        assert_eq!(found, ["dev-a".to_owned()].into());
    }
}
