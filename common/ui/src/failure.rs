//! [`Failure`]: why a command could not do what it was asked.

use crate::exit::Outcome;
use crate::terminal::Terminal;
use crate::text;

/// What hints say of a command that is finished by giving it again.
const AGAIN: &str = "the same command";

/// A failure as the user sees it: what, why, and one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is: decides the exit code.
    pub kind: FailureKind,
    /// What could not be done, with the resource.
    pub what: String,
    /// The service's code, message and request id, or the cause; may span lines.
    pub why: Option<String>,
    /// One action, with its command in backticks.
    pub hint: Option<String>,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The command line or an input file is wrong, or something could not be found out.
    Usage,
    /// Signing in is needed.
    SignIn,
    /// The operation was tried and failed.
    Operation,
    /// The user stopped it.
    Interrupted,
}

impl Failure {
    /// Wrong usage or input.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, what)
    }

    /// A failure of some kind.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: None, hint: None }
    }

    /// Adds the reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds the action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How the command ends with it.
    pub fn outcome(&self) -> Outcome {
        match self.kind {
            FailureKind::Usage => Outcome::CouldNotTell,
            FailureKind::SignIn => Outcome::SignInNeeded,
            FailureKind::Operation => Outcome::No,
            FailureKind::Interrupted => Outcome::Interrupted,
        }
    }

    /// The block for stderr: `error:`, `why:`, a blank line, `hint:`.
    pub fn render(&self, terminal: &Terminal) -> String {
        let width = terminal.width();
        let mut out = text::hanging(&format!("{} ", terminal.bad("error:")), "       ", &self.what, width);
        if let Some(why) = &self.why {
            for (at, line) in why.lines().enumerate() {
                let label = if at == 0 { "  why: " } else { "       " };
                out.push_str(&text::with_commands(label, "       ", line, width));
            }
        }
        if let Some(hint) = &self.hint {
            out.push('\n');
            out.push_str(&text::with_commands(&format!("{} ", terminal.accent("hint:")), "      ", hint, width));
        }
        out
    }

    /// The same for a failure after which the command can be given again, with that command as its last lines.
    pub fn render_with(&self, command: &str, terminal: &Terminal) -> String {
        let mut out = self.render(terminal);
        if self.hint.as_ref().is_some_and(|hint| hint.contains(AGAIN)) {
            for line in text::command(command, "  ", terminal.width()) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_stand_in_order() {
        let failure =
            Failure::usage("no HostedCluster clusters/prod").why("404 NotFound").hint("list them: `oc get hc -A`");
        assert_eq!(
            failure.render(&Terminal::plain(80)),
            "error: no HostedCluster clusters/prod\n  why: 404 NotFound\n\nhint: list them: `oc get hc -A`\n"
        );
    }

    #[test]
    fn the_command_to_give_again_stands_last() {
        let terminal = Terminal::plain(80);
        let failure = Failure::usage("stopped").hint("run the same command again");
        assert_eq!(
            failure.render_with("oc hcp-azure create iam dev", &terminal),
            "error: stopped\n\nhint: run the same command again\n  oc hcp-azure create iam dev\n"
        );
        let other = Failure::usage("refused").hint("give another name");
        assert_eq!(other.render_with("oc hcp-azure create iam dev", &terminal), other.render(&terminal));
    }
}
