//! The status for people.

use std::fmt::Write as _;

use checks::status::{
    Assessment, Azure, Basis, ControlPlane, Desired, Egress, Found, Insight, Particulars, PoolSkew, PoolState,
    PoolStatus, Seen, Status,
};
use facts::{BundleFormat, Gap, Source};
use jiff::Timestamp;

use super::Tone;
use super::columns::{self, Row, wrapped};
use crate::terminal::Terminal;
use crate::text;

/// The columns of the labels, the blanks behind them included.
const LABEL: usize = 15;
/// Components, identities and root causes that are named before the rest is counted.
const NAMED: usize = 8;

pub(super) fn render(status: &Status, program: &str, terminal: &Terminal) -> String {
    let mut page = Page { out: String::new(), terminal };
    header(status, &mut page);
    page.blank();
    match &status.control_plane {
        Ok(plane) => control_plane(plane, &mut page),
        Err(gap) => page.unseen("control plane", gap),
    }
    match &status.node_pools {
        Ok(pools) => node_pools(status, pools, &mut page),
        Err(gap) => page.unseen("node pools", gap),
    }
    azure(&status.azure, &mut page);
    insights(status, &mut page);
    let look = || {
        let bundle = match &status.source {
            Source::Live { .. } => String::new(),
            Source::Bundle { path, .. } => format!(" --bundle {}", checks::quote(path)),
        };
        format!("{program} doctor {} -n {}{bundle}", status.target.name, status.target.namespace)
    };
    let command = status.next.clone().unwrap_or_else(look);
    page.out.push_str(&text::next(&command, program, terminal));
    page.out
}

/// One line per cluster.
pub(super) fn fleet(all: &[Status], program: &str, terminal: &Terminal) -> String {
    let rows: Vec<Row> = all
        .iter()
        .map(|status| {
            let plane = status.control_plane.as_ref().map(|plane| format!("{}/{}", plane.rolled_out, plane.total));
            let version = status.cluster.as_ref().ok().map(versions);
            Row {
                name: status.target.to_string(),
                values: vec![
                    version.unwrap_or_else(|| "?".to_owned()),
                    plane.unwrap_or_else(|_| "?".to_owned()),
                    nodes(&status.node_pools),
                ],
                text: summary(status),
                tone: tone(status),
            }
        })
        .collect();
    let header = ("CLUSTER", &["VERSION", "CONTROL PLANE", "NODES"][..], "STATUS");
    let lines = columns::lines(header, &[false, true, true], &rows, terminal.width(), terminal);
    let mut out = lines.iter().fold(String::new(), |out, line| out + line + "\n");
    let is_well = |status: &&Status| status.assessment == Assessment::Healthy && status.insights.is_empty();
    if let Some(first) = all.iter().find(|status| !is_well(status)).or(all.first()) {
        let command = format!("{program} status {} -n {}", first.target.name, first.target.namespace);
        out.push_str(&text::next(&command, program, terminal));
    }
    out
}

/// The verdict with its first reason, for a line of its own.
fn summary(status: &Status) -> String {
    let mut text = verdict(status);
    if let Some(insight) = status.insights.first() {
        let _ = write!(text, ": {} {}", insight.code, insight.what);
    } else if status.assessment == Assessment::Unknown {
        let _ = write!(text, ": {}", status.reason);
    }
    text
}

/// Ready nodes of all node pools, and how many are wanted for sure.
fn nodes(pools: &Seen<Vec<PoolStatus>>) -> String {
    let Ok(pools) = pools else { return "?".to_owned() };
    let wanted: i64 = pools.iter().map(|pool| i64::from(pool.desired.least())).sum();
    let ready: Option<i64> = pools.iter().map(|pool| pool.ready.map(i64::from)).sum();
    format!("{}/{wanted}", ready.map_or_else(|| "?".to_owned(), |ready| ready.to_string()))
}

/// What is written on, line by line.
struct Page<'a> {
    out: String,
    terminal: &'a Terminal,
}

