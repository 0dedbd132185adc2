//! The report for programs: `-o json` and `-o yaml`.
//!
//! The types here are the contract; fields are only ever added. `doctor-report.schema.json` beside this file describes
//! them, and a test holds the output to it.

use std::collections::BTreeMap;

use checks::capacity::{Capacity, CapacityRow};
use checks::{Report, Row, Verdict};
use facts::Source;
use serde::{Serialize, Serializer};

/// The version of the documents.
pub(super) const API_VERSION: &str = "hcp-azure.io/v1";

/// One cluster's report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DoctorReport {
    api_version: &'static str,
    kind: &'static str,
    collected_at: String,
    target: Target,
    source: Source,
    summary: Summary,
    verdicts: Vec<VerdictRow>,
    troubles: Vec<Trouble>,
    waivers: Vec<WaiverRow>,
    /// What a wish would make of the limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<Vec<CapacityRow>>,
}

/// The reports of several clusters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DoctorReportList<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(serialize_with = "items")]
    items: &'a [&'a Report],
}

#[derive(Debug, Serialize)]
struct Target {
    namespace: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Summary {
    pass: usize,
    fail: usize,
    warn: usize,
    info: usize,
    unknown: usize,
    skipped: usize,
    /// Findings that somebody accepts; no other number counts them.
    accepted: usize,
    #[serde(rename = "rootCauses")]
    root_causes: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictRow {
    code: &'static str,
    id: &'static str,
    group: &'static str,
    verdict: &'static str,
    subject: String,
    what: String,
    why: String,
    /// Commands to copy, in order.
    fix: Vec<String>,
    /// Who can run them.
    fix_by: Vec<&'static str>,
    /// What to know or to wait for.
    fix_notes: Vec<String>,
    docs: String,
    evidence: BTreeMap<String, String>,
    /// The code of the root cause.
    caused_by: Option<&'static str>,
    /// The subject of the root cause.
    caused_by_subject: Option<String>,
    /// Why it does not count; null for a row that does.
    accepted: Option<AcceptedBy>,
}

/// Why a row does not count.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedBy {
    reason: String,
    /// The moment from which it counts again; null for one run.
    expires: Option<String>,
    owner: Option<String>,
    /// Where the waiver was given.
    origin: String,
    /// The code of the accepted root that this row follows.
    follows: Option<&'static str>,
}

/// What came of a waiver.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaiverRow {
    code: &'static str,
    subject: Option<String>,
    cluster: Option<String>,
    reason: String,
    expires: Option<String>,
    owner: Option<String>,
    origin: String,
    /// `used`, `expired` or `unused`.
    state: &'static str,
    /// How many rows it names.
    rows: usize,
}

/// One thing that could not be read, and the checks that miss it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trouble {
    kind: facts::GapKind,
    why: String,
    needs: Option<String>,
    scope: Option<String>,
    remedy: Option<String>,
    codes: Vec<&'static str>,
}

impl DoctorReport {
    /// The document of a report.
    pub fn of(report: &Report) -> Self {
        let summary = report.summary();
        Self {
            api_version: API_VERSION,
            kind: "DoctorReport",
            collected_at: report.collected_at.to_string(),
            target: Target { namespace: report.target.namespace.clone(), name: report.target.name.clone() },
            source: report.source.clone(),
            summary: Summary {
                pass: summary.pass,
                fail: summary.fail,
                warn: summary.warn,
                info: summary.info,
                unknown: summary.unknown,
                skipped: summary.skipped,
                accepted: summary.accepted,
                root_causes: report.roots().iter().filter(|row| row.verdict == Verdict::Fail).count(),
            },
            verdicts: report.rows.iter().map(verdict_row).collect(),
            troubles: troubles(report),
            waivers: report.waivers.iter().map(waiver_row).collect(),
            capacity: None,
        }
    }

