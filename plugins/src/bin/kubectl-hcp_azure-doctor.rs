//! `kubectl hcp-azure doctor` by itself.
include!("../launcher.rs");
