//! Files that the user names: read whole, with limits, and written whole or not at all.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::Value;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// The largest file that is read, in bytes: no input of ours comes near it.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Why a file could not be used. No message repeats the file's content.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system did not let us read it.
    #[error("it cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It is larger than any input of ours.
    #[error("it is larger than 4 MiB")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It has no content.
    #[error("it is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is not UTF-8.
    #[error("it is no text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It is neither YAML nor JSON.
    #[error("it is neither YAML nor JSON{place}")]
    NotDocument {
        /// The file.
        path: PathBuf,
        /// Where reading stopped, in words; may be empty.
        place: String,
    },
    /// The system did not let us write it.
    #[error("it cannot be written: {why}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// The first of these files that is there.
pub fn first_of<'a>(paths: &[&'a str]) -> Option<&'a str> {
    paths.iter().copied().find(|path| Path::new(path).is_file())
}

/// Whether something stands under this name.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Reads a text that is no secret.
///
/// # Errors
/// [`FileError`].
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let bytes = read(path)?;
    text(path, &bytes).map(str::to_owned)
}

/// Reads a text that is a secret; what was read is wiped from memory.
///
/// # Errors
/// [`FileError`].
pub fn read_secret(path: &Path) -> Result<SecretString, FileError> {
    let bytes = read(path)?;
    text(path, &bytes).map(SecretString::from)
}

/// Reads a YAML document; JSON is YAML.
///
/// # Errors
/// [`FileError`].
pub fn read_document(path: &Path) -> Result<Value, FileError> {
    let bytes = read(path)?;
    serde_saphyr::from_str(text(path, &bytes)?).map_err(|error: serde_saphyr::Error| FileError::NotDocument {
        path: path.to_owned(),
        place: error.location().map(|at| format!(", line {}", at.line())).unwrap_or_default(),
    })
}

/// Writes a file whole, or leaves what was there. A private one is for its owner alone. A link is followed; a device or a
/// pipe, such as /dev/stdout, takes the text itself.
///
/// # Errors
/// [`FileError::Unwritable`].
pub fn write(path: &Path, content: &str, private: bool) -> Result<(), FileError> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, content).map_err(|error| unwritable(path, &error));
    }
    // Through a link to what it leads to, which would be replaced otherwise.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let written = complete(&target, content.as_bytes(), private)
        .and_then(|file| file.persist(&target).map(drop).map_err(|error| error.error));
    written.map_err(|error| unwritable(path, &error))
}

/// Makes a file for its owner alone: whole or not at all, never over another, and on disk with its name when this returns.
///
/// # Errors
/// The system's reason; `AlreadyExists` for a file that is there.
pub(crate) fn make(path: &Path, content: &[u8]) -> io::Result<()> {
    complete(path, content, true)?.persist_noclobber(path).map_err(|error| error.error)?;
    settle(path)
}

/// Waits until the file's name is on disk too: what is published next must not outlive it.
///
/// # Errors
/// The system's reason.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder(path))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Whether a file could be written: its folder exists and takes new files. Better said before anything is changed.
///
/// # Errors
/// The system's reason.
pub fn can_write(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(());
    }
    new(folder(path), true).map(drop)
}

/// A file with all of its content beside where it is to be.
fn complete(path: &Path, content: &[u8], private: bool) -> io::Result<NamedTempFile> {
    let mut file = new(folder(path), private)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn new(folder: &Path, private: bool) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hcp-azure-");
    set_mode(&mut builder, private);
    builder.tempfile_in(folder)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The system's own words would name the file that is written before it takes the place of the other.
fn unwritable(path: &Path, error: &io::Error) -> FileError {
    let why = if folder(path).is_dir() { error.kind().to_string() } else { "its folder does not exist".to_owned() };
    FileError::Unwritable { path: path.to_owned(), why }
}

#[cfg(unix)]
fn set_mode(builder: &mut tempfile::Builder<'_, '_>, private: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if private { 0o600 } else { 0o644 };
    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_builder: &mut tempfile::Builder<'_, '_>, _private: bool) {}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let unreadable = |error: &std::io::Error| FileError::Unreadable { path: path.to_owned(), why: error.to_string() };
    let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
    let known = file.metadata().map(|metadata| metadata.len()).unwrap_or_default().min(MAX_FILE);
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(known).unwrap_or_default() + 1));
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(FileError::Empty { path: path.to_owned() });
    }
    Ok(bytes)
}

fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, FileError> {
    std::str::from_utf8(bytes).map_err(|_| FileError::NotText { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_is_read_and_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let good = file("good", b"a: 1\n");
        assert_eq!(read_text(&good).unwrap(), "a: 1\n");
        assert_eq!(read_secret(&good).unwrap().expose_secret(), "a: 1\n");
        assert_eq!(read_document(&good).unwrap(), serde_json::json!({"a": 1}));
        for (path, word) in [
            (folder.path().join("missing"), "cannot be read"),
            (folder.path().to_owned(), "cannot be read"),
            (file("empty", b" \n"), "empty"),
            (file("binary", &[0xff, 0xfe]), "no text"),
            (file("broken", b"{not json"), "neither YAML nor JSON"),
            (file("large", &vec![b'x'; 5 * 1024 * 1024]), "larger"),
        ] {
            let message = read_document(&path).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
        let secret = file("secret", b"{\"clientSecret\": hunter2, ]");
        assert!(!read_document(&secret).unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    #[cfg(unix)]
    fn a_file_is_written_whole_and_a_private_one_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (name, private, mode) in [("open", false, 0o644), ("private", true, 0o600)] {
            let path = folder.path().join(name);
            write(&path, "one", private).unwrap();
            write(&path, "two", private).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "two");
            let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            // The user's umask may take bits away.
            assert_eq!(found & !mode, 0, "{name} {found:o}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
        let error = write(Path::new("/no/such/dir/x.yaml"), "", false).unwrap_err();
        assert!(matches!(error, FileError::Unwritable { .. }));
        write(Path::new("/dev/null"), "x", true).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_followed_and_another_file_is_never_made_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        write(&at("link"), "new", true).unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "new");
        assert_eq!(make(&at("file"), b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        make(&at("made"), b"x").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left behind");
        can_write(&at("more")).unwrap();
        assert!(can_write(&at("no/such/folder")).is_err());
    }
}
