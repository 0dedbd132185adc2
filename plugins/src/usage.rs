//! What is said of a command line that cannot be understood: clap's findings in the shape of every other error.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};
use ui::Failure;

/// The failure that clap's error is. `args` is the command line, the program's own name first.
pub(crate) fn failure(error: &Error, command: &Command, args: &[OsString], program: &str) -> Failure {
    let verb = verb(command, args, program);
    let argument = text(error, ContextKind::InvalidArg);
    let help = format!("`{verb} --help`");
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand);
            let near = list(error, ContextKind::SuggestedSubcommand);
            let failure = Failure::usage(format!("there is no command '{word}' of `{verb}`"));
            match near.first() {
                Some(near) => failure.hint(format!("did you mean `{verb} {near}`? {help} lists the commands")),
                None => failure.hint(format!("{help} lists the commands")),
            }
        }
        ErrorKind::UnknownArgument => {
            let what = match argument.starts_with('-') {
                true => format!("there is no flag {argument} of `{verb}`"),
                false => format!("'{argument}' is one word too many for `{verb}`"),
            };
            match list(error, ContextKind::SuggestedArg).first() {
                Some(near) => Failure::usage(what).hint(format!("did you mean `{near}`? {help} lists the flags")),
                None => Failure::usage(what).hint(format!("{help} lists the flags")),
            }
        }
        ErrorKind::InvalidValue => {
            let (word, valid) = (text(error, ContextKind::InvalidValue), list(error, ContextKind::ValidValue));
            let what = match word.as_str() {
                "" => format!("{argument} needs a value"),
                word => format!("'{word}' is no value of {argument}"),
            };
            let failure = match valid.is_empty() {
                true => Failure::usage(what),
                false => Failure::usage(what).why(format!("it takes {}", valid.join(", "))),
            };
            match list(error, ContextKind::SuggestedValue).first() {
                Some(near) => failure.hint(format!("did you mean `{near}`? {help} explains each")),
                None => failure.hint(format!("{help} explains the flag")),
            }
        }
        ErrorKind::ValueValidation => {
            let what = format!("'{}' is no value of {argument}", text(error, ContextKind::InvalidValue));
            let failure = Failure::usage(what).hint(format!("{help} explains the flag"));
            match error.source() {
                Some(why) => failure.why(why.to_string()),
                None => failure,
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = list(error, ContextKind::InvalidArg);
            let what = match missing.as_slice() {
                [one] => format!("{one} is missing"),
                [rest @ .., last] => format!("{} and {last} are missing", rest.join(", ")),
                [] => "a flag is missing".to_owned(),
            };
            Failure::usage(what).hint(format!("{help} explains what `{verb}` needs"))
        }
        ErrorKind::ArgumentConflict => {
            let others = list(error, ContextKind::PriorArg);
            let what = match others.as_slice() {
                [one] if *one == argument => format!("{argument} can be given once only"),
                [] => format!("{argument} cannot be used with other flags that are given"),
                others => format!("{argument} cannot be used with {}", others.join(" and ")),
            };
            Failure::usage(what).hint(format!("leave one of them out; {help} explains both"))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Failure::usage(format!("a command is missing behind `{verb}`"))
                .hint(format!("give one of those above; {help} lists them"))
        }
        _ => {
            let said = error.render().to_string();
            let first = said.lines().next().unwrap_or_default();
            Failure::usage(first.strip_prefix("error: ").unwrap_or(first)).hint(format!("{help} explains the flags"))
        }
    }
}

/// The program with the verbs that the command line names: `kubectl hcp-azure nodepool scale`.
fn verb(command: &Command, args: &[OsString], program: &str) -> String {
    let (mut verb, mut at) = (program.to_owned(), command);
    for word in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if word == "--" {
            break;
        }
        if let Some(inner) = at.find_subcommand(word) {
            verb = format!("{verb} {}", inner.get_name());
            at = inner;
        }
    }
    verb
}

fn text(error: &Error, kind: ContextKind) -> String {
    list(error, kind).join(", ")
}

fn list(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory as _;

    use super::*;
    use crate::cmd::Cli;

    fn said(line: &str) -> Failure {
        let args: Vec<OsString> = std::iter::once("x").chain(line.split_whitespace()).map(OsString::from).collect();
        let mut command = Cli::command().bin_name("oc hcp-azure");
        let error = command.try_get_matches_from_mut(args.clone()).unwrap_err();
        failure(&error, &command, &args, "oc hcp-azure")
    }

    #[test]
    fn every_kind_names_what_is_wrong_and_one_action() {
        for (line, what, why, hint) in [
            ("doctr", "there is no command 'doctr' of `oc hcp-azure`", None, "did you mean `oc hcp-azure doctor`?"),
            ("create clustr", "there is no command 'clustr'", None, "did you mean `oc hcp-azure create cluster`?"),
            (
                "doctor --outptu json",
                "there is no flag --outptu of `oc hcp-azure doctor`",
                None,
                "did you mean `--output`?",
            ),
            ("explain a b", "'b' is one word too many", None, "`oc hcp-azure explain --help`"),
            ("status -o yml", "'yml' is no value of --output", Some("table, wide, json, yaml"), "did you mean `yaml`?"),
            ("status -o", "--output <OUTPUT> needs a value", Some("it takes table"), "--help` explains the flag"),
            (
                "doctor --request-timeout soon",
                "'soon' is no value of --request-timeout <TIME>",
                Some("no time"),
                "--help`",
            ),
            ("nodepool scale a", "--replicas <N> is missing", None, "`oc hcp-azure nodepool scale --help`"),
            ("doctor x --all", "cannot be used with", None, "leave one of them out"),
            ("nodepool", "a command is missing behind `oc hcp-azure nodepool`", None, "`oc hcp-azure nodepool --help`"),
        ] {
            let failure = said(line);
            assert!(failure.what.contains(what), "{line}: {failure:?}");
            assert!(failure.hint.as_deref().unwrap().contains(hint), "{line}: {failure:?}");
            match why {
                Some(why) => assert!(failure.why.as_deref().unwrap().contains(why), "{line}: {failure:?}"),
                None => assert_eq!(failure.why, None, "{line}"),
            }
        }
    }

    #[test]
    fn an_empty_token_is_refused_and_none_is_repeated() {
        assert!(said("status --token=").what.contains("--token"));
        assert!(!format!("{:?}", said("status --token t0ken-canary --nonsense")).contains("canary"));
    }
}
