//! `destroy cluster`: a hosted cluster with everything that was made for it.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use cloud::apply::{Hands, Stop};
use cloud::kubernetes::{Connection, LookupError};
use cloud::session::AzureSession;
use facts::Target;
use facts::hosted::HostedCluster;
use plan::destroy::{Identities, Spec};
use plan::manifest::Manifest;
use plan::{Change, Refusal, Step, Verb};
use ui::Failure;

use super::super::create::run::{self, Job};
use super::super::create::{name_of, namespace, refused};
use super::{Agreement, planned};
use crate::Ended;
use crate::cmd::{block_on_until, source};
use crate::globals::{self, Globals};

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy cluster dev --azure-creds azure-creds.json --dry-run
  kubectl hcp-azure destroy cluster dev --with-iam --confirm dev
  kubectl hcp-azure destroy cluster dev --infra-id dev-x7k2p \\
    --no-cluster --confirm dev";

/// How long a deletion may take: private endpoints take longer.
const GRACE: Duration = Duration::from_secs(10 * 60);
const GRACE_PRIVATE: Duration = Duration::from_secs(20 * 60);

/// Delete a hosted cluster and what was made for it
///
/// The HostedCluster, its NodePools and Secrets, then its infrastructure in Azure: where it is, is read from the
/// HostedCluster itself. Identities, the OIDC issuer and the public DNS zone stay; --with-iam deletes the identities.
/// Nothing is deleted that cannot be proven to be the cluster's. While the deletion waits, what holds it up is told.
///
/// It works as well when half of it is gone: without the HostedCluster, --infra-id names what is left; without the
/// management cluster, --no-cluster does the rest.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ClusterArgs {
    /// Name of the HostedCluster; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the HostedCluster
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Infra id, where the HostedCluster is gone
    #[arg(long, value_name = "ID")]
    infra_id: Option<String>,
    /// Do not look at the management cluster: it is gone too
    #[arg(long)]
    no_cluster: bool,
    /// Delete the identities too
    #[arg(long)]
    with_iam: bool,
    /// Resource group of the infrastructure, where the HostedCluster is gone
    #[arg(long, value_name = "GROUP")]
    resource_group_name: Option<String>,
    /// Delete what is in resource groups and leave the groups
    #[arg(long)]
    preserve_resource_group: bool,
    /// Public DNS zone of the cluster's names, where the HostedCluster is gone
    #[arg(long, value_name = "DOMAIN")]
    base_domain: Option<String>,
    /// Resource group of the public DNS zone, where a role was assigned
    #[arg(long, value_name = "GROUP")]
    dns_zone_rg_name: Option<String>,
    /// How long the HostedCluster may take to be gone [default: 10m, or 20m for private clusters]
    #[arg(long, value_name = "TIME", value_parser = globals::duration)]
    cluster_grace_period: Option<Duration>,
    /// Let the cluster's own controllers clean up what they made in Azure
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    destroy_cloud_resources: bool,
    /// Take finalizers off by force: refused, since what they guard would be left behind
    #[arg(long, hide = true)]
    force: bool,
    /// Region; has no effect: everything is found by its names and tags
    #[arg(long, value_name = "REGION", default_value = "eastus", hide_default_value = true)]
    location: String,
    #[command(flatten)]
    agreement: Agreement,
}

