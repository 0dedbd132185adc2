//! Cause before symptom: which row explains which.
//!
//! A check names the checks whose failure can be the reason for its own (`caused_by`). A row is folded under a failed row
//! of such a check, near or far, if both touch the same thing, or if one of them touches nothing in particular. What
//! remains unfolded is a root cause.

use std::collections::{BTreeMap, VecDeque};

use crate::registry::CHECKS;
use crate::report::{Cause, Row, Verdict};

/// Sets `caused_by` of every row that another row explains, and turns rows that are blocked by a failure into skipped ones.
pub(crate) fn fold(rows: &mut [Row]) {
    let parents: Vec<Option<usize>> = (0..rows.len()).map(|at| parent_of(rows, at)).collect();
    for at in 0..rows.len() {
        let Some(root) = root_of(&parents, at) else { continue };
        let cause = Cause {
            code: rows[root].check.code,
            subject: rows[root].subject.clone(),
        };
        let row = &mut rows[at];
        row.caused_by = Some(cause);
        if row.is_blocked() {
            row.verdict = Verdict::Skipped;
        }
    }
}

/// The end of the chain of parents. Causes form no cycle (a test holds the registry to that), so the walk ends.
fn root_of(parents: &[Option<usize>], at: usize) -> Option<usize> {
    std::iter::successors(parents[at], |&next| parents[next]).last()
}

fn parent_of(rows: &[Row], at: usize) -> Option<usize> {
    let row = &rows[at];
    let explains: fn(Verdict) -> bool = match row.verdict {
        Verdict::Fail => |verdict| verdict == Verdict::Fail,
        Verdict::Warn | Verdict::Info => |verdict| matches!(verdict, Verdict::Fail | Verdict::Warn),
        Verdict::Unknown if row.is_blocked() => |verdict| verdict == Verdict::Fail,
        _ => return None,
    };
    let distances = ancestors(row.check.code);
    (0..rows.len())
        .filter(|&other| other != at && explains(rows[other].verdict))
        .filter_map(|other| {
            let distance = *distances.get(rows[other].check.code)?;
            let shared = rows[other].keys.iter().filter(|key| row.keys.contains(key)).count();
            let general = row.keys.is_empty() || rows[other].keys.is_empty();
            (shared > 0 || general).then_some((shared == 0, distance, other))
        })
        .min()
        .map(|(_, _, other)| other)
}

/// The checks that can explain `code`, with the number of steps to them.
fn ancestors(code: &str) -> BTreeMap<&'static str, usize> {
    let direct = |code: &str| {
        CHECKS
            .iter()
            .find(|check| check.code == code)
            .map_or(&[][..], |check| check.caused_by)
    };
    let mut found = BTreeMap::new();
    let mut queue: VecDeque<(&'static str, usize)> = direct(code).iter().map(|&parent| (parent, 1)).collect();
    while let Some((parent, distance)) = queue.pop_front() {
        if found.contains_key(parent) {
            continue;
        }
        found.insert(parent, distance);
        queue.extend(direct(parent).iter().map(|&next| (next, distance + 1)));
    }
    found
}
