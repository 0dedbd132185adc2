//! Quantities as Kubernetes writes them: `8Gi`, `500M`, `1e9`.

/// How a quantity is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `Ki`, `Mi`, …: powers of 1024.
    Binary,
    /// `k`, `M`, … and `m`, `u`, `n`: powers of 1000.
    Decimal,
    /// `e3`, `E9`: exponents of ten.
    Exponent,
}

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, u32); 10] =
    [("n", 0), ("u", 3), ("m", 6), ("", 9), ("k", 12), ("M", 15), ("G", 18), ("T", 21), ("P", 24), ("E", 27)];

/// Billionths in one.
const ONE: i128 = 1_000_000_000;

/// Reads a quantity and writes it the way the API server would: `8192Mi` is `8Gi`. None when it is no quantity, or when
/// it is not greater than nothing, as no size is.
pub(super) fn canonical_size(text: &str) -> Option<String> {
    let (billionths, form) = parse(text)?;
    (billionths > 0).then(|| write(billionths, form))
}

fn parse(text: &str) -> Option<(i128, Form)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let (scale, form) = scale_of(suffix)?;
    // Rounded up, as Kubernetes does with what is finer than it can hold.
    let scaled = digits.checked_mul(scale)?;
    let value = scaled.checked_add(10_i128.checked_pow(places)? - 1)? / 10_i128.pow(places);
    Some((if text.starts_with('-') { -value } else { value }, form))
}

/// What one of a suffix is, in billionths.
fn scale_of(suffix: &str) -> Option<(i128, Form)> {
    if let Some(power) = BINARY.iter().skip(1).position(|name| *name == suffix) {
        let power = u32::try_from(power).ok()? + 1;
        return Some((1024_i128.checked_pow(power)? * ONE, Form::Binary));
    }
    if let Some((_, zeros)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((10_i128.pow(*zeros), Form::Decimal));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let zeros = u32::try_from(exponent.checked_add(9)?).ok()?;
    Some((10_i128.checked_pow(zeros)?, Form::Exponent))
}

fn write(billionths: i128, form: Form) -> String {
    let whole = billionths % ONE == 0;
    if form == Form::Binary && whole && billionths >= 1024 * ONE {
        let (mut value, mut power) = (billionths / ONE, 0);
        while value % 1024 == 0 && power + 1 < BINARY.len() {
            value /= 1024;
            power += 1;
        }
        return format!("{value}{}", BINARY[power]);
    }
    let (mut value, mut step) = (billionths, 0);
    while value % 1000 == 0 && step + 1 < DECIMAL.len() {
        value /= 1000;
        step += 1;
    }
    let (suffix, zeros) = DECIMAL[step];
    match (form, i64::from(zeros) - 9) {
        (Form::Exponent, 0) => value.to_string(),
        (Form::Exponent, exponent) => format!("{value}e{exponent}"),
        _ => format!("{value}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_the_api_server_writes_them() {
        for (given, written) in [
            ("8Gi", "8Gi"),
            ("8192Mi", "8Gi"),
            ("0.5Gi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("512Ki", "512Ki"),
            ("1000Mi", "1000Mi"),
            ("10G", "10G"),
            ("10000M", "10G"),
            ("1.5G", "1500M"),
            ("8589934592", "8589934592"),
            ("1e9", "1e9"),
            ("10E3", "10e3"),
            ("1e4", "10e3"),
            ("500", "500"),
            ("0.5", "500m"),
            ("+4Gi", "4Gi"),
            ("0.5Ki", "512"),
        ] {
            assert_eq!(canonical_size(given).as_deref(), Some(written), "{given}");
        }
        for bad in ["", "Gi", "8GB", "8GB!", "8 Gi", "0", "-8Gi", "1.2.3", "0Gi", "8gi", "1e99"] {
            assert_eq!(canonical_size(bad), None, "{bad}");
        }
    }
}
