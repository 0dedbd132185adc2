//! The pages: every link leads somewhere, and what the READMEs say of Cargo is so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;
use e2e::scene::run;
use e2e::workspace::{note, root};

use super::docs_markdown::{Block, Page};

/// Every page of the checkout that people read; what tests recorded is no page.
pub(super) fn pages() -> Vec<Page> {
    let mut files = Vec::new();
    collect(&root(), &mut files);
    files.sort();
    files.iter().map(|path| Page::read(&root(), path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    const NO_PAGES: [&str; 5] = ["target", "node_modules", "snapshots", "bundles", "dist"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NO_PAGES.contains(&name.as_str()) && (!name.starts_with('.') || name == ".github") {
                collect(&path, files);
            }
        } else if name.ends_with(".md") {
            files.push(path);
        }
    }
}

/// Why a link of a page leads nowhere.
fn broken(link: &str, page: &Page, anchors: &BTreeMap<PathBuf, BTreeSet<String>>) -> Option<String> {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let own = root().join(&page.name);
    let target = if path.is_empty() { own } else { own.parent().unwrap().join(path) };
    let Ok(target) = target.canonicalize() else { return Some("no such file".into()) };
    if !target.starts_with(root().canonicalize().unwrap()) {
        return Some("is outside of the checkout".into());
    }
    match (anchor, anchors.get(&target)) {
        (Some(anchor), Some(known)) if !known.contains(anchor) => Some(format!("no heading #{anchor}")),
        (Some(_), None) => Some("an anchor of what is no page".into()),
        _ => None,
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> =
        pages.iter().map(|page| (root().join(&page.name).canonicalize().unwrap(), page.anchors())).collect();
    let (mut count, mut wrong) = (0, Vec::new());
    for page in &pages {
        for (line, link) in page.links() {
            count += 1;
            wrong.extend(broken(&link, page, &anchors).map(|why| format!("{}:{line}: {link}: {why}", page.name)));
        }
    }
    note(&format!("docs: {count} links of {} pages, {} broken", pages.len(), wrong.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} links are seen");
    let readme = pages.iter().find(|page| page.name == "README.md").unwrap();
    for bad in ["docs/nothing.md", "docs/doctor.md#no-such-heading", "#no-such-heading", "../../etc/passwd"] {
        assert!(broken(bad, readme, &anchors).is_some(), "{bad} passes");
    }
}

/// Every page below `docs` can be reached from its index.
#[test]
fn the_index_leads_to_every_page() {
    let pages = pages();
    let mut seen = BTreeSet::from(["docs/README.md".to_owned()]);
    let mut queue = vec!["docs/README.md".to_owned()];
    while let Some(name) = queue.pop() {
        let Some(page) = pages.iter().find(|page| page.name == name) else { continue };
        for (_, link) in page.links() {
            let path = root().join(&name).parent().unwrap().join(link.split('#').next().unwrap());
            let Ok(path) = path.canonicalize() else { continue };
            let Ok(path) = path.strip_prefix(root().canonicalize().unwrap()) else { continue };
            let name = path.to_string_lossy().into_owned();
            if name.starts_with("docs/") && seen.insert(name.clone()) {
                queue.push(name);
            }
        }
    }
    let lost: Vec<&str> = pages
        .iter()
        .map(|page| page.name.as_str())
        .filter(|name| name.starts_with("docs/") && !seen.contains(*name))
        .collect();
    assert!(lost.is_empty(), "not to be reached from docs/README.md: {lost:?}");
}

#[test]
fn the_readme_stays_short() {
    let readme = Page::read(&root(), &root().join("README.md"));
    assert!(readme.text.lines().count() <= 310, "README.md has {} lines", readme.text.lines().count());
}

/// What a page says of Cargo names packages and programs that exist. A program that ends by itself is run, too.
#[test]
fn what_is_shown_is_what_the_program_prints() {
    let mut shown = 0;
    for page in pages() {
        for (command, block) in page.prints() {
            let mut program = Command::new(env!("CARGO_BIN_EXE_kubectl-hcp_azure"));
            program.args(command.split_whitespace()).current_dir(root()).env_remove("COLUMNS");
            let printed = run::ran(program).unwrap().stdout;
            let mut rest = printed.as_str();
            // A line with nothing but an ellipsis stands for what was left out.
            let lines: Vec<&str> = block.lines().collect();
            for part in lines.split(|line| line.trim() == "…").map(|part| part.join("\n")) {
                let at = rest.find(&part);
                assert!(at.is_some(), "{}: `{command}` does not print\n{part}\nbut\n{printed}", page.name);
                rest = &rest[at.unwrap_or(0) + part.len()..];
            }
            shown += 1;
        }
    }
    assert!(shown > 0, "no page shows what is printed");
}

#[test]
fn what_the_pages_say_of_cargo_is_so() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let packages: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let programs: BTreeSet<&str> = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_bin())
        .map(|target| target.name.as_str())
        .collect();
    let (mut count, mut ran) = (0, 0);
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.is_cargo()) {
            for (line, command) in block.commands() {
                count += 1;
                let words: Vec<&str> = command.split_whitespace().collect();
                for pair in words.iter().take_while(|word| **word != "--").collect::<Vec<_>>().windows(2) {
                    let (flag, value) = (*pair[0], *pair[1]);
                    let known = match flag {
                        "-p" | "--package" => packages.contains(value),
                        "--bin" => programs.contains(value),
                        "--test" => value == "e2e" || value == "bed",
                        _ => true,
                    };
                    assert!(known, "{}:{line}: there is no {value}", page.name);
                }
                ran += usize::from(run_if_it_ends(&command, block, &page.name, line));
            }
        }
    }
    note(&format!("docs: {count} commands of Cargo name what exists, {ran} of them run"));
    assert!(count >= 4 && ran >= 1, "{count} commands of Cargo are seen, {ran} run");
}

/// Runs the umbrella with the words behind `--`, without Cargo.
fn run_if_it_ends(command: &str, block: &Block, page: &str, line: usize) -> bool {
    let Some((cargo, args)) = command.split_once(" -- ") else { return false };
    if !cargo.contains("--bin kubectl-hcp_azure") {
        return false;
    }
    let mut program = std::process::Command::new(super::create_stage::PROGRAM);
    program.args(args.split_whitespace()).current_dir(root());
    let ran = run::ran(program).unwrap();
    assert_eq!(ran.code, Some(block.expected(line)), "{page}:{line}: {}", ran.stderr);
    true
}
