//! `kubectl hcp-azure doctor` by itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    plugins::main(Some("doctor"))
}
