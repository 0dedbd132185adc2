//! `doctor`: what is wrong with a hosted cluster.

mod accept;
mod decode;
mod diff;
mod output;
mod what_if;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use checks::capacity::Capacity;
use checks::selection::UnknownWord;
use checks::{Bar, Report, Selection, Stage};
use clap::{Args, Subcommand, ValueEnum};
use cloud::bundle;
use cloud::live::Live;
use facts::{Facts, Target};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use ui::report::{self, Shown};
use ui::{Failure, Outcome, Terminal};

use self::output::Format;
use self::what_if::WhatIfArgs;
use super::create::cluster::{self, SpecArgs};
use super::rehearsal::RehearsalArgs;
use super::{block_on, printed, screen, source};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure doctor prod
  kubectl hcp-azure doctor prod --only federation,oidc -v
  kubectl hcp-azure doctor prod --exchange --only FC,RA   # trades tokens
  kubectl hcp-azure doctor --bundle dump.tar.gz           # without any access
  kubectl hcp-azure doctor --all -o html > fleet.html     # a page for a ticket";

/// Find out what is wrong with a hosted cluster, and how to fix it
///
/// Looks at the HostedCluster and its NodePools, at the identities, federated credentials, roles and network in Azure,
/// and at the OIDC issuer, and prints each root cause once with the command that fixes it. What could not be read is
/// said, and never counts as healthy. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct DoctorArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Name of the HostedCluster; may be left out where there is only one
    name: Option<String>,
    /// Every HostedCluster of the management cluster
    #[arg(short = 'A', long, conflicts_with_all = ["name", "bundle"])]
    all: bool,
    /// Judge a recording instead: a bundle, a hypershift dump, an oc adm inspect or must-gather; directory or archive
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// Print the manifest of a Job that tests the way out of a worker (see `explain NW12`), and do nothing else
    #[arg(long, conflicts_with_all = ["name", "all", "bundle"])]
    print_egress_probe: bool,
    #[command(flatten)]
    what_if: WhatIfArgs,
    #[command(flatten)]
    report: ReportArgs,
}

/// What is judged, what counts, and how it is said.
#[derive(Debug, Args)]
struct ReportArgs {
    /// Run only these checks: codes, ids, groups; separated by commas
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave out these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// The least finding that makes the exit code 1
    #[arg(long, value_enum, default_value_t = Threshold::Error)]
    fail_on: Threshold,
    /// Exit with 1 also when something could not be checked
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
    #[command(flatten)]
    accept: accept::AcceptArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    output: Format,
}

/// Find out whether a cluster would come up, before anything is created
///
/// Takes the flags of `create cluster`, or its spec file, and judges the cluster as it is going to be: credential, providers,
/// sizes and quota, issuer and key, networks and names, the management cluster; identities, roles and network where they
/// are there already. Nothing is created.
#[derive(Debug, Args)]
#[command(after_help = PREFLIGHT_EXAMPLES)]
struct PreflightArgs {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    report: ReportArgs,
}

const PREFLIGHT_EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure doctor preflight -f prod-spec.yaml
  kubectl hcp-azure doctor preflight -f prod-spec.yaml --only quota \\
    --node-pool-replicas 12
  kubectl hcp-azure doctor preflight -f prod-spec.yaml --exchange --only FC,RA";

