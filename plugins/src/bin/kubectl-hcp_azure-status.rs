//! `kubectl hcp-azure status` by itself.
include!("../launcher.rs");
