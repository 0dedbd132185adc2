//! `-f` and `--print-spec`: the flags of `create cluster` as a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cloud::files;
use plan::cluster::{ClusterSpec, Refusal, document};
use ui::Failure;

use super::super::refused;
use crate::Ended;
use crate::cmd::printed;
use crate::globals::Globals;

const FLAG: &str = "--filename";

/// What is asked for: what the flags give, else what the file gives, else the defaults.
pub(super) fn merged(globals: &Globals, file: Option<&Path>, flags: ClusterSpec) -> Result<ClusterSpec, Failure> {
    let Some(path) = file else { return Ok(flags) };
    let text = files::read_text(path).map_err(|error| refused::failure(&[refused::file(FLAG, path, &error)]))?;
    let file = document::read(&text).map_err(|why| {
        let fix = "the keys are the flags of `create cluster` in camel case; `create cluster … --print-spec` shows such a file";
        refused::failure(&[Refusal::new(FLAG, path.display().to_string(), why, fix)])
    })?;
    let mut given = globals.given.clone();
    if given.contains("words") && !flags.name.is_empty() {
        given.insert("name".to_owned());
    }
    document::overlay(&file, &flags, &given).map_err(|error| defect(&error))
}

/// The fields that the command line or a spec file gives, as they are in Rust.
pub(super) fn given(globals: &Globals, file: Option<&Path>) -> BTreeSet<String> {
    let text = file.and_then(|path| files::read_text(path).ok()).unwrap_or_default();
    let of_the_file = document::keys(&text).into_iter().map(|key| {
        key.chars().fold(String::new(), |mut field, c| {
            if c.is_ascii_uppercase() {
                field.push('_');
            }
            field.push(c.to_ascii_lowercase());
            field
        })
    });
    let mut given: BTreeSet<String> = of_the_file.chain(globals.given.iter().cloned()).collect();
    if given.contains("words") {
        given.insert("name".to_owned());
    }
    given
}

/// The flags of every verb, with what the spec says of them.
pub(super) fn globals(globals: &Globals, spec: &ClusterSpec) -> Globals {
    Globals {
        namespace: Some(spec.namespace.clone()),
        azure_creds: spec.azure_creds.as_ref().map(PathBuf::from),
        subscription: spec.subscription.clone(),
        cloud: spec.cloud.clone(),
        ..globals.clone()
    }
}

/// Prints the file of a spec. Nothing is looked at: it is judged when it is used.
pub(super) fn print(spec: &ClusterSpec) -> Ended {
    document::write(spec).map(|text| printed(&text)).map_err(|error| defect(&error))
}

fn defect(error: &dyn std::error::Error) -> Failure {
    Failure::usage("cannot write the spec, which is our own mistake").why(error.to_string())
}
