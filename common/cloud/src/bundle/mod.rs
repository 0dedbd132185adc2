//! Reading and writing bundles.
