//! Wrapping and comparing text.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::terminal::Terminal;

/// Text as it may go to a screen: characters that steer a terminal or turn the direction of writing are spelt out.
///
/// Names and messages come from clusters, from Azure and from files that somebody else recorded. Line breaks stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            '\r' => {}
            c if steers(c) => {
                let _ = write!(out, "<U+{:04X}>", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Wraps `text` to `width` columns, the first line behind `first`, the others behind `rest`; ends with a line break.
///
/// `first` may hold colour; it is taken to be as wide as `rest`.
pub(crate) fn hanging(first: &str, rest: &str, text: &str, width: usize) -> String {
    let options = textwrap::Options::new(width.saturating_sub(rest.len()).max(20))
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let text = printable(text);
    let lines = textwrap::wrap(&text, options);
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        out.push_str(if at == 0 { first } else { rest });
        out.push_str(line);
        out.push('\n');
    }
    if lines.is_empty() {
        out.push_str(first.trim_end());
        out.push('\n');
    }
    out
}

/// The same for text with commands in backticks: one that fits on a line is not broken, so that it can be copied.
pub(crate) fn with_commands(first: &str, rest: &str, text: &str, width: usize) -> String {
    let room = width.saturating_sub(rest.len());
    let joined: Vec<Cow<'_, str>> = text
        .split('`')
        .enumerate()
        .map(|(at, part)| match at % 2 {
            1 if part.chars().count() + 2 <= room => Cow::Owned(part.replace(' ', TIED)),
            _ => Cow::Borrowed(part),
        })
        .collect();
    hanging(first, rest, &joined.join("`"), width).replace(TIED, " ")
}

/// The same for text whose lines are broken behind commas alone.
pub(crate) fn by_commas(first: &str, rest: &str, text: &str, width: usize) -> String {
    let tied = text.replace(' ', TIED).replace(&format!(",{TIED}"), ", ");
    hanging(first, rest, &tied, width).replace(TIED, " ")
}

/// A blank at which no line is broken.
const TIED: &str = "\u{a0}";

/// The command that comes next, as the last lines of a screen. Commands of ours are written for `oc`; `program` is how the
/// reader calls it.
pub(crate) fn next(line: &str, program: &str, terminal: &Terminal) -> String {
    let lines = command(&line.replace("oc hcp-azure", program), "  ", terminal.width());
    lines.iter().fold("\nnext:\n".to_owned(), |out, line| format!("{out}{}\n", terminal.accent(line)))
}

/// Breaks a shell command before its options so that each line fits, with continuation backslashes; every line behind
/// `indent`. A command stays one that can be copied: a word is never broken.
pub(crate) fn command(command: &str, indent: &str, width: usize) -> Vec<String> {
    let command = &*printable(command);
    if indent.len() + command.len() <= width {
        return vec![format!("{indent}{command}")];
    }
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for part in option_parts(command) {
        // Two columns for " \".
        let room = width.saturating_sub(indent.len() + 2 + if lines.is_empty() { 0 } else { 2 });
        if !line.is_empty() && line.len() + 1 + part.len() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&part);
    }
    lines.push(line);
    let last = lines.len() - 1;
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| {
            let hang = if at == 0 { "" } else { "  " };
            let end = if at == last { "" } else { " \\" };
            format!("{indent}{hang}{line}{end}")
        })
        .collect()
}

/// Splits a command before each option outside quotes; an option keeps its value.
fn option_parts(command: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quote: Option<char> = None;
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        if c == ' ' && quote.is_none() && chars.peek() == Some(&'-') {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    parts
}

/// The columns at which two texts first differ, and what stands there; `None` when they are equal.
pub(crate) fn first_difference(want: &str, found: &str) -> Option<Difference> {
    if want == found {
        return None;
    }
    let same = want.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    Some(Difference { column: same, want: want.chars().nth(same), found: found.chars().nth(same) })
}

/// Where and how two texts first differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Characters that are equal before.
    pub(crate) column: usize,
    /// The wanted character there; none at the text's end.
    pub(crate) want: Option<char>,
    /// The found character there; none at the text's end.
    pub(crate) found: Option<char>,
}

