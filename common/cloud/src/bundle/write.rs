//! Recording facts in a file.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use facts::Facts;
use facts::redact::{self, MARK};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::error::BundleError;
use super::manifest::{File, Manifest, Recorder};
use super::shown;

/// The level that zstd itself recommends.
const ZSTD_LEVEL: i32 = 3;

/// Records facts in a file that only its owner may read: `facts.json` and `manifest.json` in a tar.gz, or in what the name's
/// end says (`.tar.zst`, `.tzst`, `.tar`), or in one JSON file (`.json`), of which the manifest is a member.
///
/// The file appears whole or not at all: it is written beside its place and then renamed. Facts are redacted where they are
/// read; what still looks like a secret is redacted here, and where that cannot be, nothing is written.
///
/// # Errors
/// [`BundleError::Secret`] and [`BundleError::Unwritable`].
pub fn write(facts: &Facts, recorder: &Recorder, path: &Path) -> Result<Manifest, BundleError> {
    let (facts_value, facts): (Value, Facts) = clean(facts, path)?;
    let (_, mut manifest): (Value, Manifest) = clean(&Manifest::new(&facts, recorder), path)?;
    let seconds = u64::try_from(facts.collected_at.as_second()).unwrap_or(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let files = if name.ends_with(".json") {
        let mut value = facts_value;
        let of_manifest = serde_json::to_value(&manifest).map_err(|error| unwritable(path, error))?;
        if let Value::Object(members) = &mut value {
            members.insert("manifest".to_owned(), of_manifest);
        }
        vec![("facts.json", text(&value, path)?)]
    } else {
        let json = text(&facts_value, path)?;
        manifest.files = vec![File::of("facts.json", &json)];
        vec![("facts.json", json), ("manifest.json", text(&manifest, path)?)]
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Such a file is created with mode 0600.
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|error| unwritable(path, error))?;
    fill(&mut file, &name, &files, seconds).map_err(|error| unwritable(path, error))?;
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(unwritable(path, "it is a directory"));
    }
    file.persist(path).map_err(|error| unwritable(path, error.error))?;
    Ok(manifest)
}

fn unwritable(path: &Path, why: impl std::fmt::Display) -> BundleError {
    BundleError::Unwritable { path: shown(path), why: why.to_string() }
}

/// A value without secrets, in both forms.
fn clean<T: Serialize + DeserializeOwned>(what: &T, path: &Path) -> Result<(Value, T), BundleError> {
    let mut value = serde_json::to_value(what).map_err(|error| unwritable(path, error))?;
    let secret = |at: String, what: &str| BundleError::Secret { path: shown(path), at, what: what.to_owned() };
    let mut redacted = Vec::new();
    redact_all("", None, &mut value, &mut redacted).map_err(|at| secret(at, "secret"))?;
    match serde_json::from_value(value.clone()) {
        Ok(typed) => Ok((value, typed)),
        // It stood where only a number, a time or an id may stand.
        Err(_) => Err(secret(redacted.join(", "), "secret")),
    }
}

/// The text of a file, searched once more as it is going to be written.
fn text(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, BundleError> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|error| unwritable(path, error))?;
    json.push(b'\n');
    for (at, line) in json.split(|byte| *byte == b'\n').enumerate() {
        if let Some(kind) = redact::kinds(&String::from_utf8_lossy(line)).into_iter().next() {
            let (path, at, what) = (shown(path), format!("line {} of its JSON", at + 1), kind.describe().to_owned());
            return Err(BundleError::Secret { path, at, what });
        }
    }
    Ok(json)
}

fn fill(file: &mut NamedTempFile, name: &str, files: &[(&str, Vec<u8>)], seconds: u64) -> io::Result<()> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let mut out = BufWriter::new(file.as_file_mut());
    if ends(&[".json"]) {
        files.iter().try_for_each(|(_, content)| out.write_all(content))?;
    } else if ends(&[".tar"]) {
        tar(&mut out, files, seconds)?;
    } else if ends(&[".tar.zst", ".tzst"]) {
        let mut encoder = zstd::Encoder::new(&mut out, ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        tar(&mut encoder, files, seconds)?;
        encoder.finish()?;
    } else {
        let mut encoder = GzEncoder::new(&mut out, Compression::default());
        tar(&mut encoder, files, seconds)?;
        encoder.finish()?;
    }
    out.flush()?;
    drop(out);
    file.as_file().sync_all()
}

fn tar(out: &mut dyn io::Write, files: &[(&str, Vec<u8>)], seconds: u64) -> io::Result<()> {
    let mut builder = tar::Builder::new(out);
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(seconds);
        builder.append_data(&mut header, name, content.as_slice())?;
    }
    builder.finish()
}

/// Redacts every text of a value, by itself and behind its key, and notes where it did.
///
/// # Errors
/// The place of a member whose name looks like a secret: names are not changed, others may stand behind them.
fn redact_all(at: &str, key: Option<&str>, value: &mut Value, redacted: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            // "clientSecret: present" tells the state of a secret, not the secret.
            let is_state = matches!(text.as_str(), "present" | "empty" | "missing") || text == MARK;
            let looks_secret = |text: &str| redact::text(text) != text;
            let clean = redact::text(text);
            if clean != *text {
                *text = clean;
                redacted.push(at.to_owned());
            } else if key.filter(|_| !is_state).is_some_and(|key| looks_secret(&format!("{key}: {text}"))) {
                *text = MARK.to_owned();
                redacted.push(at.to_owned());
            }
            Ok(())
        }
        Value::Array(items) => {
            let mut items = items.iter_mut().enumerate();
            items.try_for_each(|(index, item)| redact_all(&format!("{at}[{index}]"), key, item, redacted))
        }
        Value::Object(members) => members.iter_mut().try_for_each(|(key, value)| {
            // The key itself stays out of the message.
            if redact::text(key) != *key {
                return Err(format!("{at} (a key)"));
            }
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            redact_all(&at, Some(key), value, redacted)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
