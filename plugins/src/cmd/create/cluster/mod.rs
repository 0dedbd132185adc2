//! `create cluster`: the objects of a hosted cluster.

mod args;

use std::path::Path;

use plan::cluster::validate;
use ui::{Failure, Outcome};

pub(crate) use args::ClusterArgs;

use super::{inputs, refused};
use crate::Ended;
use crate::cmd::printed;
use crate::globals::Globals;

pub(crate) fn run(globals: &Globals, args: ClusterArgs) -> Ended {
    let (render, into, sensitive) = (args.render, args.render_into.clone(), args.render_sensitive);
    let version_check = args.control_plane.version_check;
    let spec = args::spec(globals, args)?;
    spec.check().map_err(|refusals| refused::failure(&refusals))?;
    if !render && into.is_none() {
        return Err(Failure::usage("a hosted cluster can only be rendered yet")
            .why("creating it is not built in")
            .hint("add `--render` or `--render-into FILE`, with `--render-sensitive` for the Secrets"));
    }
    let inputs = inputs::read(globals, &spec).map_err(|refusals| refused::failure(&refusals))?;
    let cluster = validate(&spec, inputs).map_err(|refusals| refused::failure(&refusals))?;
    let entropy = inputs::entropy()?;
    let mut objects = cluster.render(&entropy);
    if !sensitive {
        objects.retain(|object| object["kind"] != "Secret");
    }
    let text =
        ui::manifests(&objects).map_err(|error| Failure::usage("cannot write the objects").why(error.to_string()))?;
    let outcome = match &into {
        Some(path) => write(path, &text, sensitive)?,
        None => printed(&text),
    };
    if !globals.quiet {
        for note in cluster.notes() {
            ui::note(&format!("note: {note}\n"));
        }
        if version_check {
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
