//! What stands on a command line so far, and what its last word is to become. Pure.

use clap::{Arg, Command};

/// A command line, read up to the word under the cursor.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The verb that the words have led to.
    pub command: &'a Command,
    /// The names of the verbs on the way there, without the program's own.
    pub verbs: Vec<&'a str>,
    /// The values that flags were given, with the flags' ids.
    pub values: Vec<(&'a str, &'a str)>,
    /// The ids of flags that were given.
    pub flags: Vec<&'a str>,
    /// The words that are neither verbs nor flags nor values of flags.
    pub words: Vec<&'a str>,
    /// What the last word is.
    pub wanted: Wanted<'a>,
    /// What is typed of it; of `--flag=value` the value.
    pub typed: &'a str,
}

/// What the last word of a line is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// A flag.
    Flag,
    /// A flag's value.
    Value(&'a Arg),
    /// A verb, where one may stand there, or a word by its position.
    Word {
        /// Whether a verb may stand there.
        verb: bool,
        /// The argument whose turn it is.
        positional: Option<&'a Arg>,
    },
    /// A value of a flag that nobody knows.
    Nothing,
}

impl<'a> Line<'a> {
    /// Reads the words behind the program's name. The last one is the word under the cursor; it may be empty.
    ///
    /// `program` must be built, so that verbs know the flags of all verbs.
    pub fn read(program: &'a Command, words: &'a [String]) -> Self {
        let (typed, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
        let mut line = Self {
            command: program,
            verbs: Vec::new(),
            values: Vec::new(),
            flags: Vec::new(),
            words: Vec::new(),
            wanted: Wanted::Nothing,
            typed,
        };
        let mut pending: Option<&'a Arg> = None;
        let mut escaped = false;
        for word in before {
            if let Some(arg) = pending.take() {
                line.values.push((arg.get_id().as_str(), word));
            } else if escaped || word == "-" || !word.starts_with('-') {
                line.word(word, escaped);
            } else if word == "--" {
                escaped = true;
            } else {
                pending = line.flag(word);
            }
        }
        line.wanted = match (pending, typed.split_once('=')) {
            (Some(arg), _) => Wanted::Value(arg),
            (None, Some((flag, value))) if !escaped && flag.starts_with('-') => {
                line.typed = value;
                line.find(flag).map_or(Wanted::Nothing, Wanted::Value)
            }
            (None, _) if !escaped && typed.starts_with('-') => Wanted::Flag,
            (None, _) => Wanted::Word { verb: line.words.is_empty() && !escaped, positional: line.positional() },
        };
        line
    }

    /// The last value that a flag was given.
    pub fn value(&self, id: &str) -> Option<&'a str> {
        self.all_values(id).last()
    }

    /// Every value that a flag was given, in order.
    pub fn all_values(&self, id: &str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(known, _)| *known == id).map(|(_, value)| *value)
    }

    /// A word that is no flag: a verb, unless words stand before it.
    fn word(&mut self, word: &'a str, escaped: bool) {
        let verb = self.command.find_subcommand(word).filter(|_| self.words.is_empty() && !escaped);
        match verb {
            Some(verb) => {
                self.command = verb;
                self.verbs.push(verb.get_name());
            }
            None => self.words.push(word),
        }
    }

    /// A word that begins with a dash. Gives the flag whose value is the next word.
    fn flag(&mut self, word: &'a str) -> Option<&'a Arg> {
        if let Some((flag, value)) = word.split_once('=') {
            let arg = self.find(flag)?;
            self.given(arg);
            self.values.push((arg.get_id().as_str(), value));
            return None;
        }
        if word.starts_with("--") {
            let arg = self.find(word)?;
            self.given(arg);
            return wants_value(arg).then_some(arg);
        }
        // Short ones may stand together, and the last one's value behind it: -qn, -nclusters.
        for (at, letter) in word.char_indices().skip(1) {
            let arg = self.short(letter)?;
            self.given(arg);
            if wants_value(arg) {
                let value = &word[at + letter.len_utf8()..];
                if value.is_empty() {
                    return Some(arg);
                }
                self.values.push((arg.get_id().as_str(), value));
                return None;
            }
        }
        None
    }

    fn given(&mut self, arg: &'a Arg) {
        self.flags.push(arg.get_id().as_str());
    }

    /// A flag by one of its names, with its dashes.
    fn find(&self, flag: &str) -> Option<&'a Arg> {
        if let Some(long) = flag.strip_prefix("--") {
            let is = |arg: &&Arg| {
                arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|names| names.contains(&long))
            };
            return self.command.get_arguments().find(is);
        }
        let mut letters = flag.strip_prefix('-')?.chars();
        letters.next_back().and_then(|letter| self.short(letter))
    }

    fn short(&self, letter: char) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| {
            arg.get_short() == Some(letter) || arg.get_all_short_aliases().is_some_and(|all| all.contains(&letter))
        })
    }

    /// The argument that the next word belongs to. The last one may take several.
    fn positional(&self) -> Option<&'a Arg> {
        let mut before = 0;
        for arg in self.command.get_positionals() {
            let most = arg.get_num_args().map_or(1, |range| range.max_values());
            before += if is_repeated(arg) { usize::MAX - before } else { most };
            if self.words.len() < before {
                return Some(arg);
            }
        }
        None
    }
}

