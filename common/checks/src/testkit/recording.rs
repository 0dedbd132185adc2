//! The recording itself.

use std::collections::BTreeMap;

use facts::recording::{Exposed, Held, Recording, Seal};
use facts::{BundleFormat, Fact, Facts, Source};

/// Adds the healthy values to facts whose HostedCluster is there already: nothing was recorded.
pub(super) fn add(facts: &mut Facts) {
    facts.recording = Recording { held: Fact::Absent };
}

/// [`healthy`](super::healthy) from a bundle that was opened an hour after it was recorded.
pub(crate) fn healthy_recorded() -> Facts {
    let mut facts = super::healthy();
    facts.source = Source::Bundle { path: "prod.tar.gz".into(), format: BundleFormat::Facts };
    facts.recording.held = Fact::Known(Held {
        opened_at: super::minutes_ago(-60),
        manifest: Fact::Known(Seal { tool: "hcp-azure 0.1.0".into(), cluster: facts.target.clone(), changed: vec![] }),
        evidence: BTreeMap::new(),
        exposed: Fact::Known(Exposed { files: 2, ..Exposed::default() }),
    });
    facts
}

/// The recording of [`healthy_recorded`], to be changed.
pub(crate) fn held(facts: &mut Facts) -> &mut Held {
    match &mut facts.recording.held {
        Fact::Known(held) => held,
        other => panic!("no recording: {other:?}"),
    }
}
