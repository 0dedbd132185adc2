//! `key=value` lists, as the flags of the upstream CLI take them.

use std::collections::BTreeMap;

use super::names;
use super::refusal::{Refusal, Refusals};

/// How many labels or node selector entries a HostedCluster takes.
const MAX_ENTRIES: usize = 20;

/// How many bytes the annotations of an object may have together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Takes apart a comma separated list of `key=value`, given once or several times.
///
/// # Errors
/// A [`Refusal`] of `flag` for what has no `=`.
pub(super) fn pairs_of_list(flag: &'static str, given: &[String]) -> Result<BTreeMap<String, String>, Refusal> {
    let entries = given.iter().flat_map(|list| list.split(','));
    entries.map(|entry| pair(flag, entry)).collect()
}

/// The labels of the HostedCluster itself, one `key=value` each.
pub(super) fn labels(flag: &'static str, given: &[String], refusals: &mut Refusals) -> BTreeMap<String, String> {
    let found = each(flag, given, refusals);
    judge_labels(flag, &found, refusals);
    found
}

/// The annotations of the HostedCluster, one `key=value` each.
pub(super) fn annotations(flag: &'static str, given: &[String], refusals: &mut Refusals) -> BTreeMap<String, String> {
    let found = each(flag, given, refusals);
    for (key, value) in &found {
        if let Some(problem) = names::key_problem(key) {
            refusals.add(flag, format!("{key}={value}"), problem, "give a key such as `example.com/note`");
        }
    }
    if found.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ANNOTATIONS {
        refusals.add(flag, "", "all annotations together have more than 256 KiB", "give less");
    }
    found
}

/// A list of labels or selectors for pods or nodes.
pub(super) fn selection(flag: &'static str, given: &[String], refusals: &mut Refusals) -> BTreeMap<String, String> {
    let found = refusals.take(pairs_of_list(flag, given)).unwrap_or_default();
    judge_labels(flag, &found, refusals);
    if found.len() > MAX_ENTRIES {
        refusals.add(
            flag,
            "",
            format!("it has {} entries; at most {MAX_ENTRIES} are allowed", found.len()),
            "give fewer",
        );
    }
    found
}

fn each(flag: &'static str, given: &[String], refusals: &mut Refusals) -> BTreeMap<String, String> {
    given.iter().filter_map(|entry| refusals.take(pair(flag, entry))).collect()
}

fn pair(flag: &'static str, entry: &str) -> Result<(String, String), Refusal> {
    match entry.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Refusal::new(flag, entry, "it is not of the form key=value", "give key=value")),
    }
}

fn judge_labels(flag: &'static str, found: &BTreeMap<String, String>, refusals: &mut Refusals) {
    for (key, value) in found {
        let problem = names::key_problem(key).or_else(|| {
            (!names::is_label_value(value)).then_some(
                "its value has more than 63 characters, or others than letters, digits, '-', '_' and '.', or begins or ends with one of those three",
            )
        });
        if let Some(problem) = problem {
            refusals.add(flag, format!("{key}={value}"), problem, "give a label such as `team=a`");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn lists_add_up_and_the_last_of_a_key_wins() {
        let found = pairs_of_list("--x", &owned(&["a=1,b=2", "a=3"])).unwrap();
        assert_eq!(found, BTreeMap::from([("a".into(), "3".into()), ("b".into(), "2".into())]));
        assert_eq!(pairs_of_list("--x", &owned(&["a"])).unwrap_err().value, "a");
        assert!(pairs_of_list("--x", &owned(&["=b"])).is_err());
    }

    #[test]
    fn annotations_keep_what_stands_behind_the_first_equals_sign() {
        let mut refusals = Refusals::default();
        let found = annotations("--annotations", &owned(&["a.b/c=x=y, z", "empty="]), &mut refusals);
        assert_eq!(found["a.b/c"], "x=y, z");
        assert_eq!(found["empty"], "");
        assert!(refusals.0.is_empty());
        annotations("--annotations", &owned(&["a b=c", "none"]), &mut refusals);
        assert_eq!(refusals.0.len(), 2);
    }

    #[test]
    fn labels_are_held_to_their_alphabet() {
        let mut refusals = Refusals::default();
        labels("--labels", &owned(&["a=b"]), &mut refusals);
        assert!(refusals.0.is_empty());
        labels("--labels", &owned(&["foo", "a=b c", "-x=y"]), &mut refusals);
        assert_eq!(refusals.0.len(), 3);
        let many: Vec<String> = (0..21).map(|n| format!("k{n}=v")).collect();
        let mut refusals = Refusals::default();
        selection("--node-selector", &many, &mut refusals);
        assert!(refusals.0[0].why.contains("21 entries"));
    }
}
