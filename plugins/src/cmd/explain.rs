//! `explain`: what a check is about.

use checks::selection;
use clap::Args;
use ui::Failure;

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
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// Code or id of a check, as doctor prints it: FC01, HAZ-FC01, fic-subjects-complete
    code: Option<String>,
}

pub(crate) fn run(globals: &Globals, args: &ExplainArgs, program: &str) -> Ended {
    let terminal = screen(globals);
    let Some(code) = &args.code else {
        return Ok(printed(&ui::check_list(&terminal)));
    };
    match selection::find(code) {
        Some(check) => Ok(printed(&ui::check_page(check, &terminal))),
        None => {
            let hint = match selection::nearest(code) {
                Some(near) => format!("did you mean {near}? `{program} explain` lists every check"),
                None => format!("`{program} explain` lists every check"),
            };
            Err(Failure::usage(format!("there is no check '{code}'")).hint(hint))
        }
    }
}
