//! `kubectl hcp-azure` and `oc hcp-azure`: every verb.

use std::process::ExitCode;

fn main() -> ExitCode {
    plugins::main()
}
