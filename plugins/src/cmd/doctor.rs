//! `doctor`: what is wrong with a hosted cluster.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use checks::selection::UnknownWord;
use checks::{Report, Selection, Stage, Verdict};
use clap::{Args, ValueEnum};
use cloud::bundle;
use cloud::live::Live;
use facts::{Facts, Target};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use ui::report::{self, DoctorReport, DoctorReportList, Shown};
use ui::{Failure, Outcome, Terminal};

use super::rehearsal::RehearsalArgs;
use super::{Format, block_on, printed, screen, source};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure doctor prod
  kubectl hcp-azure doctor prod --only federation,oidc -v
  kubectl hcp-azure doctor prod --exchange --only FC,RA
  kubectl hcp-azure doctor --bundle hypershift-dump.tar.gz
  kubectl hcp-azure doctor --all -o json";

/// Find out what is wrong with a hosted cluster, and how to fix it
///
/// Looks at the HostedCluster and its NodePools, at the identities, federated credentials, roles and network in Azure,
/// and at the OIDC issuer, and prints each root cause once with the command that fixes it. What could not be read is
/// said, and never counts as healthy. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// Name of the HostedCluster; may be left out where there is only one
    name: Option<String>,
    /// Every HostedCluster of the management cluster
    #[arg(short = 'A', long, conflicts_with_all = ["name", "bundle"])]
    all: bool,
    /// Judge a recording instead: a bundle, a hypershift dump, an oc adm inspect or must-gather; directory or archive
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// Run only these checks: codes, ids, groups; separated by commas
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave out these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
    /// The least finding that makes the exit code 1
    #[arg(long, value_enum, default_value_t = Threshold::Error)]
    fail_on: Threshold,
    /// Exit with 1 also when something could not be checked
    #[arg(long)]
    strict: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
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

pub(crate) fn run(globals: &Globals, args: &DoctorArgs, program: &str) -> Ended {
    let selection = Selection::parse(&args.only, &args.skip)
        .map_err(|word| unknown_check(&word, program))?
        .of_stage(Stage::Support)
        .on_request(args.rehearsal.exchange);
    let examined = match &args.bundle {
        Some(path) => vec![from_bundle(globals, args, path, &selection)?],
        None => block_on(live(globals, args, &selection))?,
    };
    show(globals, args, program, &examined)
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

async fn live(globals: &Globals, args: &DoctorArgs, selection: &Selection) -> Result<Vec<Examined>, Failure> {
    let rehearsal = args.rehearsal.rehearsal()?;
    let mut live = source::open(globals, &selection.needs()).await?;
    if let Some(rehearsal) = rehearsal {
        live = live.with_rehearsal(rehearsal);
    }
    if args.all {
        return fleet(globals, &live, selection).await;
    }
    let target = source::find(&live, args.name.as_deref(), globals.namespace.as_deref()).await?;
    Ok(vec![one(globals, &live, &target, selection).await?])
}

/// Every hosted cluster: what they share is read once, the rest some clusters at a time.
async fn fleet(globals: &Globals, live: &Live, selection: &Selection) -> Result<Vec<Examined>, Failure> {
    let heads = source::heads(live, globals.namespace.as_deref()).await?;
    if heads.is_empty() {
        return Err(Failure::usage("there is no HostedCluster on Azure"));
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
    let Examined { facts, report, elapsed } = one(globals, live, target, &Selection::default()).await?;
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

fn show(globals: &Globals, args: &DoctorArgs, program: &str, examined: &[Examined]) -> Ended {
    let again: Vec<String> =
        examined.iter().map(|one| format!("{} -n {}", one.facts.target.name, one.facts.target.namespace)).collect();
    let shown: Vec<Shown<'_>> = examined
        .iter()
        .zip(&again)
        .map(|(one, again)| Shown { facts: &one.facts, report: &one.report, elapsed: one.elapsed, program, again })
        .collect();
    let terminal = screen(globals);
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the report").why(error.to_string());
    let text = match args.output {
        Format::Json | Format::Yaml if args.all => {
            let reports: Vec<&Report> = examined.iter().map(|one| &one.report).collect();
            let list = DoctorReportList::of(&reports);
            if args.output == Format::Json {
                report::json(&list).map_err(|error| broken(&error))?
            } else {
                report::yaml(&list).map_err(|error| broken(&error))?
            }
        }
        Format::Json => report::json(&DoctorReport::of(&examined[0].report)).map_err(|error| broken(&error))?,
        Format::Yaml => report::yaml(&DoctorReport::of(&examined[0].report)).map_err(|error| broken(&error))?,
        Format::Table | Format::Wide => {
            let one = |shown: &Shown<'_>| match args.output {
                Format::Wide => report::wide(shown, &terminal),
                _ => report::table(shown, &terminal),
            };
            let mut parts: Vec<String> = Vec::new();
            if args.all {
                parts.push(report::fleet(&shown, &terminal));
                // A healthy cluster's line says it all, unless every row was asked for.
                let worth = |shown: &&Shown<'_>| {
                    args.output == Format::Wide
                        || !shown.report.roots().is_empty()
                        || shown.report.summary().unknown > 0
                };
                parts.extend(shown.iter().filter(worth).map(one));
            } else {
                parts.extend(shown.iter().map(one));
            }
            parts.join("\n")
        }
    };
    match printed(&text) {
        Outcome::Yes => Ok(verdict(args, examined)),
        other => Ok(other),
    }
}

/// The answer of the whole run; the output format has no part in it.
fn verdict(args: &DoctorArgs, examined: &[Examined]) -> Outcome {
    let counts = |row: &checks::Row| match row.verdict {
        Verdict::Fail => true,
        Verdict::Warn => args.fail_on == Threshold::Warning,
        Verdict::Unknown => args.strict,
        Verdict::Info | Verdict::Pass | Verdict::Skipped => false,
    };
    if examined.iter().flat_map(|one| &one.report.rows).any(counts) { Outcome::No } else { Outcome::Yes }
}

fn unknown_check(word: &UnknownWord, program: &str) -> Failure {
    let failure = Failure::usage(format!("'{}' is no check and no group of checks", word.word));
    match &word.nearest {
        Some(near) => failure.hint(format!("did you mean {near}? `{program} explain` lists every check")),
        None => failure.hint(format!("`{program} explain` lists every check")),
    }
}
