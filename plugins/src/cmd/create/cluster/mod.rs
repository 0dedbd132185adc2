//! `create cluster`: a running hosted cluster, or its objects on paper.

mod args;
mod create;
mod preflight;
mod spec_file;
mod wait;
mod wizard;

use std::path::{Path, PathBuf};

use checks::Selection;
use clap::Args;
use cloud::live::Rehearsal;
use plan::cluster::{ClusterSpec, Purpose, validate};
use ui::{Failure, Outcome};

pub(crate) use args::{ClusterArgs, SpecArgs};
pub(crate) use preflight::Judged;

use super::run::{PlanArgs, SaveArgs};
use super::{inputs, refused};
use crate::Ended;
use crate::cmd::printed;
use crate::globals::Globals;

/// How a cluster is created, beyond what it is to be.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Plan")]
pub(crate) struct CreateOptions {
    /// Do not look for what would keep the cluster from working before anything is created; give the reason, which is shown
    #[arg(long, value_name = "REASON", num_args = 0..=1, require_equals = true, default_missing_value = "no reason given")]
    skip_preflight: Option<String>,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(globals: &Globals, args: ClusterArgs, program: &'static str) -> Ended {
    let on_paper = args.render || args.render_into.is_some();
    let (print_spec, ways, options) = (args.print_spec, Ways::of(&args), args.create.clone());
    let (interactive, file) = (args.interactive, args.spec.filename.clone());
    let mut options = options;
    options.plan = options.save.onto(&options.plan);
    let mut spec = asked(globals, args.spec)?;
    if interactive {
        let mut given = spec_file::given(globals, file.as_deref());
        if spec.name.is_empty() {
            given.remove("name");
        }
        let answered = wizard::run(globals, spec, given, program)?;
        spec = answered.spec;
        options.plan.closing = Some(answered.closing).filter(|_| !globals.quiet);
        let skip = options.skip_preflight.iter().map(|reason| format!("--skip-preflight={reason}"));
        options.plan.words = Some(answered.words.into_iter().chain(skip).collect());
    }
    if print_spec {
        return spec_file::print(&spec);
    }
    let globals = &spec_file::globals(globals, &spec);
    if on_paper {
        ui::note(options.plan.closing.as_deref().unwrap_or_default());
    }
    if on_paper { render(globals, &spec, &ways) } else { create::run(globals, &spec, &options, program) }
}

/// Judges a cluster as it is going to be, and changes nothing.
pub(crate) fn judged(
    globals: &Globals,
    args: SpecArgs,
    choice: &Selection,
    rehearsal: Option<Rehearsal>,
) -> Result<Judged, Failure> {
    let spec = asked(globals, args)?;
    create::judged(&spec_file::globals(globals, &spec), &spec, choice, rehearsal)
}

/// What flags and spec file ask for.
fn asked(globals: &Globals, args: SpecArgs) -> Result<ClusterSpec, Failure> {
    let file = args.filename.clone();
    spec_file::merged(globals, file.as_deref(), args::spec(globals, args)?)
}

/// How objects are written down.
struct Ways {
    into: Option<PathBuf>,
    sensitive: bool,
    version_check: bool,
}

impl Ways {
    fn of(args: &ClusterArgs) -> Self {
        Self {
            into: args.render_into.clone(),
            sensitive: args.render_sensitive,
            version_check: args.spec.control_plane.version_check,
        }
    }
}

fn render(globals: &Globals, spec: &ClusterSpec, ways: &Ways) -> Ended {
    let Ways { into, sensitive, version_check } = ways;
    spec.check(Purpose::Render).map_err(|refusals| refused::failure(&refusals))?;
    let inputs = inputs::read(globals, spec).map_err(|refusals| refused::failure(&refusals))?;
    let cluster = validate(spec, Purpose::Render, inputs).map_err(|refusals| refused::failure(&refusals))?;
    let entropy = inputs::entropy()?;
    let mut objects = cluster.render(&entropy);
    if !*sensitive {
        objects.retain(|object| object["kind"] != "Secret");
    }
    let text =
        ui::manifests(&objects).map_err(|error| Failure::usage("cannot write the objects").why(error.to_string()))?;
    let outcome = match into {
        Some(path) => write(path, &text, *sensitive)?,
        None => printed(&text),
    };
    if !globals.quiet {
        for note in cluster.notes() {
            ui::note(&format!("note: {note}\n"));
        }
        if *version_check {
            ui::note("note: --version-check is not done: the operator knows the versions of upstream's CLI only\n");
        }
    }
    Ok(outcome)
}

fn write(path: &Path, text: &str, private: bool) -> Ended {
    cloud::files::write(path, text, private)
        .map_err(|error| refused::failure(&[refused::file("--render-into", path, &error)]))?;
    Ok(Outcome::Yes)
}
