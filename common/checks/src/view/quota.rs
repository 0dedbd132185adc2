//! Features, sizes, quotas and marketplace terms.
