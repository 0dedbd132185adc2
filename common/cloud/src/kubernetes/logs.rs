//! Log lines that speak of Entra or Azure refusals.
//!
//! [`Scan`] reads a log of any length in little memory and keeps the newest of such lines; [`Scan::lines`] dates and
//! redacts them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};
use std::sync::LazyLock;

use facts::catalogue;
use facts::hosted::LogLine;
use facts::redact;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use regex::Regex;
use regex::bytes::Regex as BytesRegex;
use serde_json::Value;

/// How many distinct lines are kept of one container.
pub const MAX_LINES: usize = 50;
/// How many characters are kept of one line.
pub const MAX_CHARS: usize = 2_000;
/// How many bytes of one line are looked at; a longer one counts as several.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// How many lines at the end of a log are searched for a time.
const TAIL_LINES: usize = 20;

/// Workloads of the operator's namespace that act on Azure and are in no catalogue: they use the management cluster's own
/// credentials.
pub const OPERATOR_WORKLOADS: [&str; 2] = ["external-dns", "operator"];

/// A compile-time pattern. One that does not compile would match nothing, and the unit tests would fail.
macro_rules! pattern {
    ($kind:ty, $name:ident, $text:expr) => {
        static $name: LazyLock<Option<$kind>> = LazyLock::new(|| <$kind>::new($text).ok());
    };
}

pattern!(
    BytesRegex,
    REFUSAL,
    concat!(
        r"AADSTS\d+|AuthorizationFailed|SubscriptionRequestsThrottled|TooManyRequests",
        r"|(?i-u:error minting token|failed to create token|429 too many requests|response 429|status ?code[=:]? ?429)",
        // Azure Key Vault's inner codes of a 403, and what etcd says of its disk.
        r"|ForbiddenBy[A-Z][a-z]+|slow fdatasync|likely from slow disk|database space exceeded|alarm:NOSPACE"
    )
);
pattern!(
    Regex,
    VOLATILE,
    concat!(
        // Identifiers of one request. Other identifiers (of applications, of resources) tell messages apart.
        r#"(?i)(?P<id>(?:trace|correlation|request|reconcile)[ _-]?id\\*"?\s*[:=]\s*\\*"?)[0-9a-f-]{32,36}"#,
        r"|\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?",
        r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ ",
        r#"|"ts":\d+(?:\.\d+)?(?:e[+-]?\d+)?"#,
        r#"|"(?:took|to|exceeded-duration)":"[^"]*""#,
    )
);
pattern!(Regex, KLOG, r"^[IWEF](?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d\.\d{1,9})\s");
pattern!(Regex, LOGFMT, r#"(?:^|\s)(?:ts|time)=(?:"([^"]+)"|(\S+))"#);

/// Whether the log of a container is worth reading.
///
/// A hosted API server writes far more than all others and speaks to Azure only through its KMS plugin. `init` means a
/// container that ends before the others begin; a native side-car does not.
pub fn is_of_interest(app: Option<&str>, container: &str, init: bool) -> bool {
    let Some(app) = app.filter(|_| !init) else {
        return false;
    };
    if app == "etcd" {
        return container == "etcd";
    }
    let known = catalogue::by_workload(app).is_some() || OPERATOR_WORKLOADS.contains(&app);
    known && (app != "kube-apiserver" || container.contains("kms") || container.contains("token-minter"))
}

/// Where a log comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Pod.
    pub pod: &'a str,
    /// The workload of the pod.
    pub app: Option<&'a str>,
    /// Container.
    pub container: &'a str,
}

/// The newest matching lines of a log, and its end.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Message without what changes from time to time, and the line as written; oldest first.
    matches: VecDeque<(String, String)>,
    tail: VecDeque<String>,
}

