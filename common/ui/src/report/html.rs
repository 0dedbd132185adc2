//! The report as one page: `-o html`.
//!
//! The page is complete in itself: its style and its drawings stand in it, it has no script, and its Content Security
//! Policy lets it fetch nothing. It is well-formed XML too, which tests use to hold every text to its element. Verdicts are
//! told by words and shapes; colour only repeats them.

mod cards;
mod identity;
mod mark;
mod network;
mod svg;

use std::fmt::Write as _;

use checks::{Group, Row, Verdict};
use facts::{BundleFormat, Source};

use self::mark::{Tone, shape};
use super::{Shown, table};
use crate::markup::escape;

/// What the page may do: use its own style, and show the empty icon that keeps a browser from asking for one.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

pub(super) fn render(all: &[Shown<'_>]) -> String {
    let title = match all {
        [one] => format!("{}: {}", one.facts.target, verdict(one).0),
        _ => format!("{} hosted clusters", all.len()),
    };
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <meta name=\"generator\" content=\"hcp-azure {}\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}{}<main>\n",
        env!("CARGO_PKG_VERSION"),
        escape(&title),
        include_str!("html/style.css"),
        mark::SHAPES,
        svg::HEAD,
    );
    if all.len() != 1 {
        fleet(all, &mut out);
    }
    for (at, shown) in all.iter().enumerate() {
        // Of several, a healthy cluster's line says it all.
        if all.len() == 1 || has_more_to_say(shown) {
            cluster(shown, at + 1, &mut out);
        }
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// The verdict in words, and its tone.
fn verdict(shown: &Shown<'_>) -> (String, Tone) {
    let roots = shown.report.roots();
    let failed = roots.iter().filter(|row| row.verdict == Verdict::Fail).count();
    let summary = shown.report.summary();
    if failed > 0 {
        (table::count(failed, "root cause"), Tone::Fail)
    } else if !roots.is_empty() {
        (table::count(roots.len(), "warning"), Tone::Warn)
    } else if summary.unknown > 0 {
        ("nothing found, not all was seen".into(), Tone::Unknown)
    } else if summary.accepted > 0 {
        ("nothing found that is not accepted".into(), Tone::Accepted)
    } else {
        ("healthy".into(), Tone::Pass)
    }
}

fn has_more_to_say(shown: &Shown<'_>) -> bool {
    verdict(shown).1 != Tone::Pass
}

/// One line per cluster, with a link to its part of the page where it has one.
fn fleet(all: &[Shown<'_>], out: &mut String) {
    let _ = writeln!(out, "<h1>{}</h1>", table::count(all.len(), "hosted cluster"));
    out.push_str(
        "<div class=\"wide\"><table class=\"fleet\"><thead><tr><th>Cluster</th><th>Verdict</th><th>First cause</th>\
         <th class=\"n\">Warnings</th><th class=\"n\">Not seen</th><th class=\"n\">Passed</th></tr></thead><tbody>\n",
    );
    for (at, shown) in all.iter().enumerate() {
        let (words, tone) = verdict(shown);
        let summary = shown.report.summary();
        let first = shown
            .report
            .roots()
            .first()
            .map_or_else(String::new, |row| format!("{} {}", row.check.printed_code(), row.subject));
        let target = escape(&shown.facts.target.to_string());
        let linked = format!("<a href=\"#c{}\">{target}</a>", at + 1);
        let name = if has_more_to_say(shown) { linked } else { target };
        let _ = writeln!(
            out,
            "<tr><td>{name}</td><td>{}{words}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td></tr>",
            shape(tone),
            escape(&first),
            summary.warn,
            summary.unknown,
            summary.pass
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn cluster(shown: &Shown<'_>, number: usize, out: &mut String) {
    let (words, tone) = verdict(shown);
    let _ = writeln!(out, "<article id=\"c{number}\">\n<header>");
    let _ =
        writeln!(out, "<p class=\"over\">Hosted cluster in namespace {}</p>", escape(&shown.facts.target.namespace));
    let _ = writeln!(out, "<h1>{}</h1>", escape(&shown.facts.target.name));
    let _ = writeln!(out, "<p class=\"verdict {}\">{}{words}</p>", tone.name(), shape(tone));
    numbers(shown, out);
    about(shown, out);
    out.push_str("</header>\n");
    cards::causes(shown, number, out);
    cards::chains(shown, out);
    pictures(shown, number, out);
    cards::unknowns(shown, out);
    cards::accepted(shown, out);
    every_check(shown, out);
    let more = format!("{} explain CODE", shown.program);
    let _ = writeln!(
        out,
        "<footer><p>hcp-azure {}. Nothing was changed. What was not seen is not healthy. More about a check: \
         <code>{}</code></p></footer>\n</article>",
        env!("CARGO_PKG_VERSION"),
        escape(&more)
    );
}

/// The figures below the verdict.
fn numbers(shown: &Shown<'_>, out: &mut String) {
    let report = shown.report;
    let summary = report.summary();
    let roots = report.roots();
    let failed = roots.iter().filter(|row| row.verdict == Verdict::Fail).count();
    let caused = report.rows.iter().filter(|row| Tone::of(row) == Tone::Symptom).count();
    let figures = [
        (Tone::Fail, failed, "root causes"),
        (Tone::Warn, roots.len() - failed, "warnings"),
        (Tone::Symptom, caused, "rows caused by them"),
        (Tone::Unknown, summary.unknown, "could not be checked"),
        (Tone::Accepted, summary.accepted, "accepted"),
        (Tone::Pass, summary.pass, "passed"),
    ];
    out.push_str("<ul class=\"figures\">\n");
    for (tone, count, words) in figures {
        if count > 0 || matches!(tone, Tone::Fail | Tone::Unknown | Tone::Pass) {
            // Nothing found is nothing to be alarmed about.
            let tone = if count == 0 { Tone::Quiet } else { tone };
            let _ =
                writeln!(out, "<li class=\"{}\"><b>{count}</b> <span>{}{words}</span></li>", tone.name(), shape(tone));
        }
    }
    out.push_str("</ul>\n");
}

/// What was looked at, by whom and when.
fn about(shown: &Shown<'_>, out: &mut String) {
    let facts = shown.facts;
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if let Some(cluster) = facts.hosted.cluster.get() {
        if let Some(version) = cluster.version.effective() {
            pairs.push(("Release", version.to_owned()));
        }
        let topology = cluster.azure.topology.as_deref().unwrap_or("Public");
        pairs.push(("Where", format!("{}, {topology}", cluster.azure.location)));
        pairs.push(("Infra id", cluster.infra_id.clone()));
    }
    let when = facts.collected_at.strftime("%Y-%m-%d %H:%M:%S UTC");
    pairs.push(("Seen", when.to_string()));
    pairs.push(match &facts.source {
        Source::Live { context } => {
            ("Source", context.as_ref().map_or_else(|| "live".into(), |context| format!("live, context {context}")))
        }
        Source::Bundle { path, format: BundleFormat::Facts } => ("Source", format!("bundle {path}")),
        Source::Bundle { path, format: BundleFormat::KubernetesDump } => ("Source", format!("Kubernetes dump {path}")),
    });
    if let Some(caller) = table::caller_line(shown, "…") {
        pairs.push(("Asked", caller));
    }
    out.push_str("<dl class=\"about\">\n");
    for (label, value) in pairs {
        let class = if matches!(label, "Source" | "Asked") { " class=\"two\"" } else { "" };
        let _ = writeln!(out, "<div{class}><dt>{label}</dt><dd>{}</dd></div>", escape(&value));
    }
    out.push_str("</dl>\n");
}

fn pictures(shown: &Shown<'_>, number: usize, out: &mut String) {
    let Some(cluster) = shown.facts.hosted.cluster.get() else {
        return;
    };
    let _ = writeln!(
        out,
        "<section>\n<h2>Network</h2>\n{}</section>",
        network::draw(shown, cluster, &format!("n{number}"))
    );
    if let Some(drawing) = identity::draw(shown, cluster, &format!("i{number}")) {
        let _ = writeln!(out, "<section>\n<h2>Identities</h2>\n{drawing}{}</section>", legend());
    }
}

/// What the shapes mean.
fn legend() -> String {
    let entries = [
        (Tone::Pass, "ok"),
        (Tone::Fail, "root cause"),
        (Tone::Warn, "warning"),
        (Tone::Symptom, "caused by a root elsewhere"),
        (Tone::Unknown, "not seen"),
        (Tone::Accepted, "accepted"),
        (Tone::Quiet, "not checked"),
    ];
    let none = "<li><b>·</b> no role needed there</li>";
    let items: Vec<String> = entries.iter().map(|(tone, words)| format!("<li>{}{words}</li>", shape(*tone))).collect();
    format!("<ul class=\"legend\">{}{none}</ul>\n", items.concat())
}

/// Every row by group; groups in which all is well are folded.
fn every_check(shown: &Shown<'_>, out: &mut String) {
    out.push_str("<section>\n<h2>Every check</h2>\n");
    for group in Group::ALL {
        let rows: Vec<&Row> = shown.report.rows.iter().filter(|row| row.check.group == group).collect();
        let Some(worst) = rows.iter().map(|row| Tone::of(row)).min() else { continue };
        let summary = shown.report.summary_of(group);
        let counts = [
            (summary.fail, "failed"),
            (summary.warn, if summary.warn == 1 { "warning" } else { "warnings" }),
            (summary.unknown, "not seen"),
            (summary.accepted, "accepted"),
            (summary.pass + summary.info, "passed"),
            (summary.skipped, "skipped"),
        ];
        let counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        let open = if worst < Tone::Info { " open=\"open\"" } else { "" };
        let _ = writeln!(
            out,
            "<details{open}><summary>{}<b>{}</b> <span>{}</span></summary>\n<div class=\"wide\"><table class=\"rows\"><tbody>",
            shape(worst),
            group.name(),
            counts.join(", ")
        );
        for row in rows {
            cards::line(row, out);
        }
        out.push_str("</tbody></table></div></details>\n");
    }
    out.push_str("</section>\n");
}
