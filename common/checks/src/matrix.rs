//! The fault matrix: every check's own faults, each judged by all checks.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use crate::registry::{CHECKS, FAULTS};
use crate::{Report, Selection, Verdict, examine};

/// What is wrong with the report on a fault whose only root should be `code`; none when nothing is.
fn objection(code: &str, report: &Report) -> Option<String> {
    let roots: BTreeSet<&str> = report.roots().iter().map(|row| row.check.code).collect();
    let unknown: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.verdict == Verdict::Unknown && row.check.code != code)
        .map(|row| (row.check.code, &row.why))
        .collect();
    if roots.is_empty() {
        return Some("silence".to_owned());
    }
    if roots != BTreeSet::from([code]) {
        return Some(format!("roots {roots:?}"));
    }
    (!unknown.is_empty()).then(|| format!("unknown {unknown:?}"))
}

#[test]
fn every_fault_has_exactly_its_root() {
    let selection = Selection::default().on_request(true);
    let (mut faults, mut wrong) = (0, Vec::new());
    println!("| check | fault | root | explains |\n|---|---|---|---|");
    for (check, of_check) in FAULTS {
        for fault in of_check() {
            faults += 1;
            let mut facts = (fault.base)();
            (fault.inject)(&mut facts);
            let report = examine(&facts, &selection);
            let mut folded: Vec<&str> =
                report.rows.iter().filter(|row| row.caused_by.is_some()).map(|row| row.check.code).collect();
            folded.dedup();
            println!("| {} | {} | {} | {} |", check.code, fault.name, check.code, folded.join(" "));
            if let Some(objection) = objection(check.code, &report) {
                wrong.push(format!("{} {}: {objection}", check.code, fault.name));
            }
        }
    }
    let covered: BTreeSet<&str> = FAULTS.iter().map(|(check, _)| check.code).collect();
    println!("{faults} faults of {} of {} checks, {} wrong", covered.len(), CHECKS.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
