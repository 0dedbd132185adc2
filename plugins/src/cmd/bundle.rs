//! `bundle`: record the facts about a hosted cluster in a file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloud::bundle::{self, BundleError, Manifest};
use facts::Need;
use ui::Failure;

use super::{block_on, printed, source};
use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure bundle prod
  kubectl hcp-azure bundle prod --file prod.tar.zst
  kubectl hcp-azure bundle prod -o json | jq .unread    # what could not be read
  kubectl hcp-azure bundle prod -o json |
    jq -r .privileges.clusterRole    # the least that allows the rest";

/// Record what doctor reads about a hosted cluster in one file, to be judged elsewhere
///
/// The file holds facts from the management cluster, Azure and the OIDC issuer, and a manifest: who read, what was called,
/// what could not be read with the reason and the role that would allow it, and a checksum. It holds no Secret, token or
/// private key: it is searched for them before it is written. It is readable by its owner only. Nothing else is changed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BundleArgs {
    /// Name of the HostedCluster; may be left out where there is only one
    name: Option<String>,
    /// Where to write it: .tar.gz, .tar.zst, .tar or .json [default: NAME-TIME.tar.gz]
    #[arg(short, long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Format::Name, help_heading = "Output")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The path of the file
    Name,
    /// The manifest, as it is in the file
    Json,
    /// The manifest
    Yaml,
}

pub(crate) fn run(globals: &Globals, args: &BundleArgs, program: &str) -> Ended {
    // The registry is asked before something is pulled; its answer of that moment helps nobody later.
    let is_recorded = |need: &Need| !need.is_on_request() && *need != Need::ReleaseImage;
    let needs: BTreeSet<Need> = Need::ALL.iter().copied().filter(is_recorded).collect();
    let (facts, recorder) = block_on(async {
        let live = source::open(globals, &needs).await?;
        let target = source::find(&live, args.name.as_deref(), globals.namespace.as_deref()).await?;
        let facts = source::collect(&live, &target, &needs).await?;
        Ok((facts, live.recorder().await))
    })?;
    let path = args.file.clone().unwrap_or_else(|| {
        PathBuf::from(format!("{}-{}.tar.gz", facts.target.name, facts.collected_at.strftime("%Y%m%dT%H%M%SZ")))
    });
    let manifest = bundle::write(&facts, &recorder, &path).map_err(|error| failure(&error))?;
    if !globals.quiet {
        ui::note(&receipt(&manifest));
        ui::note(&format!("next: `{program} doctor --bundle {}`\n", path.display()));
    }
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot print the manifest").why(error.to_string());
    match args.output {
        Format::Name => Ok(printed(&format!("{}\n", path.display()))),
        Format::Json => Ok(printed(&ui::report::json(&manifest).map_err(|error| broken(&error))?)),
        Format::Yaml => Ok(printed(&ui::report::yaml(&manifest).map_err(|error| broken(&error))?)),
    }
}

/// What was read, by whom, with what, and what was not: the manifest in some lines.
fn receipt(manifest: &Manifest) -> String {
    let mut out = String::new();
    let mut line = |label: &str, text: &str| {
        // Writing to a text does not fail.
        let _ = writeln!(out, "{label:<10}{text}");
    };
    line("recorded", &format!("HostedCluster {} at {}", manifest.cluster, manifest.collected_at));
    let reader = &manifest.reader;
    if let Some(azure) = &reader.azure {
        let id = azure.object_id.as_deref().or(azure.app_id.as_deref()).unwrap_or("without an object id");
        line("read by", &format!("{} {id} of tenant {} ({})", azure.kind, azure.tenant_id, azure.via));
    }
    if let Some(user) = &reader.user {
        line("", &format!("{user} on {}", reader.context.as_deref().unwrap_or("the management cluster")));
    }
    let count = |states: &[&str]| manifest.read.iter().filter(|unit| states.contains(&unit.state.as_str())).count();
    line(
        "read",
        &format!(
            "{} of {} units of facts in {} calls; {} more partly, {} not",
            count(&["read", "absent"]),
            manifest.read.len(),
            manifest.calls.len(),
            count(&["partly"]),
            count(&["unreadable", "notAsked"]),
        ),
    );
    for role in &manifest.privileges.roles {
        line("role", &format!("{} at {} is enough", role.role, role.scope));
    }
    if !manifest.privileges.kubernetes.is_empty() {
        line(
            "",
            &format!(
                "{} rules of Kubernetes: privileges.clusterRole in manifest.json",
                manifest.privileges.kubernetes.len()
            ),
        );
    }
    for unread in manifest.unread.iter().filter(|unread| unread.gap.needs.is_some()) {
        let needs = unread.gap.needs.as_deref().unwrap_or_default();
        let scope = unread.gap.scope.as_deref().unwrap_or_default();
        let role = unread.role.as_deref().map_or_else(String::new, |role| format!(", in role {role}"));
        line("not read", &format!("{}: {needs} at {scope} is missing{role}", unread.what.join(", ")));
        if let Some(command) = &unread.command {
            line("", command);
        }
    }
    out
}

/// A failure to read or write a bundle as the user sees it.
pub(crate) fn failure(error: &BundleError) -> Failure {
    Failure { kind: ui::FailureKind::Usage, what: error.what(), why: error.why(), hint: error.hint() }
}
