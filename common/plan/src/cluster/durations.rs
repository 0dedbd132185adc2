//! Durations as Go writes them, which is how the API holds them: `1h30m`, `90s`, `1.5h`.

/// The units, their length in nanoseconds.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration and writes it the way the API server would: `90s` is `1m30s`. None when it is no duration.
///
/// # Errors
/// None; a text that is no duration, or a longer one than 292 years, gives `None`.
pub(super) fn canonical(text: &str) -> Option<String> {
    parse(text).map(format)
}

/// Reads a duration in nanoseconds.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(amount(number, *length)?)?;
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A decimal number of units, in nanoseconds.
fn amount(number: &str, length: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(length)?;
    let mut place = length;
    for digit in fraction.bytes() {
        place /= 10;
        total = total.checked_add(i128::from(digit - b'0') * place)?;
    }
    Some(total)
}

/// Writes nanoseconds as Go's `Duration.String` does.
fn format(nanoseconds: i64) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    let decimal = |value: u64, unit: u64| {
        let (whole, rest) = (value / unit, value % unit);
        if rest == 0 {
            return whole.to_string();
        }
        let width = unit.ilog10() as usize;
        format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
    };
    if all < 1_000 {
        return format!("{sign}{all}ns");
    }
    if all < 1_000_000 {
        return format!("{sign}{}µs", decimal(all, 1_000));
    }
    if all < 1_000_000_000 {
        return format!("{sign}{}ms", decimal(all, 1_000_000));
    }
    let minute = 60_000_000_000;
    let seconds = decimal(all % minute, 1_000_000_000);
    let minutes = all / minute;
    if minutes == 0 {
        format!("{sign}{seconds}s")
    } else if minutes < 60 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{}h{}m{seconds}s", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_the_api_server_writes_them() {
        for (given, written) in [
            ("0", "0s"),
            ("0s", "0s"),
            ("10m", "10m0s"),
            ("90s", "1m30s"),
            ("1.5h", "1h30m0s"),
            ("1h", "1h0m0s"),
            ("1h1ms", "1h0m0.001s"),
            ("250ms", "250ms"),
            ("1500us", "1.5ms"),
            ("2.5s", "2.5s"),
            ("17ns", "17ns"),
            ("-5s", "-5s"),
            (".5s", "500ms"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(written), "{given}");
        }
        for bad in ["", "5", "s", "1d", "10 m", "1.2.3s", "five", "-", "99999999999h"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
