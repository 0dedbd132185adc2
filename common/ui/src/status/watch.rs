//! [`Watch`]: a status that is looked at again and again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

use checks::status::{Assessment, Status};

use super::{columns, screen};
use crate::terminal::Terminal;

/// What was shown so far. A terminal is drawn anew; a pipe or a file gets only the lines that changed, with the time.
#[derive(Debug, Default)]
pub struct Watch {
    redraws: bool,
    last: Option<BTreeMap<String, String>>,
}

impl Watch {
    /// For stdout as it is.
    pub fn of_stdout() -> Self {
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { redraws: std::io::stdout().is_terminal() && !is_dumb, last: None }
    }

    /// What to write for a look: the whole `page` in place of the one before, or the lines that changed.
    pub fn look(&mut self, all: &[Status], page: &str, terminal: &Terminal) -> String {
        if self.redraws {
            let first = self.last.replace(BTreeMap::new()).is_none();
            return frame(page, first);
        }
        let now: BTreeMap<String, String> = all.iter().flat_map(parts).collect();
        let time = all.first().map(|status| status.collected_at.strftime("%H:%M:%SZ").to_string()).unwrap_or_default();
        let before = self.last.replace(now.clone());
        let mut out = String::new();
        let mut say = |text: &str| {
            let lines = columns::wrapped(text, terminal.width() - time.len() - 2);
            for (at, line) in lines.iter().enumerate() {
                let lead = if at == 0 { time.clone() } else { " ".repeat(time.len()) };
                let _ = writeln!(out, "{lead}  {line}");
            }
        };
        let was = before.unwrap_or_default();
        for (part, text) in now.iter().filter(|(part, text)| was.get(*part) != Some(*text)) {
            say(&format!("{}{text}", subject(part)));
        }
        for (part, text) in was.iter().filter(|(part, _)| !now.contains_key(*part)) {
            say(&format!("{}no longer: {text}", subject(part)));
        }
        terminal.fit(&out)
    }
}

/// A key orders the parts and names them: `cluster`, a digit, a name.
fn key(status: &Status, order: u8, name: &str) -> String {
    format!("{}\n{order}\n{name}", status.target)
}

fn subject(key: &str) -> String {
    let mut parts = key.splitn(3, '\n');
    let (cluster, name) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    if name.is_empty() { format!("{cluster}  ") } else { format!("{cluster}  {name}: ") }
}

/// What may change, without ages, which always do.
fn parts(status: &Status) -> Vec<(String, String)> {
    let version =
        status.cluster.as_ref().map(|cluster| format!(" ({})", screen::versions(cluster))).unwrap_or_default();
    let mut verdict = format!("{}{version}", screen::verdict(status));
    if matches!(status.assessment, Assessment::Deleting | Assessment::Paused | Assessment::Unknown) {
        let _ = write!(verdict, ": {}", status.reason);
    }
    let mut parts = vec![(key(status, 0, ""), verdict)];
    if let Ok(plane) = &status.control_plane {
        let waiting = screen::pending(plane);
        let waiting = if waiting.is_empty() { String::new() } else { format!("; not yet: {waiting}") };
        parts.push((key(status, 1, "control plane"), format!("{} of {}{waiting}", plane.rolled_out, plane.total)));
    }
    for pool in status.node_pools.as_deref().unwrap_or_default() {
        let ready = pool.ready.map_or_else(|| "?".to_owned(), |ready| ready.to_string());
        let version = pool.version.as_deref().unwrap_or("?");
        let text = format!("{ready} of {}, {version}, {}", screen::desired(pool.desired), screen::state(pool));
        parts.push((key(status, 2, &format!("node pool {}", pool.name)), text));
    }
    let azure: Vec<String> = screen::azure_lines(&status.azure).into_iter().map(|(line, _)| line).collect();
    parts.push((key(status, 3, "azure"), azure.join("; ")));
    for insight in &status.insights {
        let name = format!("HAZ-{} {}", insight.code, insight.subject);
        parts.push((key(status, 4, &name), insight.what.clone()));
    }
    for (names, gap) in status.unseen() {
        parts.push((key(status, 5, &names.join(", ")), format!("not seen ({})", gap.why)));
    }
    parts
}

/// A page over the one before, without the flicker of an empty screen between.
fn frame(page: &str, first: bool) -> String {
    let mut out = String::from(if first { "\u{1b}[2J\u{1b}[H" } else { "\u{1b}[H" });
    for line in page.lines() {
        let _ = write!(out, "{line}\u{1b}[K\r\n");
    }
    out.push_str("\u{1b}[J");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_clears_what_is_left_of_the_one_before() {
        assert_eq!(frame("a\nb\n", true), "\u{1b}[2J\u{1b}[Ha\u{1b}[K\r\nb\u{1b}[K\r\n\u{1b}[J");
        assert_eq!(frame("a\n", false), "\u{1b}[Ha\u{1b}[K\r\n\u{1b}[J");
    }
}
