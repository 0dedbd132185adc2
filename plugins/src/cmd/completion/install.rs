//! `completion install` and `uninstall`: the programs that kubectl and oc look for when they complete a plugin.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use cloud::scripts::{self, ScriptError, Standing};
use ui::Failure;

use crate::Ended;
use crate::cmd::printed;
use crate::globals::Globals;

const KUBECTL: &str = include_str!("../../../completions/kubectl_complete-hcp_azure");
const OC: &str = include_str!("../../../completions/oc_complete-hcp_azure");
const KUBECTL_WINDOWS: &str = include_str!("../../../completions/kubectl_complete-hcp_azure.cmd");
const OC_WINDOWS: &str = include_str!("../../../completions/oc_complete-hcp_azure.cmd");

/// What every shim of ours holds.
const MARK: &str = "hcp-azure completion shim";
/// The plugin, and the beginning of the names of programs of one verb.
const PLUGIN: &str = "kubectl-hcp_azure";

const INSTALL_EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure completion install
  kubectl hcp-azure completion install --dir ~/bin";
const UNINSTALL_EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure completion uninstall
  kubectl hcp-azure completion uninstall --dir ~/bin";

/// Make `kubectl hcp-azure <TAB>` and `oc hcp-azure <TAB>` work
///
/// Writes kubectl_complete-hcp_azure and oc_complete-hcp_azure, which kubectl (1.26 or newer) and oc start for a plugin's
/// completion, into a folder of the PATH: that of the plugin, krew's, ~/.local/bin or ~/bin, that of kubectl or oc; the
/// first that may be written. A program of one verb on the PATH, such as kubectl-hcp_azure-doctor, gets one of its own. A
/// file that is not ours is never written over.
#[derive(Debug, Args)]
#[command(after_help = INSTALL_EXAMPLES)]
pub(super) struct InstallArgs {
    /// The folder to write to
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

/// Remove what `completion install` wrote
///
/// Looks in every folder of the PATH, and removes nothing that is not ours.
#[derive(Debug, Args)]
#[command(after_help = UNINSTALL_EXAMPLES)]
pub(super) struct UninstallArgs {
    /// Look in this folder alone
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(super) fn install(globals: &Globals, args: &InstallArgs, program: &str) -> Ended {
    let path = scripts::path_folders();
    let folder = match &args.dir {
        Some(folder) if scripts::takes_files(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
        Some(folder) => {
            return Err(Failure::usage(format!("cannot write to --dir {}", folder.display()))
                .why("it is no folder that takes new files")
                .hint("give a folder that exists, is yours, and is on the PATH: `--dir ~/.local/bin`"));
        }
        None => usual(&path).ok_or_else(|| {
            Failure::usage("no folder of the PATH may be written").hint(format!(
                "give one that you may write to, and add it to the PATH: `{program} completion install --dir ~/bin`"
            ))
        })?,
    };
    // Everything is looked at before anything is written.
    let mut shims = Vec::new();
    for (name, text) in shims_for(&path) {
        let path = folder.join(name);
        let standing = scripts::standing(&path, text, MARK).map_err(|error| failure(&error))?;
        shims.push((path, text, standing));
    }
    let mut said = String::new();
    for (path, text, standing) in &shims {
        let word = match standing {
            Standing::Same => "unchanged",
            Standing::Nothing => "wrote",
            Standing::Other => "updated",
        };
        if *standing != Standing::Same {
            scripts::write(path, text).map_err(|error| failure(&error))?;
        }
        let _ = writeln!(said, "{word} {}", path.display());
    }
    let outcome = printed(&said);
    if !globals.quiet {
        ui::note(&next(&folder, path.contains(&folder)));
    }
    Ok(outcome)
}

pub(super) fn uninstall(globals: &Globals, args: &UninstallArgs, program: &str) -> Ended {
    let folders = args.dir.clone().map_or_else(scripts::path_folders, |folder| vec![folder]);
    let mut said = String::new();
    for folder in &folders {
        for prefix in ["kubectl_complete-hcp_azure", "oc_complete-hcp_azure"] {
            for name in scripts::programs(folder, prefix) {
                let path = folder.join(name);
                // Somebody else's stays.
                if matches!(scripts::standing(&path, "", MARK), Ok(Standing::Other)) {
                    scripts::remove(&path).map_err(|error| failure(&error))?;
                    let _ = writeln!(said, "removed {}", path.display());
                }
            }
        }
    }
    if said.is_empty() && !globals.quiet {
        ui::note(&format!("nothing to remove; `{program} completion install` writes it\n"));
    }
    Ok(printed(&said))
}

/// The first usual folder that is on the PATH and may be written.
fn usual(path: &[PathBuf]) -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    let holds = |folder: &&PathBuf, name: &str| scripts::programs(folder, name).iter().any(|found| found == name);
    let of = |name: &'static str| path.iter().filter(move |folder| holds(folder, name)).cloned();
    let krew = std::env::var_os("KREW_ROOT").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".krew")));
    let own = ["bin", ".local/bin"].map(|name| home.as_ref().map(|home| home.join(name)));
    let [bin, local] = own;
    of(PLUGIN)
        .chain(krew.map(|krew| krew.join("bin")))
        .chain(local)
        .chain(bin)
        .chain(of("kubectl"))
        .chain(of("oc"))
        .find(|folder| path.contains(folder) && scripts::takes_files(folder))
}

