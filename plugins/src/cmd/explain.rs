//! `explain`: what a check is about.

use checks::{Check, selection};
use clap::{Args, ValueEnum};
use ui::report::{json, yaml};
use ui::{CheckDocument, CheckList, Failure, Outcome};

use super::{printed, screen};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure explain FC01
  kubectl hcp-azure explain fic-subjects-complete";

/// Explain a check: what it looks at, why it matters, how to fix what it finds
///
/// Without a code it lists every check.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// Code or id of a check, as doctor prints it: FC01, HAZ-FC01, fic-subjects-complete
    code: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
    /// Codes alone, one a line
    Name,
}

pub(crate) fn run(globals: &Globals, args: &ExplainArgs, program: &str) -> Ended {
    let check = args.code.as_deref().map(|code| find(code, program)).transpose()?;
    let terminal = screen(globals);
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the result").why(error.to_string());
    let text = match (args.output, check) {
        (Format::Table, Some(check)) if globals.quiet => ui::check_page(check, &terminal),
        (Format::Table, Some(check)) => {
            let page = ui::check_page(check, &terminal);
            format!("{page}\nnext: `{program} doctor NAME --only {}`\n", check.code)
        }
        (Format::Table, None) => ui::check_list(&terminal),
        (Format::Json, Some(check)) => json(&CheckDocument::of(check)).map_err(|error| broken(&error))?,
        (Format::Json, None) => json(&CheckList::all()).map_err(|error| broken(&error))?,
        (Format::Yaml, Some(check)) => yaml(&CheckDocument::of(check)).map_err(|error| broken(&error))?,
        (Format::Yaml, None) => yaml(&CheckList::all()).map_err(|error| broken(&error))?,
        (Format::Name, Some(check)) => format!("{}\n", check.code),
        (Format::Name, None) => checks::CHECKS.iter().map(|check| format!("{}\n", check.code)).collect(),
    };
    let outcome = printed(&text);
    // Not among the rows: a table is counted and searched.
    if (args.output, check.is_none(), globals.quiet, outcome) == (Format::Table, true, false, Outcome::Yes) {
        ui::note(&format!("next: `{program} explain CODE`\n"));
    }
    Ok(outcome)
}

fn find(code: &str, program: &str) -> Result<&'static Check, Failure> {
    selection::find(code).ok_or_else(|| {
        let hint = match selection::nearest(code) {
            Some(near) => format!("did you mean {near}? `{program} explain` lists every check"),
            None => format!("`{program} explain` lists every check"),
        };
        Failure::usage(format!("there is no check '{code}'")).hint(hint)
    })
}
