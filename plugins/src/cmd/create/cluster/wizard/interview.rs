//! Which question comes next, and whether its answer can be taken. Pure: facts and answers in, a spec out.

use std::collections::BTreeSet;

use plan::Refusal;
use plan::cluster::{ClusterSpec, Purpose};
use plan::identities::ClientIds;
use plan::late::Late;
use ui::ask::{Completion, Question};

use super::items::{self, ITEMS, Item};
use super::known::Known;

/// Stand-ins for what an answer's own check does not depend on.
const SOME_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
const SOME_SUFFIX: &str = "aaaaa";

/// An interview so far.
pub(super) struct Interview {
    known: Known,
    spec: ClusterSpec,
    /// The fields that are given without a question.
    given: BTreeSet<String>,
    /// The place in [`ITEMS`].
    at: usize,
    /// Whether the advanced questions are asked; none before that was said.
    more: Option<bool>,
}

/// What is asked next.
pub(super) enum Next {
    /// A field of the spec.
    Of(&'static Item, Question),
    /// Whether to ask for the rest.
    Gate(Question),
}

impl Interview {
    /// An interview about what is not given.
    pub fn new(known: Known, spec: ClusterSpec, given: BTreeSet<String>) -> Self {
        let mut spec = spec;
        if let Some(region) = known.region.as_ref().filter(|_| !given.contains("location") && spec.infra_json.is_none())
        {
            spec.location.clone_from(region);
        }
        Self { known, spec, given, at: 0, more: None }
    }

    /// The spec so far.
    pub fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// The question to ask next; none when all is said.
    pub fn next(&mut self) -> Option<Next> {
        while let Some(item) = ITEMS.get(self.at) {
            let is_open = !self.given.contains(item.field);
            if is_open && let Some(question) = (item.question)(&self.known, &self.spec) {
                match (item.advanced, self.more) {
                    (false, _) | (true, Some(true)) => return Some(Next::Of(item, question)),
                    (true, None) => return Some(Next::Gate(items::gate())),
                    (true, Some(false)) => {}
                }
            }
            self.at += 1;
        }
        None
    }

    /// Takes the answer to whether to ask for the rest.
    ///
    /// # Errors
    /// A refusal of what is neither yes nor no.
    pub fn pass_gate(&mut self, answer: &str) -> Result<(), Refusal> {
        self.more = Some(items::is_yes("--interactive", answer)?);
        Ok(())
    }

    /// The spec with an answer, where it can be taken as far as flags and facts tell; files are not read.
    ///
    /// # Errors
    /// What `create` would refuse about this flag.
    pub fn judged(&self, item: &Item, answer: &str) -> Result<ClusterSpec, Refusal> {
        judged(item, &self.known, &self.spec, answer)
    }

    /// Goes on with a spec that was judged.
    pub fn take(&mut self, spec: ClusterSpec) {
        self.spec = spec;
        self.at += 1;
    }
}

/// The spec with an answer to a question.
///
/// # Errors
/// What `create` would refuse about this flag.
pub(super) fn judged(item: &Item, known: &Known, spec: &ClusterSpec, answer: &str) -> Result<ClusterSpec, Refusal> {
    let mut spec = spec.clone();
    (item.set)(&mut spec, known, answer)?;
    let own = |refusal: &Refusal| refusal.flag == item.flag;
    if let Some(refusal) = spec.check(Purpose::Create).err().unwrap_or_default().into_iter().find(own) {
        return Err(refusal);
    }
    // Names and groups in Azure have rules of their own.
    let infra_id = spec.infra_id.clone().unwrap_or_else(|| format!("{}-{SOME_SUFFIX}", spec.name));
    let infra = spec.infra(&infra_id, SOME_SUBSCRIPTION, ClientIds::new(), Late::default());
    match infra.and_then(|infra| infra.check()) {
        Err(refusal) if own(&refusal) && spec.infra_json.is_none() => Err(refusal),
        _ => Ok(spec),
    }
}

/// The flags without which nothing can be created, as far as they are missing.
pub(super) fn missing(spec: &ClusterSpec) -> Vec<&'static str> {
    let refused = spec.check(Purpose::Create).err().unwrap_or_default();
    let lacks = |item: &&Item| refused.iter().any(|refusal| refusal.flag == item.flag && refusal.value.is_empty());
    ITEMS.iter().filter(lacks).map(|item| item.flag).collect()
}

/// What is wrong with the flags that are given, before anything is asked.
pub(super) fn refused(spec: &ClusterSpec) -> Vec<Refusal> {
    let mut refused = spec.check(Purpose::Create).err().unwrap_or_default();
    // What is not given is going to be asked; what needs it is judged again at the end.
    refused.retain(|refusal| !refusal.value.is_empty());
    refused
}

