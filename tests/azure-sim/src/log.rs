//! The request log: kept in memory and, if asked, written as one JSON line per request.

use std::{fs::File, io::Write as _, path::Path};

use serde::{Deserialize, Serialize};

use crate::Error;

/// One request as it was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Arrival in UTC, RFC 3339.
    pub time: String,
    /// HTTP method.
    pub method: String,
    /// Percent-decoded path with the query as sent.
    pub path: String,
    /// Status of the answer; 0 when the connection was broken instead.
    pub status: u16,
    /// Application (client) id of the caller's token, empty without one.
    pub identity: String,
    /// Time from arrival to answer in milliseconds, injected latency included.
    pub duration_ms: f64,
    /// The answer's `x-ms-request-id`.
    pub request_id: String,
}

/// Where requests are recorded.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<LogEntry>,
    file: Option<File>,
}

impl Log {
    /// Opens the log, truncating the file if one is named.
    ///
    /// # Errors
    /// `Error::File` when the file cannot be created.
    pub fn new(path: Option<&Path>) -> Result<Self, Error> {
        let file = path
            .map(|path| File::create(path).map_err(|source| Error::File { path: path.to_owned(), source }))
            .transpose()?;
        Ok(Self { entries: Vec::new(), file })
    }

    /// Records one request. A line that cannot be written is lost: the log must not stop the simulator.
    pub fn push(&mut self, entry: LogEntry) {
        if let Some(file) = &mut self.file
            && let Ok(mut line) = serde_json::to_vec(&entry)
        {
            line.push(b'\n');
            let _ = file.write_all(&line);
        }
        self.entries.push(entry);
    }

    /// All requests so far, in the order of their answers.
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// Forgets the requests so far; the file keeps them.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
