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
    /// The reader of stdout went away (`| head`) before the answer: nobody asks any more, which is no failure.
    Unread,
}

/// The mapping of outcomes to exit codes.
#[derive(Debug)]
pub struct Exit;

impl Exit {
    /// The exit code of an outcome; it never depends on the output format.
    pub fn code(outcome: Outcome) -> u8 {
        match outcome {
            Outcome::Yes | Outcome::Unread => 0,
            Outcome::No => 1,
            Outcome::CouldNotTell => 2,
            Outcome::SignInNeeded => 4,
            Outcome::Interrupted => 130,
        }
    }

    /// The outcome of a failed write to stdout.
    pub fn of_write_error(error: &io::Error) -> Outcome {
        if error.kind() == io::ErrorKind::BrokenPipe { Outcome::Unread } else { Outcome::CouldNotTell }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let code = |kind: io::ErrorKind| Exit::code(Exit::of_write_error(&kind.into()));
        assert_eq!((code(io::ErrorKind::BrokenPipe), code(io::ErrorKind::StorageFull)), (0, 2));
    }
}