/// The shims with their names: two, and two for each program of one verb on the PATH.
fn shims_for(path: &[PathBuf]) -> Vec<(String, &'static str)> {
    let (kubectl, oc, end) = if cfg!(windows) { (KUBECTL_WINDOWS, OC_WINDOWS, ".cmd") } else { (KUBECTL, OC, "") };
    let mut verbs: Vec<String> = path
        .iter()
        .flat_map(|folder| scripts::programs(folder, PLUGIN))
        .filter_map(|name| Some(name.strip_prefix(PLUGIN)?.to_owned()))
        .filter(|rest| rest.strip_prefix('-').is_some_and(|verb| verb.chars().all(|c| c.is_ascii_lowercase())))
        .collect();
    // A batch file does not know by which name it was called.
    verbs.retain(|_| !cfg!(windows));
    verbs.push(String::new());
    verbs.sort();
    verbs.dedup();
    let of = |verb: String| {
        [(format!("kubectl_complete-hcp_azure{verb}{end}"), kubectl), (format!("oc_complete-hcp_azure{verb}{end}"), oc)]
    };
    verbs.into_iter().flat_map(of).collect()
}

fn next(folder: &Path, is_on_path: bool) -> String {
    let mut next = String::new();
    if !is_on_path {
        let _ = writeln!(next, "warning: {} is not on the PATH, where kubectl and oc look", folder.display());
    }
    let shell = std::env::var("SHELL").unwrap_or_default();
    let line = match shell.rsplit('/').next().unwrap_or_default() {
        "zsh" => "`source <(kubectl completion zsh)`",
        "fish" => "`kubectl completion fish | source`",
        _ if cfg!(windows) => "`kubectl completion powershell | Out-String | Invoke-Expression`",
        _ => "`source <(kubectl completion bash)`",
    };
    let _ = writeln!(next, "next: load kubectl's own completion if your shell does not: {line}; the same for oc");
    next
}

fn failure(error: &ScriptError) -> Failure {
    match error {
        ScriptError::Foreign { path } => Failure::usage(format!("{} is not ours, and stays", path.display()))
            .hint("move it away, or choose another folder with `--dir`"),
        ScriptError::System { path, why } => Failure::usage(format!("cannot change {}", path.display()))
            .why(why.clone())
            .hint("choose another folder with `--dir`"),
    }
}
