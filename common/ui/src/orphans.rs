//! The ledger of orphans: a table for people, a document for programs, and a script to review.

use std::fmt::Write as _;

use checks::quote;
use plan::destroy::orphans::{Deletion, Kind, Ledger, Line, Standing};
use serde::Serialize;

use crate::terminal::Terminal;
use crate::text;

const API_VERSION: &str = "hcp-azure.io/v1";

/// What was looked at.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The subscription.
    pub subscription: &'a str,
    /// The management clusters; none when the user vouches alone.
    pub contexts: &'a [String],
}

impl Scope<'_> {
    /// The management clusters in words.
    fn clusters(&self) -> String {
        match self.contexts {
            [] => "no management cluster was looked at".to_owned(),
            contexts => format!("management clusters looked at: {}", contexts.join(", ")),
        }
    }
}

/// The ledger for people.
pub fn table(ledger: &Ledger, scope: &Scope<'_>, terminal: &Terminal) -> String {
    let mut out = String::new();
    let title = format!("orphans in subscription {}", scope.subscription);
    let _ = writeln!(out, "{}", terminal.strong(&title));
    out.push_str(&text::hanging("", "  ", &scope.clusters(), terminal.width()));
    for (standing, title) in [
        (Standing::Proven, "left by dead clusters"),
        (Standing::Unproven, "unproven, perhaps somebody else's"),
        (Standing::Info, "to know"),
    ] {
        let lines: Vec<&Line> = ledger.lines.iter().filter(|line| line.standing == standing).collect();
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{}", terminal.strong(title));
        for line in lines {
            let mut facts = vec![line.reason.clone()];
            facts.extend(line.infra_id.as_ref().map(|id| format!("infra id {id}")));
            facts.extend(line.since.as_deref().map(|since| format!("since {}", since.get(..10).unwrap_or(since))));
            let cost = if line.costs { terminal.caution("$") } else { " ".to_owned() };
            let _ = writeln!(out, "{cost} {}", text::printable(&line.name));
            out.push_str(&text::hanging("    ", "    ", &facts.join(" · "), terminal.width()));
        }
    }
    if !ledger.notes.is_empty() {
        out.push('\n');
    }
    for note in &ledger.notes {
        let label = format!("{} ", terminal.caution("!"));
        out.push_str(&text::hanging(&label, "  ", note, terminal.width()));
    }
    let _ = writeln!(out, "\n{}", sum(ledger));
    terminal.fit(&out)
}

fn count(ledger: &Ledger, standing: Standing) -> usize {
    ledger.lines.iter().filter(|line| line.standing == standing).count()
}

fn sum(ledger: &Ledger) -> String {
    let costing = ledger.proven().filter(|line| line.costs).count();
    format!(
        "{} left by dead clusters, {costing} of them cost money ($); {} unproven",
        count(ledger, Standing::Proven),
        count(ledger, Standing::Unproven)
    )
}

/// A bash script that deletes what is proven, and nothing else; each command behind its proof.
pub fn script(ledger: &Ledger, scope: &Scope<'_>) -> String {
    let mut out = String::from("#!/usr/bin/env bash\n");
    let comment = |out: &mut String, text: &str| {
        // What comes from tags and names must not end the comment.
        let text = text::printable(text).replace('\n', " ");
        let _ = writeln!(out, "# {text}");
    };
    comment(&mut out, "What dead hosted clusters left, each with its proof. Read it before you run it.");
    comment(&mut out, &format!("Subscription {}; {}.", scope.subscription, scope.clusters()));
    for (id, dead) in &ledger.dead {
        let cluster = dead.cluster.as_deref().map(|name| format!(" of cluster {name}")).unwrap_or_default();
        let by = if dead.vouched { "the user says so" } else { "no HostedCluster has it" };
        comment(&mut out, &format!("Dead: infra id {id}{cluster}: {by}."));
    }
    out.push_str("set -eu\n");
    let mut kind = None;
    for line in ledger.proven() {
        let Some(command) = command(line) else { continue };
        if kind.replace(line.kind) != Some(line.kind) {
            out.push('\n');
            comment(&mut out, &format!("--- {} ---", plural(line.kind)));
        }
        let since = line.since.as_deref().map(|since| format!(", since {since}")).unwrap_or_default();
        comment(&mut out, &format!("{}: {}{since}", line.name, line.reason));
        let _ = writeln!(out, "{command}");
    }
    if kind.is_none() {
        comment(&mut out, "Nothing is proven to be left.");
    }
    out
}

