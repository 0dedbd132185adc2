//! `-o`: the formats of a report.

use checks::capacity::Capacity;
use checks::{Bar, Report};
use clap::ValueEnum;
use ui::report::{self, DoctorReport, DoctorReportList, Shown};
use ui::{Failure, Terminal};

/// The formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For people, with every row
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
    /// For test dashboards: a suite per group, a case per row
    Junit,
    /// For a ticket: at most 60 lines
    Markdown,
    /// For a ticket: one page with pictures, complete in itself
    Html,
    /// For scripts: one line per finding
    Name,
}

impl Format {
    /// Whether it draws the facts.
    pub(crate) fn draws(self) -> bool {
        self == Self::Html
    }

    /// Whether a report in it tells of waivers in words; others leave that to stderr.
    pub(crate) fn tells_of_waivers(self) -> bool {
        matches!(self, Self::Table | Self::Wide | Self::Markdown | Self::Html)
    }
}

/// The text of the reports in a format. `several` says that all clusters were asked for, be there one or many.
///
/// # Errors
/// A document that cannot be written, which is a defect.
pub(crate) fn text(
    format: Format,
    shown: &[Shown<'_>],
    several: bool,
    bar: Bar,
    capacity: Option<&Capacity>,
    terminal: &Terminal,
) -> Result<String, Failure> {
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the report").why(error.to_string());
    let reports: Vec<&Report> = shown.iter().map(|one| one.report).collect();
    Ok(match (format, reports.as_slice()) {
        (Format::Json, [one]) if !several => {
            report::json(&DoctorReport::of(one).with_capacity(capacity)).map_err(|error| broken(&error))?
        }
        (Format::Yaml, [one]) if !several => {
            report::yaml(&DoctorReport::of(one).with_capacity(capacity)).map_err(|error| broken(&error))?
        }
        (Format::Json, all) => report::json(&DoctorReportList::of(all)).map_err(|error| broken(&error))?,
        (Format::Yaml, all) => report::yaml(&DoctorReportList::of(all)).map_err(|error| broken(&error))?,
        (Format::Junit, _) => report::junit(shown, bar),
        (Format::Markdown, _) => report::markdown(shown),
        (Format::Html, _) => report::html(shown),
        (Format::Name, all) => report::name(all, several),
        (Format::Table | Format::Wide, _) => {
            let mut text = screens(format, shown, several, terminal);
            if let Some(capacity) = capacity {
                text.push('\n');
                text.push_str(&ui::capacity::table(capacity, terminal));
            }
            text
        }
    })
}

fn screens(format: Format, shown: &[Shown<'_>], several: bool, terminal: &Terminal) -> String {
    let one = |shown: &Shown<'_>| match format {
        Format::Wide => report::wide(shown, terminal),
        _ => report::table(shown, terminal),
    };
    if !several {
        return shown.iter().map(one).collect::<Vec<_>>().join("\n");
    }
    // A healthy cluster's line says it all, unless every row was asked for.
    let worth = |shown: &&Shown<'_>| {
        let summary = shown.report.summary();
        format == Format::Wide || !shown.report.roots().is_empty() || summary.unknown + summary.accepted > 0
    };
    let mut parts = vec![report::fleet(shown, terminal)];
    parts.extend(shown.iter().filter(worth).map(one));
    parts.join("\n")
}
