//! `kubectl hcp-azure bundle` by itself.
include!("../launcher.rs");