pub(crate) fn run(globals: &Globals, args: &ClusterArgs, program: &'static str) -> Ended {
    let target = Target { namespace: namespace(globals), name: name_of(args.name.clone(), &args.words)? };
    let trial = Spec::usual(&target.name, args.infra_id.as_deref().unwrap_or("unknown"), "");
    trial.check().map_err(|refusal| refused::failure(&[refusal]))?;
    if args.force {
        return Err(refused::failure(&[Refusal::new(
            "--force",
            "",
            "finalizers are not taken off: what they guard would be left behind in Azure",
            "leave it out: what holds the deletion up is named, with the way out; `--no-cluster --infra-id ID` deletes what is in Azure without the management cluster",
        )]));
    }
    if args.no_cluster && args.infra_id.is_none() {
        return Err(no_infra_id("with --no-cluster"));
    }
    let plan_args = args.agreement.plan(globals, &target.name)?;
    let stop = Stop::default();
    block_on_until(&stop, async {
        let looks = async { tokio::try_join!(run::session(globals), management(globals, args, &target)) };
        let (session, management) = run::unless_stopped(&stop, looks).await?;
        let cluster = management.as_ref().and_then(|management| management.cluster.as_ref());
        let spec = spec(args, &target, cluster, &session)?;
        let infra_id = spec.infra_id.clone();
        let owned = async {
            match &management {
                Some(management) => {
                    management.connection.created_for(&target, &infra_id).await.map_err(source::refused)
                }
                None => Ok(Vec::new()),
            }
        };
        let owned = run::unless_stopped(&stop, owned).await?;
        let (spec, facts) = run::read_as(&session, &stop, cloud::destroy::facts(&session.arm, spec)).await?;
        let planned = planned(&spec, &facts)?;
        let grace = args.cluster_grace_period.unwrap_or(match cluster {
            Some(cluster) if cluster.has_private_endpoint() => GRACE_PRIVATE,
            _ => GRACE,
        });
        let deletion = cluster.map(|_| Change::ClusterDelete {
            target: target.clone(),
            clean_up: args.destroy_cloud_resources,
            grace,
        });
        let mut plan_args = plan_args;
        if args.infra_id.is_none() {
            // It is known as well once the HostedCluster is gone.
            plan_args.pins = vec!["--infra-id".to_owned(), infra_id.clone()];
        }
        let plan = run::plan_of(steps(&target, deletion, owned, planned.steps))?;
        let context = management.as_ref().and_then(|management| management.connection.context_name());
        let job = Job {
            globals,
            args: &plan_args,
            plan: &plan,
            notes: &planned.notes,
            title: format!("deleting {target} · infra id {}", spec.infra_id),
            by: match context {
                Some(context) => format!("{}, management cluster {context}", run::by(&session)),
                None => run::by(&session),
            },
            hands: Hands {
                arm: Some(&session.arm),
                kubernetes: management.as_ref().map(|management| &management.connection),
                ..Hands::default()
            },
            stop: &stop,
            name_to_type: Some(target.name.clone()),
            next: match spec.identities {
                Identities::Stay => format!(
                    "next: its identities stay; `{program} destroy iam {} --infra-id {}` deletes them",
                    target.name, spec.infra_id
                ),
                _ => super::look_for_orphans(program),
            },
        };
        run::go(&job).await
    })
}

fn no_infra_id(why: &str) -> Failure {
    Failure::usage("--infra-id is missing")
        .why(format!("{why} nothing tells which resources are the cluster's"))
        .hint("give `--infra-id ID`; `az group list --query \"[?tags.\\\"hcp-azure_infra-id\\\"].tags\"` lists those that we made")
}

/// The management cluster, and the HostedCluster if it is still there.
struct Management {
    connection: Connection,
    cluster: Option<HostedCluster>,
}

async fn management(globals: &Globals, args: &ClusterArgs, target: &Target) -> Result<Option<Management>, Failure> {
    if args.no_cluster {
        return Ok(None);
    }
    let connection = Connection::open(&globals.kube_options()).await.map_err(source::refused)?;
    let connection = connection.with_observer(source::observer(globals.calls()));
    let cluster = connection.find_hosted_cluster(target).await.map_err(|error| match error {
        LookupError::Kubernetes(error) => {
            let failure = source::refused(error);
            let hint = "`--no-cluster --infra-id ID` deletes what is in Azure without it";
            Failure {
                hint: Some(failure.hint.map_or_else(|| hint.to_owned(), |own| format!("{own}; {hint}"))),
                ..failure
            }
        }
        LookupError::Object(error) => {
            Failure::usage(format!("cannot destroy HostedCluster {target}")).why(error.to_string())
        }
    })?;
    Ok(Some(Management { connection, cluster }))
}

