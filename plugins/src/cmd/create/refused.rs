//! Refused flags as the user sees them.

use std::path::Path;

use cloud::files::FileError;
use plan::cluster::Refusal;
use ui::Failure;

/// One failure for all refusals: nothing was called, nothing was written.
pub(crate) fn failure(refusals: &[Refusal]) -> Failure {
    match refusals {
        [one] => Failure::usage(format!("{} is refused", named(one))).why(one.why.clone()).hint(one.fix.clone()),
        several => {
            let lines: Vec<String> =
                several.iter().map(|one| format!("{}: {}; {}", named(one), one.why, one.fix)).collect();
            Failure::usage(format!("{} flags are refused", several.len()))
                .why(lines.join("\n"))
                .hint("correct them and run the command again; nothing was changed")
        }
    }
}

/// The same for one.
pub(super) fn one(refusal: Refusal) -> Failure {
    failure(&[refusal])
}

/// A file that cannot be used, as a refusal of its flag.
pub(crate) fn file(flag: &'static str, path: &Path, error: &FileError) -> Refusal {
    let fix = match error {
        FileError::Unwritable { .. } => "give a path in a folder that you may write to",
        FileError::Unreadable { .. } => "give the path of a file that exists and that you may read",
        _ => "give the right file",
    };
    Refusal::new(flag, path.display().to_string(), error.to_string(), fix)
}

/// Flag and value, as on the command line.
fn named(refusal: &Refusal) -> String {
    if refusal.value.is_empty() {
        refusal.flag.to_owned()
    } else if refusal.value.contains(char::is_whitespace) {
        format!("{} '{}'", refusal.flag, refusal.value)
    } else {
        format!("{} {}", refusal.flag, refusal.value)
    }
}

#[cfg(test)]
mod tests {
    use ui::Terminal;

    use super::*;

    #[test]
    fn one_refusal_is_an_error_with_its_fix() {
        let failure = failure(&[Refusal::new("--arch", "x86_64", "it is one of amd64, arm64", "give amd64")]);
        assert_eq!(
            failure.render(&Terminal::plain(80)),
            "error: --arch x86_64 is refused\n  why: it is one of amd64, arm64\n\nhint: give amd64\n"
        );
    }

    #[test]
    fn several_refusals_are_one_error() {
        let one = Refusal::new("--name", "", "a cluster needs a name", "give `--name NAME`");
        let other = Refusal::new("--labels", "a b", "it is not of the form key=value", "give key=value");
        let text = failure(&[one, other]).render(&Terminal::plain(100));
        assert!(text.starts_with("error: 2 flags are refused\n  why: --name: a cluster needs a name; give"), "{text}");
        assert!(text.contains("--labels 'a b': "), "{text}");
    }
}