impl Page<'_> {
    fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A label and a text in the column behind it.
    fn line(&mut self, label: &str, words: &str, tone: Tone) {
        for (at, line) in wrapped(words, self.terminal.width() - LABEL).iter().enumerate() {
            let lead = if at == 0 { label } else { "" };
            let _ = writeln!(self.out, "{}{}", self.label(lead), tone.paint(line, self.terminal));
        }
    }

    fn label(&self, label: &str) -> String {
        let pad = " ".repeat(LABEL.saturating_sub(label.len()));
        if label.is_empty() { pad } else { format!("{}{pad}", self.terminal.strong(label)) }
    }

    fn unseen(&mut self, label: &str, gap: &Gap) {
        self.line(label, &not_seen("", gap), Tone::Caution);
    }

    fn paragraph(&mut self, first: &str, hang: usize, words: &str, paint: impl Fn(&str) -> String) {
        let rest = " ".repeat(hang);
        for (at, line) in wrapped(words, self.terminal.width() - hang).iter().enumerate() {
            let _ = writeln!(self.out, "{}{}", if at == 0 { first } else { &rest }, paint(line));
        }
    }
}

fn header(status: &Status, page: &mut Page<'_>) {
    let dot = page.terminal.dot();
    let mut parts = vec![status.target.to_string()];
    if let Ok(cluster) = &status.cluster {
        parts.extend([versions(cluster), cluster.location.clone(), cluster.topology.clone()]);
    }
    let terminal = page.terminal;
    page.paragraph("", 0, &parts.join(dot), |line| terminal.strong(line));
    let mut verdict = verdict(status);
    if let Some(estimate) = &status.estimate {
        match estimate.minutes_left {
            Some(minutes) => {
                let _ = write!(verdict, ", control plane about {minutes} min left");
            }
            None => verdict.push_str(", longer than the upgrade before"),
        }
    }
    if let Some(since) = status.since {
        let _ = write!(verdict, "{dot}since {}", moment(since, status.collected_at));
    }
    page.paragraph("", 0, &verdict, |line| tone(status).paint(line, terminal));
    let mut notes = Vec::new();
    match &status.completion {
        Some(Ok(completion)) => notes.push(completion.basis.clone()),
        Some(Err(gap)) => notes.push(not_seen("how far it is: ", gap)),
        None => {}
    }
    notes.extend(status.estimate.as_ref().map(|estimate| estimate.basis.clone()));
    if matches!(status.assessment, Assessment::Deleting | Assessment::Paused | Assessment::Unknown) {
        notes.push(status.reason.clone());
    }
    for note in notes {
        page.paragraph("  ", 2, &note, str::to_owned);
    }
    let when = status.collected_at.strftime("%Y-%m-%d %H:%M:%SZ");
    let source = match &status.source {
        Source::Live { context } => {
            format!("seen {when}{}", context.as_ref().map(|name| format!(" in {name}")).unwrap_or_default())
        }
        Source::Bundle { path, format: BundleFormat::Facts } => format!("recorded {when} in bundle {path}"),
        Source::Bundle { path, format: BundleFormat::KubernetesDump } => {
            format!("recorded {when} in Kubernetes dump {path}")
        }
    };
    page.paragraph("  ", 2, &source, |line| terminal.faint(line));
}

/// `4.22.3`, or `4.22.3 -> 4.22.7` on the way.
pub(super) fn versions(cluster: &Particulars) -> String {
    match (&cluster.version, &cluster.going_to) {
        (Some(version), Some(to)) => format!("{version} -> {to}"),
        (Some(version), None) => version.clone(),
        (None, Some(to)) => format!("-> {to}"),
        (None, None) => "version not told".to_owned(),
    }
}

/// The verdict in words: `upgrading, 62 %, 1 failure`.
pub(super) fn verdict(status: &Status) -> String {
    let mut parts = vec![status.assessment.word().to_owned()];
    if let Some(Ok(completion)) = &status.completion {
        parts.push(format!("{} %", completion.percent));
    }
    match status.failures() {
        0 => {}
        1 => parts.push("1 failure".to_owned()),
        count => parts.push(format!("{count} failures")),
    }
    match status.warnings() {
        0 => {}
        1 => parts.push("1 warning".to_owned()),
        count => parts.push(format!("{count} warnings")),
    }
    if status.assessment == Assessment::Healthy && !status.unseen().is_empty() {
        parts.push("as far as seen".to_owned());
    }
    parts.join(", ")
}

fn tone(status: &Status) -> Tone {
    if status.failures() > 0 {
        return Tone::Bad;
    }
    match status.assessment {
        Assessment::Degraded => Tone::Bad,
        Assessment::Healthy if status.unseen().is_empty() && status.insights.is_empty() => Tone::Good,
        _ => Tone::Caution,
    }
}

