//! `version`: which program this is.

use clap::Args;
use serde::Serialize;
use ui::Failure;

use super::{DocumentFormat, printed};
use crate::Ended;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure version
  kubectl hcp-azure version -o json | jq -r .version";

/// Print the version
///
/// Asks nobody: neither a cluster, nor Azure, nor a release page.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VersionArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = DocumentFormat::Table)]
    output: DocumentFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    /// The schema of bundles that this program writes and reads.
    facts_schema: String,
    checks: usize,
}

pub(crate) fn run(args: &VersionArgs) -> Ended {
    let version = Version {
        api_version: "hcp-azure.io/v1",
        kind: "Version",
        version: env!("CARGO_PKG_VERSION"),
        facts_schema: format!("{}.{}", facts::SCHEMA_MAJOR, facts::SCHEMA_MINOR),
        checks: checks::CHECKS.len(),
    };
    let text = match args.output {
        DocumentFormat::Table => format!(
            "hcp-azure {} ({} checks, bundle schema {})\n",
            version.version, version.checks, version.facts_schema
        ),
        DocumentFormat::Json => ui::report::json(&version).map_err(|error| Failure::usage(error.to_string()))?,
        DocumentFormat::Yaml => ui::report::yaml(&version).map_err(|error| Failure::usage(error.to_string()))?,
    };
    Ok(printed(&text))
}
