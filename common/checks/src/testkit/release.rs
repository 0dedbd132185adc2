//! The pull secret and the release image.

use facts::release::{PullSecret, RegistryAnswer, RegistryEntry, ReleaseImage};
use facts::{Fact, Facts};

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let entry = |name: &str| RegistryEntry { name: name.into(), usable: true, expires_at: None };
    facts.release.pull_secret = Fact::Known(PullSecret {
        source: "Secret clusters/prod-pull-secret".into(),
        problem: None,
        registries: ["cloud.openshift.com", "quay.io", "registry.redhat.io"].map(entry).to_vec(),
    });
    facts.release.image = Fact::Known(ReleaseImage {
        image: "quay.io/openshift-release-dev/ocp-release:4.22.3-multi".into(),
        registry: "quay.io".into(),
        answer: RegistryAnswer::Given { version: Some("4.22.3".into()), architecture: Some("multi".into()) },
    });
}
