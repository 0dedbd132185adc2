//! Paths of the checkout, recorded data beside it, and lines for the person who runs the tests.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).unwrap_or(crate_dir).to_path_buf()
}

/// A file or folder of the recorded data in `../shared` (or `$HCP_AZURE_SHARED`), if it is there.
///
/// When it is not, this says `skipped: …` on stderr, and the test should return.
#[must_use]
pub fn recorded(relative: &str) -> Option<PathBuf> {
    let base = env::var_os("HCP_AZURE_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let path = base.join(relative);
    if path.exists() {
        return Some(path);
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    note(&format!("skipped: {test} needs {}, which is absent", path.display()));
    None
}

/// Writes one line to stderr that the test harness does not capture.
pub fn note(line: &str) {
    // A closed stderr must not fail a test.
    let _ = writeln!(std::io::stderr(), "{line}");
}
