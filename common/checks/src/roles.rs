//! Evaluation of role definitions.
