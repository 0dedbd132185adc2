//! `create infra`: resource groups, network, DNS, egress and roles.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use cloud::apply::{Hands, Stop};
use cloud::create;
use plan::Refusal;
use plan::cluster::{DataPlaneIdentities, ManagedIdentities};
use plan::identities::{self, ClientIds};
use plan::infra::{self, Managed, Roles, Spec};
use plan::late::Late;
use ui::{Failure, Outcome};

use super::inputs::Reader;
use super::run::{self, Job, PlanArgs, SaveArgs, TimeArgs};
use super::{refused, required_name};
use crate::Ended;
use crate::cmd::{block_on_until, printed};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create infra dev --infra-id dev-x7k2p \\
    --base-domain hcp.example.com --azure-creds azure-creds.json \\
    --assign-identity-roles --dns-zone-rg-name os4-common \\
    --workload-identities-file workload-identities.json \\
    --output-file infra.yaml
  kubectl hcp-azure create infra azure --name dev --infra-id dev-x7k2p \\
    --base-domain hcp.example.com --dry-run -o json \\
    --workload-identities-file workload-identities.json \\
    --output-file infra.yaml";

/// The capabilities that a cluster can be without.
const CAPABILITIES: [&str; 7] =
    ["ImageRegistry", "openshift-samples", "Insights", "baremetal", "Console", "NodeTuning", "Ingress"];

/// Create the network of a cluster and the roles of its identities
///
/// Resource groups, network security group, VNet, private DNS zone, public IP address and load balancer, named as the
/// cluster's controllers look for them, and with --assign-identity-roles the role assignments. Parts that exist already
/// can be given instead. What is there is kept.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
    workload_identities_file: Option<String>,
    /// Instead: file with the managed identities of the control plane and their Key Vault; needs
    /// --data-plane-identities-file
    #[arg(long, value_name = "FILE")]
    managed_identities_file: Option<String>,
    /// File with the managed identities of the data plane; needs --managed-identities-file
    #[arg(long, value_name = "FILE")]
    data_plane_identities_file: Option<String>,
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
    save: SaveArgs,
    #[command(flatten)]
    time: TimeArgs,
}

pub(crate) fn run(globals: &Globals, args: &InfraArgs, program: &'static str) -> Ended {
    let mut spec = spec(args)?;
    spec.check().map_err(refused::one)?;
    let plan_args = args.save.onto(&args.plan);
    run::consent(globals, &plan_args)?;
    let stop = Stop::default();
    let work = async {
        let session = run::unless_stopped(&stop, run::session(globals)).await?;
        spec.subscription.clone_from(&session.subscription);
        // Now that the subscription is known, ids of another one are refused.
        spec.check().map_err(refused::one)?;
        let facts = run::read_as(&session, &stop, create::infra_facts(&session.arm, &spec)).await?;
        let planned = infra::plan(&spec, &facts).map_err(refused::one)?;
        let plan = run::plan_of(planned.steps)?;
        let file = spec.output_file.as_ref().map_or_else(|| "<file>".into(), |path| path.display().to_string());
        let job = Job {
            globals,
            args: &plan_args,
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
        if spec.output_file.is_none() && !plan_args.changes_nothing() && !args.plan.output.is_document() {
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
        return Err(refused::one(Refusal::new(
            "--disable-cluster-capabilities",
            unknown,
            format!("the capabilities are {}", CAPABILITIES.join(", ")),
            "give one of these, with its capitals",
        )));
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
    let (identities, managed) = identities(args)?;
    Ok(Spec {
        name: required_name(args.name.clone(), &args.words)?,
        infra_id: args.infra_id.clone(),
        subscription: String::new(),
        location: args.location.clone(),
        base_domain: args.base_domain.clone(),
        resource_group: args.resource_group_name.clone(),
        group_tags: args.resource_group_tags.iter().cloned().collect::<BTreeMap<_, _>>(),
        vnet_id: args.vnet_id.clone(),
        subnet_id: args.subnet_id.clone(),
        nsg_id: args.network_security_group_id.clone(),
        identities,
        managed,
        late: Late::default(),
        roles,
        without_image_registry: args.disable_cluster_capabilities.iter().any(|name| name == "ImageRegistry"),
        output_file: args.output_file.clone(),
    })
}

/// The identities of one kind: client ids of workload identities, or managed identities.
fn identities(args: &InfraArgs) -> Result<(ClientIds, Option<Managed>), Failure> {
    let given = |file: &Option<String>| super::given(file.clone());
    let workload = given(&args.workload_identities_file);
    let (file, data_plane_file) = (given(&args.managed_identities_file), given(&args.data_plane_identities_file));
    let (workload, file, data_plane_file) = (workload.as_deref(), file.as_deref(), data_plane_file.as_deref());
    identities::check_files(workload, file, data_plane_file).map_err(|refusals| refused::failure(&refusals))?;
    let mut reader = Reader::default();
    let workload = reader.workload_identities(workload, true);
    let data_plane = reader
        .document(identities::DATA_PLANE, data_plane_file, |content| Ok(DataPlaneIdentities::of(content)))
        .unwrap_or_default();
    let managed =
        reader.document(identities::MANAGED, file, |content| ManagedIdentities::of(content, data_plane.clone()));
    match (workload, managed) {
        _ if !reader.refusals.is_empty() => Err(refused::failure(&reader.refusals)),
        (Some(file), _) => Ok((file.client_ids(), None)),
        (None, Some(identities)) => {
            let path = |path: Option<&str>| path.unwrap_or_default().to_owned();
            Ok((
                ClientIds::new(),
                Some(Managed { identities, file: path(file), data_plane_file: path(data_plane_file) }),
            ))
        }
        (None, None) => Err(refused::one(Refusal::new(
            identities::WORKLOAD,
            "",
            "the identities of the cluster are not known",
            format!(
                "give what `create iam` wrote, or with managed identities `{} FILE {} FILE`",
                identities::MANAGED,
                identities::DATA_PLANE
            ),
        ))),
    }
}

/// One tag of a list.
pub(super) fn tag(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("'{text}' is no key=value"))
}
