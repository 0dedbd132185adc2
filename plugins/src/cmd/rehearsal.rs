//! `--exchange`: tokens signed here and traded at Entra, as the components will do.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cloud::files;
use cloud::live::Rehearsal;
use ui::Failure;

use crate::globals;

/// Whether and how tokens are traded.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Token exchange")]
pub(crate) struct RehearsalArgs {
    /// Sign a token for each subject, trade it at Entra, and ask with it what each identity may do
    ///
    /// Key and tokens stay in memory. Entra sees tokens that last ten minutes, as those of the components do.
    #[arg(long)]
    pub exchange: bool,
    /// File: the private key to sign with, instead of that in the Secret of the HostedCluster
    #[arg(long, value_name = "FILE", requires = "exchange")]
    pub signing_key: Option<PathBuf>,
    /// Go on for so long while Entra does not know a credential: it takes up to 5 minutes after it was made
    #[arg(long, value_name = "TIME", value_parser = globals::duration, requires = "exchange")]
    pub exchange_wait: Option<Duration>,
}

impl RehearsalArgs {
    /// What to sign with; none when tokens are not to be traded.
    ///
    /// # Errors
    /// A key file that cannot be read.
    pub fn rehearsal(&self) -> Result<Option<Rehearsal>, Failure> {
        if !self.exchange {
            return Ok(None);
        }
        let key = match &self.signing_key {
            None => None,
            Some(path) => {
                let key = files::read_secret(path).map_err(|error| {
                    Failure::usage(format!("cannot read --signing-key {}", path.display()))
                        .why(error.to_string())
                        .hint("give the private key that signs the cluster's tokens, PEM")
                })?;
                Some((key, path.display().to_string()))
            }
        };
        Ok(Some(Rehearsal { key, patience: self.exchange_wait.unwrap_or_default() }))
    }
}
