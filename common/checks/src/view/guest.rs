//! The hosted cluster's own view.
