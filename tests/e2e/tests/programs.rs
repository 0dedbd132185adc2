//! The built programs on the test bed. One binary, so that one API server serves the whole run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases {
    mod cli;
    mod doctor;
    mod house;
    mod krew;
    mod record;
}
