//! `kubectl hcp-azure explain` by itself.
include!("../launcher.rs");
