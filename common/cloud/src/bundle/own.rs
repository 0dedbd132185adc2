//! Our own bundle: `facts.json`, and `manifest.json` where it has one.

use std::path::Path;

use facts::recording::Seal;
use facts::{BundleFormat, Fact, Facts, Gap, GapKind, SCHEMA_MAJOR, Schema, Source};
use serde::Deserialize;

use super::archive::Files;
use super::error::BundleError;
use super::manifest::{self, Manifest};
use super::{Wanted, shown};

/// Reads serialized facts. The schema is looked at first: other majors may have nothing else in common.
///
/// # Errors
/// [`BundleError::Schema`] for another major; [`BundleError::NotABundle`], [`BundleError::Truncated`] and
/// [`BundleError::Damaged`] for other JSON; [`BundleError::NoSuchCluster`] when they are about another cluster.
pub fn read(path: &Path, files: &Files, wanted: Wanted<'_>) -> Result<(Facts, Fact<Seal>), BundleError> {
    let json = files.facts.as_slice();
    #[derive(Deserialize)]
    struct Head {
        schema: Option<Schema>,
        /// Of a bundle that is one file.
        #[serde(default)]
        manifest: Option<serde_json::Value>,
    }
    let head: Head = serde_json::from_slice(json).map_err(|error| malformed(path, &error))?;
    let Some(schema) = head.schema else {
        return Err(BundleError::NotABundle {
            path: shown(path),
            why: "it is JSON without a schema version".to_owned(),
        });
    };
    if schema.major != SCHEMA_MAJOR {
        return Err(BundleError::Schema { path: shown(path), found: schema.major, supported: SCHEMA_MAJOR });
    }
    let mut facts: Facts = serde_json::from_slice(json).map_err(|error| malformed(path, &error))?;
    if !wanted.matches(&facts.target) {
        return Err(BundleError::NoSuchCluster {
            path: shown(path),
            wanted: wanted.to_string(),
            found: vec![facts.target],
        });
    }
    facts.source = Source::Bundle { path: shown(path), format: BundleFormat::Facts };
    let seal = match (&files.manifest, head.manifest) {
        (Some(bytes), _) => seal(serde_json::from_slice(bytes), Some(json)),
        (None, Some(value)) => seal(serde_json::from_value(value), None),
        (None, None) => Fact::Absent,
    };
    Ok((facts, seal))
}

/// What a manifest says, with the files that it does not match.
fn seal(manifest: serde_json::Result<Manifest>, facts: Option<&[u8]>) -> Fact<Seal> {
    let Ok(manifest) = manifest else {
        return Fact::Unreadable(Gap::new(GapKind::Failed, "manifest.json is damaged"));
    };
    let matches = |content: &[u8]| {
        let mut files = manifest.files.iter();
        files.any(|file| file.path == "facts.json" && file.sha256 == manifest::sha256(content))
    };
    let changed = facts.is_some_and(|content| !matches(content));
    Fact::Known(Seal {
        tool: manifest.tool,
        cluster: manifest.cluster,
        changed: changed.then(|| "facts.json".to_owned()).into_iter().collect(),
    })
}

/// The message of the parser may quote a value, so only its place is told.
fn malformed(path: &Path, error: &serde_json::Error) -> BundleError {
    let (path, place) = (shown(path), format!("line {}, column {}", error.line(), error.column()));
    match error.classify() {
        serde_json::error::Category::Eof => BundleError::Truncated { path, why: format!("its JSON ends at {place}") },
        serde_json::error::Category::Data => {
            BundleError::Damaged { path, why: format!("its JSON does not describe facts at {place}") }
        }
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            BundleError::Damaged { path, why: format!("its JSON is not valid at {place}") }
        }
    }
}
