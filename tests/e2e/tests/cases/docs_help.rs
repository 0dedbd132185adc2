//! Help, as the code has it: examples that parse; manual pages, reference and snapshots that are current.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use clap::Command;
use e2e::workspace::{note, root};

use super::docs_reference::{manual_page, reference_index, reference_page};

/// A command of the tree, with the words that lead to it.
pub(super) struct Verb {
    pub words: Vec<String>,
    pub command: Command,
}

impl Verb {
    /// What a user types for it.
    pub fn title(&self) -> String {
        [vec!["kubectl hcp-azure".to_owned()], self.words.clone()].concat().join(" ")
    }

    /// The name of its files; that of the program itself is empty.
    pub fn slug(&self) -> String {
        self.words.join("-")
    }

    /// The same on a terminal of 80 columns.
    fn narrow(&self) -> Command {
        self.command.clone().term_width(80)
    }

    /// What `-h` and `--help` print.
    fn help(&self) -> String {
        let (title, mut command) = (self.title(), self.command.clone());
        format!("$ {title} -h\n{}\n$ {title} --help\n{}", command.render_help(), command.render_long_help())
    }

    /// The lines of its examples, and what its help says behind them.
    pub fn examples(&self) -> (Vec<String>, String) {
        let help = self.command.get_after_help().or(self.command.get_after_long_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let Some((_, examples)) = help.split_once("Examples:\n") else { return (Vec::new(), help) };
        let (examples, rest) = examples.split_once("\n\n").unwrap_or((examples, ""));
        let lines = examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()).collect();
        (lines, rest.to_owned())
    }
}

/// Every command that help shows, the program itself first.
pub(super) fn verbs() -> Vec<Verb> {
    let mut tree = plugins::command().term_width(100).max_term_width(100);
    tree.build();
    let mut verbs = Vec::new();
    walk(&tree, &mut Vec::new(), &mut verbs);
    verbs
}

fn walk(command: &Command, words: &mut Vec<String>, verbs: &mut Vec<Verb>) {
    verbs.push(Verb { words: words.clone(), command: command.clone() });
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        words.push(inner.get_name().to_owned());
        walk(inner, words, verbs);
        words.pop();
    }
}

/// The words of each call of the program in some lines of shell: quotes, continued lines, pipes, redirections, comments.
pub(super) fn calls(lines: &[String]) -> Vec<Vec<String>> {
    let text = lines.join("\n").replace("\\\n", " ");
    let mut calls = Vec::new();
    for line in text.lines() {
        for command in commands(super::docs_markdown::without_comment(line)) {
            let at = command.iter().position(|word| word == "kubectl" || word == "oc");
            if let Some(at) = at.filter(|at| command.get(at + 1).is_some_and(|word| word == "hcp-azure")) {
                calls.push(command[at + 1..].to_vec());
            }
        }
    }
    calls
}

/// The commands of one line, without their redirections.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    for char in line.chars().chain([' ', ';']) {
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (Some(_), char) => word.get_or_insert_default().push(char),
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, '|' | ';' | '&' | '(' | ')' | '<' | '>' | ' ') => {
                words.extend(word.take());
                match char {
                    ' ' => {}
                    '<' | '>' => words.push(char.to_string()),
                    _ => all.push(std::mem::take(&mut words)),
                }
            }
            (None, char) => word.get_or_insert_default().push(char),
        }
    }
    for command in &mut all {
        if let Some(at) = command.iter().position(|word| word == "<" || word == ">") {
            command.truncate(at);
        }
    }
    all.retain(|command| !command.is_empty());
    all
}

/// Parses a call; says what is wrong with it.
pub(super) fn parsed(call: &[String]) -> Result<Vec<String>, String> {
    let matches = plugins::command().try_get_matches_from(call).map_err(|error| error.to_string())?;
    let (mut words, mut at) = (Vec::new(), &matches);
    while let Some((name, inner)) = at.subcommand() {
        words.push(name.to_owned());
        at = inner;
    }
    Ok(words)
}

