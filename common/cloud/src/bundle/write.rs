//! Recording facts in a file.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use facts::{Facts, redact};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::error::BundleError;
use super::shown;

/// The level that zstd itself recommends.
const ZSTD_LEVEL: i32 = 3;

/// Records facts in a file that only its owner may read: `facts.json` in a tar.gz, or in what the name's end says
/// (`.tar.zst`, `.tzst`, `.tar`), or alone (`.json`).
///
/// The file appears whole or not at all: it is written beside its place and then renamed. Text that looks like a secret
/// is refused; facts are redacted where they are read, so that this is a bug or a secret in an unusual place.
///
/// # Errors
/// [`BundleError::Secret`] and [`BundleError::Unwritable`].
pub fn write(facts: &Facts, path: &Path) -> Result<(), BundleError> {
    let unwritable = |why: String| BundleError::Unwritable { path: shown(path), why };
    let value = serde_json::to_value(facts).map_err(|error| unwritable(error.to_string()))?;
    if let Some(at) = find_secret("", None, &value) {
        return Err(BundleError::Secret { path: shown(path), at });
    }
    let mut json = serde_json::to_vec_pretty(&value).map_err(|error| unwritable(error.to_string()))?;
    json.push(b'\n');
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Such a file is created with mode 0600.
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|e| unwritable(e.to_string()))?;
    let seconds = u64::try_from(facts.collected_at.as_second()).unwrap_or(0);
    fill(&mut file, path, &json, seconds).map_err(|error| unwritable(error.to_string()))?;
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(unwritable("it is a directory".to_owned()));
    }
    file.persist(path).map_err(|error| unwritable(error.error.to_string()))?;
    Ok(())
}

fn fill(file: &mut NamedTempFile, path: &Path, json: &[u8], seconds: u64) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let mut out = BufWriter::new(file.as_file_mut());
    if ends(&[".json"]) {
        out.write_all(json)?;
    } else if ends(&[".tar"]) {
        tar(&mut out, json, seconds)?;
    } else if ends(&[".tar.zst", ".tzst"]) {
        let mut encoder = zstd::Encoder::new(&mut out, ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        tar(&mut encoder, json, seconds)?;
        encoder.finish()?;
    } else {
        let mut encoder = GzEncoder::new(&mut out, Compression::default());
        tar(&mut encoder, json, seconds)?;
        encoder.finish()?;
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()
}

fn tar(out: &mut dyn io::Write, json: &[u8], seconds: u64) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(json.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    let mut builder = tar::Builder::new(out);
    builder.append_data(&mut header, "facts.json", json)?;
    builder.finish()
}

/// The JSON path of the first text that redaction would change, by itself or behind its key.
fn find_secret(at: &str, key: Option<&str>, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            // "clientSecret: present" tells the state of a secret, not the secret.
            let is_state = matches!(text.as_str(), "present" | "empty" | "missing");
            let behind_key = key.filter(|_| !is_state).map(|key| format!("{key}: {text}"));
            let looks_secret = |text: &str| redact::text(text) != text;
            (looks_secret(text) || behind_key.is_some_and(|text| looks_secret(&text))).then(|| at.to_owned())
        }
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| find_secret(&format!("{at}[{index}]"), key, item))
        }
        Value::Object(members) => members.iter().find_map(|(key, value)| {
            // The key itself stays out of the message if it is what looks like a secret.
            if redact::text(key) != *key {
                return Some(format!("{at} (a key)"));
            }
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            find_secret(&at, Some(key), value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
