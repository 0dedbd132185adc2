//! Servers die with the process that started them.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::Error;
use e2e::process::{Server, eventually};

const LIMIT: Duration = Duration::from_secs(10);

fn alive(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().unwrap().success()
}

async fn start_sleeper(folder: &Path) -> (Server, String) {
    let mut server = Server::spawn("sleeper", "sh".as_ref(), &["-c", "echo $$; exec sleep 1000"], folder).unwrap();
    let log = folder.join("sleeper.log");
    let pid = server
        .ready(LIMIT, || async { std::fs::read_to_string(&log).ok().filter(|text| text.ends_with('\n')) })
        .await
        .unwrap();
    (server, pid.trim().to_owned())
}

#[tokio::test]
async fn a_dropped_server_is_dead_and_its_folder_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (server, pid) = start_sleeper(folder.path()).await;
    assert!(alive(&pid));
    drop(server);
    assert!(!alive(&pid));
    assert!(!folder.path().exists());
}

#[tokio::test]
async fn a_panic_ends_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (server, pid) = start_sleeper(folder.path()).await;
    let task = tokio::spawn(async move {
        assert!(server.output().is_empty(), "this panic is part of the test");
    });
    assert!(task.await.unwrap_err().is_panic());
    assert!(!alive(&pid));
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_an_error_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo no such flag >&2; exit 7";
    let mut server = Server::spawn("broken", "sh".as_ref(), &["-c", script], folder.path()).unwrap();
    let error = server.ready(LIMIT, || async { None::<()> }).await.unwrap_err();
    let Error::Server { why, log, .. } = &error else { panic!("{error}") };
    assert!(why.contains('7'), "{why}");
    assert!(log.contains("no such flag"), "{log}");
    drop(server);
    assert!(folder.path().exists(), "the log of a server that failed must be kept");
}

#[tokio::test]
async fn a_killed_test_process_leaves_nothing_behind() {
    let mut holder =
        Command::new(env!("CARGO_BIN_EXE_bed")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(holder.stdout.take().unwrap());
    let lines: Vec<String> = output.lines().map(Result::unwrap).take_while(|line| line != "READY=1").collect();
    let value = |key: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in {lines:?}")).to_owned()
    };
    let address = |url: &str| url.trim_start_matches("https://").split('/').next().unwrap().to_owned();
    let kubernetes = address(&value("KUBERNETES"));
    let blobs = address(&value("BLOBS"));
    let folders = [value("BED"), value("BLOBS_CA").replace("/ca.pem", "")];
    let etcd = etcd_of(&folders[0]);
    assert!(etcd.is_some() || !Path::new("/proc/self/cmdline").exists(), "no etcd for {folders:?}");
    assert!(TcpStream::connect(&kubernetes).is_ok() && TcpStream::connect(&blobs).is_ok());
    assert!(folders.iter().all(|folder| Path::new(folder).exists()));

    holder.kill().unwrap();
    holder.wait().unwrap();

    eventually("all servers are gone", LIMIT, || async {
        let listening = [&kubernetes, &blobs].iter().any(|address| TcpStream::connect(address).is_ok());
        let left = folders.iter().any(|folder| Path::new(folder).exists());
        Ok((!listening && !left).then_some(()))
    })
    .await
    .unwrap();
    assert!(!etcd.is_some_and(|pid| alive(&pid)), "etcd is still there");
}

/// The process id of the etcd whose data are in `folder`, on systems that have /proc.
fn etcd_of(folder: &str) -> Option<String> {
    let wanted = format!("--data-dir={folder}/etcd");
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        let is_etcd = words.first()?.ends_with(b"/etcd") && words.contains(&wanted.as_bytes());
        is_etcd.then(|| entry.file_name().to_string_lossy().into_owned())
    })
}
