//! Tests about the checks as a whole.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::check::Group;
use crate::registry::CHECKS;
use crate::testkit;
use crate::{Selection, Verdict, View, examine};

/// Holds generated files to what they should be. Where `CI` is not set stale files are written anew, and the test fails once.
fn keep_current(files: &[(std::path::PathBuf, String)]) {
    let stale: Vec<_> =
        files.iter().filter(|(path, text)| std::fs::read_to_string(path).unwrap_or_default() != *text).collect();
    if std::env::var_os("CI").is_none() {
        for (path, text) in &stale {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    let names: Vec<_> = stale.iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(names.is_empty(), "stale; written anew where CI is not set, so run the tests again: {}", names.join(", "));
}

/// Writes the registry anew when a check file was added or removed. With `CI` set a stale registry is an error and
/// nothing is written.
#[test]
fn the_registry_lists_every_check_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<String> = std::fs::read_dir(src.join("check"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let order = |file: &String| {
        let letters = file[..2].to_ascii_uppercase();
        (Group::ALL.iter().position(|group| group.letters() == letters), file.clone())
    };
    files.sort_by_key(order);
    let mut text = String::from(
        "//! The list of checks. GENERATED from the files below `check/` by the test `the_registry_lists_every_check_file`:\n\
         //! run `cargo test -p checks` after adding a file.\n\nuse crate::check::Check;\n\n",
    );
    let mut modules = files.clone();
    modules.sort();
    for file in &modules {
        writeln!(text, "#[path = \"check/{file}.rs\"]\nmod {file};").unwrap();
    }
    text.push_str("\n/// Every check, in the order of the report.\npub static CHECKS: &[&Check] = &[\n");
    for file in &files {
        writeln!(text, "    &{file}::{},", file[5..].to_ascii_uppercase()).unwrap();
    }
    text.push_str("];\n\n/// The faults of every check, for the matrix.\n#[cfg(test)]\n#[rustfmt::skip]\npub(crate) static FAULTS: &[crate::testkit::FaultsOf] = &[\n");
    for file in &files {
        let source = std::fs::read_to_string(src.join("check").join(format!("{file}.rs"))).unwrap();
        if source.contains("pub(crate) fn faults()") {
            let name = file[5..].to_ascii_uppercase();
            writeln!(text, "    (&{file}::{name}, {file}::tests::faults),").unwrap();
        }
    }
    text.push_str("];\n");
    keep_current(&[(src.join("registry.rs"), text)]);
}

/// The pages below `docs/checks` are the checks' own documentation.
#[test]
fn the_pages_of_the_checks_are_current() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks");
    let mut index = String::from(
        "# Checks\n\nWhat `doctor` looks at. `oc hcp-azure explain CODE` prints the same pages.\n\n| code | id | what it checks |\n|---|---|---|\n",
    );
    let mut expected: BTreeSet<String> = ["README.md".to_owned()].into();
    let mut pages = Vec::new();
    for check in CHECKS {
        writeln!(index, "| [{0}]({0}.md) | {1} | {2} |", check.code, check.id, check.summary()).unwrap();
        let mut page = format!("# {} {}\n\n{}\n", check.printed_code(), check.id, check.documentation());
        let needs: Vec<&str> = check.needs.iter().map(|need| need.describe()).collect();
        writeln!(page, "\n## Facts\nIt reads {}.", needs.join(", ")).unwrap();
        if !check.caused_by.is_empty() {
            let causes: Vec<String> = check.caused_by.iter().map(|code| format!("[{code}]({code}.md)")).collect();
            writeln!(page, "\nWhat it finds can be caused by {}.", causes.join(", ")).unwrap();
        }
        writeln!(page, "\nSince {}.", check.since).unwrap();
        expected.insert(format!("{}.md", check.code));
        pages.push((docs.join(format!("{}.md", check.code)), page));
    }
    pages.push((docs.join("README.md"), index));
    keep_current(&pages);
    let found: BTreeSet<String> =
        std::fs::read_dir(&docs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected, "pages of checks that are gone");
}

#[test]
fn every_check_is_named_and_documented() {
    let mut codes = BTreeSet::new();
    for check in CHECKS {
        let code = check.code;
        assert!(codes.insert(code), "{code} stands twice");
        assert!(code.len() == 4 && code.starts_with(check.group.letters()), "{code} is not of group {:?}", check.group);
        let file = Path::new(check.file).file_stem().unwrap().to_str().unwrap();
        assert_eq!(file, format!("{}_{}", code.to_ascii_lowercase(), check.id.replace('-', "_")), "file of {code}");
        for section in ["What it checks", "Why it matters", "How to fix"] {
            assert!(
                check.section(section).is_some_and(|text| !text.is_empty()),
                "{code} lacks the section '{section}'"
            );
        }
        assert!(check.docs.contains("Source:"), "{code} names no source");
        assert!(!check.needs.is_empty(), "{code} needs nothing");
        let source =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check").join(format!("{file}.rs")))
                .unwrap();
        for (kind, helpers) in [
            ("pass", &["assert_passes("][..]),
            ("finding", &["the_failure(", "the_finding(", "findings("][..]),
            ("unknown", &["the_gap("][..]),
        ] {
            let tests = source.split("mod tests").nth(1).unwrap_or_default();
            assert!(helpers.iter().any(|helper| tests.contains(helper)), "{code} has no test of a {kind} case");
        }
    }
}

#[test]
fn causes_exist_and_form_no_cycle() {
    let causes: BTreeMap<&str, &[&str]> = CHECKS.iter().map(|check| (check.code, check.caused_by)).collect();
    fn walk<'a>(code: &'a str, causes: &BTreeMap<&'a str, &'a [&'a str]>, path: &mut Vec<&'a str>) {
        assert!(!path.contains(&code), "cycle: {path:?} -> {code}");
        path.push(code);
        for cause in causes.get(code).unwrap_or_else(|| panic!("{path:?} names a cause that is no check")).iter() {
            walk(cause, causes, path);
        }
        path.pop();
    }
    for code in causes.keys() {
        walk(code, &causes, &mut Vec::new());
    }
}

#[test]
fn a_healthy_cluster_passes_every_check_that_applies() {
    for facts in testkit::healthy_clusters() {
        let report = examine(&facts, &Selection::default().on_request(true));
        let bad: Vec<_> =
            report.rows.iter().filter(|row| !matches!(row.verdict, Verdict::Pass | Verdict::Skipped)).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

/// On healthy facts a check walks its whole path, so what it reads in all healthy clusters is all that it declares.
#[test]
fn declared_needs_are_the_facts_read() {
    let clusters = testkit::healthy_clusters();
    for check in CHECKS {
        let mut reads = BTreeSet::new();
        for facts in &clusters {
            let view = View::new(facts);
            (check.judge)(&view).unwrap();
            reads.extend(view.reads());
        }
        let declared: BTreeSet<_> = check.needs.iter().copied().collect();
        assert_eq!(reads, declared, "{}", check.code);
    }
    // With nothing read at all, every check says so and none passes.
    let healthy = testkit::healthy();
    let unread = facts::Facts::unread(healthy.collected_at, healthy.source, healthy.target);
    for row in examine(&unread, &Selection::default().on_request(true)).rows {
        assert!(
            row.verdict == Verdict::Unknown,
            "{} gives {:?} on facts that nobody read",
            row.check.code,
            row.verdict
        );
    }
}
