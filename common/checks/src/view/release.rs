//! The pull secret and the release image.

use facts::Need;
use facts::release::{PullSecret, ReleaseImage};

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// The shape of the pull secret; absent when the HostedCluster names none, or one that does not exist.
    pub fn pull_secret(&self) -> Lookup<'a, PullSecret> {
        self.read(Need::PullSecret).release.pull_secret.present()
    }

    /// What the registry of the release image says of it.
    pub fn release_image(&self) -> Read<'a, ReleaseImage> {
        self.read(Need::ReleaseImage).release.image.known("the answer of the registry")
    }
}
