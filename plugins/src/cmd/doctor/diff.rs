//! `doctor diff`: two examinations side by side.

use std::path::{Path, PathBuf};

use checks::diff::{Run, RunRow};
use checks::{Selection, Stage, Verdict};
use clap::Args;
use cloud::bundle;
use cloud::runs::{self, SavedReport, SavedRow};
use facts::{Facts, Source};
use ui::report::{self, Compared, DoctorDiff};
use ui::{Failure, Outcome};

use crate::Ended;
use crate::cmd::{DocumentFormat, block_on, printed, screen, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure doctor diff before-upgrade.tar.gz after-upgrade.tar.gz
  kubectl hcp-azure doctor diff monday.json tuesday.json -o json
  kubectl hcp-azure doctor diff monday.json --hosted-cluster prod

Exit codes: 0 no new failure, 1 there are new failures, 2 something could not be read or compared.";

/// Compare two bundles, or two runs saved with -o json: what is new, gone, changed
///
/// A finding that the later run did not look for, or could not judge, is not called gone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// The earlier one: a bundle or dump, or a report of `doctor -o json`
    before: PathBuf,
    /// The later one
    #[arg(required_unless_present = "hosted_cluster")]
    after: Option<PathBuf>,
    /// Compare with this HostedCluster as it is now, instead of a second file
    #[arg(long, value_name = "NAME", conflicts_with = "after")]
    hosted_cluster: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = DocumentFormat::Table)]
    output: DocumentFormat,
}

pub(crate) fn run(globals: &Globals, args: &DiffArgs, program: &str) -> Ended {
    let before = runs_of(globals, &args.before)?;
    let after = match (&args.after, &args.hosted_cluster) {
        (Some(path), _) => runs_of(globals, path)?,
        (None, name) => vec![live(globals, name.as_deref())?],
    };
    let pairs = pairs(&before, &after)?;
    let compared: Vec<Compared<'_>> = pairs
        .into_iter()
        .map(|(before, after)| Compared { before, after, diff: checks::diff::diff(before, after) })
        .collect();
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the result").why(error.to_string());
    let text = match args.output {
        DocumentFormat::Table => report::difference(&compared, program, &screen(globals)),
        DocumentFormat::Json => report::json(&DoctorDiff::of(&compared)).map_err(|error| broken(&error))?,
        DocumentFormat::Yaml => report::yaml(&DoctorDiff::of(&compared)).map_err(|error| broken(&error))?,
    };
    match printed(&text) {
        Outcome::Yes if compared.iter().any(|one| one.diff.new_failures() > 0) => Ok(Outcome::No),
        other => Ok(other),
    }
}

/// The runs that belong together: those of one cluster; of two files with one cluster each, these.
fn pairs<'a>(before: &'a [Run], after: &'a [Run]) -> Result<Vec<(&'a Run, &'a Run)>, Failure> {
    if let ([one], [other]) = (before, after) {
        return Ok(vec![(one, other)]);
    }
    let mut pairs = Vec::new();
    let mut alone: Vec<&str> = Vec::new();
    for later in after {
        match before.iter().find(|earlier| earlier.target == later.target) {
            Some(earlier) => pairs.push((earlier, later)),
            None => alone.push(&later.target),
        }
    }
    alone.extend(
        before.iter().map(|run| run.target.as_str()).filter(|target| !after.iter().any(|run| run.target == *target)),
    );
    if !alone.is_empty() {
        ui::note(&format!("warning: only one of both knows {}\n", alone.join(", ")));
    }
    if pairs.is_empty() {
        return Err(Failure::usage("there is no hosted cluster that both know"));
    }
    Ok(pairs)
}

fn runs_of(globals: &Globals, path: &Path) -> Result<Vec<Run>, Failure> {
    let shown = path.display();
    let saved =
        runs::read(path).map_err(|error| Failure::usage(format!("cannot read {shown}")).why(error.to_string()))?;
    if let Some(reports) = saved {
        return reports.into_iter().map(|report| run_of(report, &shown.to_string())).collect();
    }
    let selection = Selection::default().of_stage(Stage::Support);
    let wanted = bundle::Wanted { namespace: globals.namespace.as_deref(), name: None };
    let facts = bundle::open(path, wanted, &selection.needs()).map_err(|error| crate::cmd::bundle::failure(&error))?;
    Ok(vec![examined(&facts)])
}

fn live(globals: &Globals, name: Option<&str>) -> Result<Run, Failure> {
    let needs = Selection::default().of_stage(Stage::Support).needs();
    let facts = block_on(async {
        let live = source::open(globals, &needs).await?;
        let target = source::find(&live, name, globals.namespace.as_deref()).await?;
        source::collect(&live, &target, &needs).await
    })?;
    Ok(examined(&facts))
}

fn examined(facts: &Facts) -> Run {
    let when = facts.collected_at.strftime("%Y-%m-%d %H:%M:%SZ");
    let source = match &facts.source {
        Source::Live { .. } => format!("live, {when}"),
        Source::Bundle { path, .. } => format!("{path}, recorded {when}"),
    };
    Run::of(&checks::examine(facts, &Selection::default().of_stage(Stage::Support)), source)
}

fn run_of(report: SavedReport, path: &str) -> Result<Run, Failure> {
    let source = format!("{path}, a report of {}", report.collected_at);
    let rows: Result<Vec<RunRow>, Failure> = report.verdicts.into_iter().map(|row| row_of(row, path)).collect();
    Ok(Run { target: report.target.to_string(), source: facts::redact::text(&source), rows: rows? })
}

fn row_of(row: SavedRow, path: &str) -> Result<RunRow, Failure> {
    let known = [Verdict::Fail, Verdict::Warn, Verdict::Unknown, Verdict::Info, Verdict::Pass, Verdict::Skipped];
    let Some(verdict) = known.into_iter().find(|verdict| verdict.word() == row.verdict) else {
        return Err(Failure::usage(format!("cannot read {path}"))
            .why(format!("its report has a verdict that this version does not know: '{}'", row.verdict)));
    };
    // A saved report may have been written by another program, or by hand.
    let clean = |text: String| facts::redact::text(&text);
    Ok(RunRow {
        code: clean(row.code),
        id: clean(row.id),
        verdict,
        subject: clean(row.subject),
        what: clean(row.what),
        evidence: row.evidence.into_iter().map(|(label, value)| (clean(label), clean(value))).collect(),
        caused_by: row.caused_by.map(clean),
        accepted: row.accepted.is_some_and(|accepted| !accepted.is_null()),
    })
}
