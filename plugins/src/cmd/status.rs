//! `status`: where a hosted cluster stands, on one screen.

use std::path::PathBuf;
use std::time::Duration;

use checks::status::{self, Status};
use clap::Args;
use cloud::apply::Stop;
use cloud::bundle;
use cloud::live::Live;
use facts::Target;
use serde::Serialize;
use ui::report::{json, yaml};
use ui::status::{ClusterStatus, ClusterStatusList, Watch};
use ui::{Exit, Failure, Outcome, Terminal};

use super::{Format, block_on, block_on_until, printed, screen, source};
use crate::Ended;
use crate::globals::{self, Globals};

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure status prod
  kubectl hcp-azure status prod --watch --interval 10s
  kubectl hcp-azure status --all
  kubectl hcp-azure status prod -o json
  kubectl hcp-azure status --bundle prod-20261120T093103Z.tar.gz

Exit codes: 0 healthy, or under way without a failure; 1 degraded, or a failure; 2 could not find out.";

/// Show where a hosted cluster stands: version, progress, node pools, Azure side
///
/// One screen: whether it is healthy, installing, upgrading, degraded, paused or being deleted; how far it is and since
/// when; which control plane components and node pools are not there yet; identities, federated credentials and the way
/// out in Azure; and the doctor's root causes in one line each. What could not be read is said, and never counts as
/// healthy. It reads less than doctor does, and changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    /// Name of the HostedCluster; may be left out where there is only one
    name: Option<String>,
    /// One line for every HostedCluster of the management cluster
    #[arg(short = 'A', long, conflicts_with_all = ["name", "bundle"])]
    all: bool,
    /// Show a recording instead: a bundle, a hypershift dump, an oc adm inspect or must-gather; directory or archive
    #[arg(long, value_name = "PATH", conflicts_with = "watch")]
    bundle: Option<PathBuf>,
    /// Look again and again, until Ctrl-C: a terminal is drawn anew, a pipe gets the lines that changed
    #[arg(short, long)]
    watch: bool,
    /// The time between two looks of --watch: 5s, 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = interval, requires = "watch")]
    interval: Duration,
    /// Output format; with --watch, json is one line per change
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// A time between two looks; an API server is not asked without a pause.
fn interval(text: &str) -> Result<Duration, String> {
    let time = globals::duration(text)?;
    if time < Duration::from_secs(1) {
        return Err(format!("'{text}' is shorter than 1s"));
    }
    Ok(time)
}

pub(crate) fn run(globals: &Globals, args: &StatusArgs, program: &str) -> Ended {
    if let Some(path) = &args.bundle {
        let wanted = bundle::Wanted { namespace: globals.namespace.as_deref(), name: args.name.as_deref() };
        let facts = bundle::open(path, wanted, &status::needs()).map_err(|error| super::bundle::failure(&error))?;
        return show(globals, args, program, &[status::of(&facts)]);
    }
    if args.watch {
        let stop = Stop::default();
        return block_on_until(&stop, watch(globals, args, program, &stop));
    }
    let all = block_on(async {
        let live = source::open(globals, &status::needs()).await?;
        let targets = targets(globals, args, &live).await?;
        if !globals.quiet {
            let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
            ui::note(&format!("reading {} from {}\n", names.join(", "), source::place_of(&live.kubernetes)));
        }
        look(&live, &targets, args.all).await
    })?;
    show(globals, args, program, &all)
}

async fn targets(globals: &Globals, args: &StatusArgs, live: &Live) -> Result<Vec<Target>, Failure> {
    let namespace = globals.namespace.as_deref();
    if !args.all {
        return Ok(vec![source::find(live, args.name.as_deref(), namespace).await?]);
    }
    let targets = source::every(live, namespace).await?;
    if targets.is_empty() {
        return Err(source::nothing(namespace));
    }
    Ok(targets)
}