impl Scan {
    /// Reads a log on top of what was read before: first that of the previous container, then the current one.
    ///
    /// # Errors
    /// What the reader returns. What was read until then is kept.
    pub fn read(&mut self, mut log: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut log).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            // Only the start of a line holds its time, and JSON lines are seldom longer than this.
            let start = String::from_utf8_lossy(&text[..text.len().min(4_096)]);
            if self.tail.len() == TAIL_LINES {
                self.tail.pop_front();
            }
            self.tail.push_back(start.into_owned());
            if REFUSAL.as_ref().is_some_and(|refusal| refusal.is_match(text)) {
                let line = String::from_utf8_lossy(text).into_owned();
                self.keep(without_volatile(&line), line);
            }
        }
    }

    /// Takes over what a later log of the same container holds.
    pub fn absorb(&mut self, later: Self) {
        for (message, line) in later.matches {
            self.keep(message, line);
        }
        if !later.tail.is_empty() {
            self.tail = later.tail;
        }
    }

    fn keep(&mut self, message: String, line: String) {
        self.matches.retain(|(known, _)| *known != message);
        if self.matches.len() == MAX_LINES {
            self.matches.pop_front();
        }
        self.matches.push_back((message, line));
    }

    /// The time of the last line that carries one. `reference` lends the year to formats without one.
    pub fn log_end(&self, reference: Timestamp) -> Option<Timestamp> {
        self.tail.iter().rev().find_map(|line| time_of(line, reference))
    }

    /// The lines as facts, oldest first, redacted and cut.
    pub fn lines(&self, origin: Origin<'_>, reference: Timestamp) -> Vec<LogLine> {
        let log_end = self.log_end(reference);
        self.matches
            .iter()
            .map(|(_, line)| LogLine {
                pod: origin.pod.to_owned(),
                app: origin.app.map(str::to_owned),
                container: origin.container.to_owned(),
                time: time_of(line, reference),
                log_end,
                text: redacted(line),
            })
            .collect()
    }
}

/// The line without what changes each time the same thing happens.
fn without_volatile(line: &str) -> String {
    VOLATILE.as_ref().map_or_else(|| line.to_owned(), |volatile| volatile.replace_all(line, "${id}#").into_owned())
}

/// Redacts before it cuts: half a secret would not be known as one. A cut through a redaction mark moves back before it.
fn redacted(line: &str) -> String {
    let mut text = redact::text(line);
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
        while redact::text(&text) != text {
            text.pop();
        }
    }
    text
}

/// The time in a log line: RFC 3339 or a Go date in front, klog's header, or the `ts`/`time` of logfmt and JSON.
pub fn time_of(line: &str, reference: Timestamp) -> Option<Timestamp> {
    let line = line.trim_start();
    match line.as_bytes().first()? {
        b'{' => json_time(line),
        b'0'..=b'9' => leading_time(line),
        b'I' | b'W' | b'E' | b'F' => klog_time(line, reference),
        _ => None,
    }
    .or_else(|| logfmt_time(line))
}