#[test]
fn every_command_has_examples_that_parse() {
    let (verbs, mut count, mut wrong) = (verbs(), 0, Vec::new());
    for verb in &verbs {
        let (lines, _) = verb.examples();
        let calls = calls(&lines);
        if !(2..=5).contains(&calls.len()) {
            wrong.push(format!("{}: {} examples", verb.title(), calls.len()));
        }
        for call in calls {
            count += 1;
            match parsed(&call) {
                Ok(words) if words.starts_with(&verb.words) => {}
                Ok(words) => wrong.push(format!("{}: an example of {words:?}", verb.title())),
                Err(why) => wrong.push(format!("{}: {call:?}: {why}", verb.title())),
            }
        }
        // A terminal of 80 columns must not break what is to be copied.
        for help in [verb.narrow().render_long_help(), verb.narrow().render_help()] {
            let help = help.to_string();
            for line in lines.iter().filter(|line| !help.contains(&format!("\n  {line}"))) {
                wrong.push(format!("{}: help does not show the line {line}", verb.title()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    note(&format!("docs: {count} examples of {} commands parse", verbs.len()));
    let refused = |line: &str| parsed(&calls(&[line.to_owned()])[0]).is_err();
    assert!(refused("kubectl hcp-azure doctor prod --no-such-flag") && refused("oc hcp-azure no-such-verb"));
}

/// The pages show what parses, too.
#[test]
fn every_call_on_a_page_parses() {
    let verbs: BTreeSet<String> = verbs().into_iter().filter_map(|verb| verb.words.into_iter().next()).collect();
    let (mut count, mut spans, mut wrong) = (0, 0, Vec::new());
    for page in super::docs::pages() {
        for (line, span) in page.code_spans() {
            spans += 1;
            wrong.extend(unknown_flag(&span, &verbs).map(|why| format!("{}:{line}: {why}", page.name)));
        }
        for block in page.blocks() {
            for (line, command) in block.commands() {
                for call in calls(&[command]) {
                    count += 1;
                    // The program takes `--preflight` for the verb before it parses.
                    if call.iter().all(|word| word != "--preflight")
                        && let Err(why) = parsed(&call)
                    {
                        wrong.push(format!("{}:{line}: {why}", page.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    note(&format!("docs: {count} calls on pages parse, {spans} code spans name no unknown flag"));
    assert!(
        unknown_flag("doctor NAME --no-such-flag", &verbs).is_some() && unknown_flag("oc get pods", &verbs).is_none()
    );
}

/// What is wrong with the flags of a call in running text, which may leave out the program and what is required.
fn unknown_flag(span: &str, verbs: &BTreeSet<String>) -> Option<String> {
    let bare = span.split(' ').next().filter(|word| verbs.contains(*word) && span.contains(' '));
    let line = if bare.is_some() { format!("kubectl hcp-azure {span}") } else { span.to_owned() };
    calls(&[line]).into_iter().filter(|call| !call.contains(&"--preflight".to_owned())).find_map(|call| {
        let error = plugins::command().try_get_matches_from(call).err()?;
        let is_long =
            error.kind() == clap::error::ErrorKind::UnknownArgument && error.to_string().contains("argument '--");
        is_long.then(|| error.to_string())
    })
}

/// Manual pages, reference and help are what the code says. The first run brings them up to date, the second passes.
#[test]
fn what_is_made_of_the_command_line_is_current() {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    let verbs = verbs();
    for verb in &verbs {
        let slug = verb.slug();
        let name = if slug.is_empty() { "kubectl-hcp_azure".to_owned() } else { format!("kubectl-hcp_azure-{slug}") };
        files.insert(format!("docs/man/{name}.1").into(), manual_page(verb, &name));
        let snapshot = if slug.is_empty() { "hcp-azure" } else { &slug };
        files.insert(format!("tests/snapshots/help/{snapshot}.txt").into(), verb.help());
        if !slug.is_empty() {
            files.insert(format!("docs/reference/{slug}.md").into(), reference_page(verb));
        }
    }
    files.insert("docs/reference/README.md".into(), reference_index(&verbs));
    let mut stale = Vec::new();
    for (name, text) in &files {
        let path = root().join(name);
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            stale.push(name.display().to_string());
        }
    }
    for folder in ["docs/man", "docs/reference", "tests/snapshots/help"] {
        let of_folder = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let known: BTreeSet<PathBuf> = files.keys().map(|name| root().join(name)).collect();
        for gone in of_folder.filter(|path| !known.contains(path)) {
            fs::remove_file(&gone).unwrap();
            stale.push(format!("{} (of no command)", gone.display()));
        }
    }
    assert!(stale.is_empty(), "brought up to date, run again and commit: {}", stale.join(", "));
    note(&format!("docs: {} files made of {} commands are current", files.len(), verbs.len()));
}

#[test]
fn calls_of_a_line() {
    let line = |text: &str| calls(&text.lines().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(line("oc logs x | kubectl hcp-azure doctor decode < 'a b' # c"), [["hcp-azure", "doctor", "decode"]]);
    assert_eq!(
        line("A=$(oc hcp-azure x \"a b\" \\\n  -y) && oc hcp-azure z>f"),
        [vec!["hcp-azure", "x", "a b", "-y"], vec!["hcp-azure", "z"]]
    );
    assert!(line("kubectl get nodes").is_empty());
}
