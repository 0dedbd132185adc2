//! Text as it may stand in XML and HTML.

use std::fmt::Write as _;

use crate::text;

/// Text between tags, or in an attribute in double quotes.
///
/// Markup becomes entities. Characters that steer a screen or turn the direction of writing are spelt out, and so is what
/// no XML document may hold.
pub(crate) fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + value.len() / 8);
    for c in text::printable(value).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "&lt;U+{:04X}&gt;", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The same on one line: an attribute's line breaks would be read as blanks.
pub(crate) fn escape_line(value: &str) -> String {
    escape(value).replace('\n', "&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_element() {
        assert_eq!(escape("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
        assert_eq!(
            escape("]]>\u{0}\u{1b}[2J\u{202e}\u{ffff}"),
            "]]&gt;&lt;U+0000&gt;&lt;U+001B&gt;[2J&lt;U+202E&gt;&lt;U+FFFF&gt;"
        );
        assert_eq!(escape_line("a\nb"), "a&#10;b");
        assert_eq!(escape("ä → …"), "ä → …");
    }
}
