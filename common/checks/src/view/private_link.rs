//! The private way to the API server.
