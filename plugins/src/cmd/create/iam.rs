//! `create iam`: managed identities and their federated credentials.

use std::path::PathBuf;

use clap::Args;
use cloud::apply::{Hands, Stop};
use cloud::create;
use plan::iam::{self, Spec};
use plan::infra;

use super::run::{self, Job, PlanArgs, SaveArgs, TimeArgs};
use super::{refused, required_name};
use crate::Ended;
use crate::cmd::block_on_until;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create iam dev --infra-id dev-x7k2p \\
    --resource-group-name os4-common --azure-creds azure-creds.json \\
    --oidc-issuer-url https://contosooidc.blob.core.windows.net/dev \\
    --output-file workload-identities.json
  kubectl hcp-azure create iam azure --name dev --infra-id dev-x7k2p \\
    --resource-group-name os4-common --enable-kms --dry-run \\
    --oidc-issuer-url https://contosooidc.blob.core.windows.net/dev \\
    --output-file workload-identities.json";

/// Create the managed identities of a cluster and what they trust
///
/// Eight user-assigned managed identities (nine with --enable-kms), each with its federated credentials for the cluster's
/// OIDC issuer, and the workload identities file that `create infra` and `create cluster` read. What exists is kept; the
/// file is also written when a step fails, with what exists by then.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IamArgs {
    /// Name of the cluster; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..=2)]
    words: Vec<String>,
    /// Name of the cluster
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Infra id of the cluster: part of the identities' names
    #[arg(long, value_name = "ID")]
    infra_id: String,
    /// Resource group for the identities; created if it does not exist
    #[arg(long, value_name = "GROUP")]
    resource_group_name: String,
    /// The cluster's OIDC issuer, exactly as its tokens name it
    #[arg(long, value_name = "URL")]
    oidc_issuer_url: String,
    /// Where to write the workload identities file
    #[arg(long, value_name = "FILE")]
    output_file: PathBuf,
    /// Azure region
    #[arg(long, value_name = "REGION", default_value = "eastus")]
    location: String,
    /// Also create an identity for Azure KMS encryption of etcd
    #[arg(long)]
    enable_kms: bool,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    time: TimeArgs,
}

pub(crate) fn run(globals: &Globals, args: &IamArgs, program: &'static str) -> Ended {
    let mut spec = Spec {
        name: required_name(args.name.clone(), &args.words)?,
        infra_id: args.infra_id.clone(),
        subscription: String::new(),
        resource_group: args.resource_group_name.clone(),
        location: args.location.clone(),
        issuer: args.oidc_issuer_url.clone(),
        kms: args.enable_kms,
        output_file: Some(args.output_file.clone()),
    };
    spec.check().map_err(refused::one)?;
    let plan_args = args.save.onto(&args.plan);
    run::consent(globals, &plan_args)?;
    let stop = Stop::default();
    let work = async {
        let session = run::unless_stopped(&stop, run::session(globals)).await?;
        spec.subscription.clone_from(&session.subscription);
        let reads = async {
            tokio::try_join!(
                create::iam_facts(&session.arm, &spec),
                create::regions(&session.arm, &session.subscription)
            )
        };
        let (facts, regions) = run::read_as(&session, &stop, reads).await?;
        infra::check_region(&spec.location, &regions).map_err(refused::one)?;
        let steps = iam::plan(&spec, &facts).map_err(refused::one)?;
        let plan = run::plan_of(steps)?;
        let job = Job {
            globals,
            args: &plan_args,
            plan: &plan,
            notes: &[],
            title: format!("identities of {} (infra id {})", spec.name, spec.infra_id),
            by: run::by(&session),
            hands: Hands { arm: Some(&session.arm), ..Hands::default() },
            stop: &stop,
            name_to_type: None,
            next: format!(
                "next: `{program} create infra --name {} --infra-id {} --workload-identities-file {} …`",
                spec.name,
                spec.infra_id,
                args.output_file.display()
            ),
        };
        run::go(&job).await
    };
    block_on_until(&stop, run::within(args.time.timeout, &stop, work))
}
