//! `nodepool upgrade`: another release for NodePools of one hosted cluster.

use std::collections::BTreeSet;

use clap::Args;
use cloud::apply::{Hands, Stop};
use facts::Target;
use plan::upgrade::{self, Judged, PoolVersion, Wish};
use ui::Failure;

use crate::Ended;
use crate::cmd::block_on_until;
use crate::cmd::create::run::{self, Job, PlanArgs};
use crate::cmd::create::{namespace, refused};
use crate::cmd::upgrade::standing::{self, ReleaseArgs, Standing, Versions};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure nodepool upgrade prod-1
  kubectl hcp-azure nodepool upgrade prod-1 prod-gpu \\
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.7-multi";

/// Give NodePools another release: by default that of their HostedCluster
///
/// A NodePool is never newer than its HostedCluster, and at most three minors behind. How its nodes are replaced, its own
/// settings say.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UpgradeArgs {
    /// Names of NodePools of one HostedCluster
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of a NodePool
    #[arg(long)]
    name: Option<String>,
    /// Release image, by tag or digest [default: that of the HostedCluster]
    #[arg(long, value_name = "IMAGE")]
    release_image: Option<String>,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(globals: &Globals, args: &UpgradeArgs, program: &'static str) -> Ended {
    let names: BTreeSet<&str> = args.words.iter().chain(&args.name).map(String::as_str).collect();
    if names.is_empty() {
        return Err(Failure::usage("--name is missing").hint("give the names of NodePools: `nodepool upgrade prod-1`"));
    }
    if let Some(image) = &args.release_image {
        upgrade::check_image(image).map_err(|refusal| refused::failure(&[refusal]))?;
    }
    let pull_secret = args.release.read()?;
    run::consent(globals, &args.plan)?;
    let stop = Stop::default();
    let namespace = namespace(globals);
    block_on_until(&stop, async {
        let connection = super::open(globals).await?;
        let work = async {
            let mut clusters = BTreeSet::new();
            for name in &names {
                clusters.insert(super::find(&connection, &namespace, name, program).await?.cluster_name);
            }
            let (Some(cluster), true) = (clusters.pop_first(), clusters.is_empty()) else {
                return Err(Failure::usage("the NodePools are of several HostedClusters")
                    .hint("give those of one; run the command once for each HostedCluster"));
            };
            let target = Target { namespace: namespace.clone(), name: cluster };
            let standing = Standing::read(&connection, &target).await?;
            let image = args.release_image.clone().unwrap_or_else(|| standing.cluster.release_image.clone());
            let versions = Versions::find(globals, &connection, &standing, &image, pull_secret.as_ref()).await?;
            let supported = standing::supported(&connection, &target).await;
            let release = versions.release(&image);
            let wish = Wish {
                release: &release,
                allow_unknown: args.release.allow_unknown_version,
                supported: &supported,
                program,
            };
            let runs = versions.of_cluster(&standing.cluster);
            let (mut steps, mut all) = (Vec::new(), Judged::default());
            for (object, pool) in standing.pools.iter().filter(|(_, pool)| names.contains(pool.name.as_str())) {
                let pool: PoolVersion<'_> = versions.of_pool(pool);
                let judged = upgrade::judge_node_pool(&standing.cluster, runs.as_ref(), &pool, wish);
                all.refusals
                    .extend(judged.refusals.into_iter().filter(|it| !all.refusals.contains(it)).collect::<Vec<_>>());
                all.notes.extend(judged.notes.into_iter().filter(|it| !all.notes.contains(it)).collect::<Vec<_>>());
                steps.push(upgrade::node_pool_step(object, &pool, &release, BTreeSet::new()));
            }
            if !all.refusals.is_empty() {
                return Err(refused::failure(&all.refusals));
            }
            standing::tried(&connection, &steps, "--release-image").await?;
            Ok::<_, Failure>((target, steps, all.notes))
        };
        let (target, steps, notes) = run::unless_stopped(&stop, work).await?;
        let plan = run::plan_of(steps)?;
        let job = Job {
            globals,
            args: &args.plan,
            plan: &plan,
            notes: &notes,
            title: format!("NodePools of HostedCluster {target}"),
            by: standing::by(&connection),
            hands: Hands { kubernetes: Some(&connection), ..Hands::default() },
            stop: &stop,
            name_to_type: None,
            next: format!(
                "next: `{program} nodepool list -n {namespace} --cluster-name {}` shows how far they are",
                target.name
            ),
        };
        run::go(&job).await
    })
}
