//! `kubectl hcp-azure upgrade` by itself.
include!("../launcher.rs");
