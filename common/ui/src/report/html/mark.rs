//! What the report says of a part of the picture, in a shape and in words.

use checks::{Key, Report, Row, Verdict};

/// A verdict as the page shows it, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// A failure that nothing else explains.
    Fail,
    /// A warning that nothing else explains.
    Warn,
    /// Something that a root elsewhere explains.
    Symptom,
    /// It could not be judged.
    Unknown,
    /// Somebody accepts it.
    Accepted,
    /// Worth knowing.
    Info,
    /// All is well.
    Pass,
    /// It does not apply, or nobody looked.
    Quiet,
}

impl Tone {
    /// The tone of a row.
    pub(super) fn of(row: &Row) -> Self {
        match row.verdict {
            _ if row.accepted.is_some() => Self::Accepted,
            Verdict::Fail | Verdict::Warn if row.caused_by.is_some() => Self::Symptom,
            Verdict::Fail => Self::Fail,
            Verdict::Warn => Self::Warn,
            Verdict::Unknown => Self::Unknown,
            Verdict::Info => Self::Info,
            Verdict::Pass => Self::Pass,
            Verdict::Skipped => Self::Quiet,
        }
    }

    /// Its class in the style sheet, and the name of its shape.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Symptom => "symptom",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Info => "info",
            Self::Pass => "pass",
            Self::Quiet => "quiet",
        }
    }
}

/// The shapes, one for each tone, to be used by name. Each tells its verdict without colour.
pub(super) const SHAPES: &str = r##"<svg class="shapes" aria-hidden="true" width="0" height="0">
<symbol id="m-fail" viewBox="0 0 20 20"><path class="f" d="M6.2 1h7.6L19 6.2v7.6L13.8 19H6.2L1 13.8V6.2z"/><path class="o" d="M6.5 6.5l7 7M13.5 6.5l-7 7"/></symbol>
<symbol id="m-warn" viewBox="0 0 20 20"><path class="f" d="M10 1.5L19.2 18H.8z"/><path class="o" d="M10 7.5v5M10 15.2v.3"/></symbol>
<symbol id="m-symptom" viewBox="0 0 20 20"><path class="l" d="M4 3v9h11M11.5 8.5L15 12l-3.5 3.5"/></symbol>
<symbol id="m-unknown" viewBox="0 0 20 20"><path class="d" d="M10 1l9 9-9 9-9-9z"/><path class="l" d="M7.8 8.2c0-1.4 1-2.2 2.2-2.2s2.2.8 2.2 2c0 1.6-2.2 1.7-2.2 3.4M10 14v.3"/></symbol>
<symbol id="m-accepted" viewBox="0 0 20 20"><path class="d" d="M10 1.5h0a8.5 8.5 0 010 17a8.5 8.5 0 010-17z"/><path class="l" d="M5.5 11c1.5-2.4 3-2.4 4.5-1s3 1.4 4.5-1"/></symbol>
<symbol id="m-info" viewBox="0 0 20 20"><path class="d" d="M10 1.5a8.5 8.5 0 010 17a8.5 8.5 0 010-17z"/><path class="l" d="M10 9v5.5M10 5.8v.3"/></symbol>
<symbol id="m-pass" viewBox="0 0 20 20"><path class="l" d="M3.5 10.5l4.5 4.5L16.5 5.5"/></symbol>
<symbol id="m-quiet" viewBox="0 0 20 20"><path class="l" d="M5 10h10"/></symbol>
</svg>
"##;

/// A shape in running text.
pub(super) fn shape(tone: Tone) -> String {
    let name = tone.name();
    format!("<svg class=\"shape {name}\" aria-hidden=\"true\"><use href=\"#m-{name}\"/></svg>")
}

/// What the report says of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its tone.
    pub(super) tone: Tone,
    /// The same in words, with the codes.
    pub(super) words: String,
}

impl Mark {
    /// The gravest thing that is said of a part: by the rows of the checks that belong to it, as far as they touch one of
    /// `keys`, or nothing in particular. No keys mean every row.
    pub(super) fn of(report: &Report, belongs: impl Fn(&Row) -> bool, keys: &[Key]) -> Self {
        let rows: Vec<&Row> =
            report.rows.iter().filter(|row| belongs(row) && (keys.is_empty() || concerns(row, keys))).collect();
        let tone = rows.iter().map(|row| Tone::of(row)).min();
        // What a check found of other parts is no finding here, and the check has looked here too.
        let looked = report.rows.iter().any(|row| belongs(row) && !matches!(row.verdict, Verdict::Skipped));
        let tone = match tone {
            Some(Tone::Quiet | Tone::Info) | None if looked => Tone::Pass,
            Some(tone) => tone,
            None => Tone::Quiet,
        };
        let mut codes: Vec<&str> = Vec::new();
        let mut causes: Vec<&str> = Vec::new();
        for row in rows.iter().filter(|row| Tone::of(row) == tone) {
            if !codes.contains(&row.check.code) {
                codes.push(row.check.code);
            }
            causes.extend(row.caused_by.as_ref().map(|cause| cause.code).filter(|code| !causes.contains(code)));
        }
        Self { tone, words: words(tone, &codes.join(" "), &causes.join(" ")) }
    }

    /// A part that nothing is said of.
    pub(super) fn quiet(words: &str) -> Self {
        Self { tone: Tone::Quiet, words: words.into() }
    }
}

fn words(tone: Tone, codes: &str, causes: &str) -> String {
    match tone {
        Tone::Fail => format!("fails {codes}"),
        Tone::Warn => format!("warns {codes}"),
        Tone::Symptom => format!("caused by {causes}"),
        Tone::Unknown => format!("not seen: {codes}"),
        Tone::Accepted => format!("accepted: {codes}"),
        Tone::Info | Tone::Pass => "ok".into(),
        Tone::Quiet => "not checked".into(),
    }
}

fn concerns(row: &Row, keys: &[Key]) -> bool {
    if !row.keys().is_empty() {
        return row.keys().iter().any(|key| keys.contains(key));
    }
    // What could not be judged of one identity touches nothing, and names it.
    match row.subject.strip_prefix("identity ") {
        Some(rest) => {
            keys.iter().any(|key| matches!(key, Key::Identity(name) if rest.split([' ', ',']).next() == Some(name)))
        }
        None => true,
    }
}
