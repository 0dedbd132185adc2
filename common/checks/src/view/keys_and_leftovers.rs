//! The Key Vault, and what earlier clusters left.