    /// The same with what a wish would make of the limits.
    #[must_use]
    pub fn with_capacity(self, capacity: Option<&Capacity>) -> Self {
        Self { capacity: capacity.map(|capacity| capacity.rows.clone()), ..self }
    }
}

impl<'a> DoctorReportList<'a> {
    /// The document of several reports.
    pub fn of(reports: &'a [&'a Report]) -> Self {
        Self { api_version: API_VERSION, kind: "DoctorReportList", items: reports }
    }
}

/// Makes the document of one report at a time: a fleet's are many times as large as the reports.
fn items<S: Serializer>(reports: &[&Report], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(reports.iter().map(|report| DoctorReport::of(report)))
}

/// JSON, indented, with a line break at the end.
///
/// # Errors
/// A document that cannot be serialized, which is a defect.
pub fn json<T: Serialize>(document: &T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}

/// YAML.
///
/// # Errors
/// A document that cannot be serialized, which is a defect.
pub fn yaml<T: Serialize>(document: &T) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(document)
}

/// The JSON Schema of [`DoctorReport`] and [`DoctorReportList`].
pub fn schema() -> &'static str {
    include_str!("doctor-report.schema.json")
}

fn verdict_row(row: &Row) -> VerdictRow {
    let mut fix_by: Vec<&'static str> = row.fixes.iter().map(|fix| fix.who.describe()).collect();
    fix_by.dedup();
    VerdictRow {
        code: row.check.code,
        id: row.check.id,
        group: row.check.group.name(),
        verdict: row.verdict.word(),
        subject: row.subject.clone(),
        what: row.what.clone(),
        why: row.why.clone(),
        fix: row.fixes.iter().flat_map(|fix| fix.commands.iter().cloned()).collect(),
        fix_by,
        fix_notes: row.fixes.iter().filter_map(|fix| fix.note.clone()).collect(),
        docs: row.check.docs_url(),
        evidence: evidence(&row.evidence),
        caused_by: row.caused_by.as_ref().map(|cause| cause.code),
        caused_by_subject: row.caused_by.as_ref().map(|cause| cause.subject.clone()),
        accepted: row.accepted.as_ref().map(|accepted| AcceptedBy {
            reason: accepted.reason.clone(),
            expires: accepted.expires.map(|expires| expires.to_string()),
            owner: accepted.owner.clone(),
            origin: accepted.origin.clone(),
            follows: accepted.follows,
        }),
    }
}

fn waiver_row(used: &checks::waiver::WaiverUse) -> WaiverRow {
    let waiver = used.waiver.clone();
    WaiverRow {
        code: waiver.code,
        subject: waiver.subject,
        cluster: waiver.cluster,
        reason: waiver.reason,
        expires: waiver.expires.map(|expires| expires.to_string()),
        owner: waiver.owner,
        origin: waiver.origin,
        state: used.state.word(),
        rows: used.rows,
    }
}

/// Values by label; those of a label that repeats stand on lines of one value.
fn evidence(evidence: &checks::Evidence) -> BTreeMap<String, String> {
    let mut by_label: BTreeMap<String, String> = BTreeMap::new();
    for (label, value) in &evidence.0 {
        by_label
            .entry(label.clone())
            .and_modify(|text| {
                text.push('\n');
                text.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    by_label
}

fn troubles(report: &Report) -> Vec<Trouble> {
    let mut by_gap: BTreeMap<&facts::Gap, Vec<&'static str>> = BTreeMap::new();
    for row in report.rows.iter().filter(|row| row.verdict == Verdict::Unknown) {
        if let Some(gap) = &row.gap {
            by_gap.entry(gap).or_default().push(row.check.code);
        }
    }
    by_gap
        .into_iter()
        .map(|(gap, mut codes)| {
            codes.dedup();
            Trouble {
                kind: gap.kind,
                why: gap.why.clone(),
                needs: gap.needs.clone(),
                scope: gap.scope.clone(),
                remedy: gap.remedy.clone(),
                codes,
            }
        })
        .collect()
}
