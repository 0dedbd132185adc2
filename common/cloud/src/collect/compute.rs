//! Collecting virtual machines of the managed resource group and their boot logs.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use arm::Arm;
use facts::compute::{BootLog, Compute, MAX_LOGS, VirtualMachine};
use facts::hosted::{HostedCluster, Machine};
use facts::{ArmId, Fact, Gap, GapKind, Need};
use futures::future::join_all;
use jiff::Timestamp;

use super::Sources;
use crate::azure::gap_of;

/// Minutes in which a machine may become a node before its console is read.
const JOINING: i64 = 15;
/// How many bytes of a console are read at most.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// How many bytes of one line are looked at.
const MAX_LINE: usize = 400;
/// How many lines are kept.
const MAX_LINES: usize = 20;
/// How long a console may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Words of lines that matter, in lower case.
const WORDS: [&str; 10] = [
    "ignition",
    "x509",
    "no such host",
    "i/o timeout",
    "connection refused",
    "no space left",
    "network is unreachable",
    "emergency",
    "failed to start",
    "kernel panic",
];

/// Collects the virtual machines, where they are wanted. Boot logs come later, see [`boot_logs`].
pub(super) async fn collect(sources: &Sources<'_>) -> Compute {
    if !sources.wants(Need::VirtualMachines) {
        return Compute::default();
    }
    let virtual_machines = match (&sources.cluster, &sources.arm) {
        _ if !sources.exists() => Fact::Unreadable(Gap::new(GapKind::Blocked, "the cluster does not exist yet")),
        (Ok(cluster), Ok(arm)) => virtual_machines(arm, cluster).await,
        (Err(gap), _) => Fact::Unreadable(Gap { kind: GapKind::Blocked, ..gap.clone() }),
        (_, Err(gap)) => Fact::Unreadable(gap.clone()),
    };
    Compute { virtual_machines, ..Compute::default() }
}

async fn virtual_machines(arm: &Arm, cluster: &HostedCluster) -> Fact<Vec<VirtualMachine>> {
    let azure = &cluster.azure;
    let mut found: Vec<VirtualMachine> = match arm.virtual_machines(&azure.subscription_id, &azure.resource_group).await
    {
        Ok(Some(list)) => list.into_iter().map(virtual_machine).collect(),
        Ok(None) => return Fact::Absent,
        Err(error) => return Fact::Unreadable(gap_of(&error)),
    };
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Fact::Known(found)
}

fn virtual_machine(from: arm::model::VirtualMachine) -> VirtualMachine {
    VirtualMachine {
        id: ArmId::new(from.id),
        name: from.name,
        provisioning_state: from.provisioning_state,
        created_at: from.time_created.and_then(|time| time.parse().ok()),
        size: from.size,
        zones: from.zones,
        tags: from.tags.into_iter().map(|(name, value)| (name, facts::redact::text(&value))).collect(),
        has_boot_diagnostics: from.has_boot_diagnostics,
    }
}

/// Reads the boot logs of machines that never became nodes: which ones these are, Machines and virtual machines tell.
pub(crate) async fn boot_logs(
    sources: &Sources<'_>,
    vms: &Fact<Vec<VirtualMachine>>,
    machines: &Fact<Vec<Machine>>,
) -> Fact<BTreeMap<String, Fact<BootLog>>> {
    if !sources.wants(Need::BootLogs) {
        return Fact::default();
    }
    let (vms, machines, arm) = match (vms.present(), machines.present(), &sources.arm) {
        (Ok(vms), Ok(machines), Ok(arm)) => {
            (vms.map_or(&[][..], Vec::as_slice), machines.map_or(&[][..], Vec::as_slice), *arm)
        }
        (Err(gap), ..) | (_, Err(gap), _) => return Fact::Unreadable(gap),
        (.., Err(gap)) => return Fact::Unreadable(gap.clone()),
    };
    let asked = machines.iter().filter_map(|machine| {
        let name = machine.azure_machine.as_deref().unwrap_or(&machine.name);
        let vm = vms.iter().find(|vm| vm.name.eq_ignore_ascii_case(name))?;
        never_joined(machine, vm, sources.now).then(|| (machine.name.clone(), vm))
    });
    let read = join_all(asked.take(MAX_LOGS).map(async |(name, vm)| (name, boot_log(sources, arm, vm).await)));
    Fact::Known(read.await.into_iter().collect())
}

/// Whether a machine had the time to become a node since its VM was made, and is none.
fn never_joined(machine: &Machine, vm: &VirtualMachine, now: Timestamp) -> bool {
    let since = vm.created_at.or(machine.created_at);
    let age = since.map_or(0, |then| (now.as_second() - then.as_second()) / 60);
    machine.node.is_none() && machine.deleted_at.is_none() && age >= JOINING
}

