//! `kubectl hcp-azure apply` by itself.
include!("../launcher.rs");
