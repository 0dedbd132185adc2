//! `--accept` and `--waivers`: findings that somebody accepts.

use std::path::{Path, PathBuf};

use checks::waiver::{self, Entry, Waiver, WaiverError};
use clap::Args;
use ui::Failure;

/// What one entry of the file looks like, for hints.
const SHAPE: &str =
    "the file is a list: `- {code: NW02, subject: \"*demo*\", reason: behind a proxy, expires: 2027-01-31}`";

/// Which findings are accepted.
#[derive(Debug, Default, Args)]
pub(crate) struct AcceptArgs {
    /// Accept a finding in this run: it stays in the report and does not count; SUBJECT may hold * and ?; can be repeated
    #[arg(long, value_name = "CODE[=SUBJECT]", help_heading = "Waivers")]
    accept: Vec<String>,
    /// Why, for the report
    #[arg(long, value_name = "TEXT", requires = "accept", help_heading = "Waivers")]
    accept_reason: Option<String>,
    /// File of waivers: a YAML list of code, subject, cluster, reason, expires, owner; reason and expires are required
    #[arg(long, value_name = "FILE", help_heading = "Waivers")]
    waivers: Option<PathBuf>,
}

impl AcceptArgs {
    /// The waivers of this run.
    ///
    /// # Errors
    /// A word that names no check, or a file that is no list of waivers with reason and end.
    pub(crate) fn read(&self, program: &str) -> Result<Vec<Waiver>, Failure> {
        let mut waivers = match &self.waivers {
            Some(path) => from_file(path, program)?,
            None => Vec::new(),
        };
        for word in &self.accept {
            let waiver = Waiver::for_this_run(word, self.accept_reason.as_deref())
                .map_err(|error| Failure::usage(format!("cannot accept: {error}")).hint(hint(&error, program)))?;
            waivers.push(waiver);
        }
        Ok(waivers)
    }
}

fn from_file(path: &Path, program: &str) -> Result<Vec<Waiver>, Failure> {
    let shown = path.display();
    let entries = cloud::waivers::read(path)
        .map_err(|error| Failure::usage(format!("cannot use --waivers {shown}")).why(error.to_string()).hint(SHAPE))?;
    let mut waivers = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let parts = Entry {
            code: entry.code.as_deref(),
            subject: entry.subject.as_deref(),
            cluster: entry.cluster.as_deref(),
            reason: entry.reason.as_deref(),
            expires: entry.expires.as_deref(),
            owner: entry.owner.as_deref(),
        };
        let origin = format!("{shown}, line {}", entry.line);
        let waiver = Waiver::from_file(&parts, origin).map_err(|error| {
            let code = entry.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            Failure::usage(format!("cannot use --waivers {shown}"))
                .why(format!("line {}, entry {}{code}: {error}", entry.line, at + 1))
                .hint(hint(&error, program))
        })?;
        waivers.push(waiver);
    }
    Ok(waivers)
}

fn hint(error: &WaiverError, program: &str) -> String {
    match error {
        WaiverError::NoSuchCheck { .. } => format!("{} `{program} explain` lists every check", error.hint()),
        _ => error.hint(),
    }
}

/// What has to be told of the waivers, each thing once, for formats that do not tell it themselves.
pub(crate) fn warnings<'a>(reports: impl IntoIterator<Item = &'a checks::Report>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for warning in reports.into_iter().flat_map(|report| &report.waivers).filter_map(waiver::WaiverUse::warning) {
        if !told.contains(&warning) {
            told.push(warning);
        }
    }
    told
}
