//! The renderers on the shipped recordings, on reports of any size, and on texts that try to be more than text.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use checks::waiver::{self, Entry, Waiver};
use checks::{Bar, Report, Selection, Stage, Verdict, examine};
use facts::hosted::LogLine;
use facts::{Fact, Facts, Gap, GapKind};
use proptest::prelude::*;

use super::*;

mod fuzz;

const EVIL: &str =
    "<script>alert(1)</script>\"'&]]>`a` ``` --> @admin #1 [x](https://evil.example) \u{1b}[2J\u{202e}\u{0}";

fn recorded(name: &str) -> Facts {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bundles").join(name).join("facts.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn report(facts: &Facts, accept: &[(&str, &str)]) -> Report {
    let mut report = examine(facts, &Selection::default().of_stage(Stage::Support));
    let waivers: Vec<Waiver> = accept
        .iter()
        .map(|(code, expires)| {
            let entry = Entry {
                code: Some(code),
                reason: Some("a <known> fault"),
                expires: Some(expires),
                owner: Some("net-team"),
                ..Entry::default()
            };
            Waiver::from_file(&entry, "waivers.yaml, line 1".into()).unwrap()
        })
        .collect();
    waiver::apply(&waivers, &mut [&mut report], &Selection::default().of_stage(Stage::Support));
    report
}

fn shown<'a>(facts: &'a Facts, report: &'a Report) -> Shown<'a> {
    Shown {
        facts,
        report,
        elapsed: Duration::from_millis(1400),
        program: "kubectl hcp-azure",
        again: "demo -n clusters",
    }
}

#[test]
fn an_outline_of_the_facts_is_all_that_is_shown() {
    let terminal = Terminal::plain(100);
    for name in ["healthy", "three-root-causes"] {
        let facts = recorded(name);
        let report = report(&facts, &[]);
        let whole = shown(&facts, &report);
        let (drawn, said) = (outline(facts.clone(), true), outline(facts.clone(), false));
        assert_eq!(html(&[whole]), html(&[shown(&drawn, &report)]));
        let (whole, said) = ([shown(&facts, &report)], [shown(&said, &report)]);
        assert_eq!(wide(&whole[0], &terminal), wide(&said[0], &terminal));
        assert_eq!(fleet(&whole, &terminal), fleet(&said, &terminal));
        assert_eq!(markdown(&whole), markdown(&said));
        assert_eq!(junit(&whole, Bar::default()), junit(&said, Bar::default()));
    }
}

/// Every text that others write holds what tries to break out of its place.
fn hostile() -> Facts {
    let text = serde_json::to_string(&recorded("three-root-causes")).unwrap();
    let evil = serde_json::to_string(EVIL).unwrap();
    let evil = evil.trim_matches('"');
    let text = [
        "capi-provider deployment has 1 unavailable replicas",
        "Cluster operators console, ingress are not available",
        "demo-demo-x7k2p-nsg",
        "deny-internet",
        "demo-gpu",
        "Capi-Provider",
        "hcp-prod",
    ]
    .iter()
    .fold(text, |text, word| text.replace(word, &format!("{word}{evil}")));
    let mut facts: Facts = serde_json::from_str(&text).unwrap();
    facts.target.name = format!("demo{EVIL}");
    let gap = Gap::new(GapKind::Denied, EVIL).needing(EVIL, EVIL);
    facts.oidc.storage = Fact::Unreadable(gap);
    facts
}

fn xml(text: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn attribute<'a>(node: &roxmltree::Node<'a, '_>, name: &str) -> &'a str {
    node.attribute(name).unwrap_or_default()
}

#[test]
fn junit_agrees_with_the_exit_code() {
    let facts = recorded("three-root-causes");
    let mut unseen = facts.clone();
    unseen.oidc.storage = Fact::Unreadable(Gap::new(GapKind::Denied, "403"));
    for (facts, accept) in [(&facts, vec![]), (&facts, vec![("FC01", "2027-01-31")]), (&unseen, vec![])] {
        let report = report(facts, &accept);
        for bar in [
            Bar::default(),
            Bar { warnings: true, unknowns: false },
            Bar { warnings: false, unknowns: true },
            Bar { warnings: true, unknowns: true },
        ] {
            let text = junit(&[shown(facts, &report)], bar);
            let document = xml(&text);
            let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
            let counting = report.rows.iter().filter(|row| bar.counts(row)).count();
            assert_eq!(count("failure") + count("error"), counting);
            assert_eq!(count("testcase"), report.rows.len());
            let root = document.root_element();
            for (attribute_name, element) in
                [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
            {
                assert_eq!(attribute(&root, attribute_name), count(element).to_string(), "{attribute_name}");
                let suites = document.descendants().filter(|node| node.has_tag_name("testsuite"));
                let sum: usize = suites.map(|suite| attribute(&suite, attribute_name).parse::<usize>().unwrap()).sum();
                assert_eq!(sum, count(element), "{attribute_name} of the suites");
            }
        }
    }
}

#[test]
fn junit_cases_have_names_of_their_own() {
    let facts = recorded("three-root-causes");
    let mut report = report(&facts, &[]);
    // Two rows of one check about one thing.
    let twice = report.rows.iter().position(|row| row.check.code == "FC01").unwrap();
    let other = report.rows.iter().position(|row| row.check.code == "FC02").unwrap();
    report.rows[other].check = report.rows[twice].check;
    report.rows[other].subject = report.rows[twice].subject.clone();
    let text = junit(&[shown(&facts, &report)], Bar::default());
    let document = xml(&text);
    let names: Vec<(&str, &str)> = document
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|node| (node.attribute("classname").unwrap(), node.attribute("name").unwrap()))
        .collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), distinct.len());
}

