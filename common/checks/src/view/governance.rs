//! Rights of the caller, policies, locks and clocks.
