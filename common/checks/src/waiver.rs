//! Waivers: findings that somebody accepts, for a reason and for a time.
//!
//! An accepted row stays in the report with the reason and no longer counts for the exit code. What a row causes follows
//! it: a dependant of an accepted root is accepted with it, and a root stays a root when only its dependants are accepted.
//! A waiver that has expired does nothing, and the report says so; so it does of one that nothing matched.

use facts::Target;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::report::{Report, Row, Verdict};
use crate::selection;

/// A finding that somebody accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The check.
    pub code: &'static str,
    /// Which subjects of it, as a glob (`*` any text, `?` any character); none for every one.
    pub subject: Option<String>,
    /// Which hosted clusters, as a glob on `namespace/name`; none for every one.
    pub cluster: Option<String>,
    /// Why.
    pub reason: String,
    /// When it ends; none for one that is given for one run.
    pub expires: Option<Timestamp>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it was given: `waivers.yaml, line 7` or `--accept NW02`.
    pub origin: String,
}

/// What is wrong with a waiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaiverError {
    /// No check has this code.
    NoSuchCheck {
        /// The word.
        word: String,
        /// The nearest code or id, if one is near.
        nearest: Option<String>,
    },
    /// It names no check.
    NoCode,
    /// It has no reason.
    NoReason,
    /// It has no end.
    NoExpiry,
    /// Its end is no date.
    BadExpiry(String),
}

impl std::fmt::Display for WaiverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchCheck { word, .. } => write!(f, "'{word}' is no check"),
            Self::NoCode => f.write_str("it names no code"),
            Self::NoReason => f.write_str("it has no reason"),
            Self::NoExpiry => f.write_str("it has no expires"),
            Self::BadExpiry(text) => write!(f, "expires '{text}' is neither a date nor a time"),
        }
    }
}

impl std::error::Error for WaiverError {}

impl WaiverError {
    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchCheck { nearest: Some(near), .. } => format!("did you mean {near}?"),
            Self::NoSuchCheck { nearest: None, .. } | Self::NoCode => {
                "give the code of a check, as `code: NW02`".into()
            }
            Self::NoReason => "say why it is accepted, as `reason: the firewall is behind a proxy`".into(),
            Self::NoExpiry => "say until when it is accepted, as `expires: 2027-01-31`".into(),
            Self::BadExpiry(_) => "write a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z".into(),
        }
    }
}

impl Waiver {
    /// A waiver of a file: reason and end are required. A date ends with its day in UTC.
    ///
    /// # Errors
    /// [`WaiverError`], the first.
    pub fn from_file(entry: &Entry<'_>, origin: String) -> Result<Self, WaiverError> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let code = code_of(&given(entry.code).ok_or(WaiverError::NoCode)?)?;
        let reason = given(entry.reason).ok_or(WaiverError::NoReason)?;
        let expires = end(&given(entry.expires).ok_or(WaiverError::NoExpiry)?)?;
        Ok(Self {
            code,
            subject: given(entry.subject),
            cluster: given(entry.cluster),
            reason,
            expires: Some(expires),
            owner: given(entry.owner),
            origin,
        })
    }

    /// A waiver for one run, from `CODE` or `CODE=SUBJECT`.
    ///
    /// # Errors
    /// [`WaiverError::NoSuchCheck`].
    pub fn for_this_run(word: &str, reason: Option<&str>) -> Result<Self, WaiverError> {
        let (code, subject) = match word.split_once('=') {
            Some((code, subject)) => (code, Some(subject.trim()).filter(|subject| !subject.is_empty())),
            None => (word, None),
        };
        Ok(Self {
            code: code_of(code)?,
            subject: subject.map(str::to_owned),
            cluster: None,
            reason: reason.unwrap_or("accepted on the command line").to_owned(),
            expires: None,
            owner: None,
            origin: format!("--accept {word}"),
        })
    }

