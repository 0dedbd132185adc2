//! What is known before anybody is asked.

use std::collections::{BTreeMap, BTreeSet};

use facts::version::{Version, parse_minor};
use facts::{ArmId, Target};

/// What the credential, the subscription, the management cluster and the current folder tell.
#[derive(Debug, Default, Clone)]
pub(super) struct Known {
    /// The public DNS zones of the subscription; none where they may not be read.
    pub zones: Option<Vec<ArmId>>,
    /// The regions of the subscription; empty where they may not be read.
    pub regions: Vec<String>,
    /// Where the management cluster runs.
    pub region: Option<String>,
    /// The hosted clusters that there are.
    pub clusters: Vec<Target>,
    /// The minors that the operator supports, such as `4.22`; empty where it does not say.
    pub supported: Vec<String>,
    /// The release image that fits best.
    pub release: Option<String>,
    /// Issuers that hosted clusters use.
    pub issuers: BTreeSet<String>,
    /// Files of the current folder that look like what a flag wants.
    pub files: BTreeMap<&'static str, String>,
}

impl Known {
    /// The zone of a base domain.
    pub fn zone(&self, domain: &str) -> Option<&ArmId> {
        let named = |zone: &&ArmId| zone.name().is_some_and(|name| name.eq_ignore_ascii_case(domain));
        self.zones.iter().flatten().find(named)
    }

    /// The names of the zones.
    pub fn zone_names(&self) -> Vec<String> {
        let names = self.zones.iter().flatten().filter_map(|zone| zone.name().map(str::to_owned));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether the operator supports the release of an image, as far as both say their versions.
    pub fn supports(&self, image: &str) -> bool {
        let minors: BTreeSet<(u64, u64)> = self.supported.iter().filter_map(|minor| parse_minor(minor)).collect();
        Version::of_image(image)
            .is_none_or(|version| minors.is_empty() || minors.contains(&(version.major(), version.minor())))
    }

    /// The supported minors in words, newest first: `4.22, 4.21`; none where the operator says none.
    pub fn supported_words(&self) -> Option<String> {
        let minors: BTreeSet<(u64, u64)> = self.supported.iter().filter_map(|minor| parse_minor(minor)).collect();
        let words: Vec<String> = minors.iter().rev().map(|(major, minor)| format!("{major}.{minor}")).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}
