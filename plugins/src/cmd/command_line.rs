//! Command lines to copy.

use std::ffi::OsString;

use checks::quote;

/// The flag whose value is a secret.
const TOKEN: &str = "--token";

/// Words as a POSIX shell takes them.
pub(crate) fn quoted(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| quote(word.as_ref()).into_owned()).collect();
    quoted.join(" ")
}

/// The command line as it can be given again; the program as the user calls it. `args` has the program's own name first. In
/// place of a token stands a variable.
pub(crate) fn again(args: &[OsString], program: &str) -> String {
    let mut words = vec![program.to_owned()];
    let mut is_token = false;
    for arg in args.iter().skip(1).map(|arg| arg.to_string_lossy()) {
        if std::mem::take(&mut is_token) {
            words.push("\"$TOKEN\"".to_owned());
        } else if arg.strip_prefix(TOKEN).is_some_and(|rest| rest.starts_with('=')) {
            words.push(format!("{TOKEN}=\"$TOKEN\""));
        } else {
            is_token = arg == TOKEN;
            words.push(quote(&arg).into_owned());
        }
    }
    words.join(" ")
}

/// The words without some flags and their values.
pub(crate) fn without(words: &[String], flags: &[&str]) -> Vec<String> {
    let mut left = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if flags.contains(&word.as_str()) {
            words.next();
        } else if word.split_once('=').is_none_or(|(flag, _)| !flags.contains(&flag)) {
            left.push(word.clone());
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_same_words() {
        assert_eq!(quoted(["create", "cluster", "dev", "--labels", "a,b"]), "create cluster dev --labels a,b");
        assert_eq!(quoted(["it's", "", "a b", "$HOME", "a;b", "~"]), r"'it'\''s' '' 'a b' '$HOME' 'a;b' '~'");
    }

    #[test]
    fn words_are_quoted_and_tokens_are_not_repeated() {
        let again = |args: &[&str]| {
            let args: Vec<OsString> = std::iter::once(&"kubectl-hcp_azure").chain(args).map(OsString::from).collect();
            again(&args, "oc hcp-azure")
        };
        assert_eq!(again(&["create", "iam", "a b"]), "oc hcp-azure create iam 'a b'");
        assert_eq!(again(&["--token", "canary", "status"]), "oc hcp-azure --token \"$TOKEN\" status");
        assert_eq!(again(&["status", "--token=canary", "x"]), "oc hcp-azure status --token=\"$TOKEN\" x");
    }

    #[test]
    fn flags_go_with_their_values() {
        let words = ["a", "--token", "canary", "--x=--token", "--token=canary", "b"].map(str::to_owned);
        assert_eq!(without(&words, &["--token"]), ["a", "--x=--token", "b"]);
    }
}
