//! `kubectl hcp-azure create` by itself.
include!("../launcher.rs");
