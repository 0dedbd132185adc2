//! Evaluation of network security groups.
