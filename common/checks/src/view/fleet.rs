//! The management cluster as a host, and the other hosted clusters.
