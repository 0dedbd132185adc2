//! Runs the simulator until it is interrupted.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use azure_sim::{Options, Simulator};
use clap::Parser;

/// A strict simulator of Azure's control plane (Entra ID, Microsoft Graph, Resource Manager) for tests.
///
/// Prints its https URL as one line when it is ready.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Initial state: JSON in the form of GET /_sim/state.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Milliseconds added to every answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Injected faults: JSON list.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Writes the file that AZURE_ENVIRONMENT_FILEPATH takes, and the CA's PEM beside it.
    #[arg(long, value_name = "FILE")]
    environment_file: Option<PathBuf>,
    /// Writes one JSON line per request.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Base URL of an Azurite that holds the blobs of all storage accounts.
    #[arg(long, value_name = "URL")]
    blob_endpoint: Option<String>,
    /// PEM of the authorities trusted when token issuers' documents are fetched.
    #[arg(long, value_name = "FILE")]
    oidc_ca: Option<PathBuf>,
    /// Milliseconds that long-running operations take at least.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    lro: u64,
    /// Retry-After of long-running operations in seconds; none of them ends sooner.
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    retry_after: u64,
    /// Sends no Retry-After with long-running operations.
    #[arg(long, conflicts_with = "retry_after")]
    no_retry_after: bool,
    /// Does not throttle at ARM's rates.
    #[arg(long)]
    no_throttle: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "error: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let simulator = Simulator::start_blocking(Options {
        listen: arguments.listen,
        state: arguments.state.as_deref().map(json).transpose()?,
        latency: Duration::from_millis(arguments.latency),
        faults: arguments.faults.as_deref().map(json).transpose()?.unwrap_or_default(),
        log: arguments.log,
        blob_endpoint: arguments.blob_endpoint,
        blob_backend: None,
        oidc_ca: arguments.oidc_ca.as_deref().map(text).transpose()?,
        lro: Duration::from_millis(arguments.lro),
        retry_after: (!arguments.no_retry_after).then_some(arguments.retry_after),
        throttle: !arguments.no_throttle,
    })
    .map_err(|error| error.to_string())?;
    if let Some(path) = &arguments.environment_file {
        simulator.write_environment_file(path).map_err(|error| error.to_string())?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}", simulator.url()).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    loop {
        std::thread::park();
    }
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    serde_json::from_str(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
