//! `apply`: exactly the plan that was saved, or nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use cloud::saved_plan::{SavedPlan, SavedPlanError};
use ui::{Failure, FailureKind};

use super::command_line;
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure apply dev.plan    # saved by create cluster --save-plan
  kubectl hcp-azure apply gone.plan -v";

/// Apply exactly a plan that was saved
///
/// Looks again, and refuses with exit code 1 when a step would be another one than was saved, naming each. Otherwise it
/// does what the plan says, and does not ask: who saved the plan has seen it. What files with secrets hold is read now.
///
/// Paths of the saved command are those of the folder in which it was saved; the kubeconfig and the environment are those of
/// now, and so is `--token`, which is never saved. A run that is interrupted goes on with the saved command itself, since what is done is no longer to be done.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ApplyArgs {
    /// File that `--save-plan` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Accepted and without effect: a saved plan is applied without a question
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(globals: &Globals, args: &ApplyArgs, program: &'static str) -> Ended {
    let shown = args.file.display().to_string();
    let saved = SavedPlan::read(&args.file, env!("CARGO_PKG_VERSION")).map_err(|error| unusable(&shown, &error))?;
    saved.enter().map_err(|error| {
        Failure::usage(format!("cannot apply {shown}"))
            .why(format!("the folder {} in which it was saved cannot be entered: {error}", saved.folder.display()))
    })?;
    let line = format!("{program} {}", command_line::quoted(&saved.command));
    let words: Vec<OsString> =
        std::iter::once(program.into()).chain(saved.command.iter().map(OsString::from)).collect();
    let mut cli = crate::parsed(words, program).map_err(|error| {
        let why = error.to_string();
        Failure::usage(format!("cannot apply {shown}")).why(why.lines().next().unwrap_or_default().to_owned())
    })?;
    if !cli.makes_a_plan() {
        return Err(Failure::usage(format!("cannot apply {shown}"))
            .why(format!("`{line}` makes no plan"))
            .hint("give a file that `--save-plan` wrote"));
    }
    // A token is never saved; how it is told is today's matter.
    cli.globals.token = globals.token.clone();
    cli.globals.verbose = globals.verbose;
    cli.globals.quiet = globals.quiet;
    cli.globals.no_color = globals.no_color;
    cli.globals.saved = Some(Arc::new(Held { plan: saved, file: shown, line: line.clone() }));
    super::run(cli, program).map_err(|failure| go_on_with(&line, failure))
}

/// How many differences are told; the rest are counted.
const TOLD: usize = 12;

/// A saved plan that is held against the facts.
#[derive(Debug)]
pub(crate) struct Held {
    /// The plan.
    pub plan: SavedPlan,
    /// Its file.
    pub file: String,
    /// The command that it was saved from.
    pub line: String,
}

impl Held {
    /// Refuses a plan that is another one than was saved.
    ///
    /// # Errors
    /// The steps that differ.
    pub fn check(&self, plan: &plan::Plan, management_cluster: Option<&str>) -> Result<(), Failure> {
        let differences = self.plan.differences(plan, management_cluster);
        if differences.is_empty() {
            return Ok(());
        }
        let what = match differences.len() {
            1 => format!("{} no longer holds: 1 step differs; nothing was changed", self.file),
            several => format!("{} no longer holds: {several} steps differ; nothing was changed", self.file),
        };
        let mut why = differences.iter().take(TOLD).cloned().collect::<Vec<_>>().join("\n");
        if differences.len() > TOLD {
            why.push_str(&format!("\nand {} more", differences.len() - TOLD));
        }
        Err(Failure::new(FailureKind::Operation, what)
            .why(why)
            .hint(format!("`{} --save-plan {}` saves the plan as it is now", self.line, self.file)))
    }
}

/// What was begun is finished by the command, not by the plan, which no longer holds.
fn go_on_with(line: &str, failure: Failure) -> Failure {
    let hint = failure.hint.map(|hint| hint.replace("the same command again", &format!("`{line}`")));
    Failure { hint, ..failure }
}

fn unusable(file: &str, error: &SavedPlanError) -> Failure {
    let failure = Failure::usage(format!("cannot apply {file}")).why(error.to_string());
    match error {
        SavedPlanError::Version { .. } => failure.hint("save the plan again with this version"),
        _ => failure.hint("give a file that `--save-plan` wrote"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_run_goes_on_with_the_command() {
        let failure = Failure::usage("stopped").hint("run the same command again: it continues where it stopped");
        let hint = go_on_with("x create cluster dev", failure).hint;
        assert_eq!(hint.as_deref(), Some("run `x create cluster dev`: it continues where it stopped"));
    }
}
