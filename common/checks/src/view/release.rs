//! The pull secret and the release image.
