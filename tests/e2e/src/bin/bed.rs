//! Holds the test bed open for work by hand: prints where everything is, ends when its input ends.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use e2e::Error;
use e2e::azurite::Azurite;
use e2e::bed::Bed;

#[tokio::main]
async fn main() -> ExitCode {
    match hold().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            e2e::workspace::note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn hold() -> Result<(), Error> {
    let (bed, azurite) = tokio::try_join!(Bed::start(), Azurite::start())?;
    let lines = format!(
        "KUBECONFIG={}\nKUBERNETES={}\nBED={}\nBLOBS={}\nBLOBS_CA={}\nREADY=1\n",
        bed.kubeconfig().display(),
        bed.url(),
        bed.folder().display(),
        azurite.base_url(),
        azurite.ca_file().display()
    );
    let failed = |source| Error::Io { what: "standard streams".into(), source };
    io::stdout().write_all(lines.as_bytes()).map_err(failed)?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()))
        .await
        .map_err(|error| failed(io::Error::other(error)))?
        .map_err(failed)?;
    Ok(())
}
