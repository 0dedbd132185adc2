//! Exit codes: the one place that knows the numbers.

use std::io;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Yes, healthy, done.
    Yes,
    /// The answer is no: findings at or above the threshold, or the operation failed.
    No,
    /// Wrong usage, or it could not be found out.
    CouldNotTell,
    /// Signing in is needed.
    SignInNeeded,
    /// Interrupted by the user.
    Interrupted,
}

/// The mapping of outcomes to exit codes.
#[derive(Debug)]
pub struct Exit;

impl Exit {
    /// The exit code of an outcome; it never depends on the output format.
    pub fn code(outcome: Outcome) -> u8 {
        match outcome {
            Outcome::Yes => 0,
            Outcome::No => 1,
            Outcome::CouldNotTell => 2,
            Outcome::SignInNeeded => 4,
            Outcome::Interrupted => 130,
        }
    }

    /// The outcome of a failed write to stdout: a reader that went away (`| head`) is no failure.
    pub fn of_write_error(error: &io::Error) -> Outcome {
        if error.kind() == io::ErrorKind::BrokenPipe { Outcome::Yes } else { Outcome::CouldNotTell }
    }
}
