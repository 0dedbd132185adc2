//! What users run: the verbs of `kubectl hcp-azure` and `oc hcp-azure`.
//!
//! The umbrella program is one call of [`main`], and takes the verb from its own name when that ends in one; `launcher.rs`
//! is the whole of every program that is named after a verb. A verb is one file below `cmd/`: help text, arguments and
//! `run`. Verbs read options, let `cloud` collect, `checks` judge and `ui` say it, and give back an [`ui::Outcome`]; only
//! [`main`] exits.

mod cmd;
mod globals;
mod program;
mod usage;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use ui::{ColorChoice, Exit, Failure, Outcome, Terminal};

use crate::cmd::Cli;

/// What a verb gives back: an outcome, or the failure that kept it from one.
pub(crate) type Ended = Result<Outcome, Failure>;

/// The command line of the program: every verb with its flags and its help, as it is parsed.
///
/// Manual pages, the reference and completion are made of it.
pub fn command() -> clap::Command {
    Cli::command().bin_name(program::name(""))
}

/// Runs the program: the whole command line, or what follows the verb when the program's own name ends in one.
pub fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    if args.is_empty() {
        args.push("kubectl-hcp_azure".into());
    }
    let argv0 = args[0].to_string_lossy().into_owned();
    let program = program::name(&argv0);
    if let Some(verb) = program::verb(&argv0) {
        args.insert(1, verb.into());
    }
    let args = cmd::alias(args);
    ExitCode::from(Exit::code(run(args, program)))
}

fn run(args: Vec<OsString>, program: &'static str) -> Outcome {
    if let Some(question) = cmd::completion::asked(&args) {
        return cmd::completion::answer(&question);
    }
    let cli = match parsed(args.clone(), program) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &args, program),
    };
    let terminal = Terminal::of_stderr(cli.globals.color_choice());
    cmd::run(cli, program).unwrap_or_else(|failure| {
        ui::note(&failure.render_with(&cmd::command_line::again(&args, program), &terminal));
        failure.outcome()
    })
}

/// A command line, understood.
///
/// # Errors
/// What clap says of it: help and version too.
pub(crate) fn parsed(args: Vec<OsString>, program: &'static str) -> Result<Cli, clap::Error> {
    let typed = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let matches = Cli::command().bin_name(program).try_get_matches_from(args)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    (cli.globals.given, cli.globals.typed, cli.globals.program) = (given(&matches), typed, program);
    Ok(cli)
}

/// What the command line gives, and no default, by the names of the fields. The verb knows the flags of every verb too.
fn given(matches: &ArgMatches) -> BTreeSet<String> {
    let mut verb = matches;
    while let Some((_, inner)) = verb.subcommand() {
        verb = inner;
    }
    let typed = |id: &&clap::Id| verb.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    verb.ids().filter(typed).map(ToString::to_string).collect()
}

/// Help and version go to stdout as results; anything else that clap says is wrong usage.
fn refused(error: &clap::Error, args: &[OsString], program: &'static str) -> Outcome {
    let text = error.render().to_string();
    if !error.use_stderr() {
        return cmd::printed(&Terminal::of_stdout(ColorChoice::Auto).fit(&text));
    }
    // Whoever gives no command at all is helped by all there is.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        ui::note(&format!("{text}\n"));
    }
    let mut command = Cli::command().bin_name(program);
    command.build();
    let failure = usage::failure(error, &command, args, program);
    ui::note(&failure.render(&Terminal::of_stderr(ColorChoice::Auto)));
    failure.outcome()
}
