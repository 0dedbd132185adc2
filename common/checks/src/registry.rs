//! The list of checks. GENERATED from the files below `check/` by the test `the_registry_lists_every_check_file`:
//! run `cargo test -p checks` after adding a file.

use crate::check::Check;

#[path = "check/fc01_fic_subjects_complete.rs"]
mod fc01_fic_subjects_complete;

/// Every check, in the order of the report.
pub static CHECKS: &[&Check] = &[
    &fc01_fic_subjects_complete::FIC_SUBJECTS_COMPLETE,
];
