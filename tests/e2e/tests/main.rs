//! End-to-end tests against real servers. One binary, so that one API server serves the whole run.
#![allow(clippy::unwrap_used)]

mod cases {
    mod azurite;
    mod bed;
    mod cli;
    mod doctor;
    mod house;
    mod process;
    mod record;
    mod setup;
}
