//! `nodepool`: the NodePools of hosted clusters, after the first day.

mod autoscale;
mod list;
mod scale;
mod upgrade;

use clap::{Args, Subcommand};
use cloud::kubernetes::{Connection, objects};
use facts::hosted::NodePool;
use plan::manifest::Manifest;
use serde_json::Value;
use ui::Failure;

use crate::Ended;
use crate::cmd::source;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure nodepool list -A
  kubectl hcp-azure nodepool scale prod-1 --replicas 5
  kubectl hcp-azure nodepool autoscale prod-1 --min 1 --max 5";

/// List, scale and upgrade the NodePools of hosted clusters
///
/// Each verb looks first, refuses what the API server or the operator would refuse, shows its plan, and changes the one
/// field that it is about.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NodepoolArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::ListArgs),
    Scale(scale::ScaleArgs),
    Autoscale(autoscale::AutoscaleArgs),
    Upgrade(upgrade::UpgradeArgs),
}

pub(crate) fn run(globals: &Globals, args: &NodepoolArgs, program: &'static str) -> Ended {
    match &args.verb {
        Verb::List(args) => list::run(globals, args, program),
        Verb::Scale(args) => scale::run(globals, args, program),
        Verb::Autoscale(args) => autoscale::run(globals, args, program),
        Verb::Upgrade(args) => upgrade::run(globals, args, program),
    }
}

async fn open(globals: &Globals) -> Result<Connection, Failure> {
    let connection = Connection::open(&globals.kube_options()).await.map_err(source::refused)?;
    Ok(connection.with_observer(source::observer(globals.calls())))
}

/// A NodePool as it was read, and as facts.
struct Found {
    object: Value,
    pool: NodePool,
    cluster_name: String,
}

async fn find(connection: &Connection, namespace: &str, name: &str, program: &str) -> Result<Found, Failure> {
    let named = Manifest::of_hypershift("NodePool", namespace, name);
    let object = connection.object(&named).await.map_err(source::refused)?;
    let found = object.and_then(|object| objects::node_pool(&object).map(|pool| (object, pool)));
    let Some((object, pool)) = found else {
        return Err(Failure::usage(format!("there is no NodePool {namespace}/{name}"))
            .hint(format!("`{program} nodepool list -A` lists them; `-n` chooses the namespace")));
    };
    let cluster_name = object.pointer("/spec/clusterName").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Found { object, pool, cluster_name })
}