/// `14:02Z (38 min)`, with the day where it is another one.
fn moment(then: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let time = if day(then) == day(now) { then.strftime("%H:%MZ") } else { then.strftime("%Y-%m-%d %H:%MZ") };
    format!("{time} ({})", age(then, now))
}

fn age(then: Timestamp, now: Timestamp) -> String {
    match (now.as_second() - then.as_second()) / 60 {
        minutes @ ..120 => format!("{} min", minutes.max(0)),
        minutes @ ..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1440),
    }
}

fn not_seen(what: &str, gap: &Gap) -> String {
    format!("{what}not seen ({})", gap.why)
}

fn control_plane(plane: &ControlPlane, page: &mut Page<'_>) {
    let things = match plane.basis {
        _ if plane.total == 0 => {
            return page.line("control plane", "nothing runs in its namespace", Tone::Caution);
        }
        Basis::Components => "components rolled out",
        Basis::Workloads => "workloads ready",
    };
    let at = plane.version.as_ref().map(|version| format!(" at {version}")).unwrap_or_default();
    let tone = if plane.pending.is_empty() { Tone::Good } else { Tone::Caution };
    page.line("control plane", &format!("{} of {} {things}{at}", plane.rolled_out, plane.total), tone);
    let waiting = pending(plane);
    if !waiting.is_empty() {
        page.line("", &format!("not yet: {waiting}"), Tone::Plain);
    }
}

/// The components that are not there yet, with their reasons; the first few by name.
pub(super) fn pending(plane: &ControlPlane) -> String {
    let mut names: Vec<String> =
        plane.pending.iter().take(NAMED).map(|pending| format!("{} ({})", pending.name, pending.why)).collect();
    if plane.pending.len() > NAMED {
        names.push(format!("{} more", plane.pending.len() - NAMED));
    }
    names.join(", ")
}

fn node_pools(status: &Status, pools: &[PoolStatus], page: &mut Page<'_>) {
    if pools.is_empty() {
        return page.line("node pools", "there are none", Tone::Plain);
    }
    let rows: Vec<Row> = pools
        .iter()
        .map(|pool| {
            let mut text = state(pool);
            if let Some(since) = pool.since.filter(|_| pool.state != PoolState::Ready) {
                let _ = write!(text, ", {}", age(since, status.collected_at));
            }
            Row {
                name: text::printable(&pool.name).into_owned(),
                values: vec![
                    desired(pool.desired),
                    pool.ready.map_or_else(|| "?".to_owned(), |ready| ready.to_string()),
                    text::printable(pool.version.as_deref().unwrap_or("?")).into_owned(),
                    skew(pool.skew),
                ],
                text,
                tone: match pool.state {
                    PoolState::Ready => Tone::Good,
                    PoolState::NotReady | PoolState::Refused => Tone::Bad,
                    _ => Tone::Caution,
                },
            }
        })
        .collect();
    let terminal = page.terminal;
    let header = ("NAME", &["WANT", "READY", "VERSION", "SKEW"][..], "STATE");
    let lines = columns::lines(header, &[true, true, false, false], &rows, terminal.width() - LABEL, terminal);
    for (at, line) in lines.iter().enumerate() {
        let lead = page.label(if at == 0 { "node pools" } else { "" });
        let _ = writeln!(page.out, "{lead}{line}");
    }
}

/// The state of a node pool with its reason.
pub(super) fn state(pool: &PoolStatus) -> String {
    let word = pool.state.describe();
    match pool.state {
        PoolState::Updating if pool.reason.starts_with("to ") => format!("{word} {}", pool.reason),
        _ if pool.reason.is_empty() => word.to_owned(),
        _ => format!("{word}: {}", pool.reason),
    }
}

pub(super) fn desired(desired: Desired) -> String {
    match desired {
        Desired::Fixed(count) => count.to_string(),
        Desired::Between { min, max } => format!("{min}-{max}"),
    }
}

pub(super) fn skew(skew: Option<PoolSkew>) -> String {
    match skew {
        None => "?".to_owned(),
        Some(PoolSkew::Behind(0)) => "ok".to_owned(),
        Some(PoolSkew::Behind(minors)) => format!("n-{minors}"),
        Some(PoolSkew::TooOld(minors)) => format!("n-{minors} too old"),
        Some(PoolSkew::Newer) => "too new".to_owned(),
    }
}

fn azure(azure: &Azure, page: &mut Page<'_>) {
    for (at, (words, tone)) in azure_lines(azure).into_iter().enumerate() {
        page.line(if at == 0 { "azure" } else { "" }, &words, tone);
    }
}