impl Difference {
    /// The difference in words, for readers who do not see the caret.
    pub(crate) fn describe(&self) -> String {
        let show = |c: char| match c {
            ' ' => "a blank".to_owned(),
            c if c.is_control() => format!("U+{:04X}", u32::from(c)),
            c => format!("'{c}'"),
        };
        match (self.want, self.found) {
            (Some(want), Some(found)) if want.eq_ignore_ascii_case(&found) => {
                format!("{} instead of {}: Entra compares case", show(found), show(want))
            }
            (Some(want), Some(found)) => format!("{} instead of {}", show(found), show(want)),
            (None, Some(found)) => format!("{} too much", show(found)),
            (Some(want), None) => format!("{} is missing", show(want)),
            (None, None) => "equal".to_owned(),
        }
    }
}

/// The start of an id, enough to recognise it: `7f3c1b2a…`.
pub(crate) fn short_id(id: &str, ellipsis: &str) -> String {
    match id.split_once('-') {
        Some((head, _)) if id.len() == 36 => format!("{head}{ellipsis}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelt_out() {
        assert_eq!(
            printable("a\u{1b}]0;x\u{7}\u{9b}2J\tb\r\nc\u{202e}d"),
            "a<U+001B>]0;x<U+0007><U+009B>2J b\nc<U+202E>d"
        );
        assert!(matches!(printable("kein Zufall: ä → …\n"), Cow::Borrowed(_)));
        assert_eq!(hanging("", "  ", "a\u{1b}[2J", 80), "a<U+001B>[2J\n");
        assert_eq!(command("echo '\u{1b}'", "", 80), ["echo '<U+001B>'"]);
    }

    #[test]
    fn a_long_command_breaks_before_options_only() {
        let text =
            "az identity federated-credential create -g rg --identity-name n --subject 'a -b' --audiences openshift";
        let lines = command(text, "  ", 60);
        assert_eq!(
            lines,
            [
                "  az identity federated-credential create -g rg \\",
                "    --identity-name n --subject 'a -b' \\",
                "    --audiences openshift",
            ]
        );
        let joined: String =
            lines.iter().map(|line| line.trim().trim_end_matches('\\').trim_end()).collect::<Vec<_>>().join(" ");
        assert_eq!(joined, text);
    }

    #[test]
    fn a_command_in_a_text_stays_whole_where_it_fits() {
        let text = "give `a b c` or `d e`";
        assert_eq!(with_commands("", "  ", text, 22), "give `a b c` or\n  `d e`\n");
        assert_eq!(hanging("", "  ", text, 22), "give `a b c` or `d\n  e`\n");
    }

    #[test]
    fn what_stands_between_commas_stays_together() {
        let text = "as a file, subscription 7, cluster c";
        assert_eq!(by_commas("", "  ", text, 24), "as a file,\n  subscription 7,\n  cluster c\n");
        assert_eq!(by_commas("", "  ", text, 80), "as a file, subscription 7, cluster c\n");
    }

    #[test]
    fn differences_in_words() {
        let of = |want, found| first_difference(want, found).map(|d| (d.column, d.describe()));
        assert_eq!(of("a", "a"), None);
        assert_eq!(of("kube:capi", "kube:Capi"), Some((5, "'C' instead of 'c': Entra compares case".into())));
        assert_eq!(of("https://x", "https://x/"), Some((9, "'/' too much".into())));
        assert_eq!(of("ab", "a"), Some((1, "'b' is missing".into())));
        assert_eq!(of("ab", "a "), Some((1, "a blank instead of 'b'".into())));
    }

    #[test]
    fn hanging_text_keeps_its_indent() {
        assert_eq!(hanging("a: ", "   ", "one two three four five six", 20), "a: one two three four\n   five six\n");
    }
}
