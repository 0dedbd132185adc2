//! `__complete`: the candidates for the last word of a command line, as kubectl asks plugins for them.
//!
//! One candidate a line, with a tab and a description where there is one, and last a colon and cobra's directive: what the
//! shell is to do besides. It always succeeds, says nothing on stderr, asks nobody anything, and is done within a second.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use checks::{CHECKS, Group};
use clap::{Arg, Command, CommandFactory as _};
use cloud::kubernetes::KubeOptions;
use cloud::names::{self, Kind, Name};
use cloud::scripts;
use secrecy::SecretString;
use ui::Outcome;

use super::line::{self, Line, Wanted};
use super::values::{self, Source};
use crate::cmd::{Cli, printed};

/// The hidden verbs: for our own scripts, and for the shims that kubectl and oc call. Behind them stand words that are no
/// arguments of ours, so that clap never sees them.
const OF_SCRIPT: &str = "__complete";
const OF_SHIM: &str = "__complete_plugin";
/// How long the management cluster may take. With the start of kubectl and of this program it stays below a second.
const LIMIT: Duration = Duration::from_millis(600);

/// What the shell does besides showing candidates; the numbers are cobra's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    /// Completes files where there is no candidate.
    Files = 0,
    /// No files.
    NoFiles = 4,
    /// Folders alone.
    Folders = 16,
    /// No files, and the candidates in their order.
    InOrder = 36,
}

/// A line to complete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The words behind the program's name; the last one is the one under the cursor.
    words: Vec<String>,
    /// Whether kubectl or oc asks.
    of_shim: bool,
}

/// What is asked, if the program is asked for candidates: `PROGRAM __complete WORD…`, or for the program of one verb
/// `PROGRAM VERB __complete WORD…`.
pub(crate) fn asked(args: &[OsString]) -> Option<Question> {
    let at = args.iter().take(3).position(|arg| arg == OF_SCRIPT || arg == OF_SHIM).filter(|at| *at > 0)?;
    let words = args[1..at].iter().chain(&args[at + 1..]);
    let words = words.map(|word| word.to_string_lossy().into_owned()).collect();
    Some(Question { words, of_shim: args[at] == OF_SHIM })
}

/// Prints the candidates for the last word.
pub(crate) fn answer(question: &Question) -> Outcome {
    let Question { words, of_shim } = question;
    let mut program = Cli::command();
    program.build();
    let line = Line::read(&program, words);
    let (mut candidates, directive) = candidates(&line);
    if *of_shim && words.len() == 1 {
        // kubectl offers a program of one verb by itself, and bash would show the verb twice.
        candidates.retain(|verb| !scripts::is_on_path(&format!("kubectl-hcp_azure-{}", verb.name)));
    }
    let mut text = String::new();
    for Name { name, note } in candidates {
        // A tab or a line break would be read as something else, and a control character by the terminal.
        if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            continue;
        }
        text.push_str(&name);
        let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if !note.is_empty() {
            text.push('\t');
            text.push_str(&note);
        }
        text.push('\n');
    }
    text.push_str(&format!(":{}\n", directive as u8));
    printed(&text);
    Outcome::Yes
}

fn candidates(line: &Line<'_>) -> (Vec<Name>, Directive) {
    match line.wanted {
        Wanted::Flag => (flags(line), Directive::NoFiles),
        Wanted::Value(arg) => values(line, arg),
        Wanted::Word { verb, positional } => {
            let (mut all, directive) = positional.map_or((Vec::new(), Directive::NoFiles), |arg| values(line, arg));
            if !verb || !line.command.has_subcommands() {
                return (all, directive);
            }
            let verbs = verbs(line);
            // Verbs last where a name may stand: names are what is looked for there.
            all.extend(verbs);
            (all, if directive == Directive::NoFiles { Directive::InOrder } else { directive })
        }
        Wanted::Nothing => (Vec::new(), Directive::NoFiles),
    }
}

fn verbs(line: &Line<'_>) -> Vec<Name> {
    let shown = line.command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let named = shown.map(|verb| Name::new(verb.get_name(), about(verb)));
    named.filter(|name| name.name.starts_with(line.typed)).collect()
}

