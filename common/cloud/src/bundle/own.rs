//! Our own bundle: `facts.json`.

use std::path::Path;

use facts::{BundleFormat, Facts, SCHEMA_MAJOR, Schema, Source};
use serde::Deserialize;

use super::error::BundleError;
use super::{Wanted, shown};

/// Reads serialized facts. The schema is looked at first: other majors may have nothing else in common.
///
/// # Errors
/// [`BundleError::Schema`] for another major; [`BundleError::NotABundle`], [`BundleError::Truncated`] and
/// [`BundleError::Damaged`] for other JSON; [`BundleError::NoSuchCluster`] when they are about another cluster.
pub fn read(path: &Path, json: &[u8], wanted: Wanted<'_>) -> Result<Facts, BundleError> {
    #[derive(Deserialize)]
    struct Head {
        schema: Option<Schema>,
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
    Ok(facts)
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