    /// Whether it is over at a moment.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn is_for(&self, target: &Target) -> bool {
        self.cluster.as_ref().is_none_or(|pattern| glob(pattern, &target.to_string()))
    }

    fn matches(&self, row: &Row) -> bool {
        let counts = matches!(row.verdict, Verdict::Fail | Verdict::Warn | Verdict::Unknown);
        counts && row.check.code == self.code && self.subject.as_ref().is_none_or(|pattern| glob(pattern, &row.subject))
    }

    /// `HAZ-NW02`, with its subject where it has one.
    pub fn describe(&self) -> String {
        match &self.subject {
            Some(subject) => format!("HAZ-{} {subject}", self.code),
            None => format!("HAZ-{}", self.code),
        }
    }
}

/// A waiver as a file has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry<'a> {
    /// `code`.
    pub code: Option<&'a str>,
    /// `subject`.
    pub subject: Option<&'a str>,
    /// `cluster`.
    pub cluster: Option<&'a str>,
    /// `reason`.
    pub reason: Option<&'a str>,
    /// `expires`.
    pub expires: Option<&'a str>,
    /// `owner`.
    pub owner: Option<&'a str>,
}

/// Why a row is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Why.
    pub reason: String,
    /// Until when; none for this run.
    pub expires: Option<Timestamp>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where the waiver was given.
    pub origin: String,
    /// The code of the accepted root that this row follows; none for a row that a waiver names.
    pub follows: Option<&'static str>,
}

impl Acceptance {
    /// `accepted until 2027-01-31 by net-team: the firewall is behind a proxy`.
    pub fn describe(&self) -> String {
        let until = match self.expires {
            Some(expires) => format!("until {}", shown_end(expires)),
            None => "for this run".into(),
        };
        let owner = self.owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default();
        let with = self.follows.map(|code| format!(" with HAZ-{code}")).unwrap_or_default();
        format!("accepted{with} {until}{owner}: {}", self.reason)
    }
}

/// What came of a waiver in one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverUse {
    /// The waiver.
    pub waiver: Waiver,
    /// What came of it.
    pub state: WaiverState,
    /// How many rows it names, those that follow not counted.
    pub rows: usize,
}

/// What came of a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaiverState {
    /// It accepted rows.
    Used,
    /// It is over; what it named counts again.
    Expired,
    /// Nothing was found that it names.
    Unused,
}

impl WaiverState {
    /// Its word, in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Unused => "unused",
        }
    }
}

impl WaiverUse {
    /// What the reader has to be told: of one that is over, or that nothing matched.
    pub fn warning(&self) -> Option<String> {
        let (waiver, origin) = (self.waiver.describe(), &self.waiver.origin);
        match self.state {
            WaiverState::Used => None,
            WaiverState::Expired => {
                let when = self.waiver.expires.map(shown_end).unwrap_or_default();
                let rows = match self.rows {
                    0 => "nothing matches it any more".to_owned(),
                    1 => "1 finding counts again".to_owned(),
                    rows => format!("{rows} findings count again"),
                };
                Some(format!("the waiver of {waiver} ({origin}) expired {when}: {rows}"))
            }
            WaiverState::Unused => Some(format!("the waiver of {waiver} ({origin}) matches nothing: it can go")),
        }
    }
}

/// Accepts what `waivers` name in the reports of one run, and notes what came of each waiver.
///
/// The moment that decides whether a waiver is over is that of the facts: a recording says the same whenever it is judged.
/// `ran` says which checks ran, so that a waiver of another is not called unused; one that serves in another report of the
/// run is not either.
pub fn apply(waivers: &[Waiver], reports: &mut [&mut Report], ran: &selection::Selection) {
    let mut served = vec![false; waivers.len()];
    for report in reports.iter_mut() {
        for (at, waiver) in waivers.iter().enumerate() {
            served[at] |= waiver.is_for(&report.target) && accept(report, waiver);
        }
        follow(report);
    }
    for report in reports.iter_mut() {
        for (at, waiver) in waivers.iter().enumerate() {
            let runs = crate::CHECKS.iter().any(|check| check.code == waiver.code && ran.includes(check));
            if !runs || !waiver.is_for(&report.target) {
                continue;
            }
            let rows = report.rows.iter().filter(|row| waiver.matches(row)).count();
            let state = match (waiver.is_over(report.collected_at), served[at], rows) {
                (true, ..) => WaiverState::Expired,
                (false, true, 0) => continue,
                (false, _, 0) => WaiverState::Unused,
                (false, ..) => WaiverState::Used,
            };
            report.waivers.push(WaiverUse { waiver: waiver.clone(), state, rows });
        }
    }
}

