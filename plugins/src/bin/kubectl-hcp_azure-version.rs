//! `kubectl hcp-azure version` by itself.
include!("../launcher.rs");
