//! Files that a run writes: whole or not at all, readable by their owner alone.

use std::io::{self, Write as _};
use std::path::Path;

use plan::resource::FileSeen;

/// Writes a file. A regular file is replaced at once by a new one with mode 0600; anything else, such as a pipe, is written
/// to as it is.
///
/// # Errors
/// The system's reason; the old file is then as it was.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return std::fs::write(path, text);
    }
    // Through a link to what it leads to, which would be replaced otherwise.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Made with mode 0600.
    let mut new = tempfile::Builder::new().prefix(".hcp-azure-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(&target).map(|_| ()).map_err(|error| error.error)
}

/// What stands in a file that a run is to write; none when it does not exist or is no regular file.
///
/// # Errors
/// The system's reason when it cannot be read.
pub fn read(path: &Path) -> io::Result<Option<FileSeen>> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => {
            let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
            Ok(Some(FileSeen { text, mode: mode(&meta) }))
        }
        Ok(meta) if meta.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file could be written: its folder exists and takes new files. Better said before Azure is changed.
///
/// # Errors
/// The system's reason.
pub fn can_write(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Ok(());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new().prefix(".hcp-azure-").tempfile_in(folder).map(|_| ())
}

#[cfg(unix)]
fn mode(meta: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(meta.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_meta: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        assert_eq!(read(&path).unwrap(), None);
        std::fs::write(&path, "old").unwrap();
        write(&path, "new").unwrap();
        let seen = read(&path).unwrap().unwrap();
        assert_eq!(seen.text, "new");
        #[cfg(unix)]
        assert_eq!(seen.mode, Some(0o600));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(read(folder.path()).is_err());
        assert!(can_write(&folder.path().join("no/such/folder")).is_err());
        assert!(write(&folder.path().join("no/such/folder"), "x").is_err());
    }
}
