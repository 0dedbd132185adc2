//! Running the built program on a scene.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Scene;
use crate::Error;

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// How long it took.
    pub elapsed: std::time::Duration,
}

impl Scene {
    /// A command for the program, with the management cluster, the cloud and nothing else of the caller's environment.
    pub fn command(&self, program: &Path) -> Command {
        self.dns.serve(&self.sim.state());
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("KUBECONFIG", self.bed.kubeconfig())
            .env("AZURE_ENVIRONMENT_FILEPATH", self.path("environment.json"));
        command
    }

    /// Runs the program with the scene's credentials file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be started.
    pub fn run<S: AsRef<OsStr>>(&self, program: &Path, args: &[S]) -> Result<Ran, Error> {
        let mut command = self.command(program);
        command.args(args).arg("--azure-creds").arg(self.path("azure-creds.json"));
        ran(command)
    }

    /// Runs the real kubectl as the administrator of the management cluster, and gives back what it printed.
    ///
    /// # Errors
    /// [`Error::Input`] with its stderr when it fails; [`Error::Io`] when it cannot be started.
    pub fn kubectl(&self, args: &[&str]) -> Result<String, Error> {
        let mut command = self.bed.kubectl_command(self.bed.folder())?;
        command.args(args);
        let ran = ran(command)?;
        match ran.code {
            Some(0) => Ok(ran.stdout),
            code => Err(Error::Input(format!("kubectl {args:?} ended with {code:?}: {}", ran.stderr))),
        }
    }
}

/// Runs a command to its end.
///
/// # Errors
/// [`Error::Io`] when it cannot be started.
pub fn ran(mut command: Command) -> Result<Ran, Error> {
    let started = std::time::Instant::now();
    let program = PathBuf::from(command.get_program());
    let output = command.stdin(std::process::Stdio::null()).output().map_err(Error::file(&program))?;
    Ok(Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        elapsed: started.elapsed(),
    })
}

impl Ran {
    /// Stdout as JSON.
    ///
    /// # Errors
    /// [`Error::Input`] with both outputs when it is none.
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_str(&self.stdout)
            .map_err(|error| Error::Input(format!("{error} in:\n{}\n{}", self.stdout, self.stderr)))
    }

    /// The rows of a doctor report with a verdict and no cause, as `CODE subject`.
    ///
    /// # Errors
    /// As [`Ran::json`].
    pub fn roots(&self, verdict: &str) -> Result<Vec<String>, Error> {
        let report = self.json()?;
        let rows = report["verdicts"].as_array().cloned().unwrap_or_default();
        Ok(rows
            .iter()
            .filter(|row| row["verdict"] == verdict && row["causedBy"].is_null())
            .map(|row| {
                format!("{} {}", row["code"].as_str().unwrap_or_default(), row["subject"].as_str().unwrap_or_default())
            })
            .collect())
    }
}
