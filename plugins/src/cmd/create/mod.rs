//! `create`: what a hosted cluster needs in Azure.

mod iam;
mod infra;
mod run;

use clap::{Args, Subcommand};

use crate::Ended;
use crate::globals::Globals;

/// Create what a hosted cluster needs
///
/// Each verb looks first, shows its plan, and does only what is missing or different. Interrupted or failed, it goes on
/// where it stopped when the same command is run again.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    Iam(iam::IamArgs),
    Infra(infra::InfraArgs),
}

pub(crate) fn run(globals: &Globals, args: &CreateArgs, program: &'static str) -> Ended {
    match &args.noun {
        Noun::Iam(args) => iam::run(globals, args, program),
        Noun::Infra(args) => infra::run(globals, args, program),
    }
}
