//! `kubectl hcp-azure create` by itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    plugins::main(Some("create"))
}