/// What doctor does besides looking at a cluster.
#[derive(Debug, Subcommand)]
enum Verb {
    Preflight(Box<PreflightArgs>),
    Diff(diff::DiffArgs),
    Decode(decode::DecodeArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Threshold {
    /// Failures
    Error,
    /// Failures and warnings
    Warning,
}

/// How many clusters of a fleet are read at a time: enough to keep the network busy, few enough to keep memory small.
const AT_ONCE: usize = 8;

/// One cluster's facts and what they say.
struct Examined {
    facts: Facts,
    report: Report,
    elapsed: Duration,
}

impl ReportArgs {
    /// What counts for the exit code besides failures.
    fn bar(&self) -> Bar {
        Bar { warnings: self.fail_on == Threshold::Warning, unknowns: self.strict }
    }

    /// Which checks to run.
    fn selection(&self, stage: Stage, program: &str) -> Result<Selection, Failure> {
        let selection = Selection::parse(&self.only, &self.skip).map_err(|word| unknown_check(&word, program))?;
        Ok(selection.of_stage(stage).on_request(self.rehearsal.exchange))
    }
}

pub(crate) fn run(globals: &Globals, args: &DoctorArgs, program: &str) -> Ended {
    if args.print_egress_probe {
        return Ok(printed(&super::egress_probe::manifest(&globals.selected_cloud()?)));
    }
    match &args.verb {
        Some(Verb::Preflight(args)) => return preflight(globals, args, program),
        Some(Verb::Diff(args)) => return diff::run(globals, args, program),
        Some(Verb::Decode(args)) => return decode::run(globals, args, program),
        None => {}
    }
    let selection = args.report.selection(args.what_if.stage(), program)?;
    let waivers = args.report.accept.read(program)?;
    if args.what_if.is_asked() {
        let (mut examined, capacity) = block_on(before(globals, args, &selection))?;
        checks::waiver::apply(&waivers, &mut [&mut examined.report], &selection);
        return show(globals, &args.report, false, program, &[examined], capacity.as_ref());
    }
    let mut examined = match &args.bundle {
        Some(path) => vec![from_bundle(globals, args, path, &selection)?],
        None => block_on(live(globals, args, &selection))?,
    };
    let mut reports: Vec<&mut Report> = examined.iter_mut().map(|one| &mut one.report).collect();
    checks::waiver::apply(&waivers, &mut reports, &selection);
    show(globals, &args.report, args.all, program, &examined, None)
}

/// Judges a cluster that is yet to be created.
fn preflight(globals: &Globals, args: &PreflightArgs, program: &str) -> Ended {
    let selection = args.report.selection(Stage::Preflight, program)?;
    let waivers = args.report.accept.read(program)?;
    let rehearsal = args.report.rehearsal.rehearsal()?;
    let cluster::Judged { facts, mut report, elapsed } =
        cluster::judged(globals, args.spec.clone(), &selection, rehearsal)?;
    checks::waiver::apply(&waivers, &mut [&mut report], &selection);
    show(globals, &args.report, false, program, &[Examined { facts, report, elapsed }], None)
}

fn from_bundle(
    globals: &Globals,
    args: &DoctorArgs,
    path: &std::path::Path,
    selection: &Selection,
) -> Result<Examined, Failure> {
    let started = Instant::now();
    let wanted = bundle::Wanted { namespace: globals.namespace.as_deref(), name: args.name.as_deref() };
    let facts = bundle::open(path, wanted, &selection.needs()).map_err(|error| super::bundle::failure(&error))?;
    let report = checks::examine(&facts, selection);
    Ok(Examined { facts, report, elapsed: started.elapsed() })
}

/// What would be, before it is done.
async fn before(
    globals: &Globals,
    args: &DoctorArgs,
    selection: &Selection,
) -> Result<(Examined, Option<Capacity>), Failure> {
    let live = source::open(globals, &selection.needs()).await?;
    let target = source::find(&live, args.name.as_deref(), globals.namespace.as_deref()).await?;
    what_if::examine(globals, &live, &target, selection, &args.what_if).await
}

async fn live(globals: &Globals, args: &DoctorArgs, selection: &Selection) -> Result<Vec<Examined>, Failure> {
    let rehearsal = args.report.rehearsal.rehearsal()?;
    let mut live = source::open(globals, &selection.needs()).await?;
    if let Some(rehearsal) = rehearsal {
        live = live.with_rehearsal(rehearsal);
    }
    if args.all {
        return fleet(globals, &live, selection, args.report.output).await;
    }
    let target = source::find(&live, args.name.as_deref(), globals.namespace.as_deref()).await?;
    Ok(vec![one(globals, &live, &target, selection).await?])
}

/// Every hosted cluster: what they share is read once, the rest some clusters at a time.
async fn fleet(
    globals: &Globals,
    live: &Live,
    selection: &Selection,
    output: Format,
) -> Result<Vec<Examined>, Failure> {
    let heads = source::heads(live, globals.namespace.as_deref()).await?;
    if heads.is_empty() {
        return Err(source::nothing(globals.namespace.as_deref()));
    }
    if !globals.quiet {
        let context = live.kubernetes.context_name().unwrap_or("the current context");
        ui::note(&format!("reading {} hosted clusters from {context}\n", heads.len()));
    }
    live.read_ahead(&heads).await;
    let needs = selection.needs();
    let examined = stream::iter(heads).map(async |head| {
        let started = Instant::now();
        let facts = live.collect_head(head, &needs, Timestamp::now()).await;
        let report = checks::examine(&facts, selection);
        let facts = report::outline(facts, output.draws());
        Examined { facts, report, elapsed: started.elapsed() }
    });
    let mut examined: Vec<Examined> = examined.buffer_unordered(AT_ONCE).collect().await;
    examined.sort_by_key(|one| one.facts.target.to_string());
    Ok(examined)
}

/// The report on one cluster as a table, for verbs that have to say why it is not well.
///
/// # Errors
/// The HostedCluster is gone.
pub(crate) async fn causes(globals: &Globals, live: &Live, target: &Target, program: &str) -> Result<String, Failure> {
    let Examined { facts, report, elapsed } =
        one(globals, live, target, &Selection::default().of_stage(Stage::Support)).await?;
    let again = format!("{} -n {}", target.name, target.namespace);
    let shown = Shown { facts: &facts, report: &report, elapsed, program, again: &again };
    Ok(report::table(&shown, &Terminal::of_stderr(globals.color_choice())))
}

async fn one(globals: &Globals, live: &Live, target: &Target, selection: &Selection) -> Result<Examined, Failure> {
    let started = Instant::now();
    if !globals.quiet {
        let context = live.kubernetes.context_name().unwrap_or("the current context");
        ui::note(&format!("reading {target} from {context}\n"));
    }
    let facts = source::collect(live, target, &selection.needs()).await?;
    let report = checks::examine(&facts, selection);
    Ok(Examined { facts, report, elapsed: started.elapsed() })
}

fn show(
    globals: &Globals,
    args: &ReportArgs,
    all: bool,
    program: &str,
    examined: &[Examined],
    capacity: Option<&Capacity>,
) -> Ended {
    let again: Vec<String> =
        examined.iter().map(|one| format!("{} -n {}", one.facts.target.name, one.facts.target.namespace)).collect();
    let shown: Vec<Shown<'_>> = examined
        .iter()
        .zip(&again)
        .map(|(one, again)| Shown { facts: &one.facts, report: &one.report, elapsed: one.elapsed, program, again })
        .collect();
    if !globals.quiet && !args.output.tells_of_waivers() {
        for warning in accept::warnings(examined.iter().map(|one| &one.report)) {
            ui::note(&format!("warning: {warning}\n"));
        }
    }
    let bar = args.bar();
    let text = output::text(args.output, &shown, all, bar, capacity, &screen(globals))?;
    let exceeded = capacity.is_some_and(|capacity| capacity.rows.iter().any(ui::capacity::is_exceeded));
    match printed(&text) {
        // The output format has no part in the answer.
        Outcome::Yes if exceeded || examined.iter().any(|one| one.report.fails(bar)) => Ok(Outcome::No),
        other => Ok(other),
    }
}

fn unknown_check(word: &UnknownWord, program: &str) -> Failure {
    let failure = Failure::usage(format!("'{}' is no check and no group of checks", word.word));
    match &word.nearest {
        Some(near) => failure.hint(format!("did you mean {near}? `{program} explain` lists every check")),
        None => failure.hint(format!("`{program} explain` lists every check")),
    }
}
