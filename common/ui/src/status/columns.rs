//! Columns that line up whatever the names: a name that is too long stands on a line of its own, nothing is cut off.

use super::Tone;
use crate::terminal::Terminal;
use crate::text;

/// The blanks between two columns.
const GAP: usize = 2;
/// The least width of the last column, and the least of the first one beside it.
const LAST: usize = 24;
const FIRST: usize = 10;

/// One row: a name, short values, and a text that may wrap.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) values: Vec<String>,
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// Titles and rows as lines of at most `width` columns. `right` tells which of the short values are numbers.
pub(super) fn lines(
    header: (&str, &[&str], &str),
    right: &[bool],
    rows: &[Row],
    width: usize,
    terminal: &Terminal,
) -> Vec<String> {
    let (name_title, value_titles, text_title) = header;
    let cells = |at: usize| rows.iter().map(move |row| row.values[at].chars().count());
    let widths: Vec<usize> = value_titles
        .iter()
        .enumerate()
        .map(|(at, title)| cells(at).max().unwrap_or(0).max(title.chars().count()))
        .collect();
    let fixed: usize = widths.iter().map(|own| own + GAP).sum();
    let longest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(name_title.chars().count());
    let room = width.saturating_sub(fixed + GAP);
    // Where little room is left for the text, it goes below its row.
    let below = room < LAST + longest.min(FIRST);
    let first = longest.min(if below { room } else { room - LAST });
    let before = first + GAP + fixed;
    let values = |values: &[String]| -> String {
        values
            .iter()
            .zip(&widths)
            .zip(right)
            .map(|((value, own), right)| {
                let pad = " ".repeat(own.saturating_sub(value.chars().count()));
                if *right { format!("{pad}{value}  ") } else { format!("{value}{pad}  ") }
            })
            .collect()
    };
    let titles: Vec<String> = value_titles.iter().map(|title| (*title).to_owned()).collect();
    let last_title = if below { "" } else { text_title };
    let title = format!("{name_title:<first$}  {}{last_title}", values(&titles));
    let mut out = vec![terminal.strong(title.trim_end())];
    for row in rows {
        let mut lead = format!("{:<first$}  ", row.name);
        if row.name.chars().count() > first {
            out.extend(wrapped(&row.name, width));
            lead = " ".repeat(first + GAP);
        }
        let head = format!("{lead}{}", values(&row.values));
        if below {
            out.push(head.trim_end().to_owned());
            let lines = wrapped(&row.text, width.saturating_sub(2 * GAP));
            out.extend(lines.iter().map(|line| format!("    {}", row.tone.paint(line, terminal))));
            continue;
        }
        let lines = wrapped(&row.text, width - before);
        for (at, line) in lines.iter().enumerate() {
            let lead = if at == 0 { head.clone() } else { " ".repeat(before) };
            out.push(format!("{lead}{}", row.tone.paint(line, terminal)));
        }
        if lines.is_empty() {
            out.push(head.trim_end().to_owned());
        }
    }
    out
}

/// Text as lines of at most `width` columns; a word that is longer is broken.
pub(super) fn wrapped(words: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width.max(FIRST))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let words = text::printable(words);
    if words.is_empty() {
        return Vec::new();
    }
    textwrap::wrap(&words, options).into_iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, values: [&str; 2], text: &str) -> Row {
        Row { name: name.into(), values: values.map(str::to_owned).to_vec(), text: text.into(), tone: Tone::Plain }
    }

    fn table(rows: &[Row], width: usize) -> Vec<String> {
        let lines = lines(("NAME", &["N", "VERSION"], "STATE"), &[true, false], rows, width, &Terminal::plain(width));
        for line in &lines {
            assert!(line.chars().count() <= width, "{line:?} is wider than {width}");
        }
        lines
    }

    #[test]
    fn columns_line_up_and_the_last_wraps() {
        let rows = [row("a", ["12", "4.22.3"], "ready"), row("bcd", ["3", "4.9"], "not ready for reasons of its own")];
        assert_eq!(
            table(&rows, 45),
            [
                "NAME   N  VERSION  STATE",
                "a     12  4.22.3   ready",
                "bcd    3  4.9      not ready for reasons of",
                "                   its own",
            ]
        );
    }

    #[test]
    fn long_names_and_versions_take_lines_of_their_own() {
        let name = "a-very-long-name-that-fits-no-column-of-any-terminal-of-eighty-columns-at-all-99";
        let rows = [row(name, ["1", "4.22.3"], "ready"), row("b", ["2", "4.22.3"], "ready")];
        let lines = table(&rows, 60);
        assert_eq!(lines[1..3].concat(), name);
        assert_eq!(lines[3].find("4.22.3"), lines[4].find("4.22.3"));
        let rows = [row("b", ["2", "4.22.0-0.nightly-2026-11-20-120000"], "not ready: no capacity in this zone")];
        let lines = table(&rows, 60);
        assert_eq!(lines[1], "b     2  4.22.0-0.nightly-2026-11-20-120000");
        assert_eq!(lines[2], "    not ready: no capacity in this zone");
    }
}