async fn boot_log(sources: &Sources<'_>, arm: &Arm, vm: &VirtualMachine) -> Fact<BootLog> {
    if !vm.has_boot_diagnostics {
        return Fact::Known(BootLog::Off);
    }
    let Ok(id) = arm::ArmId::parse(vm.id.as_str()) else {
        return Fact::Unreadable(Gap::new(GapKind::Failed, format!("{} is no id", vm.id)));
    };
    match arm.boot_diagnostics(&id).await {
        Ok(found) => match found.serial_console_log_blob_uri {
            Some(address) => match tokio::time::timeout(PATIENCE, console(sources, &address)).await {
                Ok(Ok(log)) => Fact::Known(log),
                Ok(Err(gap)) => Fact::Unreadable(gap),
                Err(_) => Fact::Unreadable(Gap::new(GapKind::Unreachable, "the boot log does not end in time")),
            },
            // A machine that has written nothing yet has no log.
            None => Fact::Known(BootLog::Read { lines: Vec::new(), bytes: 0 }),
        },
        Err(error) => Fact::Unreadable(gap_of(&error)),
    }
}

/// Reads a console from its signed address, which is told nobody.
async fn console(sources: &Sources<'_>, address: &str) -> Result<BootLog, Gap> {
    let failed = |why: String| Gap::new(GapKind::Unreachable, format!("the boot log cannot be read: {why}"));
    let url = url::Url::parse(address).map_err(|_| failed("Azure gave no address".to_owned()))?;
    let shown = format!("{}{}", url.host_str().unwrap_or_default(), url.path());
    let started = Instant::now();
    let answer = sources.http.get(url).send().await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    let note = |duration| sources.calls.note("GET", &shown, status, duration, None);
    // The errors of the client quote the address, with its signature.
    let mut answer = answer.map_err(|error| {
        note(started.elapsed());
        failed(error.without_url().to_string())
    })?;
    if !answer.status().is_success() {
        note(started.elapsed());
        return Err(failed(format!("{} answers {}", shown, answer.status())));
    }
    let mut scan = Scan::default();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
        scan.read(&chunk);
        if scan.bytes > MAX_BYTES {
            break;
        }
    }
    note(started.elapsed());
    Ok(scan.end())
}

/// The newest lines that matter of a console, in little memory.
#[derive(Default)]
struct Scan {
    bytes: u64,
    line: Vec<u8>,
    kept: VecDeque<String>,
}

impl Scan {
    fn read(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        for &byte in chunk {
            if matches!(byte, b'\n' | b'\r') {
                self.keep();
            } else if self.line.len() < MAX_LINE {
                self.line.push(byte);
            }
        }
    }

    fn keep(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = without_colours(&String::from_utf8_lossy(&line));
        let lower = text.to_ascii_lowercase();
        if !WORDS.iter().any(|word| lower.contains(word)) {
            return;
        }
        let text = facts::redact::text(text.trim());
        // Ignition says the same thing every five seconds.
        if self.kept.back() == Some(&text) {
            return;
        }
        if self.kept.len() == MAX_LINES {
            self.kept.pop_front();
        }
        self.kept.push_back(text);
    }

    fn end(mut self) -> BootLog {
        self.keep();
        BootLog::Read { lines: self.kept.into(), bytes: self.bytes }
    }
}

/// A line without terminal sequences and control characters.
fn without_colours(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A sequence ends at its first letter.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut scan = Scan::default();
        // Lines are cut anywhere on their way.
        text.as_bytes().chunks(7).for_each(|chunk| scan.read(chunk));
        match scan.end() {
            BootLog::Read { lines, bytes } => {
                assert_eq!(bytes, text.len() as u64);
                lines
            }
            BootLog::Off => panic!("off"),
        }
    }

    #[test]
    fn only_what_matters_is_kept_without_colours_and_secrets() {
        let text = "[    0.0] Linux version\r\n\u{1b}[0;32m[  OK  ]\u{1b}[0m Started Ignition (fetch).\r\n\
                    ignition[8]: GET https://h/ignition: Authorization: Bearer abc.def\nignition[8]: same\nignition[8]: same\nlogin:";
        assert_eq!(
            lines(text),
            [
                "[  OK  ] Started Ignition (fetch).",
                "ignition[8]: GET https://h/ignition: Authorization: Bearer [redacted]",
                "ignition[8]: same"
            ]
        );
    }

    #[test]
    fn the_newest_lines_win_and_no_line_is_long() {
        let text: String = (0..50).map(|at| format!("ignition {at}\n")).collect();
        let kept = lines(&text);
        assert_eq!((kept.len(), kept[0].as_str(), kept[19].as_str()), (20, "ignition 30", "ignition 49"));
        assert!(lines(&format!("ignition {}", "x".repeat(100_000)))[0].len() <= MAX_LINE);
    }
}
