//! BN02: the recording holds no secrets.

use std::collections::BTreeMap;

use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The files of a recording hold no private keys, tokens, pull secrets, SAS signatures, client secrets, storage keys,
    /// passwords or values of Secrets. Every file of a dump is searched, be it of use or not.
    ///
    /// ## Why it matters
    /// A dump is passed on: attached to a ticket, copied to a shared folder. Who gets it has what is in it.
    ///
    /// ## How to fix
    /// Pass on a bundle in place of the dump, and renew what was passed on already. The place and the kind of each secret
    /// are told, never the secret.
    ///
    /// Source: hypershift cmd/cluster/core/dump; troubleshoot.sh redactors.
    pub static BUNDLE_SECRETS = {
        code: "BN02",
        id: "bundle-secrets",
        group: Recording,
        since: "0.1.0",
        when: [Support],
        needs: [Recording],
        caused_by: [],
        judge: judge,
    };
}

/// How many places are told.
const TOLD: usize = 10;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let Some(held) = view.recording()? else {
        return Ok(Judgement::NotApplicable("the facts were read live, not from a recording".into()));
    };
    let exposed = held.exposed.known("the search for secrets")?;
    let mut findings = Vec::new();
    if exposed.count > 0 {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for place in &exposed.places {
            *kinds.entry(place.kind.describe()).or_default() += 1;
        }
        let kinds: Vec<&str> = kinds.into_keys().collect();
        let places = if exposed.count == 1 { "1 place".to_owned() } else { format!("{} places", exposed.count) };
        let what = format!("secrets stand unredacted in {places}: {}", kinds.join(", "));
        let mut finding = Finding::fail(view.recorded_at(), what, "who gets the recording has them");
        for place in exposed.places.iter().take(TOLD) {
            finding = finding.see("at", format!("{}:{} {}", place.file, place.line, place.kind.describe()));
        }
        let target = view.target();
        findings.push(
            finding.fix(
                Fix::hypershift([format!(
                    "oc hcp-azure bundle {} -n {}",
                    quote(&target.name),
                    quote(&target.namespace)
                )])
                .note("pass this on in its place, delete the recording, and renew the secrets that others have seen"),
            ),
        );
    }
    if !exposed.unsearched.is_empty() {
        let why = format!(
            "{} files were not searched: they cannot be read, or the recording is too large",
            exposed.unsearched.len()
        );
        let gap = Gap::new(GapKind::Failed, why);
        findings.push(Finding::unknown(format!("{} and more", exposed.unsearched[0]), gap));
    }
    Ok(Judgement::new(format!("no secrets in {} files", exposed.files), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;
    use facts::recording::{Exposed, Place};
    use facts::redact::Kind;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &BUNDLE_SECRETS;

    fn expose(facts: &mut facts::Facts) {
        let place = |line, kind| Place { file: "namespaces/clusters/core/secrets.yaml".into(), line, kind };
        held(facts).exposed = Fact::Known(Exposed {
            files: 7,
            count: 2,
            places: vec![place(12, Kind::SecretData), place(40, Kind::PrivateKey)],
            unsearched: vec![],
        });
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a dump with the values of Secrets", expose).of(healthy_recorded)]
    }

    #[test]
    fn a_recording_without_secrets_passes_and_live_facts_are_none() {
        assert_passes(CHECK, &healthy_recorded());
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn secrets_are_told_by_file_line_and_kind() {
        let mut facts = healthy_recorded();
        expose(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "secrets stand unredacted in 2 places: private key, values of a Secret");
        let at: Vec<&str> = finding.evidence.0.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(
            at,
            [
                "namespaces/clusters/core/secrets.yaml:12 values of a Secret",
                "namespaces/clusters/core/secrets.yaml:40 private key"
            ]
        );
    }

    #[test]
    fn what_was_not_searched_is_unknown() {
        let mut facts = healthy_recorded();
        held(&mut facts).exposed = Fact::Known(Exposed { unsearched: vec!["big.log".into()], ..Exposed::default() });
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Failed);
        held(&mut facts).exposed = Fact::default();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
    }
}