/// The command that deletes one thing.
fn command(line: &Line) -> Option<String> {
    let id = quote(line.id.as_str());
    Some(match line.deletion.as_ref()? {
        Deletion::Group { subscription, name } => {
            format!("az group delete --subscription {} --name {} --yes", quote(subscription), quote(name))
        }
        Deletion::RoleAssignment => format!("az role assignment delete --ids {id}"),
        Deletion::Identity => format!("az identity delete --ids {id}"),
        Deletion::Resource => format!("az resource delete --ids {id}"),
        Deletion::Record { zone, kind, name } => format!(
            "az network dns record-set {} delete --subscription {} --resource-group {} --zone-name {} --name {} --yes",
            kind.to_ascii_lowercase(),
            quote(zone.subscription()?),
            quote(zone.resource_group()?),
            quote(zone.name()?),
            quote(name)
        ),
    })
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::RoleAssignment => "role assignments",
        Kind::Resource => "resources in groups that stay",
        Kind::ResourceGroup => "resource groups with all that is in them",
        Kind::Identity => "managed identities",
        Kind::DnsRecord => "DNS records",
        Kind::IssuerAccount => "storage accounts of issuers",
    }
}

/// The ledger for programs. Fields are only ever added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    subscription: &'a str,
    management_clusters: &'a [String],
    dead: Vec<Dead<'a>>,
    summary: Summary,
    orphans: Vec<Orphan<'a>>,
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dead<'a> {
    infra_id: &'a str,
    cluster: Option<&'a str>,
    /// Whether the user says so.
    vouched: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    proven: usize,
    unproven: usize,
    info: usize,
    cost_bearing: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Orphan<'a> {
    kind: &'static str,
    id: &'a str,
    name: &'a str,
    infra_id: Option<&'a str>,
    standing: &'static str,
    /// The proof, or why there is none.
    reason: &'a str,
    since: Option<&'a str>,
    cost_bearing: bool,
    /// The command that would delete it; none for what is not proven.
    command: Option<String>,
}

impl<'a> LedgerDocument<'a> {
    /// The document of a ledger.
    pub fn of(ledger: &'a Ledger, scope: &Scope<'a>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "OrphanLedger",
            subscription: scope.subscription,
            management_clusters: scope.contexts,
            dead: ledger
                .dead
                .iter()
                .map(|(id, dead)| Dead { infra_id: id, cluster: dead.cluster.as_deref(), vouched: dead.vouched })
                .collect(),
            summary: Summary {
                proven: count(ledger, Standing::Proven),
                unproven: count(ledger, Standing::Unproven),
                info: count(ledger, Standing::Info),
                cost_bearing: ledger.proven().filter(|line| line.costs).count(),
            },
            orphans: ledger.lines.iter().map(orphan).collect(),
            notes: &ledger.notes,
        }
    }
}

fn orphan(line: &Line) -> Orphan<'_> {
    Orphan {
        kind: match line.kind {
            Kind::RoleAssignment => "RoleAssignment",
            Kind::Resource => "Resource",
            Kind::ResourceGroup => "ResourceGroup",
            Kind::Identity => "Identity",
            Kind::DnsRecord => "DnsRecord",
            Kind::IssuerAccount => "IssuerAccount",
        },
        id: line.id.as_str(),
        name: &line.name,
        infra_id: line.infra_id.as_deref(),
        standing: match line.standing {
            Standing::Proven => "proven",
            Standing::Unproven => "unproven",
            Standing::Info => "info",
        },
        reason: &line.reason,
        since: line.since.as_deref(),
        cost_bearing: line.costs,
        command: command(line),
    }
}

#[cfg(test)]
mod tests {
    use facts::ArmId;
    use plan::destroy::orphans::{Facts, Spec, ledger};
    use serde_json::{Value, json};

    use super::*;

    /// Names and tags may be written by anybody: nothing in them may run.
    #[test]
    fn nothing_of_a_name_or_tag_runs_in_the_script() {
        let group = ArmId::of_group("s", "g$(reboot)").as_str().to_owned();
        let tags = json!({"hcp-azure_infra-id": "dev", "hcp-azure_cluster": "x\nreboot\u{202e}"});
        let groups: Vec<Value> = vec![json!({"id": group, "name": "g$(reboot)", "tags": tags})];
        let facts = Facts { groups, ..Facts::default() };
        let spec = Spec { subscription: "s".into(), vouched: ["dev".to_owned()].into() };
        let Ok(ledger) = ledger(&spec, &facts) else { unreachable!("the spec is fine") };
        let text = script(&ledger, &Scope { subscription: "s", contexts: &[] });
        assert!(text.contains("az group delete --subscription s --name 'g$(reboot)' --yes\n"), "{text}");
        let known = ["#", "set -eu", "az group delete"];
        assert!(
            text.lines().all(|line| line.is_empty() || known.iter().any(|start| line.starts_with(start))),
            "{text}"
        );
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}
