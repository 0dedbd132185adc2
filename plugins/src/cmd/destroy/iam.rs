//! `destroy iam`: the managed identities of a cluster.

use std::path::PathBuf;

use clap::Args;
use plan::Refusal;
use plan::cluster::WorkloadIdentitiesFile;
use plan::destroy::{Identities, Spec};
use ui::Failure;

use super::super::create::{name_of, refused};
use super::{Agreement, InAzure};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy iam dev --infra-id dev-x7k2p \\
    --resource-group-name os4-common --dry-run
  kubectl hcp-azure destroy iam dev --infra-id dev-x7k2p --confirm dev \\
    --workload-identities-file workload-identities.json";

/// Delete the managed identities of a cluster
///
/// The identities that `create iam` made, with their federated credentials and every role that they hold. An identity that
/// another issuer's cluster uses too stays, and loses this cluster's credentials. The group goes if it was made for them
/// and holds nothing else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IamArgs {
    /// Name of the cluster; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the cluster
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Infra id of the cluster
    #[arg(long, value_name = "ID")]
    infra_id: String,
    /// Resource group of the identities; found by their names if not given
    #[arg(long, value_name = "GROUP")]
    resource_group_name: Option<String>,
    /// Workload identities file: it must be of this cluster
    #[arg(long, value_name = "FILE")]
    workload_identities_file: Option<PathBuf>,
    /// The cluster's issuer: credentials of other issuers keep an identity
    #[arg(long, value_name = "URL")]
    oidc_issuer_url: Option<String>,
    /// Resource group of the public DNS zone, where a role was assigned
    #[arg(long, value_name = "GROUP")]
    dns_zone_rg_name: Option<String>,
    #[command(flatten)]
    agreement: Agreement,
}

pub(crate) fn run(globals: &Globals, args: &IamArgs, program: &'static str) -> Ended {
    let name = name_of(args.name.clone(), &args.words)?;
    let file = file(args)?;
    let spec = Spec {
        infra: false,
        identities: args.resource_group_name.clone().map_or(Identities::Wherever, Identities::In),
        issuer: args.oidc_issuer_url.clone(),
        dns_zone_group: args.dns_zone_rg_name.clone(),
        ..Spec::usual(&name, &args.infra_id, "")
    };
    spec.check().map_err(|refusal| refused::failure(&[refusal]))?;
    let plan_args = args.agreement.plan(globals, &spec.name)?;
    let deletion = InAzure { globals, args: plan_args, what: "the identities", next: super::look_for_orphans(program) };
    deletion.carry_out(spec, |spec, facts| match &file {
        Some((path, ids)) => of_this_cluster(spec, facts, path, ids),
        None => Ok(()),
    })
}

/// The client ids of the file, if one is given.
fn file(args: &IamArgs) -> Result<Option<(String, Vec<String>)>, Failure> {
    let Some(path) = &args.workload_identities_file else { return Ok(None) };
    let flag = "--workload-identities-file";
    let shown = path.display().to_string();
    let content =
        cloud::files::read_document(path).map_err(|error| refused::failure(&[refused::file(flag, path, &error)]))?;
    let file = WorkloadIdentitiesFile::of(&content).map_err(|why| {
        refused::failure(&[Refusal::new(flag, shown.clone(), why, "give what `create iam` wrote, or leave it out")])
    })?;
    Ok(Some((shown, file.client_ids().into_values().collect())))
}

/// Refuses a file of another cluster: none of its client ids is one of the identities that go, though some exist.
fn of_this_cluster(spec: &Spec, facts: &plan::destroy::Facts, path: &str, ids: &[String]) -> Result<(), Failure> {
    let client = |body: &serde_json::Value| body["properties"]["clientId"].as_str().map(str::to_owned);
    let own: Vec<String> =
        facts.identities.iter().filter(|body| spec.is_own_identity(body)).filter_map(client).collect();
    let same = |id: &String| own.iter().any(|own| own.eq_ignore_ascii_case(id));
    if own.is_empty() || ids.iter().any(same) {
        return Ok(());
    }
    Err(refused::failure(&[Refusal::new(
        "--workload-identities-file",
        path,
        format!("none of its identities is one of {} (infra id {})", spec.name, spec.infra_id),
        "give the file of this cluster, or leave it out",
    )]))
}
