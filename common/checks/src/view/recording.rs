//! The recording itself.

use facts::recording::Held;

use super::{Lookup, Need, View};

impl<'a> View<'a> {
    /// What is known of the recording; absent for facts that were asked for live.
    pub fn recording(&self) -> Lookup<'a, Held> {
        self.read(Need::Recording).recording.held.present()
    }

    /// The same facts for another check, whose reads are its own.
    pub fn apart(&self) -> Self {
        Self::new(self.facts)
    }

    /// Where the recording is, as the user gave it; a word for facts that were asked for live.
    pub fn recorded_at(&self) -> &'a str {
        match &self.facts.source {
            facts::Source::Bundle { path, .. } => path,
            facts::Source::Live { .. } => "the recording",
        }
    }

    /// Whether another tool wrote the recording.
    pub fn is_dump(&self) -> bool {
        let dump = facts::BundleFormat::KubernetesDump;
        matches!(&self.facts.source, facts::Source::Bundle { format, .. } if *format == dump)
    }
}
