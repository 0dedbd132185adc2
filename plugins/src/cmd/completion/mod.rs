//! `completion`: what makes shells complete our verbs, flags and names.

mod candidates;
mod install;
mod line;
mod values;

use clap::{Args, Subcommand};

pub(crate) use self::candidates::{answer, asked};
use super::printed;
use crate::Ended;
use crate::globals::Globals;

const BASH: &str = include_str!("../../../completions/hcp-azure.bash");
const ZSH: &str = include_str!("../../../completions/_kubectl-hcp_azure");
const FISH: &str = include_str!("../../../completions/kubectl-hcp_azure.fish");
const POWERSHELL: &str = include_str!("../../../completions/hcp-azure.ps1");

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure completion install           # for kubectl hcp-azure <TAB>
  source <(kubectl hcp-azure completion bash)    # for kubectl-hcp_azure <TAB>";
const BASH_EXAMPLES: &str = "\
Examples:
  source <(kubectl hcp-azure completion bash)          # for this shell
  kubectl hcp-azure completion bash >> ~/.bashrc       # for every shell";
const ZSH_EXAMPLES: &str = "\
Examples:
  source <(kubectl hcp-azure completion zsh)           # for this shell
  kubectl hcp-azure completion zsh > ~/.zfunc/_kubectl-hcp_azure  # for all

Load it behind `autoload -U compinit; compinit`; a folder such as ~/.zfunc must stand in fpath.";
const FISH_EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure completion fish | source           # for this shell
  kubectl hcp-azure completion fish > \\
    ~/.config/fish/completions/kubectl-hcp_azure.fish   # for every shell";
const POWERSHELL_EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure completion powershell | Out-String | Invoke-Expression
  kubectl hcp-azure completion powershell >> $PROFILE  # for every shell";

/// Complete verbs, flags and names in your shell
///
/// `kubectl hcp-azure <TAB>` and `oc hcp-azure <TAB>` go through the completion of kubectl and oc, which look for two small
/// programs on the PATH: `completion install` writes them. The scripts are for the program called by its own name,
/// kubectl-hcp_azure. Names of HostedClusters, NodePools and namespaces are asked of the management cluster, are kept for
/// ten seconds, and never take longer than a second.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the script for bash
    #[command(after_help = BASH_EXAMPLES)]
    Bash,
    /// Print the script for zsh
    #[command(after_help = ZSH_EXAMPLES)]
    Zsh,
    /// Print the script for fish
    #[command(after_help = FISH_EXAMPLES)]
    Fish,
    /// Print the script for PowerShell
    #[command(after_help = POWERSHELL_EXAMPLES)]
    Powershell,
    Install(install::InstallArgs),
    Uninstall(install::UninstallArgs),
}

pub(crate) fn run(globals: &Globals, args: &CompletionArgs, program: &str) -> Ended {
    match &args.verb {
        Verb::Bash => Ok(printed(BASH)),
        Verb::Zsh => Ok(printed(ZSH)),
        Verb::Fish => Ok(printed(FISH)),
        Verb::Powershell => Ok(printed(POWERSHELL)),
        Verb::Install(args) => install::install(globals, args, program),
        Verb::Uninstall(args) => install::uninstall(globals, args, program),
    }
}
