//! `destroy infra`: network, DNS, egress, machines and roles of a cluster that is gone.

use std::path::PathBuf;

use clap::Args;
use plan::Refusal;
use plan::cluster::InfraOutput;
use plan::destroy::Spec;
use ui::Failure;

use super::super::create::{name_of, refused};
use super::{Agreement, InAzure};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy infra dev --infra-id dev-x7k2p --dry-run \\
    --azure-creds azure-creds.json
  kubectl hcp-azure destroy infra dev --infra-json infra.yaml --confirm dev";

/// Delete the infrastructure of a cluster that is gone
///
/// Resource groups that were made for the cluster and hold nothing else go whole. From any other group only what is
/// provably the cluster's goes: what bears our tags, the tags of its controllers, or the infra id in its name. Role
/// assignments go wherever they are. Identities stay: `destroy iam` deletes them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InfraArgs {
    /// Name of the cluster; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the cluster
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Infra id of the cluster; that of --infra-json is used otherwise
    #[arg(long, value_name = "ID")]
    infra_id: Option<String>,
    /// What `create infra` wrote: names the groups of networks that were brought along
    #[arg(long, value_name = "FILE")]
    infra_json: Option<PathBuf>,
    /// The one resource group that was given for everything
    #[arg(long, value_name = "GROUP")]
    resource_group_name: Option<String>,
    /// Delete what is in resource groups and leave the groups
    #[arg(long)]
    preserve_resource_group: bool,
    /// Public DNS zone of the cluster's names: its private zone is named for it
    #[arg(long, value_name = "DOMAIN")]
    base_domain: Option<String>,
    /// Resource group of the public DNS zone, where a role was assigned
    #[arg(long, value_name = "GROUP")]
    dns_zone_rg_name: Option<String>,
    /// Region; has no effect: everything is found by its names and tags
    #[arg(long, value_name = "REGION", default_value = "eastus", hide_default_value = true)]
    location: String,
    #[command(flatten)]
    agreement: Agreement,
}

pub(crate) fn run(globals: &Globals, args: &InfraArgs, program: &'static str) -> Ended {
    let spec = spec(args)?;
    spec.check().map_err(|refusal| refused::failure(&[refusal]))?;
    let plan_args = args.agreement.plan(globals, &spec.name)?;
    let next = format!("next: `{program} destroy iam {} --infra-id {} …` for its identities", spec.name, spec.infra_id);
    InAzure { globals, args: plan_args, what: "the infrastructure", next }.carry_out(spec, |_, _| Ok(()))
}

fn spec(args: &InfraArgs) -> Result<Spec, Failure> {
    let name = name_of(args.name.clone(), &args.words)?;
    let refused = |refusal: Refusal| refused::failure(&[refusal]);
    let infra = match &args.infra_json {
        Some(path) => {
            let content = cloud::files::read_document(path)
                .map_err(|error| refused(refused::file("--infra-json", path, &error)))?;
            Some(InfraOutput::of(&content).map_err(|why| {
                refused(Refusal::new("--infra-json", path.display().to_string(), why, "give what `create infra` wrote"))
            })?)
        }
        None => None,
    };
    let known = infra.as_ref().map(|infra| infra.infra_id.clone()).filter(|id| !id.is_empty());
    let infra_id = match (args.infra_id.clone(), known) {
        (Some(given), Some(known)) if given != known => {
            let why = format!("the infra file is of infra id {known}");
            return Err(refused(Refusal::new(
                "--infra-id",
                given,
                why,
                "give the file of this cluster, or leave one out",
            )));
        }
        (given, known) => given.or(known).unwrap_or_default(),
    };
    let mut spec = Spec::usual(&name, &infra_id, "");
    if let Some(group) = &args.resource_group_name {
        for own in [&mut spec.managed_group, &mut spec.nsg_group, &mut spec.vnet_group] {
            own.clone_from(group);
        }
    }
    if let Some(infra) = &infra {
        spec.managed_group.clone_from(&infra.resource_group_name);
        let group = |id: &str| facts::ArmId::new(id).resource_group().map(str::to_owned);
        spec.nsg_group = group(&infra.security_group_id).unwrap_or(spec.nsg_group);
        spec.vnet_group = group(&infra.vnet_id).unwrap_or(spec.vnet_group);
        spec.dns_zone_group = group(&infra.public_zone_id);
        spec.base_domain = Some(infra.base_domain.clone());
    }
    spec.dns_zone_group = args.dns_zone_rg_name.clone().or(spec.dns_zone_group);
    spec.base_domain = args.base_domain.clone().or(spec.base_domain);
    spec.keep_groups = args.preserve_resource_group;
    Ok(spec)
}
