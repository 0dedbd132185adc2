//! Small scripts of ours in folders of the PATH: written and removed, and never taken for somebody else's.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why a script could not be written or removed.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// A file of that name is there, and it is not ours.
    #[error("{} is there and is not ours", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The system did not let us.
    #[error("{}: {why}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nothing,
    /// The very script.
    Same,
    /// A script of ours with another text: of another version.
    Other,
}

/// What stands at a path, where `text` is to be; `mark` is in every script of ours and in nothing else.
///
/// # Errors
/// [`ScriptError::Foreign`] for anything else that stands there, a link included.
pub fn standing(path: &Path, text: &str, mark: &str) -> Result<Standing, ScriptError> {
    let foreign = || ScriptError::Foreign { path: path.to_owned() };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        Err(error) => return Err(system(path, &error)),
        Ok(metadata) if !metadata.is_file() || metadata.len() > 16 * 1024 => return Err(foreign()),
        Ok(_) => {}
    }
    let found = fs::read(path).map_err(|error| system(path, &error))?;
    match String::from_utf8(found) {
        Ok(found) if found == text && is_executable(path) => Ok(Standing::Same),
        Ok(found) if found.contains(mark) => Ok(Standing::Other),
        _ => Err(foreign()),
    }
}

/// Writes a script that everybody may run: whole or not at all. What stands there must be known from [`standing`].
///
/// # Errors
/// [`ScriptError::System`].
pub fn write(path: &Path, text: &str) -> Result<(), ScriptError> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hcp-azure-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let written = builder.tempfile_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    });
    written.map_err(|error| system(path, &error))
}

/// Removes a script.
///
/// # Errors
/// [`ScriptError::System`].
pub fn remove(path: &Path) -> Result<(), ScriptError> {
    fs::remove_file(path).map_err(|error| system(path, &error))
}

/// The folders of the PATH, in order and each once; relative ones change with the current folder and are left out.
#[must_use]
pub fn path_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in std::env::var_os("PATH").iter().flat_map(std::env::split_paths) {
        if folder.is_absolute() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The programs in a folder whose names begin with `prefix`, without the `.exe` of Windows, sorted.
#[must_use]
pub fn programs(folder: &Path, prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<String> = names
        .filter(|name| name.starts_with(prefix) && folder.join(name).is_file())
        .map(|name| name.strip_suffix(".exe").unwrap_or(&name).to_owned())
        .collect();
    found.sort();
    found
}

/// Whether a program of that name is on the PATH.
#[must_use]
pub fn is_on_path(name: &str) -> bool {
    let end = std::env::consts::EXE_SUFFIX;
    path_folders().iter().any(|folder| folder.join(format!("{name}{end}")).is_file())
}

/// Whether a folder exists and takes new files.
#[must_use]
pub fn takes_files(folder: &Path) -> bool {
    folder.is_dir() && crate::files::can_write(&folder.join("file")).is_ok()
}

fn system(path: &Path, error: &io::Error) -> ScriptError {
    ScriptError::System { path: path.to_owned(), why: error.kind().to_string() }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_ours_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shim");
        let standing = |path: &Path| standing(path, "#!/bin/sh\n# our mark, 2\n", "our mark");
        assert_eq!(standing(&path).unwrap(), Standing::Nothing);
        write(&path, "#!/bin/sh\n# our mark, 1\n").unwrap();
        assert_eq!(standing(&path).unwrap(), Standing::Other);
        write(&path, "#!/bin/sh\n# our mark, 2\n").unwrap();
        assert_eq!(standing(&path).unwrap(), Standing::Same);
        assert!(is_executable(&path));
        assert_eq!(programs(folder.path(), "sh"), ["shim"]);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(standing(&link), Err(ScriptError::Foreign { .. })));
        fs::write(&path, "#!/bin/sh\nrm -rf /\n").unwrap();
        assert!(matches!(standing(&path), Err(ScriptError::Foreign { .. })));
        remove(&path).unwrap();
        assert!(remove(&path).is_err());
        assert!(takes_files(folder.path()) && !takes_files(&path));
    }
}
