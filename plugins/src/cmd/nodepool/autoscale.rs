//! `nodepool autoscale`: the limits of the autoscaler, or none.

use clap::{ArgGroup, Args};
use plan::node_pool_size::Size;
use ui::Failure;

use super::scale;
use crate::Ended;
use crate::cmd::create::name_of;
use crate::cmd::create::run::PlanArgs;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure nodepool autoscale prod-1 --min 1 --max 5
  kubectl hcp-azure nodepool autoscale prod-1 --off --replicas 3";

/// Let the autoscaler size a NodePool within limits, or take it off
///
/// Taken off, the NodePool gets the number of nodes that is given.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("way").args(["max", "off"]).required(true))]
pub(super) struct AutoscaleArgs {
    /// Name of the NodePool
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the NodePool
    #[arg(long)]
    name: Option<String>,
    /// The least number of nodes; Azure allows 0
    #[arg(long, value_name = "N", requires = "max", conflicts_with = "off", allow_negative_numbers = true)]
    min: Option<i32>,
    /// The greatest number of nodes
    #[arg(long, value_name = "N", requires = "min", allow_negative_numbers = true)]
    max: Option<i32>,
    /// Take the autoscaler off
    #[arg(long, requires = "replicas")]
    off: bool,
    /// Number of nodes once the autoscaler is off
    #[arg(long, value_name = "N", requires = "off", allow_negative_numbers = true)]
    replicas: Option<i32>,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(globals: &Globals, args: &AutoscaleArgs, program: &'static str) -> Ended {
    let name = name_of(args.name.clone(), &args.words)?;
    let (size, flag) = match (args.min, args.max, args.replicas) {
        (Some(min), Some(max), _) => (Size::Auto { min, max }, "--max"),
        (_, _, Some(replicas)) => (Size::FixedFromNowOn(replicas), "--replicas"),
        _ => return Err(Failure::usage("--min and --max are missing").hint("give both, or `--off --replicas N`")),
    };
    scale::resize(globals, &name, size, (flag, &args.plan), program)
}
