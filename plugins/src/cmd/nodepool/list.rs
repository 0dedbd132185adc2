//! `nodepool list`: every NodePool at a glance.

use std::collections::BTreeMap;

use checks::node_pools::{NodePoolRow, RowSkew, node_pool_row};
use clap::{Args, ValueEnum};
use cloud::kubernetes::{KubeError, objects};
use facts::hosted::HostedCluster;
use serde_json::Value;
use ui::node_pools::{Columns, NodePoolList};
use ui::{Failure, Outcome, report};

use crate::Ended;
use crate::cmd::create::namespace;
use crate::cmd::{block_on, printed, screen, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure nodepool list
  kubectl hcp-azure nodepool list --cluster-name prod -o wide
  kubectl hcp-azure nodepool list -A -o json";

/// List NodePools: nodes wanted and ready, version and skew, autoscaling, and how each is
///
/// SKEW says how many minors a NodePool is behind its HostedCluster: `n-3` is the last that is supported.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// Only those of this HostedCluster
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    /// Those of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    output: ListFormat,
}

/// Formats of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// For people
    Table,
    /// For people, with architecture, size, zone and release
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
    /// One name a line, as kubectl takes it
    Name,
}

pub(super) fn run(globals: &Globals, args: &ListArgs, program: &'static str) -> Ended {
    let rows = block_on(rows(globals, args))?;
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the list").why(error.to_string());
    let columns = Columns { namespace: args.all_namespaces, wide: args.output == ListFormat::Wide };
    let text = match args.output {
        ListFormat::Json => report::json(&NodePoolList::of(&rows)).map_err(|error| broken(&error))?,
        ListFormat::Yaml => report::yaml(&NodePoolList::of(&rows)).map_err(|error| broken(&error))?,
        ListFormat::Name => rows.iter().map(|row| format!("nodepool.hypershift.openshift.io/{}\n", row.name)).collect(),
        ListFormat::Table | ListFormat::Wide if rows.is_empty() => {
            if !globals.quiet {
                ui::note(&nothing(globals, args, program));
            }
            return Ok(Outcome::Yes);
        }
        ListFormat::Table | ListFormat::Wide => ui::node_pools::table(&rows, columns, &screen(globals)),
    };
    let outcome = printed(&text);
    let is_table = matches!(args.output, ListFormat::Table | ListFormat::Wide);
    if !globals.quiet && is_table && outcome == Outcome::Yes {
        ui::note(&next(&rows, program));
    }
    Ok(outcome)
}

/// What the list suggests: the upgrade of a NodePool that is behind, else a look at the cluster of the first.
fn next(rows: &[NodePoolRow], program: &str) -> String {
    let is_behind = |row: &&NodePoolRow| matches!(row.skew, RowSkew::TooOld { .. } | RowSkew::Ok { behind: 1.. });
    match (rows.iter().find(is_behind), rows.first()) {
        (Some(row), _) => format!("next: `{program} nodepool upgrade {} -n {}`\n", row.name, row.namespace),
        (None, Some(row)) => format!("next: `{program} status {} -n {}`\n", row.cluster, row.namespace),
        (None, None) => String::new(),
    }
}

fn nothing(globals: &Globals, args: &ListArgs, program: &str) -> String {
    let of = args.cluster_name.as_deref().map(|name| format!(" of HostedCluster {name}")).unwrap_or_default();
    if args.all_namespaces {
        return format!("there is no NodePool{of} in any namespace\n");
    }
    let namespace = namespace(globals);
    format!("there is no NodePool{of} in namespace {namespace}; `{program} nodepool list -A` lists all\n")
}

async fn rows(globals: &Globals, args: &ListArgs) -> Result<Vec<NodePoolRow>, Failure> {
    let connection = super::open(globals).await?;
    let own = namespace(globals);
    let place = (!args.all_namespaces).then_some(own.as_str());
    if !globals.quiet {
        let of = place.map_or_else(|| "all namespaces".to_owned(), |namespace| format!("namespace {namespace}"));
        ui::note(&format!("reading NodePools of {of} from {}\n", source::place_of(&connection)));
    }
    let (pools, clusters) =
        futures::join!(connection.node_pool_objects(place), connection.hosted_cluster_objects(place));
    let pools = pools.map_err(source::refused)?;
    let clusters: BTreeMap<(String, String), HostedCluster> = match clusters {
        // Whoever may not see clusters sees their NodePools all the same, without skew.
        Err(KubeError::Denied { .. }) => BTreeMap::new(),
        clusters => clusters
            .map_err(source::refused)?
            .iter()
            .filter_map(|object| objects::hosted_cluster(object).ok())
            .map(|cluster| ((cluster.namespace.clone(), cluster.name.clone()), cluster))
            .collect(),
    };
    let wanted = |name: &str| args.cluster_name.as_deref().is_none_or(|wanted| wanted == name);
    let rows = pools.iter().filter_map(|object| {
        let pool = objects::node_pool(object)?;
        let name = object.pointer("/spec/clusterName").and_then(Value::as_str).unwrap_or_default();
        let cluster = clusters.get(&(pool.namespace.clone(), name.to_owned()));
        wanted(name).then(|| node_pool_row(&pool, name, cluster))
    });
    Ok(rows.collect())
}