#[test]
fn what_is_accepted_is_told_in_every_format() {
    let facts = recorded("three-root-causes");
    let accept = [("NW02", "2027-01-31"), ("NP03", "2026-10-01"), ("FC03", "2027-01-31")];
    let report = report(&facts, &accept);
    let shown = shown(&facts, &report);
    let plain = crate::Terminal::plain(120);
    let all = [
        ("table", table(&shown, &plain)),
        ("wide", wide(&shown, &plain)),
        ("json", json(&DoctorReport::of(&report)).unwrap()),
        ("yaml", yaml(&DoctorReport::of(&report)).unwrap()),
        ("junit", xml_text(&junit(std::slice::from_ref(&shown), Bar::default()))),
        ("markdown", markdown(std::slice::from_ref(&shown))),
        ("html", xml_text(&html(std::slice::from_ref(&shown)))),
        ("name", name(&[&report], false)),
    ];
    for (format, text) in &all {
        assert!(text.contains("net-team") && text.contains("fault"), "{format}: {text}");
    }
    for (format, text) in all.iter().filter(|(format, _)| !["junit", "name"].contains(format)) {
        assert!(
            text.contains("expired") && (text.contains("matches nothing") || text.contains("unused")),
            "{format}: {text}"
        );
    }
    assert!(!report.roots().iter().any(|row| row.check.code == "NW02"));
}

/// The text of a document, with entities resolved, attributes included.
fn xml_text(text: &str) -> String {
    let document = xml(text);
    let mut out = String::new();
    for node in document.descendants() {
        node.attributes().for_each(|attribute| out.push_str(attribute.value()));
        out.push_str(node.text().filter(|_| node.is_text()).unwrap_or_default());
    }
    out
}

