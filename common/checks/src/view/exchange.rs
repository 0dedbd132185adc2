//! Tokens traded at Entra.
