//! Child processes that cannot outlive the test process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::future::Future;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

/// How often a condition that no one announces is looked at.
const POLL: Duration = Duration::from_millis(25);

/// Runs a program and kills it when this process ends in whatever way.
///
/// The shell holds the read end of a pipe whose only write end is ours. The kernel closes that end when we exit,
/// panic, or are killed, and the watcher then kills the program. It also removes the program's folder,
/// since after SIGKILL nobody else is left to do so. A program that ends by itself keeps its folder, for its log.
const WATCHDOG: &str = r#"
folder=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -KILL $server) &
watcher=$!
exec 3<&-
wait $server
code=$?
kill $watcher
[ $code -eq 137 ] && rm -rf "$folder"
exit $code
"#;

/// A running server; dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

impl Server {
    /// Starts `program`, with its output in `<folder>/<name>.log`.
    ///
    /// `folder` is removed when the server is killed because this process ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the log or the process cannot be created.
    pub fn spawn<A: AsRef<OsStr>>(name: &str, program: &Path, args: &[A], folder: &Path) -> Result<Self, Error> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).map_err(Error::file(&log))?;
        let errors = output.try_clone().map_err(Error::file(&log))?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "sh"]).arg(folder).arg(program).args(args).current_dir(folder);
        // etcd takes every flag from the environment too.
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("ETCD_")) {
            command.env_remove(key);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // A terminal's Ctrl-C goes to a whole process group. The shell must live on to clean up.
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("starting {name}")))?;
        Ok(Self { name: name.to_owned(), lifeline: child.stdin.take(), child, log })
    }

    /// Waits until `probe` gives something.
    ///
    /// # Errors
    /// [`Error::Server`] when the server ends or `limit` passes first.
    pub async fn ready<T, F, R>(&mut self, limit: Duration, mut probe: F) -> Result<T, Error>
    where
        F: FnMut() -> R,
        R: Future<Output = Option<T>>,
    {
        let start = Instant::now();
        loop {
            if let Some(answer) = probe().await {
                return Ok(answer);
            }
            if let Some(status) = self.child.try_wait().map_err(Error::io(format!("waiting for {}", self.name)))? {
                return Err(self.failure(format!("ended with {status}")));
            }
            if start.elapsed() > limit {
                return Err(self.failure(format!("was not ready within {} s", limit.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What the server has written so far; empty when that cannot be read.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn failure(&self, why: String) -> Error {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let log = lines[lines.len().saturating_sub(20)..].join("\n");
        Error::Server { server: self.name.clone(), why, log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The shell ends as soon as the program is dead. An error here would mean that it is gone already.
        let _ = self.child.wait();
    }
}

/// Waits until `probe` gives something, for conditions that no server announces.
///
/// # Errors
/// [`Error::Timeout`] when `limit` passes first, and whatever `probe` fails with.
pub async fn eventually<T, F, R>(what: &str, limit: Duration, mut probe: F) -> Result<T, Error>
where
    F: FnMut() -> R,
    R: Future<Output = Result<Option<T>, Error>>,
{
    let start = Instant::now();
    loop {
        if let Some(answer) = probe().await? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            return Err(Error::Timeout { what: what.to_owned(), seconds: limit.as_secs() });
        }
        tokio::time::sleep(POLL).await;
    }
}