/// Accepts the rows that a waiver names; gives whether there are any.
fn accept(report: &mut Report, waiver: &Waiver) -> bool {
    if waiver.is_over(report.collected_at) {
        return false;
    }
    let mut any = false;
    for row in report.rows.iter_mut().filter(|row| waiver.matches(row)) {
        any = true;
        row.accepted.get_or_insert_with(|| Acceptance {
            reason: waiver.reason.clone(),
            expires: waiver.expires,
            owner: waiver.owner.clone(),
            origin: waiver.origin.clone(),
            follows: None,
        });
    }
    any
}

/// Rows that an accepted root explains are accepted with it.
fn follow(report: &mut Report) {
    let roots: Vec<Option<(&'static str, Acceptance)>> =
        report.rows.iter().map(|row| row.accepted.clone().map(|accepted| (row.check.code, accepted))).collect();
    for row in &mut report.rows {
        let Some(cause) = &row.caused_by else { continue };
        if row.accepted.is_none()
            && matches!(row.verdict, Verdict::Fail | Verdict::Warn)
            && let Some(Some((code, root))) = roots.get(cause.row)
        {
            row.accepted = Some(Acceptance { follows: Some(*code), ..root.clone() });
        }
    }
}

fn code_of(word: &str) -> Result<&'static str, WaiverError> {
    match selection::find(word) {
        Some(check) => Ok(check.code),
        None => Err(WaiverError::NoSuchCheck { word: word.trim().to_owned(), nearest: selection::nearest(word) }),
    }
}

/// The moment at which a waiver ends: that of a time, or the end of a day.
fn end(text: &str) -> Result<Timestamp, WaiverError> {
    let bad = || WaiverError::BadExpiry(text.to_owned());
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    // A date with anything behind it, such as a time without its zone, is ambiguous.
    if text.len() != 10 {
        return Err(bad());
    }
    let date: Date = text.parse().map_err(|_| bad())?;
    let next = date.tomorrow().map_err(|_| bad())?;
    Ok(next.to_zoned(TimeZone::UTC).map_err(|_| bad())?.timestamp())
}

