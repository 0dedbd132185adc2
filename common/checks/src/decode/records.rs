//! Records of a log: a line that begins one, and those that belong to it.

/// The most of a text that is looked at as one, in bytes.
const MAX_RECORD: usize = 32 * 1024;

/// The most of a line that is looked at, in bytes. What reads a longer one hands it over in pieces.
pub const MAX_LINE: usize = MAX_RECORD / 2;

/// What of a record that is too long is looked at again with what follows, so that nothing is lost at the cut.
const OVERLAP: usize = 4 * 1024;

/// Puts lines together to records.
#[derive(Debug, Default)]
pub(super) struct Records {
    text: String,
}

impl Records {
    /// Takes a line; gives the record that it ends by beginning another, or by being too much.
    pub(super) fn push(&mut self, line: &str) -> Option<String> {
        let line = line.trim_end_matches(['\r', '\n']);
        let line = &line[..boundary(line, MAX_LINE)];
        let mut ended = None;
        if self.text.is_empty() || begins_record(line) {
            ended = Some(std::mem::take(&mut self.text)).filter(|text| !text.is_empty());
        } else if self.text.len() + line.len() + 1 > MAX_RECORD {
            let tail = boundary(&self.text, self.text.len().saturating_sub(OVERLAP));
            let rest = self.text[tail..].to_owned();
            ended = Some(std::mem::replace(&mut self.text, rest));
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
        ended
    }

    /// The last record.
    pub(super) fn last(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.text)).filter(|text| !text.is_empty())
    }
}

/// The last place at or before `at` that is between two characters.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Whether a line looks like the first of a record: klog's header, a time, a JSON object, logfmt, or a line of `oc logs
/// --prefix`.
fn begins_record(line: &str) -> bool {
    let bytes = line.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let klog = bytes.first().is_some_and(|c| b"IWEF".contains(c)) && digits(1..5) && bytes.get(5) == Some(&b' ');
    let date = digits(0..4) && bytes.get(4) == Some(&b'-') && digits(5..7) && bytes.get(7) == Some(&b'-');
    klog || date
        || ["{\"", "time=", "ts=", "level=", "[pod/"].iter().any(|mark| line.starts_with(mark))
        || ["INFO", "WARN", "ERROR", "DEBUG"].iter().any(|level| line.starts_with(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> Vec<String> {
        let mut records = Records::default();
        let mut out: Vec<String> = lines.iter().filter_map(|line| records.push(line)).collect();
        out.extend(records.last());
        out
    }

    #[test]
    fn lines_belong_to_the_record_before_them() {
        assert_eq!(
            records(&["E1120 09:31:03 a\r", "  b", "  c", "2026-11-20T09:31:03Z d", "{\"ts\":1}", "{\"ts\":2}"]),
            ["E1120 09:31:03 a\n  b\n  c", "2026-11-20T09:31:03Z d", "{\"ts\":1}", "{\"ts\":2}"]
        );
        assert_eq!(records(&["error: x", "  {", "  }"]), ["error: x\n  {\n  }"]);
        assert!(records(&[]).is_empty());
    }

    #[test]
    fn a_record_never_grows_beyond_its_limit() {
        let line = "é".repeat(3000);
        let lines: Vec<&str> = std::iter::repeat_n(line.as_str(), 40).collect();
        let found = records(&lines);
        let pieces = "y".repeat(MAX_LINE);
        assert!(records(&[&pieces, &pieces, &pieces, &pieces]).iter().all(|record| record.len() <= MAX_RECORD));
        assert!(found.len() > 5 && found.iter().all(|record| record.len() <= MAX_RECORD), "{}", found.len());
        assert!(records(&["x".repeat(3 * MAX_RECORD).as_str()])[0].len() <= MAX_LINE);
    }
}
