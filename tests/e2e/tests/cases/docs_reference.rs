//! Manual pages and the reference, written from the command line as the code has it.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::docs_help::Verb;

/// What is repeated on no page: the same for every command.
const GLOBAL_HEADINGS: [&str; 3] = ["Management cluster", "Azure", "Output"];

/// The manual page of a command, by the name under which `man` finds it.
pub(super) fn manual_page(verb: &Verb, name: &str) -> String {
    // clap keeps names for as long as the program runs.
    let name: &'static str = name.to_owned().leak();
    let command = verb.command.clone().name(name).display_name(name);
    let version = concat!("hcp-azure ", env!("CARGO_PKG_VERSION"));
    let page = clap_mangen::Man::new(command).title(name.to_uppercase()).source(version).manual("hcp-azure");
    let mut text = Vec::new();
    page.render_title(&mut text).unwrap();
    page.render_name_section(&mut text).unwrap();
    let usage = usage(verb);
    write_lines(&mut text, "SYNOPSIS", usage.lines());
    page.render_description_section(&mut text).unwrap();
    page.render_options_section(&mut text).unwrap();
    if shown(&verb.command).next().is_some() {
        let pages: Vec<String> =
            shown(&verb.command).map(|inner| format!("{name}-{}(1)  {}", inner.get_name(), about(inner))).collect();
        write_lines(&mut text, "COMMANDS", pages.iter().map(String::as_str));
    }
    let (examples, rest) = verb.examples();
    write_lines(&mut text, "EXAMPLES", examples.iter().map(String::as_str));
    if !rest.is_empty() {
        write_lines(&mut text, "NOTES", rest.lines());
    }
    String::from_utf8(text).unwrap()
}

/// A section whose lines stay as they are.
fn write_lines<'a>(page: &mut Vec<u8>, title: &str, lines: impl Iterator<Item = &'a str>) {
    page.extend(format!(".SH {title}\n.nf\n").bytes());
    for line in lines {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        page.extend(format!("{guard}{line}\n").bytes());
    }
    page.extend(b".fi\n");
}

/// The index of the reference: every command, and the flags that all of them take.
pub(super) fn reference_index(verbs: &[Verb]) -> String {
    let program = &verbs[0];
    let mut text = format!(
        "# Reference\n\nEvery command with its flags, as `--help` shows them; `man kubectl-hcp_azure-create-cluster` has the\n\
         same. Written by a test from the command line itself: edit the code, not these pages.\n\n```text\n{}\n```\n\n\
         | command | what it does |\n|---|---|\n",
        usage(program)
    );
    for verb in &verbs[1..] {
        let _ =
            writeln!(text, "| [`{}`]({}.md) | {} |", verb.words.join(" "), verb.slug(), cell(&about(&verb.command)));
    }
    text.push_str("\n## Flags of every command\n");
    for heading in GLOBAL_HEADINGS {
        let args = program.command.get_arguments().filter(|arg| arg.get_help_heading() == Some(heading));
        write_table(&mut text, "###", heading, args);
    }
    write_examples(&mut text, program);
    text
}

/// The page of a command.
pub(super) fn reference_page(verb: &Verb) -> String {
    let command = &verb.command;
    let long = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let mut text = format!("# {}\n\n{}\n\n```text\n{}\n```\n", verb.title(), prose(&long), usage(verb));
    if shown(command).next().is_some() {
        text.push_str("\n## Commands\n\n| command | what it does |\n|---|---|\n");
        for inner in shown(command) {
            let name = inner.get_name();
            let _ = writeln!(text, "| [`{name}`]({}-{name}.md) | {} |", verb.slug(), cell(&about(inner)));
        }
    }
    let positional = command.get_positionals().filter(|arg| !arg.is_hide_set());
    write_table(&mut text, "##", "Arguments", positional);
    let mut by_heading: Vec<(&str, Vec<&Arg>)> = Vec::new();
    for arg in command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set() && !arg.is_global_set())
    {
        let heading = arg.get_help_heading().unwrap_or("Flags");
        if matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort | ArgAction::Version)
        {
            continue;
        }
        match by_heading.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, args)) => args.push(arg),
            None => by_heading.push((heading, vec![arg])),
        }
    }
    for (heading, args) in by_heading {
        write_table(&mut text, "##", heading, args.into_iter());
    }
    text.push_str("\nAlso the [flags of every command](README.md#flags-of-every-command).\n");
    write_examples(&mut text, verb);
    text
}

fn write_table<'a>(text: &mut String, level: &str, heading: &str, args: impl Iterator<Item = &'a Arg>) {
    let rows: Vec<String> = args.map(|arg| format!("| {} | {} |\n", flag(arg), cell(&meaning(arg)))).collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n{level} {heading}\n\n| flag | meaning |\n|---|---|\n{}", rows.concat());
    }
}

fn write_examples(text: &mut String, verb: &Verb) {
    let (examples, rest) = verb.examples();
    let _ = write!(text, "\n## Examples\n\n```console\n{}\n```\n", examples.join("\n"));
    if !rest.is_empty() {
        let _ = write!(text, "\n{}\n", prose(&rest));
    }
}

/// How a flag or an argument is typed.
fn flag(arg: &Arg) -> String {
    let values: Vec<String> = arg.get_value_names().into_iter().flatten().map(|name| format!("<{name}>")).collect();
    let takes = arg.get_action().takes_values() && arg.get_num_args().is_none_or(|range| range.takes_values());
    let value = match (takes, arg.get_num_args().is_some_and(|range| range.min_values() == 0)) {
        (false, _) => String::new(),
        (true, true) if !arg.is_positional() => format!("[={}]", values.join(" ")),
        (true, _) if arg.is_positional() => values.join(" "),
        (true, _) => format!(" {}", values.join(" ")),
    };
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let long = arg.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    format!("{short}`{long}{value}`")
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let paragraphs: Vec<String> = help.split("\n\n").map(|part| part.replace('\n', " ")).collect();
    let mut text = paragraphs.join(". ").replace(".. ", ". ");
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| !arg.is_hide_possible_values_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !possible.is_empty() && arg.get_action().takes_values() {
        let _ = write!(text, ": {}", possible.join(", "));
    }
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !default.is_empty() && !arg.is_hide_default_value_set() && arg.get_action().takes_values() {
        let _ = write!(text, "; default `{}`", default.join(" "));
    }
    let aliases: Vec<String> =
        arg.get_visible_aliases().unwrap_or_default().iter().map(|alias| format!("`--{alias}`")).collect();
    if !aliases.is_empty() {
        let _ = write!(text, "; also {}", aliases.join(", "));
    }
    text
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn usage(verb: &Verb) -> String {
    let usage = verb.command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}

/// A text in which nothing is taken for markup that is none.
fn prose(text: &str) -> String {
    let escaped = |(at, part): (usize, &str)| match at % 2 {
        0 => part.replace('<', "&lt;").replace('*', "\\*"),
        _ => part.to_owned(),
    };
    text.split('`').enumerate().map(escaped).collect::<Vec<_>>().join("`")
}
