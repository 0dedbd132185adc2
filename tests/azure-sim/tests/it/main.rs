//! Tests of the simulator through its sockets, as real clients meet it.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod access;
mod arrange;
mod entra;
mod examples;
mod golden;
mod operations;
mod refusals;
mod state;
mod support;
