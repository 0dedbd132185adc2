//! `doctor decode`: what a log or an error message says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use checks::decode::{Decoder, MAX_LINE};
use clap::Args;
use cloud::bundle;
use cloud::lines::{self, Input};
use facts::{Facts, Need};
use ui::report::{self, DecodedRefusals};
use ui::{Failure, Outcome};

use crate::Ended;
use crate::cmd::{DocumentFormat, block_on, printed, screen, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  oc -n clusters-prod logs deployment/capi-provider |
    kubectl hcp-azure doctor decode
  kubectl hcp-azure doctor decode --bundle prod.tar.gz < error.txt
  kubectl hcp-azure doctor decode --hosted-cluster prod -o json capi.log

Exit codes: 0 refusals were found and decoded, 1 the text holds none, 2 it could not be read.";

/// Decode log lines or an error message: who was refused, which byte differs, and how to fix it
///
/// Finds every refusal by Entra (AADSTS…) and by Azure Resource Manager in log lines, JSON, conditions or pasted messages.
/// What a token said is compared with a cluster's federated credentials, else with the subjects that components are known to
/// have. Tokens and secrets in the text are never repeated.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DecodeArgs {
    /// Files to read; stdin where there is none, or for `-`
    files: Vec<PathBuf>,
    /// Compare with this recording of the cluster
    #[arg(long, value_name = "PATH", conflicts_with = "hosted_cluster")]
    bundle: Option<PathBuf>,
    /// Compare with this HostedCluster, live
    #[arg(long, value_name = "NAME")]
    hosted_cluster: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = DocumentFormat::Table)]
    output: DocumentFormat,
}

pub(crate) fn run(globals: &Globals, args: &DecodeArgs, program: &str) -> Ended {
    let facts = facts(globals, args)?;
    let mut decoder = Decoder::default();
    let stdin = [PathBuf::from("-")];
    for path in if args.files.is_empty() { &stdin[..] } else { &args.files } {
        let input = if path.as_os_str() == "-" { Input::Stdin } else { Input::File(path) };
        if input == Input::Stdin && lines::stdin_is_terminal() && !globals.quiet {
            ui::note("paste the lines and end with Ctrl-D\n");
        }
        lines::each(input, MAX_LINE, |line| decoder.line(line)).map_err(|error| {
            Failure::usage(format!(
                "cannot read {}",
                if input == Input::Stdin { "stdin".into() } else { path.display().to_string() }
            ))
            .why(error.to_string())
            .hint("give the path of a text file, or pipe the lines into it")
        })?;
    }
    let decoding = decoder.finish(facts.as_ref());
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the result").why(error.to_string());
    let text = match args.output {
        DocumentFormat::Table => report::decoded(&decoding, program, &screen(globals)),
        DocumentFormat::Json => report::json(&DecodedRefusals::of(&decoding)).map_err(|error| broken(&error))?,
        DocumentFormat::Yaml => report::yaml(&DecodedRefusals::of(&decoding)).map_err(|error| broken(&error))?,
    };
    match printed(&text) {
        Outcome::Yes if decoding.refusals.is_empty() => Ok(Outcome::No),
        other => Ok(other),
    }
}

/// The facts of the cluster to compare with, as far as tokens and roles go.
fn facts(globals: &Globals, args: &DecodeArgs) -> Result<Option<Facts>, Failure> {
    let needs =
        BTreeSet::from([Need::HostedCluster, Need::Identities, Need::FederatedCredentials, Need::IssuerDocuments]);
    if let Some(path) = &args.bundle {
        let wanted = bundle::Wanted { namespace: globals.namespace.as_deref(), name: None };
        let facts = bundle::open(path, wanted, &needs).map_err(|error| crate::cmd::bundle::failure(&error))?;
        return Ok(Some(facts));
    }
    let Some(name) = &args.hosted_cluster else { return Ok(None) };
    block_on(async {
        let live = source::open(globals, &needs).await?;
        let target = source::find(&live, Some(name), globals.namespace.as_deref()).await?;
        source::collect(&live, &target, &needs).await.map(Some)
    })
}
