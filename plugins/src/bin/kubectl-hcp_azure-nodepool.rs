//! `kubectl hcp-azure nodepool` by itself.
include!("../launcher.rs");