fn about(verb: &Command) -> String {
    verb.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The flags that may follow: those that are given already only where they may be given again.
fn flags(line: &Line<'_>) -> Vec<Name> {
    let mut all = Vec::new();
    let free =
        |arg: &&Arg| !arg.is_hide_set() && (line::is_repeated(arg) || !line.flags.contains(&arg.get_id().as_str()));
    for arg in line.command.get_arguments().filter(|arg| !arg.is_positional()).filter(free) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default();
        let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
        all.extend(longs.iter().map(|long| Name::new(format!("--{long}"), help)));
        // Letters only by themselves: they are quicker typed than chosen.
        if line.typed == "-" {
            all.extend(arg.get_short().map(|letter| Name::new(format!("-{letter}"), help)));
        }
    }
    all.retain(|flag| flag.name.starts_with(line.typed));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn values(line: &Line<'_>, arg: &Arg) -> (Vec<Name>, Directive) {
    let source = values::source(line, arg);
    match source {
        Source::Files => return (Vec::new(), Directive::Files),
        Source::Folders => return (Vec::new(), Directive::Folders),
        _ => {}
    }
    // Of a list, the last item is completed, with what stands before it.
    let delimiter = arg.get_value_delimiter();
    let (listed, typed) = match delimiter.and_then(|delimiter| line.typed.rsplit_once(delimiter)) {
        Some((listed, typed)) => (Some(listed), typed),
        None => (None, line.typed),
    };
    let mut all = of_source(line, arg, source, typed);
    all.retain(|candidate| candidate.name.starts_with(typed));
    if let (Some(delimiter), Some(listed)) = (delimiter, listed) {
        all.retain(|candidate| listed.split(delimiter).all(|known| known != candidate.name));
        for candidate in &mut all {
            candidate.name = format!("{listed}{delimiter}{}", candidate.name);
        }
    }
    (all, Directive::NoFiles)
}

fn of_source(line: &Line<'_>, arg: &Arg, source: Source, typed: &str) -> Vec<Name> {
    let own = || line.value("namespace").unwrap_or(crate::cmd::source::USUAL_NAMESPACE).to_owned();
    let live = |kind: Kind| {
        let mut names = names::live(&options(line), &kind, LIMIT);
        names.retain(|name| !line.words.contains(&name.name.as_str()));
        names
    };
    match source {
        Source::Possible => possible(arg),
        Source::Words(words) => words.iter().map(|word| Name::new(*word, "")).collect(),
        Source::Regions => values::REGIONS.iter().map(|(name, shown)| Name::new(*name, *shown)).collect(),
        Source::Checks => checks(typed, false),
        Source::ChecksAndGroups => checks(typed, true),
        Source::Contexts => names::in_kubeconfig(&options(line)).contexts,
        Source::Clusters => names::in_kubeconfig(&options(line)).clusters,
        Source::Users => names::in_kubeconfig(&options(line)).users,
        Source::Namespaces => live(Kind::Namespaces),
        Source::HostedClusters => live(Kind::HostedClusters(line.value("namespace").map(str::to_owned))),
        Source::OwnHostedClusters => live(Kind::HostedClusters(Some(own()))),
        Source::NodePools => live(Kind::NodePools(own())),
        Source::Files | Source::Folders | Source::Unknown => Vec::new(),
    }
}

fn possible(arg: &Arg) -> Vec<Name> {
    let shown = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    shown
        .map(|value| Name::new(value.get_name(), value.get_help().map(ToString::to_string).unwrap_or_default()))
        .collect()
}

/// Codes with their ids; ids too as soon as something is typed, since they would double a list of everything.
fn checks(typed: &str, with_groups: bool) -> Vec<Name> {
    let mut all = Vec::new();
    if with_groups {
        all.extend(Group::ALL.iter().map(|group| Name::new(group.name(), format!("all checks {}", group.letters()))));
    }
    all.extend(CHECKS.iter().map(|check| Name::new(check.code, check.id)));
    if !typed.is_empty() {
        all.extend(CHECKS.iter().map(|check| Name::new(check.id, check.printed_code())));
        all.extend(CHECKS.iter().map(|check| Name::new(check.printed_code(), check.id)));
        if with_groups {
            all.extend(Group::ALL.iter().map(|group| Name::new(group.letters(), format!("all of {}", group.name()))));
        }
    }
    all
}

/// How kubectl would reach the management cluster with the flags that stand on the line.
fn options(line: &Line<'_>) -> KubeOptions {
    let text = |id: &str| line.value(id).map(str::to_owned);
    let file = |id: &str| line.value(id).map(path);
    KubeOptions {
        kubeconfig: file("kubeconfig"),
        context: text("context"),
        cluster: text("cluster"),
        user: text("user"),
        namespace: text("namespace"),
        as_user: text("as_user"),
        as_uid: text("as_uid"),
        as_groups: line.all_values("as_groups").map(str::to_owned).collect(),
        server: text("server"),
        token: line.value("token").map(SecretString::from),
        client_certificate: file("client_certificate"),
        client_key: file("client_key"),
        certificate_authority: file("certificate_authority"),
        tls_server_name: text("tls_server_name"),
        request_timeout: Some(LIMIT),
        insecure_skip_tls_verify: line.flags.contains(&"insecure_skip_tls_verify"),
    }
}

/// The shell has not read the line yet, so that a home folder still is a tilde.
fn path(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_hidden_verbs_ask() {
        let of = |line: &str| asked(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        let question = |words: &[&str], of_shim: bool| {
            Some(Question { words: words.iter().map(ToString::to_string).collect(), of_shim })
        };
        assert_eq!(of("p __complete doctor "), question(&["doctor", ""], false));
        assert_eq!(of("p doctor __complete --only "), question(&["doctor", "--only", ""], false));
        assert_eq!(of("p __complete_plugin "), question(&[""], true));
        for line in ["p", "p doctor", "__complete doctor", "p status -n __complete"] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
