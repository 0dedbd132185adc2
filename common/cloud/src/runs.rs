//! Runs of doctor that were saved with `-o json`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

/// The largest saved run that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A saved report, as far as it is compared. Fields that an older program did not write are empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedReport {
    /// When its facts were collected.
    pub collected_at: String,
    /// The hosted cluster.
    pub target: facts::Target,
    /// Its rows.
    pub verdicts: Vec<SavedRow>,
}

/// A row of a saved report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedRow {
    /// `FC01`.
    pub code: String,
    /// `fic-subjects-complete`.
    #[serde(default)]
    pub id: String,
    /// `pass`, `fail` …
    pub verdict: String,
    /// What it is about.
    #[serde(default)]
    pub subject: String,
    /// What is the case.
    #[serde(default)]
    pub what: String,
    /// What was seen.
    #[serde(default)]
    pub evidence: BTreeMap<String, String>,
    /// The code of its root.
    #[serde(default)]
    pub caused_by: Option<String>,
    /// Present where somebody accepts it.
    #[serde(default)]
    pub accepted: Option<serde_json::Value>,
}

/// Why a saved run could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// It is a report, and cannot be read as one.
    #[error("it is a saved report, but not one of this version: line {line}, column {column}")]
    Malformed {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// It is larger than any report.
    #[error("it is larger than 64 MiB")]
    TooLarge,
}

/// The reports in a file; none when it is something else, such as a bundle or a folder.
///
/// # Errors
/// [`RunsError`] for a file that says it is a report, and is not.
pub fn read(path: &Path) -> Result<Option<Vec<SavedReport>>, RunsError> {
    #[derive(Deserialize)]
    struct Head {
        kind: Option<String>,
    }
    #[derive(Deserialize)]
    struct List {
        items: Vec<SavedReport>,
    }
    // What cannot be opened, or is no JSON object, the reader of bundles says better.
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let mut first = [0; 1];
    loop {
        match file.read(&mut first) {
            Ok(1) if first[0].is_ascii_whitespace() => {}
            Ok(1) if first[0] == b'{' => break,
            _ => return Ok(None),
        }
    }
    let mut bytes = vec![b'{'];
    if file.take(MAX_BYTES + 1).read_to_end(&mut bytes).is_err() {
        return Ok(None);
    }
    let too_large = bytes.len() as u64 > MAX_BYTES;
    let Ok(Head { kind }) = serde_json::from_slice(&bytes) else {
        return if too_large { Err(RunsError::TooLarge) } else { Ok(None) };
    };
    // The message of the parser may quote a value, so only its place is told.
    let malformed = |error: serde_json::Error| RunsError::Malformed { line: error.line(), column: error.column() };
    match kind.as_deref() {
        Some("DoctorReport") => {
            serde_json::from_slice::<SavedReport>(&bytes).map(|report| Some(vec![report])).map_err(malformed)
        }
        Some("DoctorReportList") => {
            serde_json::from_slice::<List>(&bytes).map(|list| Some(list.items)).map_err(malformed)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str) -> Result<Option<Vec<SavedReport>>, RunsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    const REPORT: &str = r#"{"apiVersion":"hcp-azure.io/v1","kind":"DoctorReport","collectedAt":"2026-11-21T00:00:00Z",
        "target":{"namespace":"clusters","name":"demo"},"verdicts":[{"code":"FC01","verdict":"fail","later":1}]}"#;

    #[test]
    fn reports_and_lists_of_them() {
        let one = of(&format!(" \n{REPORT}")).unwrap().unwrap();
        assert_eq!((one.len(), one[0].verdicts[0].code.as_str()), (1, "FC01"));
        let list = of(&format!("{{\"kind\":\"DoctorReportList\",\"items\":[{REPORT},{REPORT}]}}")).unwrap().unwrap();
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn what_is_something_else_is_left_to_others() {
        for text in ["", "[]", "{\"schema\":{\"major\":1}}", "{broken", "\u{1f}\u{8b}", "{\"kind\":\"Plan\"}"] {
            assert!(of(text).unwrap().is_none(), "{text}");
        }
        assert!(read(Path::new("/no/such/file")).unwrap().is_none());
        assert!(read(&std::env::temp_dir()).unwrap().is_none());
        let error = of("{\"kind\":\"DoctorReport\",\"target\":\"canary\"}").unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("canary"), "{error}");
    }
}
