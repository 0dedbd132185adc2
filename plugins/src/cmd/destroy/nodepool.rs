//! `destroy nodepool`: machines of a hosted cluster.

use clap::Args;
use cloud::apply::{Hands, Stop};
use cloud::kubernetes::Connection;
use plan::manifest::Manifest;
use plan::{Change, Step, Verb};
use serde_json::Value;
use ui::Failure;

use super::super::create::run::{self, Job};
use super::super::create::{name_of, namespace};
use super::Agreement;
use crate::Ended;
use crate::cmd::{block_on_until, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy nodepool gpu --dry-run
  kubectl hcp-azure destroy nodepool gpu -n clusters --confirm gpu";

/// Delete a NodePool with its machines
///
/// The operator drains and deletes the machines; `doctor` tells what holds them up.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NodepoolArgs {
    /// Name of the NodePool; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the NodePool
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    agreement: Agreement,
}

pub(crate) fn run(globals: &Globals, args: &NodepoolArgs, program: &'static str) -> Ended {
    let name = name_of(args.name.clone(), &args.words)?;
    if name.is_empty() {
        return Err(Failure::usage("--name is missing").hint("give the name of the NodePool: `--name NAME`"));
    }
    let plan_args = args.agreement.plan(globals, &name)?;
    let manifest = Manifest::of_hypershift("NodePool", &namespace(globals), &name);
    let stop = Stop::default();
    block_on_until(&stop, async {
        let connection = Connection::open(&globals.kube_options()).await.map_err(source::refused)?;
        let connection = connection.with_observer(source::observer(globals.calls()));
        let found = async { connection.object(&manifest).await.map_err(source::refused) };
        let found = run::unless_stopped(&stop, found).await?;
        let plan = run::plan_of(vec![step(&manifest, found.as_ref())])?;
        let cluster = found.as_ref().and_then(|object| object.pointer("/spec/clusterName")).and_then(Value::as_str);
        let job = Job {
            globals,
            args: &plan_args,
            plan: &plan,
            notes: &[],
            title: format!("deleting {manifest}"),
            by: format!("on management cluster {}", connection.context_name().unwrap_or("of the current context")),
            hands: Hands { kubernetes: Some(&connection), ..Hands::default() },
            stop: &stop,
            name_to_type: Some(name.clone()),
            next: cluster.map_or_else(String::new, |cluster| {
                let namespace = namespace(globals);
                format!("next: its machines go by themselves; `{program} doctor {cluster} -n {namespace}` tells what holds them up")
            }),
        };
        run::go(&job).await
    })
}

fn step(manifest: &Manifest, found: Option<&Value>) -> Step {
    let step = |verb, reason: String, change| Step {
        id: format!("delete/{manifest}"),
        verb,
        resource: manifest.to_string(),
        reason,
        depends_on: std::collections::BTreeSet::new(),
        change,
        serial: None,
    };
    let Some(object) = found else { return step(Verb::Keep, "there is none".to_owned(), None) };
    if object.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string) {
        return step(Verb::Keep, "is being deleted already".to_owned(), None);
    }
    let replicas = object.pointer("/status/replicas").and_then(Value::as_i64).unwrap_or_default();
    let cluster = object.pointer("/spec/clusterName").and_then(Value::as_str).unwrap_or("?");
    let reason = format!("of HostedCluster {cluster}; its {replicas} nodes are drained and deleted");
    step(Verb::Delete, reason, Some(Change::ManifestDelete(manifest.clone())))
}
