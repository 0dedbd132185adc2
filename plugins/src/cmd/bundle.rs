//! `bundle`: record the facts about a hosted cluster in a file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use cloud::bundle::{self, BundleError};
use facts::Need;
use ui::Failure;

use super::{block_on, printed, source};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure bundle prod
  kubectl hcp-azure bundle prod --file prod.tar.zst";

/// Record what doctor reads about a hosted cluster in one file, to be judged elsewhere
///
/// The file holds facts from the management cluster, Azure and the OIDC issuer, and what could not be read with the
/// reason. It holds no Secret, token or private key, and is readable by its owner only.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct BundleArgs {
    /// Name of the HostedCluster; may be left out where there is only one
    name: Option<String>,
    /// Where to write it: .tar.gz, .tar.zst, .tar or .json [default: NAME-TIME.tar.gz]
    #[arg(short, long, value_name = "PATH")]
    file: Option<PathBuf>,
}

pub(crate) fn run(globals: &Globals, args: &BundleArgs, program: &str) -> Ended {
    // The registry is asked before something is pulled; its answer of that moment helps nobody later.
    let is_recorded = |need: &Need| !need.is_on_request() && *need != Need::ReleaseImage;
    let needs: BTreeSet<Need> = Need::ALL.iter().copied().filter(is_recorded).collect();
    let facts = block_on(async {
        let live = source::open(globals, &needs).await?;
        let target = source::find(&live, args.name.as_deref(), globals.namespace.as_deref()).await?;
        source::collect(&live, &target, &needs).await
    })?;
    let path = args.file.clone().unwrap_or_else(|| {
        PathBuf::from(format!("{}-{}.tar.gz", facts.target.name, facts.collected_at.strftime("%Y%m%dT%H%M%SZ")))
    });
    bundle::write(&facts, &path).map_err(|error| failure(&error))?;
    if !globals.quiet {
        ui::note(&format!("next: `{program} doctor --bundle {}`\n", path.display()));
    }
    Ok(printed(&format!("{}\n", path.display())))
}

/// A failure to read or write a bundle as the user sees it.
pub(crate) fn failure(error: &BundleError) -> Failure {
    Failure { kind: ui::FailureKind::Usage, what: error.what(), why: error.why(), hint: error.hint() }
}
