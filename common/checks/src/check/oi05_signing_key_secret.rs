//! OI05: the Secret of the signing key is one that HyperShift can use.

use facts::hosted::HostedCluster;

use crate::federation;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The Secret that `spec.serviceAccountSigningKey` names exists, and its key `key` is an RSA private key in PKCS#1 PEM
    /// form (`BEGIN RSA PRIVATE KEY`), the only form that HyperShift reads. A HostedCluster with an issuer of its own names
    /// such a Secret.
    ///
    /// Whether the issuer publishes the public half is OI03's matter.
    ///
    /// ## Why it matters
    /// Without a key that it can read, the operator holds the configuration of the HostedCluster for invalid and gives the
    /// hosted API server no key: no component gets a token that Entra takes.
    ///
    /// ## How to fix
    /// Put the private key into the Secret; turn a PKCS#8 key (`BEGIN PRIVATE KEY`) into PKCS#1 first. It stays the same
    /// key, so nothing has to be published again.
    ///
    /// Source: openshift/hypershift hypershift-operator/controllers/hostedcluster (validateServiceAccountSigningKey),
    /// support/certs/tls.go (PemToPrivateKey).
    pub static SIGNING_KEY_SECRET = {
        code: "OI05",
        id: "signing-key-secret",
        group: Oidc,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, SigningKey],
        caused_by: [],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let key = view.signing_key();
    let problem = view.signing_key_problem();
    let Some(secret) = &cluster.signing_key_secret else {
        if cluster.issuer_url == federation::DEFAULT_ISSUER {
            return Ok(Judgement::NotApplicable("the HostedCluster names no signing key and makes its own".into()));
        }
        return Ok(Judgement::new("", vec![not_named(cluster).touches(Key::Issuer)]));
    };
    let finding = match (key, problem) {
        (_, Some(problem)) => Some(
            Finding::fail(
                problem.source.clone(),
                format!("HyperShift cannot use the signing key: {}", problem.why),
                "the operator holds the HostedCluster's configuration for invalid, and the hosted API server gets no key from it",
            )
            .see("spec.serviceAccountSigningKey", secret)
            .fix(if problem.other_form { convert(cluster, secret) } else { replace(cluster, secret) }),
        ),
        (Ok(None), None) => Some(
            Finding::fail(
                format!("Secret {}/{secret}", cluster.namespace),
                "the Secret that spec.serviceAccountSigningKey names does not exist",
                "HyperShift has no key for the hosted API server and holds the HostedCluster's configuration for invalid",
            )
            .see("spec.serviceAccountSigningKey", secret)
            .fix(federation::create_signing_key_secret(cluster, secret)),
        ),
        (Ok(Some(_)), None) => None,
        (Err(gap), None) => return Err(gap),
    };
    let findings = finding.into_iter().map(|finding| finding.touches(Key::Issuer)).collect();
    Ok(Judgement::new(
        format!("Secret {}/{secret} holds a private key that HyperShift reads", cluster.namespace),
        findings,
    ))
}

/// HyperShift then makes a key of its own. That works if somebody published it, which cannot be seen from here.
fn not_named(cluster: &HostedCluster) -> Finding {
    Finding::warn(
        format!("issuer {}", cluster.issuer_url),
        "the HostedCluster has an issuer of its own and names no signing key",
        "it signs with a key that it made itself: unless that key was published at the issuer, Entra refuses every token (AADSTS7000272)",
    )
    .see("spec.issuerURL", &cluster.issuer_url)
    .fix(federation::name_signing_key_secret(cluster))
}

fn replace(cluster: &HostedCluster, secret: &str) -> Fix {
    Fix::hypershift([command!(
        "oc -n {} set data secret/{} --from-file=key=serviceaccount-signer.private",
        cluster.namespace,
        secret
    )])
    .note(federation::SIGNING_KEY_FILE)
}

fn convert(cluster: &HostedCluster, secret: &str) -> Fix {
    Fix::hypershift([
        "openssl rsa -in serviceaccount-signer.private -traditional -out serviceaccount-signer.pkcs1".to_owned(),
        command!("oc -n {} set data secret/{} --from-file=key=serviceaccount-signer.pkcs1", cluster.namespace, secret),
    ])
    .note("the input is the private key that the Secret was made from; `-traditional` is OpenSSL 3's word for PKCS#1")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::oidc::KeyProblem;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &SIGNING_KEY_SECRET;

    fn problem(facts: &mut Facts, why: &str, other_form: bool) {
        facts.oidc.signing_key_problem =
            Some(KeyProblem { source: "Secret clusters/prodsa-token-issuer-key".into(), why: why.into(), other_form });
    }

    fn invalid(facts: &mut Facts) {
        for condition in &mut cluster(facts).conditions {
            if condition.kind == "ValidConfiguration" {
                condition.status = "False".into();
                condition.message = "cannot decode private key in secret prodsa-token-issuer-key".into();
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the Secret of the signing key is missing", |facts| {
                facts.oidc.signing_key = Fact::Absent;
                invalid(facts);
            }),
            Fault::new("the Secret holds a PKCS#8 key", |facts| {
                problem(facts, "it is a private key in PKCS#8 form", true);
                invalid(facts);
            }),
            Fault::new("the Secret has no key 'key'", |facts| {
                facts.oidc.signing_key = Fact::Unreadable(Gap::new(GapKind::Blocked, "it has no key 'key'"));
                problem(facts, "it has no key 'key'", false);
            }),
            Fault::new("an issuer without a signing key", |facts| {
                facts.oidc.signing_key = Fact::Absent;
                cluster(facts).signing_key_secret = None;
            }),
        ]
    }

    #[test]
    fn a_key_that_is_read_passes() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn secrets_that_are_none() {
        let mut facts = healthy();
        problem(&mut facts, "it is a private key in PKCS#8 form", true);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].contains("-traditional"));
        assert_eq!(finding.keys, [Key::Issuer]);
        problem(&mut facts, "it has no key 'key'", false);
        facts.oidc.signing_key = Fact::Unreadable(Gap::new(GapKind::Blocked, "x"));
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].starts_with("oc -n clusters set data secret/"));
        facts.oidc.signing_key_problem = None;
        facts.oidc.signing_key = Fact::Absent;
        assert_eq!(the_failure(CHECK, &facts).subject, "Secret clusters/prodsa-token-issuer-key");
        cluster(&mut facts).signing_key_secret = None;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).issuer_url = federation::DEFAULT_ISSUER.into();
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.oidc.signing_key = Fact::Unreadable(denied("get secrets"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        assert_not_applicable(CHECK, &healthy_managed());
    }
}