/// Whether an argument may be given again.
pub(super) fn is_repeated(arg: &Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append | clap::ArgAction::Count)
}

/// Whether the word behind a flag is its value.
fn wants_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
        && !arg.is_require_equals_set()
        && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory as _;

    use super::*;

    /// What a line comes to, in one text. `_` stands for an empty word.
    fn read(text: &str) -> String {
        let mut program = crate::cmd::Cli::command();
        program.build();
        let words: Vec<String> = text.split(' ').map(|word| word.replace('_', "")).collect();
        let line = Line::read(&program, &words);
        let wanted = match line.wanted {
            Wanted::Flag => "flag".to_owned(),
            Wanted::Value(arg) => format!("value of {}", arg.get_id()),
            Wanted::Word { verb, positional } => {
                let positional = positional.map_or("none", |arg| arg.get_id().as_str());
                format!("word, verb {verb}, positional {positional}")
            }
            Wanted::Nothing => "nothing".to_owned(),
        };
        let values: Vec<String> = line.values.iter().map(|(id, value)| format!(" {id}={value}")).collect();
        format!("[{}] {wanted} '{}'{}", line.verbs.join(" "), line.typed, values.concat())
    }

    #[test]
    fn what_the_last_word_is() {
        for (text, want) in [
            ("_", "[] word, verb true, positional none ''"),
            ("doc", "[] word, verb true, positional none 'doc'"),
            ("doctor _", "[doctor] word, verb true, positional name ''"),
            ("doctor prod _", "[doctor] word, verb false, positional none ''"),
            ("doctor prod diff _", "[doctor] word, verb false, positional none ''"),
            ("doctor -", "[doctor] flag '-'"),
            ("doctor -- -", "[doctor] word, verb false, positional name '-'"),
            ("doctor --only FC", "[doctor] value of only 'FC'"),
            ("doctor --only=FC", "[doctor] value of only 'FC'"),
            ("-n clusters doctor _", "[doctor] word, verb true, positional name '' namespace=clusters"),
            ("-n doctor doctor _", "[doctor] word, verb true, positional name '' namespace=doctor"),
            ("doctor -nclusters _", "[doctor] word, verb true, positional name '' namespace=clusters"),
            ("doctor -qn _", "[doctor] value of namespace ''"),
            ("doctor -n=clu", "[doctor] value of namespace 'clu'"),
            ("--context=a status --context b _", "[status] word, verb true, positional name '' context=a context=b"),
            ("create cluster azure _", "[create cluster] word, verb false, positional words ''"),
            ("create cluster --fips _", "[create cluster] word, verb true, positional words ''"),
            ("create cluster --paused-until _", "[create cluster] value of paused_until ''"),
            ("doctor --no-such=x", "[doctor] nothing 'x'"),
            ("no-such _", "[] word, verb false, positional none ''"),
        ] {
            let got = read(text);
            assert_eq!(got, want, "{text}");
        }
    }
}