/// Every status at once. Of several clusters one may be gone since they were listed.
async fn look(live: &Live, targets: &[Target], lenient: bool) -> Result<Vec<Status>, Failure> {
    let needs = status::needs();
    let found = futures::future::join_all(targets.iter().map(|target| source::collect(live, target, &needs))).await;
    let mut all = Vec::with_capacity(targets.len());
    let mut gone = None;
    for facts in found {
        match facts {
            Ok(facts) => all.push(status::of(&facts)),
            Err(failure) if lenient => gone = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    match gone {
        Some(failure) if all.is_empty() => Err(failure),
        _ => Ok(all),
    }
}

/// Looks until somebody has seen enough, or the cluster that was there is gone.
async fn watch(globals: &Globals, args: &StatusArgs, program: &str, stop: &Stop) -> Ended {
    let mut shown = Shown { watch: Watch::of_stdout(), document: String::new() };
    let mut live = None;
    let mut seen: Option<Target> = None;
    loop {
        let round = async {
            let live = match &mut live {
                Some(live) => live,
                none => none.insert(source::open(globals, &status::needs()).await?),
            };
            // Clusters come and go; a single one is found once.
            let targets = match &seen {
                Some(target) if !args.all => vec![target.clone()],
                _ => targets(globals, args, live).await?,
            };
            let all = look(live, &targets, args.all).await;
            live.ask_anew();
            all
        };
        let all = tokio::select! {
            all = Box::pin(round) => all,
            () = stop.wait() => return Ok(Outcome::Yes),
        };
        match (all, &seen) {
            (Ok(all), _) => {
                let text = shown.look(globals, args, program, &all)?;
                if let Err(error) = ui::print(&text) {
                    return Ok(Exit::of_write_error(&error));
                }
                seen = all.first().map(|status| status.target.clone());
            }
            // It was there, so that nothing but its end can be the reason.
            (Err(_), Some(target)) if !args.all => {
                if !globals.quiet {
                    ui::note(&format!("HostedCluster {target} is gone\n"));
                }
                return Ok(Outcome::Yes);
            }
            (Err(failure), Some(_)) => ui::note(&failure.render(&Terminal::of_stderr(globals.color_choice()))),
            (Err(failure), None) => return Err(failure),
        }
        tokio::select! {
            () = tokio::time::sleep(args.interval) => {}
            () = stop.wait() => return Ok(Outcome::Yes),
        }
    }
}

/// What a watch has shown so far.
struct Shown {
    watch: Watch,
    document: String,
}

impl Shown {
    /// What a look has to say; nothing where it has no news.
    fn look(&mut self, globals: &Globals, args: &StatusArgs, program: &str, all: &[Status]) -> Result<String, Failure> {
        if matches!(args.output, Format::Table | Format::Wide) {
            let page = page(globals, args, program, all)?;
            return Ok(self.watch.look(all, &page, &screen(globals)));
        }
        if args.output == Format::Name {
            let names = names(all);
            let is_new = self.document != names;
            self.document.clone_from(&names);
            return Ok(if is_new { names } else { String::new() });
        }
        let timeless: Vec<ClusterStatus> = all.iter().map(|status| ClusterStatus::of(status).without_time()).collect();
        let document = line(&timeless)?;
        if document == self.document {
            return Ok(String::new());
        }
        self.document = document;
        if args.output == Format::Yaml {
            return Ok(format!("---\n{}", page(globals, args, program, all)?));
        }
        let text = if args.all { line(&ClusterStatusList::of(all))? } else { line(&ClusterStatus::of(&all[0]))? };
        Ok(text + "\n")
    }
}

fn line<T: Serialize>(document: &T) -> Result<String, Failure> {
    serde_json::to_string(document).map_err(|error| broken(&error))
}

fn broken(error: &dyn std::error::Error) -> Failure {
    Failure::usage("cannot write the status").why(error.to_string())
}

/// One name a line, as kubectl takes it.
fn names(all: &[Status]) -> String {
    all.iter().map(|status| format!("hostedcluster.hypershift.openshift.io/{}\n", status.target.name)).collect()
}

fn page(globals: &Globals, args: &StatusArgs, program: &str, all: &[Status]) -> Result<String, Failure> {
    let terminal = screen(globals);
    match args.output {
        Format::Name => Ok(names(all)),
        Format::Json if args.all => json(&ClusterStatusList::of(all)).map_err(|error| broken(&error)),
        Format::Yaml if args.all => yaml(&ClusterStatusList::of(all)).map_err(|error| broken(&error)),
        Format::Json => json(&ClusterStatus::of(&all[0])).map_err(|error| broken(&error)),
        Format::Yaml => yaml(&ClusterStatus::of(&all[0])).map_err(|error| broken(&error)),
        Format::Table if args.all => Ok(ui::status::fleet(all, program, &terminal)),
        Format::Table | Format::Wide => {
            let screens = all.iter().map(|status| ui::status::screen(status, program, &terminal));
            Ok(screens.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn show(globals: &Globals, args: &StatusArgs, program: &str, all: &[Status]) -> Ended {
    match printed(&page(globals, args, program, all)?) {
        Outcome::Yes => Ok(ui::status::outcome(all)),
        other => Ok(other),
    }
}
