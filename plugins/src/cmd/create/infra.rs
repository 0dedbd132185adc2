//! `create infra`: resource groups, network, DNS, egress and roles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use cloud::apply::{Hands, Stop};
use cloud::create;
use plan::identities::{self, ClientIds};
use plan::infra::{self, Roles, Spec};
use plan::late::Late;
use ui::{Failure, Outcome};

use super::run::{self, Job, PlanArgs, PlanFormat, TimeArgs};
use crate::Ended;
use crate::cmd::{block_on_until, printed};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create infra dev --infra-id dev-x7k2p --azure-creds creds.json --base-domain hcp.example.com \\
    --workload-identities-file workload-identities.json --assign-identity-roles --dns-zone-rg-name dns \\
    --output-file infra.yaml
  kubectl hcp-azure create infra azure --name dev … --dry-run -o json";

/// The capabilities that a cluster can be without.
const CAPABILITIES: [&str; 7] =
    ["ImageRegistry", "openshift-samples", "Insights", "baremetal", "Console", "NodeTuning", "Ingress"];

/// Create the network of a cluster and the roles of its identities
///
/// Resource groups, network security group, VNet, private DNS zone, public IP address and load balancer, named as the
/// cluster's controllers look for them, and with --assign-identity-roles the role assignments. Parts that exist already
/// can be given instead. What is there is kept.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct InfraArgs {
    /// Name of the cluster; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..=2)]
    words: Vec<String>,
    /// Name of the cluster
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Infra id of the cluster: part of most names
    #[arg(long, value_name = "ID")]
    infra_id: String,
    /// Public DNS zone of the subscription in which the cluster's names will be
    #[arg(long, value_name = "DOMAIN")]
    base_domain: String,
    /// Workload identities file, as `create iam` writes it
    #[arg(long, value_name = "FILE")]
    workload_identities_file: PathBuf,
    /// Where to write the infra output, as `create cluster --infra-json` reads it; stdout if not given
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Azure region
    #[arg(long, value_name = "REGION", default_value = "eastus")]
    location: String,
    /// One existing resource group for everything, instead of three new ones
    #[arg(long, value_name = "GROUP")]
    resource_group_name: Option<String>,
    /// Tags for resource groups that are created: key=value,key=value
    #[arg(short = 't', long, value_name = "TAGS", value_delimiter = ',', value_parser = tag)]
    resource_group_tags: Vec<(String, String)>,
    /// Existing VNet; needs --subnet-id
    #[arg(long, value_name = "ID")]
    vnet_id: Option<String>,
    /// Existing subnet of --vnet-id
    #[arg(long, value_name = "ID")]
    subnet_id: Option<String>,
    /// Existing network security group
    #[arg(long, value_name = "ID")]
    network_security_group_id: Option<String>,
    /// Assign the identities the roles that they need; needs --dns-zone-rg-name
    #[arg(long, visible_aliases = ["auto-assign-roles", "assign-service-principal-roles"])]
    assign_identity_roles: bool,
    /// With --assign-identity-roles: give Cluster API and the control plane operator the built-in roles made for them
    /// (Azure Red Hat OpenShift Hosted Control Planes ...) instead of Contributor
    #[arg(long)]
    assign_custom_hcp_roles: bool,
    /// Resource group of the public DNS zone, where the ingress identity needs a role
    #[arg(long, value_name = "GROUP")]
    dns_zone_rg_name: Option<String>,
    /// Capabilities that the cluster is without; an identity that is not needed gets no role
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    disable_cluster_capabilities: Vec<String>,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    time: TimeArgs,
}

