//! The command line as it can be given again, without what must not be shown.

use std::ffi::OsString;

/// Flags whose values are secrets.
const SECRET: [&str; 1] = ["--token"];

/// The command line, quoted for a shell; the program as the user calls it. `args` has the program's own name first. In place
/// of a token stands a variable.
pub(crate) fn command(args: &[OsString], program: &str) -> String {
    let mut words = vec![program.to_owned()];
    let mut hidden = false;
    for arg in args.iter().skip(1).map(|arg| arg.to_string_lossy()) {
        if std::mem::take(&mut hidden) {
            words.push("\"$TOKEN\"".to_owned());
            continue;
        }
        match arg.split_once('=') {
            Some((flag, _)) if SECRET.contains(&flag) => words.push(format!("{flag}=\"$TOKEN\"")),
            _ => {
                hidden = SECRET.contains(&arg.as_ref());
                words.push(checks::quote(&arg).into_owned());
            }
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(args: &[&str]) -> String {
        let args: Vec<OsString> = std::iter::once(&"kubectl-hcp_azure").chain(args).map(OsString::from).collect();
        command(&args, "oc hcp-azure")
    }

    #[test]
    fn words_are_quoted_and_tokens_are_not_repeated() {
        assert_eq!(again(&["create", "iam", "a b"]), "oc hcp-azure create iam 'a b'");
        assert_eq!(again(&["--token", "canary", "status"]), "oc hcp-azure --token \"$TOKEN\" status");
        assert_eq!(again(&["status", "--token=canary", "x"]), "oc hcp-azure status --token=\"$TOKEN\" x");
    }
}
