//! Bundles: facts from a recording, and the recording of facts.
//!
//! [`open`] reads our own bundle (`facts.json`, plain or in an archive) and the trees of Kubernetes YAML that
//! `hypershift dump cluster`, `oc adm inspect` and must-gather write, as directories or archives. Nothing is unpacked to
//! disk. What a file is, its first bytes tell; its name does not matter. [`write`](write()) records facts.

mod archive;
mod dump;
mod error;
mod layout;
mod manifest;
mod own;
mod privileges;
mod search;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use std::collections::BTreeSet;
use std::path::Path;

use facts::recording::{Exposed, Held, Seal};
use facts::{Fact, Facts, Need, Target, inventory};
use jiff::Timestamp;

pub use error::BundleError;
pub use manifest::{Called, Manifest, Recorder};
pub use write::write;

/// The hosted cluster that is wanted of a bundle; what is left out matches any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Namespace of the HostedCluster.
    pub namespace: Option<&'a str>,
    /// Name of the HostedCluster.
    pub name: Option<&'a str>,
}

impl Wanted<'_> {
    fn matches(&self, target: &Target) -> bool {
        self.namespace.is_none_or(|namespace| namespace == target.namespace)
            && self.name.is_none_or(|name| name == target.name)
    }
}

impl std::fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.namespace, self.name) {
            (Some(namespace), Some(name)) => write!(f, "HostedCluster {namespace}/{name}"),
            (None, Some(name)) => write!(f, "HostedCluster {name}"),
            (Some(namespace), None) => write!(f, "HostedCluster in namespace {namespace}"),
            (None, None) => f.write_str("HostedCluster"),
        }
    }
}

/// Reads the facts about one hosted cluster from a bundle.
///
/// Our own bundle holds what was recorded, whatever `needs` says. Of a Kubernetes dump only what `needs` names is read;
/// what no dump can hold is unreadable, with the reason and the command that would record it.
///
/// # Errors
/// [`BundleError`]: the path is no bundle, is damaged or too large, has another schema, or holds no, several or other
/// hosted clusters than the wanted one.
pub fn open(path: &Path, wanted: Wanted<'_>, needs: &BTreeSet<Need>) -> Result<Facts, BundleError> {
    let search = needs.contains(&Need::Recording);
    let (mut facts, seal, exposed) = match archive::load(path, search)? {
        archive::Loaded::Facts(files) => {
            let (facts, seal) = own::read(path, &files, wanted)?;
            (facts, seal, files.exposed)
        }
        archive::Loaded::Tree(tree, exposed) => {
            // What a dump lacks shows when all is asked of it.
            let every: BTreeSet<Need>;
            let needs = if search {
                every = Need::ALL.iter().copied().collect();
                &every
            } else {
                needs
            };
            (dump::read(path, &tree, wanted, needs)?, Fact::Absent, exposed)
        }
    };
    facts.recording.held = Fact::Known(held(&facts, seal, exposed));
    Ok(facts)
}

fn held(facts: &Facts, manifest: Fact<Seal>, exposed: Option<Exposed>) -> Held {
    let (evidence, _) = inventory::take(facts);
    let exposed = exposed.map_or_else(Fact::default, Fact::Known);
    Held { opened_at: Timestamp::now(), manifest, evidence, exposed }
}

/// A path as messages show it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