#[test]
fn nothing_gets_out_of_its_place() {
    let facts = hostile();
    let report = report(&facts, &[("NP03", "2027-01-31")]);
    assert!(report.roots().len() >= 2, "{:#?}", report.roots());
    let shown = shown(&facts, &report);
    let page = html(std::slice::from_ref(&shown));
    let document = xml(&page);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        assert!(!["script", "iframe", "img", "object", "embed", "form", "base"].contains(&tag), "{tag}");
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "style", "{tag} {}", attribute.name());
            let link = ["href", "src"].contains(&attribute.name());
            let known = attribute.value().starts_with('#')
                || attribute.value() == "data:,"
                || attribute.value().starts_with("https://github.com/hcp-azure/hcp-azure/blob/main/docs/checks/");
            assert!(!link || known, "{}", attribute.value());
        }
    }
    assert!(xml_text(&page).contains("<script>alert(1)</script>"), "it is shown as text");
    for control in ['\u{0}', '\u{1b}', '\u{202e}'] {
        for (format, text) in [
            ("html", page.clone()),
            ("junit", junit(std::slice::from_ref(&shown), Bar { warnings: true, unknowns: true })),
            ("markdown", markdown(std::slice::from_ref(&shown))),
            ("name", name(&[&report], true)),
        ] {
            assert!(!text.contains(control), "{format} holds {control:?}");
        }
    }
    xml(&junit(std::slice::from_ref(&shown), Bar { warnings: true, unknowns: true }));
    let ticket = markdown(std::slice::from_ref(&shown));
    assert!(outside_code(&ticket).iter().all(|text| !text.contains('<') && !text.contains("@admin")), "{ticket}");
    assert_eq!(name(&[&report], false).lines().count(), findings(&report));
}

fn findings(report: &Report) -> usize {
    report.rows.iter().filter(|row| matches!(row.verdict, Verdict::Fail | Verdict::Warn)).count()
}

/// The parts of a Markdown text that no fence and no code span holds, read as CommonMark does.
fn outside_code(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut fence: Option<usize> = None;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) => {
                if ticks >= open && line.trim_start_matches('`').trim().is_empty() {
                    fence = None;
                }
                continue;
            }
            None if ticks >= 3 && !line[ticks..].contains('`') => {
                fence = Some(ticks);
                continue;
            }
            None => {}
        }
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            parts.push(rest[..at].to_owned());
            let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let body = &rest[at + run..];
            let mut from = 0;
            let mut end = None;
            while let Some(next) = body[from..].find('`').map(|next| from + next) {
                let length = body[next..].len() - body[next..].trim_start_matches('`').len();
                if length == run {
                    end = Some(next + length);
                    break;
                }
                from = next + length;
            }
            let Some(end) = end else { panic!("an open code span in {line}") };
            rest = &body[end..];
        }
        parts.push(rest.to_owned());
    }
    assert_eq!(fence, None, "an open fence");
    parts
}

#[test]
fn a_ticket_has_at_most_60_lines_whatever_the_report_holds() {
    let facts = recorded("three-root-causes");
    let base = report(&facts, &[]);
    let root = || {
        let mut again = report(&facts, &[]);
        let at = again.rows.iter().position(|row| row.check.code == "NW02").unwrap();
        again.rows.swap_remove(at)
    };
    assert!(markdown(&[shown(&facts, &base)]).lines().count() <= 60);
    for count in [1, 5, 10, 40, 200] {
        let mut many = report(&facts, &[("HC01", "2027-01-31"), ("NP01", "2026-10-01")]);
        many.rows.extend((0..count).map(|_| root()));
        for at in 0..count {
            let mut unknown = root();
            unknown.verdict = Verdict::Unknown;
            unknown.gap =
                Some(Gap::new(GapKind::Denied, format!("reason {at}\n\n\nwith\nlines")).needing("a/read", "/s"));
            many.rows.push(unknown);
        }
        let text = markdown(&[shown(&facts, &many)]);
        let lines = text.lines().count();
        assert!(lines <= 60, "{count}: {lines}\n{text}");
        assert!(
            text.contains("Could not be checked") && text.contains("### Accepted") && text.contains("More: `"),
            "{text}"
        );
        assert!(count < 40 || text.contains(" more"), "{text}");
        outside_code(&text);
    }
    // One cause with more commands and evidence than fit.
    let mut long = root();
    long.evidence.0 = (0..500).map(|at| (format!("label {}", at % 7), "x ".repeat(5000))).collect();
    long.fixes[0].commands = (0..100).map(|at| format!("echo {at}\necho again")).collect();
    let mut one = report(&facts, &[]);
    one.rows = vec![long];
    let text = markdown(&[shown(&facts, &one)]);
    assert!(text.lines().count() <= 60 && text.contains("--only NW02"), "{text}");
}

