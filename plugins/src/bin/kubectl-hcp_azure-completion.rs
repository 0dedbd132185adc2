//! `kubectl hcp-azure completion` by itself.
include!("../launcher.rs");
