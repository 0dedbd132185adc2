//! Where the tools of releases are.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Error;
use crate::workspace;

/// A pinned tool by the name that `tests/tool` knows it by; the script builds what is missing.
///
/// A machine that cannot build it, e.g. for want of `go`, gives none and says `skipped: …` on stderr: the test should return.
///
/// # Errors
/// [`Error::Setup`] with the same in CI (`CI=true`), where nothing may be skipped.
pub fn tool(name: &str) -> Result<Option<PathBuf>, Error> {
    let script = workspace::root().join("tests/tool");
    // Its stderr is the tests' stderr: a first build takes a minute and must be seen to move.
    let output = Command::new(&script)
        .arg(name)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Error::file(&script))?;
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && path.is_file() {
        return Ok(Some(path));
    }
    let why = format!("tests/tool {name} gave no program ({}), see its messages above", output.status);
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        return Err(Error::Setup(why));
    }
    workspace::note(&format!("skipped: {why}"));
    Ok(None)
}
