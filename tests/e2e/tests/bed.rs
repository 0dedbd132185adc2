//! The test bed itself: its servers start, refuse what they should, and end with the process that started them.
#![allow(clippy::unwrap_used)]

mod cases {
    mod azurite;
    mod bed;
    mod process;
    mod setup;
}
