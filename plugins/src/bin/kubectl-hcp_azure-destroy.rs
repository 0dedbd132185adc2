//! `kubectl hcp-azure destroy` by itself.
include!("../launcher.rs");
