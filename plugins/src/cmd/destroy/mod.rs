//! `destroy`: what was created for a hosted cluster, and nothing else.

mod cluster;
mod iam;
mod infra;
mod nodepool;
mod oidc_issuer;
mod orphans;

use clap::{Args, Subcommand};
use cloud::apply::{Hands, Stop};
use plan::destroy::{Facts, Planned, Spec};
use ui::Failure;

use super::block_on_until;
use super::create::refused;
use super::create::run::{self, Job, PlanArgs, SaveArgs};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy cluster dev --azure-creds azure-creds.json --dry-run
  kubectl hcp-azure destroy orphans --azure-creds azure-creds.json";

/// Delete what was created for a hosted cluster
///
/// Each verb looks first and shows what goes, with the proof that it is the cluster's, and what stays. Nothing is deleted
/// that cannot be proven to be the cluster's. Interrupted or failed, it goes on when the same command is run again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DestroyArgs {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    Cluster(cluster::ClusterArgs),
    Infra(infra::InfraArgs),
    Iam(iam::IamArgs),
    Nodepool(nodepool::NodepoolArgs),
    OidcIssuer(oidc_issuer::OidcIssuerArgs),
    Orphans(orphans::OrphansArgs),
}

pub(crate) fn run(globals: &Globals, args: &DestroyArgs, program: &'static str) -> Ended {
    match &args.noun {
        Noun::Cluster(args) => cluster::run(globals, args, program),
        Noun::Infra(args) => infra::run(globals, args, program),
        Noun::Iam(args) => iam::run(globals, args, program),
        Noun::Nodepool(args) => nodepool::run(globals, args, program),
        Noun::OidcIssuer(args) => oidc_issuer::run(globals, args, program),
        Noun::Orphans(args) => orphans::run(globals, args, program),
    }
}

/// What to do once something is deleted: what nobody owns any more costs money all the same.
fn look_for_orphans(program: &str) -> String {
    format!("next: `{program} destroy orphans` shows whether anything is left")
}

/// How a deletion is shown, agreed to, and applied.
#[derive(Debug, Clone, Args)]
pub(super) struct Agreement {
    /// Do not ask: the name of what is to be deleted, typed once more
    #[arg(long, value_name = "NAME", help_heading = "Plan")]
    confirm: Option<String>,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

impl Agreement {
    /// The plan's flags, with `--confirm` counted as consent; refuses, before anything is called, another name, and a
    /// deletion that nobody can be asked about.
    fn plan(&self, globals: &Globals, name: &str) -> Result<PlanArgs, Failure> {
        let mut args = self.save.onto(&self.plan);
        match self.confirm.as_deref() {
            Some(other) if other != name => {
                return Err(refused::failure(&[plan::Refusal::new(
                    "--confirm",
                    other,
                    format!("'{name}' is to be deleted"),
                    "give the name of what is to be deleted",
                )]));
            }
            Some(_) => args.yes = true,
            None => {}
        }
        run::consent(globals, &args)?;
        Ok(args)
    }
}

/// The plan of what goes in Azure.
fn planned(spec: &Spec, facts: &Facts) -> Result<Planned, Failure> {
    plan::destroy::plan(spec, facts).map_err(|refusal| refused::failure(&[refusal]))
}

/// A deletion in Azure alone.
struct InAzure<'a> {
    globals: &'a Globals,
    args: PlanArgs,
    /// What is deleted, for the title: `the identities`.
    what: &'static str,
    next: String,
}

impl InAzure<'_> {
    /// Looks, lets `check` refuse what was found, shows, asks, deletes.
    fn carry_out(self, spec: Spec, check: impl Fn(&Spec, &Facts) -> Result<(), Failure>) -> Ended {
        let Self { globals, args, what, next } = self;
        let stop = Stop::default();
        block_on_until(&stop, async {
            let session = run::unless_stopped(&stop, run::session(globals)).await?;
            let spec = Spec { subscription: session.subscription.clone(), ..spec };
            let (spec, facts) = run::read_as(&session, &stop, cloud::destroy::facts(&session.arm, spec)).await?;
            check(&spec, &facts)?;
            let planned = planned(&spec, &facts)?;
            let plan = run::plan_of(planned.steps)?;
            let job = Job {
                globals,
                args: &args,
                plan: &plan,
                notes: &planned.notes,
                title: format!("deleting {what} of {} (infra id {})", spec.name, spec.infra_id),
                by: run::by(&session),
                hands: Hands { arm: Some(&session.arm), ..Hands::default() },
                stop: &stop,
                name_to_type: Some(spec.name.clone()),
                next,
            };
            run::go(&job).await
        })
    }
}
