//! The recording itself.
