//! Files that a run writes, as they are before.

use std::io;
use std::path::Path;

use plan::resource::FileSeen;

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
    fn what_stands_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        assert_eq!(read(&path).unwrap(), None);
        crate::files::write(&path, "new", true).unwrap();
        let seen = read(&path).unwrap().unwrap();
        assert_eq!(seen.text, "new");
        #[cfg(unix)]
        assert_eq!(seen.mode, Some(0o600));
        assert!(read(folder.path()).is_err());
    }
}
