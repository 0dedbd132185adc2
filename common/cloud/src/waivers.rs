//! The file of waivers: which findings are accepted, why, and until when.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::files::{self, FileError};

/// One waiver as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line at which it begins.
    pub line: u64,
    /// `code`.
    pub code: Option<String>,
    /// `subject`: a glob.
    pub subject: Option<String>,
    /// `cluster`: a glob on `namespace/name`.
    pub cluster: Option<String>,
    /// `reason`.
    pub reason: Option<String>,
    /// `expires`.
    pub expires: Option<String>,
    /// `owner`.
    pub owner: Option<String>,
}

/// Why the file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum WaiversError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no list of waivers.
    #[error("line {line}: {why}")]
    Malformed {
        /// The line; 0 where the parser does not know it.
        line: u64,
        /// What is wrong.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    code: Option<String>,
    subject: Option<String>,
    cluster: Option<String>,
    reason: Option<String>,
    expires: Option<String>,
    owner: Option<String>,
}

/// Reads a YAML or JSON list of waivers. What an entry lacks is not judged here.
///
/// # Errors
/// [`WaiversError`].
pub fn read(path: &Path) -> Result<Vec<Entry>, WaiversError> {
    let text = files::read_text(path)?;
    let raw: Vec<Spanned<Raw>> = serde_saphyr::from_str(&text).map_err(|error: serde_saphyr::Error| {
        let line = error.location().map_or(0, |at| at.line());
        // The first line says what; what follows quotes the file.
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default();
        let why = first.strip_prefix("error: ").unwrap_or(first);
        let why = why.split_once(": ").filter(|(at, _)| at.starts_with("line ")).map_or(why, |(_, why)| why);
        WaiversError::Malformed { line, why: facts::redact::text(why) }
    })?;
    Ok(raw
        .into_iter()
        .map(|entry| {
            let Raw { code, subject, cluster, reason, expires, owner } = entry.value;
            Entry { line: entry.referenced.line(), code, subject, cluster, reason, expires, owner }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Result<Vec<Entry>, WaiversError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waivers.yaml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn entries_know_their_lines() {
        let entries = of("# accepted\n- code: NW02\n  reason: behind a proxy\n  expires: 2027-01-31\n\n- code: FC01\n  subject: 'identity disk (*)'\n  owner: net-team\n").unwrap();
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 6]);
        assert_eq!(entries[0].expires.as_deref(), Some("2027-01-31"));
        assert_eq!(entries[1].subject.as_deref(), Some("identity disk (*)"));
        assert_eq!((entries[1].owner.as_deref(), entries[1].reason.as_deref()), (Some("net-team"), None));
        assert!(of("[]").unwrap().is_empty());
        assert_eq!(of("[{\"code\": \"NW02\"}]").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_list_of_waivers() {
        for (text, line, word) in [
            ("- code: NW02\n  reasn: x\n", 2, "reasn"),
            ("code: NW02\n", 1, ""),
            ("- code: [1]\n", 1, ""),
            ("- code: NW02\n - x", 2, ""),
        ] {
            match of(text).unwrap_err() {
                WaiversError::Malformed { line: found, why } => {
                    assert_eq!(found, line, "{text}: {why}");
                    assert!(why.contains(word) && !why.contains('\n') && !why.is_empty(), "{why}");
                }
                other => assert!(text.is_empty(), "{other}"),
            }
        }
        assert!(matches!(of(" ").unwrap_err(), WaiversError::File(FileError::Empty { .. })));
        assert!(matches!(read(Path::new("/no/such/file")).unwrap_err(), WaiversError::File(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_may_be_a_file_of_waivers(text in crate::fuzz::yaml()) {
            let _ = of(&text);
            let _ = of(&format!("- code: NW02\n  reason: {text}"));
        }
    }

    #[test]
    fn a_bomb_is_no_file_of_waivers() {
        for bomb in crate::fuzz::bombs() {
            assert!(of(&bomb).is_err());
        }
    }
}