/// The last day of a waiver, or its last moment where that is no midnight.
fn shown_end(expires: Timestamp) -> String {
    let day = 24 * 60 * 60;
    if expires.as_second() % day == 0 {
        let last = Timestamp::from_second(expires.as_second().saturating_sub(1)).unwrap_or(expires);
        return last.strftime("%Y-%m-%d").to_string();
    }
    expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether `text` matches a pattern in which `*` is any text and `?` any character.
///
/// It goes back to the last `*` only, so that no pattern takes more than the product of both lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Facts;
    use facts::network::{Access, Direction};
    use proptest::prelude::*;

    use super::*;
    use crate::report::Bar;
    use crate::testkit::{self, *};
    use crate::{Selection, examine};

    /// A federated credential in the wrong case with what it breaks, and a firewall rule.
    fn broken() -> Facts {
        let mut facts = healthy();
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:Capi-Provider".into();
        let conditions = &mut testkit::cluster(&mut facts).conditions;
        conditions.retain(|condition| condition.kind != "Degraded");
        let mut degraded = condition("Degraded", "True", "UnavailableReplicas");
        degraded.message = "capi-provider deployment has 1 unavailable replicas".into();
        conditions.push(degraded);
        facts
    }

    fn judged(facts: &Facts, waivers: &[Waiver]) -> Report {
        let mut report = examine(facts, &Selection::default());
        apply(waivers, &mut [&mut report], &Selection::default());
        report
    }

    fn of(code: &str, subject: Option<&str>, expires: &str) -> Waiver {
        let entry =
            Entry { code: Some(code), subject, reason: Some("known"), expires: Some(expires), ..Entry::default() };
        Waiver::from_file(&entry, "waivers.yaml, line 1".into()).unwrap()
    }

    const LATER: &str = "2027-01-31";
    const ALL: Bar = Bar { warnings: true, unknowns: true };

    #[test]
    fn an_accepted_root_takes_its_dependants_with_it() {
        let facts = broken();
        let before = judged(&facts, &[]);
        assert!(before.fails(Bar::default()));
        let dependants = before.rows.iter().filter(|row| row.caused_by.is_some()).count();
        assert!(dependants >= 1);
        let report = judged(&facts, &[of("FC01", None, LATER)]);
        assert!(!report.fails(ALL), "{:#?}", report.roots());
        assert!(report.roots().is_empty());
        let accepted: Vec<_> = report.accepted();
        assert_eq!(accepted.len(), 1, "only the root is a root");
        assert_eq!(accepted[0].accepted.as_ref().unwrap().describe(), "accepted until 2027-01-31: known");
        let following = report.rows.iter().filter_map(|row| row.accepted.as_ref()?.follows).collect::<Vec<_>>();
        assert_eq!(following, vec!["FC01"; dependants]);
        let summary = report.summary();
        assert_eq!((summary.fail, summary.warn, summary.accepted), (0, 0, 1 + dependants));
        assert_eq!(summary.total(), report.rows.len());
    }

    #[test]
    fn an_accepted_dependant_leaves_its_root() {
        let report = judged(&broken(), &[of("HC01", Some("condition Degraded"), LATER)]);
        assert!(report.fails(Bar::default()));
        assert_eq!(report.roots().iter().map(|row| row.check.code).collect::<Vec<_>>(), ["FC01"]);
        let row = report.rows.iter().find(|row| row.check.code == "HC01" && row.accepted.is_some()).unwrap();
        assert_eq!(row.accepted.as_ref().unwrap().follows, None);
    }

    #[test]
    fn another_root_still_counts() {
        let mut facts = broken();
        let nsg = facts.azure.network.nsgs.values_mut().next().unwrap();
        let facts::Fact::Known(nsg) = nsg else { panic!("no rules") };
        nsg.rules.insert(0, rule("deny", 200, Direction::Outbound, Access::Deny, "*", "Internet"));
        let report = judged(&facts, &[of("FC01", None, LATER)]);
        assert!(report.fails(Bar::default()));
        assert_eq!(report.roots().iter().map(|row| row.check.code).collect::<Vec<_>>(), ["NW02"]);
    }

    #[test]
    fn one_that_is_over_or_unused_is_told() {
        let facts = broken();
        let report = judged(&facts, &[of("FC01", None, "2026-11-19"), of("NW02", None, LATER)]);
        assert!(report.fails(Bar::default()));
        let warnings: Vec<String> = report.waivers.iter().filter_map(WaiverUse::warning).collect();
        assert_eq!(
            warnings,
            [
                "the waiver of HAZ-FC01 (waivers.yaml, line 1) expired 2026-11-19: 1 finding counts again",
                "the waiver of HAZ-NW02 (waivers.yaml, line 1) matches nothing: it can go",
            ]
        );
        // The last day still counts: the facts are of noon.
        assert!(!judged(&facts, &[of("FC01", None, "2026-11-20")]).fails(Bar::default()));
        assert!(judged(&facts, &[of("FC01", None, "2026-11-20T12:00:00Z")]).fails(Bar::default()));
    }

    #[test]
    fn a_waiver_of_another_cluster_or_of_a_check_that_did_not_run_is_silent() {
        let mut waiver = of("FC01", None, LATER);
        waiver.cluster = Some("clusters/other*".into());
        let report = judged(&broken(), &[waiver.clone()]);
        assert!(report.fails(Bar::default()) && report.waivers.is_empty());
        waiver.cluster = Some("clusters/pro?".into());
        assert!(!judged(&broken(), &[waiver]).fails(Bar::default()));
        let mut report = examine(&healthy(), &Selection::default());
        let only = Selection::parse(&["NW"], &[]).unwrap();
        apply(&[of("FC01", None, LATER)], &mut [&mut report], &only);
        assert!(report.waivers.is_empty());
    }

    #[test]
    fn one_that_serves_in_one_report_is_unused_in_none() {
        let (mut one, mut two) =
            (examine(&broken(), &Selection::default()), examine(&healthy(), &Selection::default()));
        apply(&[of("FC01", None, LATER)], &mut [&mut one, &mut two], &Selection::default());
        assert_eq!(one.waivers[0].state, WaiverState::Used);
        assert!(two.waivers.is_empty());
    }

    #[test]
    fn what_could_not_be_checked_can_be_accepted() {
        let mut facts = healthy();
        facts.azure.identities = facts::Fact::Unreadable(denied("a/read"));
        let unknown: Vec<&str> = judged(&facts, &[])
            .rows
            .iter()
            .filter(|row| row.verdict == Verdict::Unknown)
            .map(|row| row.check.code)
            .collect();
        assert!(!unknown.is_empty());
        let waivers: Vec<Waiver> = unknown.iter().map(|code| of(code, None, LATER)).collect();
        assert!(!judged(&facts, &waivers).fails(ALL));
    }

    #[test]
    fn a_waiver_says_why_and_until_when() {
        let good = Entry { code: Some("haz-fc01"), reason: Some("r"), expires: Some(LATER), ..Entry::default() };
        let error = |entry: Entry<'_>| Waiver::from_file(&entry, String::new()).unwrap_err();
        assert_eq!(Waiver::from_file(&good, String::new()).unwrap().code, "FC01");
        assert_eq!(error(Entry { code: None, ..good }), WaiverError::NoCode);
        assert_eq!(error(Entry { reason: Some(" "), ..good }), WaiverError::NoReason);
        assert_eq!(error(Entry { expires: None, ..good }), WaiverError::NoExpiry);
        for bad in ["soon", "2027-13-01", "2027-01-31 12:00", "31.1.2027", "9999-12-31x"] {
            assert_eq!(error(Entry { expires: Some(bad), ..good }), WaiverError::BadExpiry(bad.into()));
        }
        let wrong = error(Entry { code: Some("FC91"), ..good });
        assert!(wrong.hint().contains("did you mean FC"), "{wrong}");
        assert!(Waiver::for_this_run("QQ", None).is_err());
    }

    #[test]
    fn the_command_line_names_code_and_subject() {
        let waiver = Waiver::for_this_run("fic-subjects-complete=identity disk (*)", Some("known")).unwrap();
        assert_eq!((waiver.code, waiver.subject.as_deref()), ("FC01", Some("identity disk (*)")));
        assert_eq!(waiver.describe(), "HAZ-FC01 identity disk (*)");
        let report = judged(&broken(), &[Waiver::for_this_run("FC01", None).unwrap()]);
        let accepted = report.accepted()[0].accepted.clone().unwrap();
        assert_eq!(accepted.describe(), "accepted for this run: accepted on the command line");
    }

    #[test]
    fn globs() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("*-gpu*", "NodePool demo-gpu-1", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("**b", "aab", true),
            ("identity disk (x[1])", "identity disk (x[1])", true),
        ] {
            assert_eq!(glob(pattern, text), want, "{pattern} {text}");
        }
        assert!(!glob(&"*a".repeat(200), &"a".repeat(199)));
    }

    proptest! {
        #[test]
        fn a_glob_of_pieces_matches_what_holds_them(pieces in proptest::collection::vec("[a-c]{0,3}", 0..5)) {
            let (pattern, text) = (format!("*{}*", pieces.join("*")), format!("x{}y", pieces.join("-")));
            prop_assert!(glob(&pattern, &text));
        }
    }
}