#[test]
fn the_page_is_complete_in_itself_and_says_it_all() {
    for bundle in ["healthy", "three-root-causes"] {
        let facts = recorded(bundle);
        let report = report(&facts, &[]);
        let page = html(&[shown(&facts, &report)]);
        for word in ["url(http", "@import", "<script", " src=", "javascript:"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
        let text = xml_text(&page);
        for row in &report.rows {
            assert!(text.contains(&row.check.printed_code()), "{}", row.check.code);
        }
        for root in report.roots() {
            assert!(text.contains(&root.subject));
            for fix in root.fixes.iter().flat_map(|fix| &fix.commands) {
                assert!(text.replace(" \\\n ", "").contains(fix), "{fix}");
            }
        }
        for word in ["OIDC issuer", "demo-node-pool-mgmt-demo-x7k2p", "load balancer", "subnet default", "Internet"] {
            assert!(text.contains(word), "{word} is not drawn");
        }
        assert_eq!(bundle == "healthy", text.contains("demo: healthy"));
    }
}

#[test]
fn parts_of_the_picture_carry_the_verdict_of_their_rows() {
    let facts = recorded("three-root-causes");
    let text = html(&[shown(&facts, &report(&facts, &[]))]);
    let document = xml(&text);
    let words: Vec<(&str, &str)> = document
        .descendants()
        .filter(|node| attribute(node, "class").starts_with("tw "))
        .map(|node| (attribute(&node, "class"), node.text().unwrap_or_default()))
        .collect();
    assert_eq!(words.iter().filter(|(class, _)| *class == "tw fail").count(), 3, "{words:?}");
    for word in ["fails FC01", "fails NW02", "fails NP03", "caused by NW02 FC01", "caused by NW02"] {
        assert!(words.iter().any(|(_, text)| *text == word), "{word} in {words:?}");
    }
    let mut nothing = facts.clone();
    nothing.azure = facts::azure::Azure::default();
    nothing.oidc = facts::oidc::Oidc::default();
    let text = html(&[shown(&nothing, &report(&nothing, &[]))]);
    assert!(text.contains("not seen: ") && !text.contains(">fails FC01"), "{text}");
    let unread = Facts::unread(facts.collected_at, facts.source.clone(), facts.target.clone());
    let text = html(&[shown(&unread, &report(&unread, &[]))]);
    xml(&text);
    assert!(!text.contains("<h2>Network</h2>"));
}

/// The colours of a style sheet's nth `:root`, by name.
fn colours(style: &str, nth: usize) -> std::collections::BTreeMap<&str, [f64; 3]> {
    let block = style.split(":root {").nth(nth).unwrap().split('}').next().unwrap();
    block
        .split(';')
        .filter_map(|pair| {
            let (name, value) = pair.trim().strip_prefix("--")?.split_once(": #")?;
            let channel = |at: usize| {
                let part = u8::from_str_radix(value.get(at..at + 2)?, 16).ok()?;
                let part = f64::from(part) / 255.0;
                Some(if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) })
            };
            Some((name, [channel(0)?, channel(2)?, channel(4)?]))
        })
        .collect()
}

/// <https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio>
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let light = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    light(one).max(light(other)) / light(one).min(light(other))
}

#[test]
fn words_can_be_read_on_what_they_stand_on() {
    let style = include_str!("html/style.css");
    for (scheme, nth) in [("light", 1), ("dark", 2)] {
        let colours = colours(style, nth);
        for (text, ground) in [
            ("ink", "ground"),
            ("ink", "paper"),
            ("ink", "code"),
            ("ink", "mark"),
            ("soft", "ground"),
            ("soft", "paper"),
            ("fail", "paper"),
            ("fail", "fail-bg"),
            ("fail", "ground"),
            ("warn", "paper"),
            ("warn", "warn-bg"),
            ("unknown", "paper"),
            ("unknown", "unknown-bg"),
            ("pass", "paper"),
            ("pass", "ground"),
            ("accent", "paper"),
        ] {
            let ratio = contrast(colours[text], colours[ground]);
            assert!(ratio >= 4.5, "{scheme}: {text} on {ground} is {ratio:.2}");
        }
    }
}