/// What is known of the Azure side, a line each; one where one reason keeps all of it from being seen.
pub(super) fn azure_lines(azure: &Azure) -> Vec<(String, Tone)> {
    let gaps = [
        azure.identities.as_ref().err(),
        azure.federated.as_ref().err(),
        azure.egress.as_ref().err(),
        azure.resource_group.as_ref().err(),
    ];
    if let [Some(one), rest @ ..] = gaps
        && rest.iter().all(|gap| *gap == Some(one))
    {
        return vec![(not_seen("", one), Tone::Caution)];
    }
    let found = |what: &str, seen: &Seen<Option<Found>>| match seen {
        Err(gap) => (not_seen(&format!("{what} "), gap), Tone::Caution),
        Ok(None) => (format!("{what}: not used, the cluster has managed identities with certificates"), Tone::Plain),
        Ok(Some(found)) if found.missing.is_empty() => {
            (format!("{what} {}/{}", found.found(), found.wanted), Tone::Good)
        }
        Ok(Some(found)) => {
            let missing: Vec<&str> = found.missing.iter().take(NAMED).map(String::as_str).collect();
            let more = found.missing.len() - missing.len();
            let more = if more > 0 { format!(", {more} more") } else { String::new() };
            (format!("{what} {}/{}, missing: {}{more}", found.found(), found.wanted, missing.join(", ")), Tone::Bad)
        }
    };
    let egress = match &azure.egress {
        Err(gap) => (not_seen("egress ", gap), Tone::Caution),
        Ok(egress) => self::egress(egress),
    };
    let group = match &azure.resource_group {
        Err(gap) => (not_seen("resource group ", gap), Tone::Caution),
        Ok((name, true)) => (format!("resource group {name} is there"), Tone::Good),
        Ok((name, false)) => (format!("resource group {name} does not exist"), Tone::Bad),
    };
    let (identities, federated) =
        (found("identities", &azure.identities), found("federated credentials", &azure.federated));
    vec![identities, federated, egress, group]
}

fn egress(egress: &Egress) -> (String, Tone) {
    match egress {
        Egress::LoadBalancer { ips, ports, capacity, nodes } => {
            let ips = if *ips == 1 { "1 IP".to_owned() } else { format!("{ips} IPs") };
            let nodes_text = nodes.map_or_else(|| "? nodes".to_owned(), |nodes| format!("{nodes}"));
            match (ports, capacity) {
                (Some(ports), Some(capacity)) => {
                    let full = nodes.is_some_and(|nodes| nodes > *capacity);
                    let tone = if full { Tone::Bad } else { Tone::Good };
                    (format!("egress {nodes_text} of {capacity} nodes ({ips}, {ports} SNAT ports per node)"), tone)
                }
                _ => (format!("egress by load balancer ({ips}), SNAT ports by the size of its pool"), Tone::Good),
            }
        }
        Egress::NatGateway { names } => (format!("egress by NAT gateway {}", names.join(", ")), Tone::Good),
        Egress::Route => ("egress by route to an appliance or gateway".to_owned(), Tone::Good),
        Egress::None => ("egress: no load balancer rule, NAT gateway or route".to_owned(), Tone::Bad),
    }
}

fn insights(status: &Status, page: &mut Page<'_>) {
    let remedies: Vec<&Gap> =
        status.unseen().into_iter().map(|(_, gap)| gap).filter(|gap| gap.needs.is_some()).collect();
    if status.insights.is_empty() && remedies.is_empty() {
        return;
    }
    page.blank();
    let terminal = page.terminal;
    for insight in status.insights.iter().take(NAMED) {
        let Insight { is_failure, code, what, .. } = insight;
        let (mark, tone) = if *is_failure { ("x", Tone::Bad) } else { ("!", Tone::Caution) };
        let lead = format!("{} HAZ-{code}  ", tone.paint(mark, terminal));
        page.paragraph(&lead, 12, what, str::to_owned);
    }
    if status.insights.len() > NAMED {
        let more = format!("{} more; the doctor tells all", status.insights.len() - NAMED);
        page.paragraph("  ", 2, &more, str::to_owned);
    }
    for gap in remedies {
        let (Some(needs), Some(scope)) = (&gap.needs, &gap.scope) else { continue };
        let lead = format!("{} ", terminal.caution("?"));
        page.paragraph(&lead, 2, &format!("needs {needs} on {scope}"), str::to_owned);
    }
}