/// What is to be destroyed in Azure: of the HostedCluster's own words, else of the flags.
fn spec(
    args: &ClusterArgs,
    target: &Target,
    cluster: Option<&HostedCluster>,
    session: &AzureSession,
) -> Result<Spec, Failure> {
    let refused = |refusal: Refusal| refused::failure(&[refusal]);
    let infra_id = match (&args.infra_id, cluster) {
        (Some(given), Some(cluster)) if *given != cluster.infra_id => {
            let why = format!("HostedCluster {target} has infra id {}", cluster.infra_id);
            return Err(refused(Refusal::new("--infra-id", given, why, "leave it out")));
        }
        (_, Some(cluster)) => cluster.infra_id.clone(),
        (Some(given), None) => given.clone(),
        (None, None) => return Err(no_infra_id(&format!("HostedCluster {target} does not exist, and without it"))),
    };
    let mut spec = Spec::usual(&target.name, &infra_id, &session.subscription);
    if let Some(group) = &args.resource_group_name {
        for own in [&mut spec.managed_group, &mut spec.nsg_group, &mut spec.vnet_group] {
            own.clone_from(group);
        }
    }
    if let Some(cluster) = cluster {
        let azure = &cluster.azure;
        if !azure.subscription_id.eq_ignore_ascii_case(&session.subscription) {
            return Err(refused(Refusal::new(
                "--azure-creds",
                "",
                format!(
                    "the cluster is in subscription {}, the credentials are of {}",
                    azure.subscription_id, session.subscription
                ),
                "give credentials of the cluster's subscription, or `--subscription`",
            )));
        }
        if let Some(group) =
            args.resource_group_name.as_ref().filter(|group| !group.eq_ignore_ascii_case(&azure.resource_group))
        {
            let why = format!("the cluster's resource group is {}", azure.resource_group);
            return Err(refused(Refusal::new("--resource-group-name", group, why, "leave it out")));
        }
        spec.managed_group.clone_from(&azure.resource_group);
        spec.nsg_group = azure.security_group_id.resource_group().unwrap_or_default().to_owned();
        spec.vnet_group = azure.vnet_id.resource_group().unwrap_or_default().to_owned();
        spec.dns_zone_group =
            cluster.dns.public_zone_id.as_ref().and_then(|zone| zone.resource_group()).map(str::to_owned);
        spec.base_domain = Some(cluster.dns.base_domain.clone());
        spec.issuer = Some(cluster.issuer_url.clone());
        spec.client_ids = cluster.workload_identities().into_iter().flatten().map(|(_, id)| id.to_owned()).collect();
    }
    spec.dns_zone_group = args.dns_zone_rg_name.clone().or(spec.dns_zone_group);
    spec.base_domain = args.base_domain.clone().or(spec.base_domain);
    spec.keep_groups = args.preserve_resource_group;
    if args.with_iam {
        spec.identities = Identities::Wherever;
    }
    spec.check().map_err(refused)?;
    Ok(spec)
}

/// NodePools and the HostedCluster first, then Azure, and what the HostedCluster referred to last: its Secrets name it as
/// ours as long as anything is left.
fn steps(target: &Target, deletion: Option<Change>, owned: Vec<Manifest>, azure: Vec<Step>) -> Vec<Step> {
    let delete = |resource: String, reason: &str, depends_on: BTreeSet<String>, change: Change| Step {
        id: format!("object/{resource}"),
        verb: Verb::Delete,
        resource,
        reason: reason.to_owned(),
        depends_on,
        change: Some(change),
        serial: None,
    };
    let (pools, rest): (Vec<Manifest>, Vec<Manifest>) =
        owned.into_iter().partition(|manifest| manifest.kind() == "NodePool");
    let mut steps: Vec<Step> = pools
        .into_iter()
        .map(|pool| delete(pool.to_string(), "its machines go with it", BTreeSet::new(), Change::ManifestDelete(pool)))
        .collect();
    let begun: BTreeSet<String> = steps.iter().map(|step| step.id.clone()).collect();
    steps.extend(
        deletion
            .map(|change| delete(format!("HostedCluster {target}"), "its control plane goes with it", begun, change)),
    );
    let first: BTreeSet<String> = steps.iter().map(|step| step.id.clone()).collect();
    steps.extend(azure.into_iter().map(|mut step| {
        step.depends_on.extend(first.iter().cloned());
        step
    }));
    let all: BTreeSet<String> = steps.iter().map(|step| step.id.clone()).collect();
    let reason = "created for the cluster, says its label";
    steps.extend(
        rest.into_iter()
            .map(|manifest| delete(manifest.to_string(), reason, all.clone(), Change::ManifestDelete(manifest))),
    );
    steps
}