#[test]
fn several_clusters_are_one_document() {
    let (one, two) = (recorded("healthy"), recorded("three-root-causes"));
    let (first, second) = (report(&one, &[]), report(&two, &[]));
    let all = [shown(&one, &first), shown(&two, &second)];
    let text = html(&all);
    let page = xml(&text);
    let ids: Vec<&str> = page.descendants().filter_map(|node| node.attribute("id")).collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), distinct.len(), "{ids:?}");
    assert_eq!(
        page.descendants().filter(|node| node.has_tag_name("article")).count(),
        1,
        "only what was found is told"
    );
    assert!(xml_text(&text).contains("2 hosted clusters"));
    assert_eq!(
        xml(&junit(&all, Bar::default())).descendants().filter(|node| node.has_tag_name("testsuites")).count(),
        1
    );
    assert_eq!(markdown(&all).matches("\n## clusters/demo\n").count(), 1);
    let line = markdown(&all);
    assert!(line.contains("- clusters/demo: **healthy: "), "{line}");
    assert!(name(&[&first, &second], true).lines().all(|line| line.starts_with("clusters/demo HAZ-")));
    xml(&html(&[]));
}

#[test]
fn no_secret_reaches_a_report() {
    let jwt = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9.eyJpc3MiOiJodHRwczovL2NhbmFyeSJ9.Y2FuYXJ5LXNpZ25hdHVyZQ";
    let mut facts = recorded("three-root-causes");
    let text = format!(
        "AADSTS700213: No matching record for subject 'system:serviceaccount:kube-system:capi-provider' {jwt} client_secret=canary-secret"
    );
    let Fact::Known(cluster) = &mut facts.hosted.cluster else { panic!("no cluster") };
    for condition in cluster.conditions.iter_mut().filter(|condition| condition.kind == "Degraded") {
        condition.message = text.clone();
    }
    facts.hosted.logs = Fact::Known(vec![LogLine {
        pod: "capi-provider-0".into(),
        app: Some("capi-provider".into()),
        container: "manager".into(),
        time: Some(facts.collected_at),
        log_end: Some(facts.collected_at),
        text,
    }]);
    let report = report(&facts, &[]);
    let shown = shown(&facts, &report);
    let plain = crate::Terminal::plain(120);
    for text in [
        wide(&shown, &plain),
        json(&DoctorReport::of(&report)).unwrap(),
        junit(std::slice::from_ref(&shown), Bar::default()),
        markdown(std::slice::from_ref(&shown)),
        html(std::slice::from_ref(&shown)),
        name(&[&report], false),
    ] {
        assert!(!text.contains("Y2FuYXJ5") && !text.contains("canary-secret"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text_leaves_every_document_whole(text in "(\\PC|[`<>&'\"\\x00-\\x1f]){0,40}") {
        let facts = recorded("three-root-causes");
        let mut report = report(&facts, &[]);
        for row in &mut report.rows {
            row.what.clone_from(&text);
            row.subject.clone_from(&text);
            row.why.clone_from(&text);
        }
        let shown = shown(&facts, &report);
        xml(&html(std::slice::from_ref(&shown)));
        xml(&junit(std::slice::from_ref(&shown), Bar::default()));
        let ticket = markdown(std::slice::from_ref(&shown));
        prop_assert!(ticket.lines().count() <= 60);
        for part in outside_code(&ticket) {
            prop_assert!(!part.contains(['<', '@', '|', '*']) || part.starts_with("**") || part.ends_with("**"), "{}", part);
        }
    }
}
