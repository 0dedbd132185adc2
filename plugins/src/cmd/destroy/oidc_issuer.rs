//! `destroy oidc-issuer`: the public documents that no cluster needs any more.

use clap::Args;
use cloud::apply::{Hands, Stop};
use plan::destroy::issuer::{self, Spec};
use plan::oidc;
use ui::Failure;

use super::super::create::run::{self, Job};
use super::super::create::{name_of, refused};
use super::Agreement;
use crate::Ended;
use crate::cmd::block_on_until;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy oidc-issuer contosooidc --dry-run \\
    --azure-creds azure-creds.json
  kubectl hcp-azure destroy oidc-issuer contosooidc \\
    --resource-group-name os4-common --confirm contosooidc";

/// Delete an OIDC issuer that no identity trusts any more
///
/// The container with the issuer's two documents goes, then the storage account and its resource group where they were made
/// for it and hold nothing else. As long as a federated credential of the subscription trusts the issuer, nothing is
/// deleted. The key files on disk stay.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OidcIssuerArgs {
    /// Name of the issuer; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the issuer
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Resource group of the storage account [default: <name>-oidc]
    #[arg(long, value_name = "GROUP", visible_alias = "oidc-resource-group-name")]
    resource_group_name: Option<String>,
    /// Storage account [default: the name's letters and digits]
    #[arg(long, value_name = "ACCOUNT")]
    storage_account_name: Option<String>,
    /// Blob container [default: the name]
    #[arg(long, value_name = "CONTAINER")]
    blob_container_name: Option<String>,
    /// Delete the container alone
    #[arg(long)]
    keep_account: bool,
    /// Region; has no effect: everything is found by its names
    #[arg(long, value_name = "REGION", visible_alias = "region", default_value = "eastus", hide_default_value = true)]
    location: String,
    #[command(flatten)]
    agreement: Agreement,
}

pub(crate) fn run(globals: &Globals, args: &OidcIssuerArgs, program: &str) -> Ended {
    let mut spec = spec(args)?;
    spec.check().map_err(|refusal| refused::failure(&[refusal]))?;
    let plan_args = args.agreement.plan(globals, &spec.name)?;
    let stop = Stop::default();
    block_on_until(&stop, async {
        let session = run::unless_stopped(&stop, run::session(globals)).await?;
        spec.subscription.clone_from(&session.subscription);
        let facts = run::read_as(&session, &stop, cloud::destroy::issuer::facts(&session, &spec)).await?;
        let planned = issuer::plan(&spec, &facts).map_err(|refusal| refused::failure(&[refusal]))?;
        let plan = run::plan_of(planned.steps)?;
        let job = Job {
            globals,
            args: &plan_args,
            plan: &plan,
            notes: &planned.notes,
            title: format!("deleting OIDC issuer {} (storage account {})", spec.name, spec.account),
            by: run::by(&session),
            hands: Hands { arm: Some(&session.arm), ..Hands::default() },
            stop: &stop,
            name_to_type: Some(spec.name.clone()),
            next: super::look_for_orphans(program),
        };
        run::go(&job).await
    })
}

fn spec(args: &OidcIssuerArgs) -> Result<Spec, Failure> {
    let name = name_of(args.name.clone(), &args.words)?;
    let account = match &args.storage_account_name {
        Some(account) => account.clone(),
        None => oidc::account_of(&name).map_err(|refusal| refused::failure(&[refusal]))?,
    };
    Ok(Spec {
        subscription: String::new(),
        resource_group: args.resource_group_name.clone().unwrap_or_else(|| format!("{name}-oidc")),
        account,
        container: args.blob_container_name.clone().unwrap_or_else(|| name.clone()),
        keep_account: args.keep_account,
        name,
    })
}