/// Whether an answer names a file, which must be read to be judged.
pub(super) fn is_file(question: &Question) -> bool {
    question.completion == Completion::Files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{ArmId, Target};

    use super::*;

    fn known() -> Known {
        let zone = |group: &str, name: &str| {
            ArmId::new(format!(
                "/subscriptions/{SOME_SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/dnszones/{name}"
            ))
        };
        Known {
            zones: Some(vec![zone("dns", "hcp.example.com")]),
            regions: vec!["eastus".into(), "westus".into()],
            region: Some("westus".into()),
            clusters: vec![Target { namespace: "clusters".into(), name: "taken".into() }],
            supported: vec!["4.22".into(), "4.21".into()],
            release: Some("quay.io/openshift-release-dev/ocp-release:4.22.3-multi".into()),
            ..Known::default()
        }
    }

    fn begin(known: Known, given: &[&str]) -> Interview {
        Interview::new(known, ClusterSpec::default(), given.iter().map(ToString::to_string).collect())
    }

    /// Answers every question with what is given for its flag, else with its default; the flags that were asked.
    fn held(interview: &mut Interview, answers: &[(&str, &str)]) -> Vec<&'static str> {
        let mut asked = Vec::new();
        while let Some(next) = interview.next() {
            match next {
                Next::Gate(question) => {
                    asked.push("more");
                    let answer =
                        answers.iter().find(|(flag, _)| *flag == "more").map(|(_, answer)| (*answer).to_owned());
                    interview.pass_gate(&answer.or(question.default).unwrap()).unwrap();
                }
                Next::Of(item, question) => {
                    asked.push(item.flag);
                    let answer =
                        answers.iter().find(|(flag, _)| *flag == item.flag).map(|(_, answer)| (*answer).to_owned());
                    let answer = answer.or(question.default).unwrap_or_default();
                    let spec = interview.judged(item, &answer).unwrap_or_else(|refusal| panic!("{refusal}"));
                    interview.take(spec);
                }
            }
        }
        asked
    }

    const ANSWERS: [(&str, &str); 4] = [
        ("--name", "dev"),
        ("--pull-secret", "p.json"),
        ("--sa-token-issuer-private-key-path", "k.pem"),
        ("--oidc-issuer-url", "https://a.blob.core.windows.net/a"),
    ];

    #[test]
    fn only_what_cannot_be_found_out_is_asked() {
        let mut interview = begin(known(), &[]);
        assert_eq!(
            held(&mut interview, &ANSWERS),
            [
                "--name",
                "--base-domain",
                "--release-image",
                "--pull-secret",
                "--sa-token-issuer-private-key-path",
                "--oidc-issuer-url",
                "--assign-service-principal-roles",
                "--node-pool-replicas",
                "--instance-type",
                "more",
            ]
        );
        let spec = interview.spec();
        assert_eq!((spec.location.as_str(), spec.base_domain.as_deref()), ("westus", Some("hcp.example.com")));
        assert_eq!(spec.dns_zone_rg_name.as_deref(), Some("dns"));
        assert_eq!((spec.node_pool_replicas, spec.assign_service_principal_roles), (2, true));
        assert_eq!(spec.check(Purpose::Create), Ok(()));
    }

    #[test]
    fn what_is_given_is_not_asked_and_not_changed() {
        let given = ["name", "base_domain", "location", "node_pool_replicas", "assign_service_principal_roles"];
        let mut interview = begin(known(), &given);
        let asked = held(&mut interview, &ANSWERS);
        assert!(!asked.contains(&"--name") && !asked.contains(&"--node-pool-replicas"), "{asked:?}");
        assert_eq!(interview.spec().location, "eastus");
    }

    #[test]
    fn the_rest_is_asked_where_it_is_wanted() {
        let mut interview = begin(Known { region: None, ..known() }, &[]);
        let asked = held(
            &mut interview,
            &[&ANSWERS[..], &[("more", "yes"), ("--endpoint-access", "Private")]].concat()[..]
                .iter()
                .copied()
                .chain([("--endpoint-access-private-nat-subnet-id", NAT)])
                .collect::<Vec<_>>(),
        );
        assert!(
            asked.contains(&"--cluster-cidr") && asked.contains(&"--endpoint-access-private-nat-subnet-id"),
            "{asked:?}"
        );
        assert_eq!(asked.iter().filter(|flag| **flag == "--location").count(), 1, "{asked:?}");
    }

    const NAT: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/hub/subnets/nat";

    #[test]
    fn a_wrong_answer_is_refused_with_the_reason_that_create_gives() {
        let known = known();
        let spec = ClusterSpec { name: "dev".into(), ..ClusterSpec::default() };
        for (flag, answer, why) in [
            ("--name", "", "a cluster needs a name"),
            ("--name", "Dev", "lower case"),
            ("--name", "taken", "exists already"),
            ("--base-domain", "other.example.com", "there are hcp.example.com"),
            ("--base-domain", "", "needs the public DNS zone"),
            ("--location", "mars", "not a region of the subscription"),
            ("--release-image", "4.19.1", "the HyperShift operator supports 4.22, 4.21"),
            ("--release-image", "", "without a release image"),
            ("--pull-secret", "", "a cluster needs a pull secret"),
            ("--oidc-issuer-url", "http://x", "no https address"),
            ("--assign-service-principal-roles", "perhaps", "neither yes nor no"),
            ("--node-pool-replicas", "two", "no whole number"),
            ("--availability-zones", "4", "one of"),
            ("--cluster-cidr", "10.0.0.0", "10.0.0.0"),
            ("--infra-id", "No Id", ""),
            ("--endpoint-access", "Secret", "one of"),
        ] {
            let item = ITEMS.iter().find(|item| item.flag == flag).unwrap();
            let refusal = judged(item, &known, &spec, answer).map(|_| ()).unwrap_err();
            assert!(refusal.flag == flag && refusal.to_string().contains(why), "{flag} {answer}: {refusal}");
        }
    }

    #[test]
    fn what_is_missing_is_named_by_its_flags() {
        assert_eq!(
            missing(&ClusterSpec::default()),
            [
                "--name",
                "--base-domain",
                "--release-image",
                "--pull-secret",
                "--sa-token-issuer-private-key-path",
                "--oidc-issuer-url"
            ]
        );
        let bad = ClusterSpec { arch: "x86".into(), ..ClusterSpec::default() };
        assert!(refused(&bad).iter().any(|refusal| refusal.flag == "--arch"));
        assert!(refused(&ClusterSpec::default()).is_empty());
    }
}
