//! Virtual machines and their boot logs.
