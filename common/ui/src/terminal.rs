//! [`Terminal`]: what the reader's screen can show.

use std::env;
use std::fmt::Write as _;
use std::io::IsTerminal;

use owo_colors::OwoColorize;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` say no, or `CLICOLOR_FORCE` says yes.
    Auto,
    /// Never.
    Never,
}

/// The width, colour and character set to render for. Colour only repeats what words say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    width: usize,
    color: bool,
    unicode: bool,
    redraws: bool,
}

/// The width where none is known.
const DEFAULT_WIDTH: usize = 80;
/// The least that is used: narrower columns would hold single words.
const MIN_WIDTH: usize = 40;
/// Lines longer than this are hard to read even where they fit.
const MAX_WIDTH: usize = 120;

impl Terminal {
    /// What stdout can show.
    pub fn of_stdout(choice: ColorChoice) -> Self {
        Self::detect(std::io::stdout().is_terminal(), choice)
    }

    /// What stderr can show.
    pub fn of_stderr(choice: ColorChoice) -> Self {
        Self::detect(std::io::stderr().is_terminal(), choice)
    }

    /// No colour, Unicode, a fixed width: for tests and documents.
    pub fn plain(width: usize) -> Self {
        Self { width, color: false, unicode: true, redraws: false }
    }

    /// The same in pure ASCII.
    #[must_use]
    pub fn ascii(self) -> Self {
        Self { unicode: false, ..self }
    }

    fn detect(is_terminal: bool, choice: ColorChoice) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = ["CLICOLOR_FORCE", "FORCE_COLOR"]
            .iter()
            .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0"));
        let dumb = env::var("TERM").is_ok_and(|term| term == "dumb");
        let color = choice == ColorChoice::Auto && !set("NO_COLOR") && (forced || (is_terminal && !dumb));
        let columns = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let size = is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0));
        let width = columns.or(size).unwrap_or(DEFAULT_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH);
        Self { width, color, unicode: shows_unicode(is_terminal), redraws: is_terminal && !dumb }
    }

    /// Whether a line that was written can be written anew: on a terminal that is not `TERM=dumb`.
    pub fn redraws(&self) -> bool {
        self.redraws
    }

    /// Columns to use.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The separator between short parts of a line.
    pub fn dot(&self) -> &'static str {
        if self.unicode { " · " } else { " - " }
    }

    /// The mark of something left out.
    pub fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// Replaces what the screen cannot show: the few characters beyond ASCII that our own texts use by their likes, any
    /// other by its number.
    pub fn fit(&self, text: &str) -> String {
        if self.unicode || text.is_ascii() { text.to_owned() } else { ascii(text) }
    }

    /// Something bad.
    pub fn bad(&self, text: &str) -> String {
        if self.color { text.red().bold().to_string() } else { text.to_owned() }
    }

    /// Something to mind.
    pub fn caution(&self, text: &str) -> String {
        if self.color { text.yellow().to_string() } else { text.to_owned() }
    }

    /// Something good.
    pub fn good(&self, text: &str) -> String {
        if self.color { text.green().to_string() } else { text.to_owned() }
    }

    /// A title.
    pub fn strong(&self, text: &str) -> String {
        if self.color { text.bold().to_string() } else { text.to_owned() }
    }

    /// A command or a path.
    pub fn accent(&self, text: &str) -> String {
        if self.color { text.cyan().to_string() } else { text.to_owned() }
    }

    /// Something of less weight.
    pub fn faint(&self, text: &str) -> String {
        if self.color { text.dimmed().to_string() } else { text.to_owned() }
    }
}

/// Whether a stream shows more than ASCII: a terminal what its locale says; a file or a pipe is read as UTF-8 unless the
/// locale is plainly another.
pub(crate) fn shows_unicode(is_terminal: bool) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    match locale {
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        None => cfg!(windows) || !is_terminal,
    }
}

/// The text in ASCII.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '·' => out.push('-'),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '×' => out.push('x'),
            // Spelt out, since one that looks alike may be the very mistake.
            c => {
                let _ = write!(out, "<U+{:04X}>", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_without_unicode_gets_ascii() {
        let ascii = Terminal::plain(80).ascii();
        assert_eq!(ascii.fit("a · b… c→d"), "a - b... c->d");
        assert_eq!(ascii.fit("capi–provider"), "capi<U+2013>provider");
        assert_eq!((ascii.dot(), ascii.ellipsis()), (" - ", "..."));
        assert_eq!(Terminal::plain(80).fit("a · b…"), "a · b…");
    }
}
