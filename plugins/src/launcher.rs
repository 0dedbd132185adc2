// The whole of a standalone program: `kubectl-hcp_azure-VERB` is `kubectl-hcp_azure VERB`.
//
// kubectl looks for the longest name first, so that a program of the verb's own name is found even where the umbrella is
// not on the PATH. Each file of `bin/` includes this one and thereby says which verb it is. Nothing but the standard
// library is used: a launcher is a fraction of a megabyte, and there is one for every verb.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The program that knows every verb.
const UMBRELLA: &str = "kubectl-hcp_azure";

fn main() -> ExitCode {
    let Some(verb) = env!("CARGO_BIN_NAME").strip_prefix("kubectl-hcp_azure-") else {
        return refused("this program has no verb in its name", None);
    };
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_default();
    let beside = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let folder = beside.as_deref().and_then(Path::parent);
    let umbrella = folder
        .map(|folder| folder.join(format!("{UMBRELLA}{}", std::env::consts::EXE_SUFFIX)))
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(UMBRELLA));
    let mut command = Command::new(umbrella);
    command.arg(verb).args(args);
    start(command, called).unwrap_or_else(|error| refused(&error.to_string(), folder))
}

/// Becomes the umbrella, under the name by which users call it.
#[cfg(unix)]
fn start(mut command: Command, called: OsString) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    let is_oc = Path::new(&called).file_name().is_some_and(|name| name.to_string_lossy().starts_with("oc-"));
    Err(command.arg0(if is_oc { "oc-hcp_azure" } else { UMBRELLA }).exec())
}

/// Runs the umbrella and ends as it ends; what called us sees one exit code.
#[cfg(not(unix))]
fn start(mut command: Command, _called: OsString) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().unwrap_or(2);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn refused(why: &str, folder: Option<&Path>) -> ExitCode {
    let own = folder.map_or_else(|| "the folder of this program".to_owned(), |folder| folder.display().to_string());
    // Nobody is left to hear of a stderr that is closed.
    let _ = writeln!(
        std::io::stderr(),
        "error: cannot start {UMBRELLA}, which does the work of {}\n  why: looked in {own}, then on the PATH: {why}\n\n\
         hint: keep both programs in one folder, as the archive has them, or put {UMBRELLA} on the PATH",
        env!("CARGO_BIN_NAME"),
    );
    ExitCode::from(2)
}
