//! Steps on files with secrets: made once, never replaced, and never lost when another takes their place.

use std::io::{self, Read as _};
use std::path::Path;

use plan::secret::Secret;
use serde_json::Value;
use zeroize::Zeroizing;

use super::step::Ended;
use super::{Outcome, StepError};
use crate::files;

/// Makes a file for its owner alone. Whole or not at all, and never over a file that is there.
pub(super) fn make(path: &Path, content: &Secret) -> Ended {
    match files::make(path, content.expose().as_bytes()) {
        Ok(()) => Ok(Outcome::Done(Value::Null)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(StepError::File(format!("{} has come into being meanwhile, and is not replaced", path.display())))
        }
        Err(error) => Err(StepError::File(format!("cannot write {}: {error}", path.display()))),
    }
}

/// Keeps what stands in `path` as `keep`, then lets `by` take its place. At no moment is either of them nowhere.
pub(super) fn supersede(path: &Path, by: &Path, keep: &Path) -> Ended {
    let failed = |what: &Path, error: &io::Error| StepError::File(format!("cannot write {}: {error}", what.display()));
    let old = read(path).map_err(|error| StepError::File(format!("cannot read {}: {error}", path.display())))?;
    match files::make(keep, &old) {
        Ok(()) => {}
        // An earlier run was cut off right here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && read(keep).is_ok_and(|kept| kept == old) => {}
        Err(error) => return Err(failed(keep, &error)),
    }
    std::fs::rename(by, path).and_then(|()| files::settle(path)).map_err(|error| failed(path, &error))?;
    Ok(Outcome::Done(Value::Null))
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = std::fs::File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_secret_is_never_overwritten_and_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        let secret = |text: &str| Secret::from(SecretString::from(text));
        make(&at("key"), &secret("old")).unwrap();
        make(&at("key.new"), &secret("new")).unwrap();
        let error = make(&at("key"), &secret("other")).unwrap_err();
        assert!(error.to_string().contains("not replaced") && !error.to_string().contains("other"), "{error}");
        assert_eq!(text("key"), "old");
        // Another content under the old one's name stops it before anything is moved.
        std::fs::write(at("key.old"), "foreign").unwrap();
        supersede(&at("key"), &at("key.new"), &at("key.old")).unwrap_err();
        assert_eq!((text("key"), text("key.new"), text("key.old")), ("old".into(), "new".into(), "foreign".into()));
        // The same content there is an earlier run that was cut off.
        std::fs::write(at("key.old"), "old").unwrap();
        supersede(&at("key"), &at("key.new"), &at("key.old")).unwrap();
        assert_eq!((text("key"), text("key.old"), at("key.new").exists()), ("new".into(), "old".into(), false));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(at("key")).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
    }
}