pub(crate) fn run(globals: &Globals, args: &InfraArgs, program: &'static str) -> Ended {
    let mut spec = spec(args)?;
    spec.check().map_err(|refusal| run::refused(&refusal))?;
    run::consent(globals, &args.plan)?;
    let stop = Stop::default();
    let work = async {
        let session = run::unless_stopped(&stop, run::session(globals)).await?;
        spec.subscription.clone_from(&session.subscription);
        // Now that the subscription is known, ids of another one are refused.
        spec.check().map_err(|refusal| run::refused(&refusal))?;
        let facts = run::read_as(&session, &stop, create::infra_facts(&session.arm, &spec)).await?;
        let planned = infra::plan(&spec, &facts).map_err(|refusal| run::refused(&refusal))?;
        let plan = run::plan_of(planned.steps)?;
        let file = spec.output_file.as_ref().map_or_else(|| "<file>".into(), |path| path.display().to_string());
        let job = Job {
            globals,
            args: &args.plan,
            plan: &plan,
            notes: &planned.notes,
            title: format!("infrastructure of {} (infra id {}) in {}", spec.name, spec.infra_id, spec.location),
            by: run::by(&session),
            hands: Hands { arm: Some(&session.arm), ..Hands::default() },
            stop: &stop,
            name_to_type: None,
            next: format!("next: `{program} create cluster --name {} --infra-json {file} …`", spec.name),
        };
        let outcome = run::go(&job).await?;
        if spec.output_file.is_none() && !args.plan.dry_run && args.plan.output == PlanFormat::Table {
            return Ok(match printed(&planned.output) {
                Outcome::Yes => outcome,
                other => other,
            });
        }
        Ok(outcome)
    };
    block_on_until(&stop, run::within(args.time.timeout, &stop, work))
}

fn spec(args: &InfraArgs) -> Result<Spec, Failure> {
    if let Some(unknown) = args.disable_cluster_capabilities.iter().find(|name| !CAPABILITIES.contains(&name.as_str()))
    {
        return Err(Failure::usage(format!("cannot use --disable-cluster-capabilities {unknown}"))
            .why(format!("the capabilities are {}", CAPABILITIES.join(", ")))
            .hint("give one of these, with its capitals"));
    }
    let roles = match (args.assign_identity_roles || args.assign_custom_hcp_roles, &args.dns_zone_rg_name) {
        (true, None) => {
            return Err(Failure::usage("--dns-zone-rg-name is missing")
                .why("the ingress identity needs a role on the resource group of the public DNS zone")
                .hint(format!(
                    "`az network dns zone list --query \"[?name=='{}'].resourceGroup\" -o tsv` names the group",
                    args.base_domain
                )));
        }
        (true, Some(group)) if args.assign_identity_roles => {
            Some(Roles { dns_zone_group: group.clone(), narrow: args.assign_custom_hcp_roles })
        }
        (true, Some(_)) => {
            return Err(Failure::usage("--assign-custom-hcp-roles has no effect by itself")
                .hint("add `--assign-identity-roles`"));
        }
        (false, _) => None,
    };
    Ok(Spec {
        name: run::name(args.name.as_deref(), &args.words)?,
        infra_id: args.infra_id.clone(),
        subscription: String::new(),
        location: args.location.clone(),
        base_domain: args.base_domain.clone(),
        resource_group: args.resource_group_name.clone(),
        group_tags: args.resource_group_tags.iter().cloned().collect::<BTreeMap<_, _>>(),
        vnet_id: args.vnet_id.clone(),
        subnet_id: args.subnet_id.clone(),
        nsg_id: args.network_security_group_id.clone(),
        identities: identities(&args.workload_identities_file)?,
        late: Late::default(),
        roles,
        without_image_registry: args.disable_cluster_capabilities.iter().any(|name| name == "ImageRegistry"),
        output_file: args.output_file.clone(),
    })
}

fn identities(path: &Path) -> Result<ClientIds, Failure> {
    let shown = path.display().to_string();
    let failed = |why: String| {
        Failure::usage(format!("cannot read --workload-identities-file {shown}"))
            .why(why)
            .hint("`create iam` writes it")
    };
    let seen = cloud::apply::file::read(path).map_err(|error| failed(error.to_string()))?;
    let seen = seen.ok_or_else(|| failed("there is no such file".into()))?;
    identities::parse(&shown, &seen.text).map_err(|refusal| run::refused(&refusal))
}

/// One tag of a list.
pub(super) fn tag(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("'{text}' is no key=value"))
}
