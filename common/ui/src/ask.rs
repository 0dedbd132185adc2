//! Questions on a terminal: a line of text each, with line editing, completion and a default.

use std::fmt::Write as _;
use std::io;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, Editor, Helper};

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked, in a few words: `Base domain`.
    pub text: String,
    /// What the answer means and which there are, in a line.
    pub help: String,
    /// The answer that an empty line gives; none where one must be typed.
    pub default: Option<String>,
    /// What the Tab key completes.
    pub completion: Completion,
}

/// What the Tab key completes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// Nothing.
    Nothing,
    /// These words.
    Words(Vec<String>),
    /// Names of files.
    Files,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the terminal is gone.
    Ended,
}

/// A terminal on which questions are asked. Between two questions it is as it was before.
pub struct Console {
    editor: Editor<Tab, MemHistory>,
    terminal: Terminal,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Console {
    /// The terminal of the process, whatever stdout leads to.
    ///
    /// # Errors
    /// A terminal that cannot be used.
    pub fn open(terminal: Terminal) -> io::Result<Self> {
        let config = Config::builder()
            .behavior(Behavior::PreferTerm)
            .color_mode(ColorMode::Disabled)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(io::Error::other)?;
        editor.set_helper(Some(Tab { files: FilenameCompleter::new(), completion: Completion::Nothing }));
        Ok(Self { editor, terminal })
    }

    /// Asks. The answer has no white space at its ends; it is empty only where there is no default and none was typed.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn ask(&mut self, question: &Question) -> Result<String, NoAnswer> {
        crate::note(&help(question, &self.terminal));
        if let Some(tab) = self.editor.helper_mut() {
            tab.completion = question.completion.clone();
        }
        let answer = match self.editor.readline(&prompt(question)) {
            Ok(answer) => answer,
            Err(ReadlineError::Interrupted) => return Err(NoAnswer::Interrupted),
            Err(_) => return Err(NoAnswer::Ended),
        };
        let answer = answer.trim();
        Ok(if answer.is_empty() { question.default.clone().unwrap_or_default() } else { answer.to_owned() })
    }
}

/// What stands above a question.
fn help(question: &Question, terminal: &Terminal) -> String {
    let mut out = String::from("\n");
    for line in terminal.fit(&text::hanging("", "", &question.help, terminal.width())).lines() {
        let _ = writeln!(out, "{}", terminal.faint(line));
    }
    out
}

/// `Base domain [hcp.example.com]: `
fn prompt(question: &Question) -> String {
    // A name from outside must not steer the terminal.
    let shown = text::printable(&question.text);
    match &question.default {
        Some(default) => format!("{shown} [{}]: ", text::printable(default)),
        None => format!("{shown}: "),
    }
}

/// Why an answer is not taken, in the words of every failure.
pub fn objection(failure: &Failure, terminal: &Terminal) -> String {
    failure.render(terminal)
}

/// A command to copy, broken before its options so that it fits, below a line that says what it is.
pub fn command(label: &str, command: &str, terminal: &Terminal) -> String {
    let mut out = format!("\n{}\n", terminal.fit(label));
    for line in text::command(command, "  ", terminal.width()) {
        let _ = writeln!(out, "{}", terminal.accent(&line));
    }
    out
}

/// What the Tab key does.
struct Tab {
    files: FilenameCompleter,
    completion: Completion,
}

impl Completer for Tab {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        match &self.completion {
            Completion::Nothing => Ok((0, Vec::new())),
            Completion::Files => self.files.complete(line, pos, context),
            Completion::Words(words) => {
                let begun = line.get(..pos).unwrap_or_default();
                let fitting = words.iter().filter(|word| word.starts_with(begun));
                Ok((0, fitting.map(|word| Pair { display: word.clone(), replacement: word.clone() }).collect()))
            }
        }
    }
}

impl Hinter for Tab {
    type Hint = String;
}

impl Highlighter for Tab {}
impl Validator for Tab {}
impl Helper for Tab {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn question(default: Option<&str>) -> Question {
        Question {
            text: "Base domain".into(),
            help: "The public DNS zone …".into(),
            default: default.map(str::to_owned),
            completion: Completion::Nothing,
        }
    }

    #[test]
    fn a_question_is_a_line_of_help_and_a_default_in_brackets() {
        assert_eq!(prompt(&question(Some("a.example.com"))), "Base domain [a.example.com]: ");
        assert_eq!(prompt(&question(None)), "Base domain: ");
        assert_eq!(help(&question(None), &Terminal::plain(80).ascii()), "\nThe public DNS zone ...\n");
        assert!(!prompt(&question(Some("\u{1b}[2J"))).contains('\u{1b}'));
    }

    #[test]
    fn tab_completes_the_words_that_fit() {
        let tab = |words: &[&str]| Tab {
            files: FilenameCompleter::new(),
            completion: Completion::Words(words.iter().map(ToString::to_string).collect()),
        };
        let history = MemHistory::new();
        let (start, found) = tab(&["eastus", "eastus2", "westus"]).complete("ea", 2, &Context::new(&history)).unwrap();
        assert_eq!(
            (start, found.iter().map(|pair| pair.display.as_str()).collect::<Vec<_>>()),
            (0, vec!["eastus", "eastus2"])
        );
    }

    #[test]
    fn a_command_can_be_copied_as_it_stands() {
        let shown =
            command("the same:", "x create cluster dev --base-domain hcp.example.com --fips", &Terminal::plain(40));
        assert_eq!(shown, "\nthe same:\n  x create cluster dev \\\n    --base-domain hcp.example.com \\\n    --fips\n");
    }
}