fn leading_time(line: &str) -> Option<Timestamp> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    if let Ok(time) = first.parse() {
        return Some(time);
    }
    // "2026/11/20 09:31:03" and "2026-11-20 09:31:03.1Z": Go's log package writes local time, which is UTC in a container.
    let date: Date = first.replace('/', "-").parse().ok()?;
    let time: Time = words.next()?.trim_end_matches('Z').replace(',', ".").parse().ok()?;
    Some(date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn klog_time(line: &str, reference: Timestamp) -> Option<Timestamp> {
    let parts = KLOG.as_ref()?.captures(line)?;
    let time: Time = parts["time"].parse().ok()?;
    let (month, day) = (parts["month"].parse().ok()?, parts["day"].parse().ok()?);
    // A log is not written after it was read; a day's grace is for clocks that differ.
    let latest = reference.checked_add(Span::new().hours(24)).ok()?;
    let this_year = reference.to_zoned(TimeZone::UTC).year();
    [this_year.saturating_add(1), this_year, this_year.saturating_sub(1)]
        .into_iter()
        .filter_map(|year| {
            let date = Date::new(year, month, day).ok()?;
            Some(date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
        })
        .find(|time| *time <= latest)
}

fn json_time(line: &str) -> Option<Timestamp> {
    let entry: Value = serde_json::from_str(line).ok()?;
    ["ts", "time", "timestamp", "@timestamp"].iter().find_map(|key| {
        let value = entry.get(*key)?;
        match value.as_str() {
            Some(text) => text.parse().ok(),
            None => epoch(value.as_f64()?),
        }
    })
}

fn logfmt_time(line: &str) -> Option<Timestamp> {
    let parts = LOGFMT.as_ref()?.captures(line)?;
    let text = parts.get(1).or(parts.get(2))?.as_str();
    text.parse().ok().or_else(|| epoch(text.parse().ok()?))
}

/// Seconds since 1970, as zap writes them; to the microsecond, which is what a double holds.
fn epoch(seconds: f64) -> Option<Timestamp> {
    let plausible = (1e9..1e11).contains(&seconds);
    plausible.then(|| Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: Origin<'static> = Origin { pod: "p", app: Some("capi-provider"), container: "manager" };

    fn reference() -> Timestamp {
        "2026-11-20T22:00:00Z".parse().unwrap()
    }

    fn lines(log: &str) -> Vec<LogLine> {
        let mut scan = Scan::default();
        scan.read(log.as_bytes()).unwrap();
        scan.lines(ORIGIN, reference())
    }

    #[test]
    fn the_formats_of_time() {
        let table = [
            ("I1120 09:31:02.118201       1 a.go:255] x", Some("2026-11-20T09:31:02.118201Z")),
            ("E1121 21:00:00.000001 1 a.go:1] clock a little ahead", Some("2026-11-21T21:00:00.000001Z")),
            ("E1231 23:59:59.000000 1 a.go:1] last year", Some("2025-12-31T23:59:59Z")),
            ("W0229 00:00:00.000000 1 no such day in 2026 or 2025", None),
            ("2026-11-20T09:31:03.4Z E1120 08:00:00.000000 1 x] inspect", Some("2026-11-20T09:31:03.4Z")),
            ("2026-11-20T10:31:03+01:00\tERROR\tzap", Some("2026-11-20T09:31:03Z")),
            ("2026/11/20 09:31:03 go", Some("2026-11-20T09:31:03Z")),
            ("2026-11-20 09:31:03,250 python", Some("2026-11-20T09:31:03.25Z")),
            (r#"{"level":"error","ts":"2026-11-20T09:31:03Z","msg":"x"}"#, Some("2026-11-20T09:31:03Z")),
            (r#"{"ts":1795167063.5,"msg":"x"}"#, Some("2026-11-20T09:31:03.5Z")),
            (r#"{"ts":17951670635e-1,"msg":"x"}"#, Some("2026-11-20T09:31:03.5Z")),
            (r#"time="2026-11-20T09:31:03Z" level=error msg="x""#, Some("2026-11-20T09:31:03Z")),
            ("level=info ts=2026-11-20T09:31:03.1Z x", Some("2026-11-20T09:31:03.1Z")),
            ("goroutine 1 [running]:", None),
            ("", None),
        ];
        for (line, want) in table {
            let want: Option<Timestamp> = want.map(|text| text.parse().unwrap());
            assert_eq!(time_of(line, reference()), want, "{line}");
        }
    }

    #[test]
    fn refusals_are_kept_and_the_rest_is_not() {
        let kept = lines(concat!(
            "I1120 09:31:02.1 1 a] Reconciling\n",
            "E1120 09:31:03.1 1 a] AADSTS700213: No matching\n",
            "E1120 09:31:04.1 1 a] RESPONSE 403 LinkedAuthorizationFailed\n",
            "E1120 09:31:05.1 1 a] Error minting token\n",
            "E1120 09:31:06.1 1 a] StatusCode=429\n",
            "E1120 09:31:07.1 1 a] port 4290 is 429 bytes\n",
            "last words\n",
        ));
        let texts: Vec<&str> = kept.iter().map(|line| &line.text[27..]).collect();
        assert_eq!(kept.len(), 4, "{texts:?}");
        let end: Timestamp = "2026-11-20T09:31:07.1Z".parse().unwrap();
        assert!(kept.iter().all(|line| line.log_end == Some(end)));
    }

    #[test]
    fn repeated_messages_collapse_to_the_newest() {
        let line = |second: u32, id: u32, app: &str| {
            format!(
                "E1120 09:31:{second:02}.000000       1 c.go:3] \"x\" reconcileID=\"{id:08}-0000-0000-0000-000000000000\" \
                 err=\"AADSTS700016: {app}. Trace ID: {id:08}-1d3b-4a45-9b8e-0f3f5a2b1c00 Correlation ID: \
                 {id:08}-5a41-4c1e-8a54-5f1b2d3c4e5f Timestamp: 2026-11-20 09:31:{second:02}Z\"\n"
            )
        };
        let app = |n: u32| format!("Application '{n:08}-aaaa-bbbb-cccc-dddddddddddd' was not found");
        let log: String = (0..30).map(|n| line(n, n, &app(n % 2))).collect();
        let kept = lines(&log);
        assert_eq!(kept.len(), 2, "one per application: {kept:#?}");
        assert!(kept[1].text.contains("09:31:29."));
    }

    #[test]
    fn the_newest_fifty() {
        let word = |n: usize| (0..4).map(|bit| if n >> (2 * bit) & 3 == 0 { "a" } else { "b" }).collect::<String>();
        let log: String = (0..80).map(|n| format!("AADSTS{}: {}\n", 700_000 + n, word(n))).collect();
        let kept = lines(&log);
        assert_eq!(kept.len(), MAX_LINES);
        assert!(kept[0].text.starts_with("AADSTS700030"));
    }

    #[test]
    fn long_lines_are_cut_between_characters_and_secrets_go_first() {
        let kept = lines(&format!("AADSTS7000215 client_secret=hunter2 {}\n", "ü".repeat(3_000)));
        assert_eq!(kept[0].text.chars().count(), MAX_CHARS);
        assert!(kept[0].text.contains("client_secret=[redacted]"));
        assert_eq!(redact::text(&kept[0].text), kept[0].text);
    }

    #[test]
    fn a_cut_through_a_redaction_leaves_nothing_to_redact() {
        for filler in MAX_CHARS - 40..MAX_CHARS {
            let text = redacted(&format!(
                "AADSTS1 {} client_secret=hunter2 and on and on {}",
                "x".repeat(filler),
                "y ".repeat(99)
            ));
            assert!(text.chars().count() <= MAX_CHARS && !text.contains("hunter2"));
            assert_eq!(redact::text(&text), text);
        }
    }

    #[test]
    fn containers_of_interest() {
        assert!(is_of_interest(Some("capi-provider"), "manager", false));
        assert!(is_of_interest(Some("kube-apiserver"), "azure-kms-provider-active", false));
        assert!(!is_of_interest(Some("kube-apiserver"), "kube-apiserver", false));
        assert!(is_of_interest(Some("etcd"), "etcd", false));
        assert!(!is_of_interest(Some("etcd"), "etcd-metrics", false));
        assert!(!is_of_interest(Some("capi-provider"), "availability-prober", true));
        assert!(!is_of_interest(None, "manager", false));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_log(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let mut scan = Scan::default();
            scan.read(bytes.as_slice()).unwrap();
            let _ = scan.lines(ORIGIN, reference());
        }

        #[test]
        fn any_text_may_be_a_time(text in ".*", prefix in "[{IWEF0-9]?[0-9:/ .-]{0,30}") {
            let _ = time_of(&format!("{prefix}{text}"), reference());
        }
    }
}
