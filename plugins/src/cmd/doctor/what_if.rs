//! `--before`, `--replicas`, `--max`: what would be, judged before it is done.

use std::time::Instant;

use checks::capacity::{self, Capacity, Wish};
use checks::{Selection, Stage};
use clap::{Args, ValueEnum};
use cloud::kubernetes::Head;
use cloud::live::Live;
use facts::hosted::NodePool;
use facts::{Fact, Target};
use jiff::Timestamp;
use ui::Failure;

use super::Examined;
use crate::globals::Globals;

/// What is going to be done.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Before a change")]
pub(super) struct WhatIfArgs {
    /// Judge what must hold before this is done, and nothing else
    #[arg(long, value_enum, value_name = "CHANGE", conflicts_with_all = ["all", "bundle"])]
    before: Option<Before>,
    /// The NodePool that is to change; a name that no NodePool has is one to be added, with --instance-type
    #[arg(long, value_name = "NAME", requires = "before")]
    nodepool: Option<String>,
    /// So many nodes: of --nodepool, else of each NodePool
    #[arg(long, value_name = "N", requires = "before", value_parser = clap::value_parser!(i32).range(0..=10_000))]
    replicas: Option<i32>,
    /// An autoscaler that may go up to so many nodes
    #[arg(long, value_name = "N", requires = "before", value_parser = clap::value_parser!(i32).range(0..=10_000))]
    max: Option<i32>,
    /// Virtual machine size of the nodes
    #[arg(long, value_name = "SIZE", requires = "before")]
    instance_type: Option<String>,
    /// The release image to upgrade to
    #[arg(long, value_name = "IMAGE", requires = "before")]
    release_image: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Before {
    /// A NodePool is added, or gets more nodes
    Nodepool,
    /// The hosted cluster is upgraded
    Upgrade,
    /// The hosted cluster is destroyed
    Destroy,
}

impl WhatIfArgs {
    /// The stage whose checks run.
    pub fn stage(&self) -> Stage {
        match self.before {
            None => Stage::Support,
            Some(Before::Nodepool) => Stage::NodePool,
            Some(Before::Upgrade) => Stage::Upgrade,
            Some(Before::Destroy) => Stage::Destroy,
        }
    }

    /// Whether something is going to be done.
    pub fn is_asked(&self) -> bool {
        self.before.is_some()
    }

    /// What the nodes are to be; none where no number or size is asked for.
    fn wish(&self) -> Option<Wish> {
        let asked = self.replicas.is_some() || self.max.is_some() || self.instance_type.is_some();
        asked.then(|| Wish {
            pool: self.nodepool.clone(),
            replicas: self.replicas,
            max: self.max,
            vm_size: self.instance_type.clone(),
        })
    }
}

/// Looks at a cluster as it would be, and at what its limits leave.
///
/// # Errors
/// A HostedCluster that is not there, and a NodePool that cannot be added as asked.
pub(super) async fn examine(
    globals: &Globals,
    live: &Live,
    target: &Target,
    selection: &Selection,
    args: &WhatIfArgs,
) -> Result<(Examined, Option<Capacity>), Failure> {
    let started = Instant::now();
    if !globals.quiet {
        let context = live.kubernetes.context_name().unwrap_or("the current context");
        ui::note(&format!("reading {target} from {context}\n"));
    }
    let mut head = live.head(target).await;
    if matches!(head.cluster, Fact::Absent) {
        return Err(
            Failure::usage(format!("there is no HostedCluster {target}")).hint("`oc get hostedclusters -A` lists them")
        );
    }
    let node_pools = head.node_pools.clone();
    if let (Some(image), Fact::Known(cluster)) = (&args.release_image, &mut head.cluster) {
        cluster.release_image.clone_from(image);
    }
    let wish = args.wish();
    if let Some(wish) = &wish {
        apply(wish, &mut head)?;
    }
    let mut needs = selection.needs();
    if wish.is_some() {
        needs.extend(capacity::NEEDS);
    }
    let facts = live.collect_head(head, &needs, Timestamp::now()).await;
    let report = checks::examine(&facts, selection);
    let capacity = wish.map(|wish| {
        let mut now = facts.clone();
        now.hosted.node_pools = node_pools;
        capacity::capacity(&now, &wish)
    });
    Ok((Examined { facts, report, elapsed: started.elapsed() }, capacity))
}

/// Makes the NodePools what they are to be.
fn apply(wish: &Wish, head: &mut Head) -> Result<(), Failure> {
    let Fact::Known(pools) = &mut head.node_pools else { return Ok(()) };
    let named = |pool: &NodePool| wish.pool.as_ref().is_none_or(|name| *name == pool.name);
    if let Some(name) = wish.pool.as_ref().filter(|name| !pools.iter().any(|pool| pool.name == **name)) {
        let (Some(first), Some(_)) = (pools.first(), &wish.vm_size) else {
            let known: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
            return Err(Failure::usage(format!("there is no NodePool '{name}'"))
                .why(format!("there are {}", known.join(", ")))
                .hint("name one of them, or give `--instance-type` for one that is to be added"));
        };
        let added = NodePool { name: name.clone(), created_at: None, conditions: Vec::new(), ..first.clone() };
        pools.push(added);
    }
    for pool in pools.iter_mut().filter(|pool| named(pool)) {
        if let Some(replicas) = wish.replicas {
            pool.replicas = Some(replicas);
            pool.auto_scaling = None;
        }
        if let Some(max) = wish.max {
            let least = pool.auto_scaling.map_or_else(|| pool.replicas.unwrap_or_default(), |(least, _)| least);
            pool.auto_scaling = Some((least.min(max), max));
            pool.replicas = None;
        }
        if let Some(size) = &wish.vm_size {
            pool.vm_size.clone_from(size);
        }
    }
    Ok(())
}
