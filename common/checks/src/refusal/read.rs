//! Reading refusals out of text.

use super::{ARM_CODES, Arm, Entra};

/// Text with the escapes of nested JSON and of quoted log values taken out, and with single blanks.
pub(super) fn unescape(text: &str) -> String {
    let text = text.replace("\\u0027", "'");
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                if let Some('n' | 'r' | 't') = chars.peek() {
                    chars.next();
                    push_blank(&mut out);
                }
            }
            c if c.is_whitespace() => push_blank(&mut out),
            c => out.push(c),
        }
    }
    out
}

fn push_blank(out: &mut String) {
    if !out.ends_with(' ') {
        out.push(' ');
    }
}

/// The refusals by Entra, in the order of their mention.
pub(super) fn entra(text: &str) -> Vec<Entra> {
    const MARK: &str = "AADSTS";
    let starts: Vec<usize> = text.match_indices(MARK).map(|(at, _)| at).collect();
    starts
        .iter()
        .enumerate()
        .filter_map(|(i, &at)| {
            let until = starts.get(i + 1).copied().unwrap_or(text.len());
            entra_at(&text[at + MARK.len()..until])
        })
        .collect()
}

/// Reads one refusal from what follows `AADSTS`.
fn entra_at(text: &str) -> Option<Entra> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let aadsts = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start_matches([':', ' ']);
    let end = [rest.find('"'), rest.find(" Trace ID"), rest.find(" Correlation ID"), rest.find(" Timestamp:")]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(rest.len());
    let message = rest[..end].trim();
    Some(Entra {
        aadsts,
        subject: quoted(message, "assertion subject"),
        issuer: quoted(message, "assertion issuer").or_else(|| word(message, "identity provider")),
        audience: quoted(message, "assertion audience"),
        app_id: quoted(message, "application with identifier").or_else(|| quoted(message, "for app")),
        tenant: quoted(message, "in the directory").or_else(|| quoted(message, "tenant")),
        key_id: word(message, "certificate with identifier")
            .or_else(|| quoted(message, "thumbprint of key used by client")),
        message: message.to_owned(),
        trace_id: word(rest, "trace id"),
        correlation_id: word(rest, "correlation id"),
    })
}

/// Where what follows `label` begins: after a colon and blanks. The comparison ignores case.
fn after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let at = text.to_ascii_lowercase().find(label)? + label.len();
    Some(text[at..].trim_start_matches([':', ' ']))
}

/// The value in single quotes that follows `label`.
fn quoted(text: &str, label: &str) -> Option<String> {
    let value = after(text, label)?.strip_prefix('\'')?;
    let value = &value[..value.find('\'')?];
    (!value.is_empty()).then(|| value.to_owned())
}

/// The word that follows `label`, bare or in single quotes.
fn word(text: &str, label: &str) -> Option<String> {
    quoted(text, label).or_else(|| {
        let value = after(text, label)?;
        let end =
            value.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ']')).unwrap_or(value.len());
        let value = value[..end].trim_end_matches('.');
        (!value.is_empty()).then(|| value.to_owned())
    })
}

/// The refusals by ARM, each code once, in the order of their first mention.
pub(super) fn arm(text: &str) -> Vec<Arm> {
    let mut mentions: Vec<(usize, Arm)> = Vec::new();
    mentions.extend(labelled(text));
    mentions.extend(members(text));
    mentions.extend(plain(text));
    mentions.sort_by_key(|(at, _)| *at);
    let mut found: Vec<Arm> = Vec::new();
    for (_, mention) in mentions {
        match found.iter_mut().find(|known| known.code == mention.code) {
            // The same code is mentioned once as a heading and once in the body: the telling mention is kept.
            Some(known) if known.action.is_none() && known.message.len() < mention.message.len() => *known = mention,
            Some(_) => {}
            None => found.push(mention),
        }
    }
    found
}

/// `ERROR CODE: SkuNotAvailable`, as the Azure SDK for Go prints it.
fn labelled(text: &str) -> impl Iterator<Item = (usize, Arm)> + '_ {
    const LABEL: &str = "ERROR CODE: ";
    text.match_indices(LABEL).filter_map(|(at, _)| {
        let code = code_at(&text[at + LABEL.len()..])?;
        Some((at, decode(code, "")))
    })
}

/// `"code": "X", "message": "…"` of JSON bodies, and `Code="X" Message="…"` of older clients.
fn members(text: &str) -> Vec<(usize, Arm)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("ode") {
        let Some(value) = member_value(text, at, "ode") else {
            continue;
        };
        let Some(code) = code_at(value).filter(|code| value[code.len()..].starts_with('"')) else {
            continue;
        };
        // The message of the same object stands before its inner details.
        let rest = &value[code.len() + 1..];
        let own = &rest[..rest.find('{').unwrap_or(rest.len())];
        let message = own
            .find("essage")
            .and_then(|at| member_value(own, at, "essage"))
            .map_or("", |message| &message[..message.find('"').unwrap_or(message.len())]);
        found.push((at, decode(code, message)));
    }
    found
}

/// What stands in double quotes after the member whose name ends with `name` at `at`.
fn member_value<'a>(text: &'a str, at: usize, name: &str) -> Option<&'a str> {
    let first = text[..at].chars().next_back()?;
    let before = text[..at - first.len_utf8()].chars().next_back();
    if !matches!(first.to_ascii_lowercase(), 'c' | 'm') || before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let rest = text[at + name.len()..].trim_start_matches('"').trim_start();
    rest.strip_prefix([':', '='])?.trim_start().strip_prefix('"')
}

/// The known codes as plain words, with what follows them after a colon.
fn plain(text: &str) -> Vec<(usize, Arm)> {
    let mut found = Vec::new();
    for code in ARM_CODES {
        for (at, _) in text.match_indices(code) {
            let end = at + code.len();
            let part_of_a_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if part_of_a_word(text[..at].chars().next_back()) || part_of_a_word(text[end..].chars().next()) {
                continue;
            }
            let rest = &text[end..];
            let message = rest
                .strip_prefix(':')
                .or_else(|| rest.strip_prefix("\":"))
                .map_or("", |message| &message[..message.find('"').unwrap_or(message.len())]);
            found.push((at, decode(code, message)));
        }
    }
    found
}

/// A code at the beginning of a text: a word with a capital, longer than an HTTP verb, and no number.
fn code_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))).unwrap_or(text.len());
    let code = text[..end].trim_end_matches('.');
    (code.len() >= 5
        && code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.contains(|c: char| c.is_ascii_lowercase()))
    .then_some(code)
}

fn decode(code: &str, message: &str) -> Arm {
    let message = message.trim();
    // A linked refusal names an action that is allowed first and the one that is not second.
    let refused = message.find("does not have permission to perform action").map_or(message, |at| &message[at..]);
    Arm {
        code: code.to_owned(),
        action: quoted(refused, "perform action"),
        scope: quoted(refused, "on the linked scope(s)")
            .or_else(|| quoted(refused, "over scope"))
            .or_else(|| quoted(refused, "on scope")),
        object_id: quoted(message, "with object id"),
        message: message.to_owned(),
    }
}
