//! OI03: the issuer publishes the key that signs the tokens of the cluster.

use facts::hosted::HostedCluster;
use facts::oidc::{Jwk, Jwks, PublicKey};

use crate::federation;
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The key with which the hosted API server signs service account tokens stands in the issuer's JWKS under its key id,
    /// with the same modulus, as an RSA key for RS256 of at least 2,048 bits.
    ///
    /// A HostedCluster with the default issuer makes its own key; whether Entra can reach that issuer is OI01's matter.
    ///
    /// ## Why it matters
    /// Entra looks the key up by its id. A key that is not there, or another key under the same id, makes it refuse every
    /// token (AADSTS7000272). Keys that nobody knows of can sign tokens for every identity of the cluster.
    ///
    /// ## How to fix
    /// Upload a JWKS that holds the public half of the key that the HostedCluster uses.
    ///
    /// Source: cloud-credential-operator provisioning/utils.go (key id: base64url of the SHA-256 of the DER public key);
    /// Azure/azure-workload-identity#1232; Entra accepts RS256 only.
    pub static OIDC_KEY_MATCH = {
        code: "OI03",
        id: "oidc-key-match",
        group: Oidc,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, IssuerDocuments, SigningKey],
        caused_by: ["OI01", "OI05"],
        judge: judge,
    };
}

/// The shortest RSA key that Entra accepts, in bits.
const SHORTEST: u32 = 2048;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let Some(key) = view.signing_key()? else {
        return Ok(without_key(cluster));
    };
    let jwks = view.jwks().and_then(|fetch| {
        fetch
            .and_then(|fetch| fetch.document.as_ref())
            .ok_or_else(|| Gap::new(GapKind::Blocked, "the issuer serves no JWKS"))
    });
    let findings = match jwks {
        Ok(jwks) => compare(cluster, key, jwks),
        Err(gap) => vec![Finding::unknown(format!("signing key {}", key.kid), gap)],
    };
    Ok(Judgement::new(
        format!("the JWKS holds key {} of {}", key.kid, key.source),
        findings.into_iter().map(|finding| finding.touches(Key::Issuer)).collect(),
    ))
}

/// What can be said when no signing key was found.
fn without_key(cluster: &HostedCluster) -> Judgement {
    if let Some(secret) = &cluster.signing_key_secret {
        let finding = Finding::fail(
            format!("Secret {}/{secret}", cluster.namespace),
            "the Secret that spec.serviceAccountSigningKey names does not exist",
            "HyperShift has no key for the hosted API server and reports the HostedCluster as degraded",
        )
        .see("spec.serviceAccountSigningKey", secret)
        .fix(federation::create_signing_key_secret(cluster, secret));
        return Judgement::new("", vec![finding.touches(Key::Issuer)]);
    }
    if cluster.issuer_url == federation::DEFAULT_ISSUER {
        return Judgement::NotApplicable("the HostedCluster names no signing key and makes its own".into());
    }
    // HyperShift then makes a key of its own. That works if somebody published it, which cannot be seen from here.
    let finding = Finding::warn(
        format!("issuer {}", cluster.issuer_url),
        "the HostedCluster has an issuer of its own and names no signing key",
        "it signs with a key that it made itself: unless that key was published at the issuer, Entra refuses every token (AADSTS7000272)",
    )
    .see("spec.issuerURL", &cluster.issuer_url)
    .see("spec.serviceAccountSigningKey", "none")
    .fix(federation::name_signing_key_secret(cluster));
    Judgement::new("", vec![finding.touches(Key::Issuer)])
}

fn compare(cluster: &HostedCluster, key: &PublicKey, jwks: &Jwks) -> Vec<Finding> {
    let subject = format!("signing key {}", key.kid);
    let refused = "Entra refuses every token of the cluster (AADSTS7000272)";
    let mut findings = Vec::new();
    if key.bits < SHORTEST {
        findings.push(
            Finding::fail(&subject, "the signing key is too short", "Entra accepts no RSA key below 2,048 bits")
                .compare("2048 bits or more", format!("{} bits", key.bits))
                .fix(
                    Fix::azure(["ccoctl azure create-key-pair --output-dir .".to_owned()])
                        .note("then publish the new public key, and put the new private key into the Secret"),
                ),
        );
    }
    let problem = match jwks.keys.iter().find(|jwk| jwk.kid.as_deref() == Some(key.kid.as_str())) {
        None if jwks.keys.iter().any(|jwk| same_modulus(jwk, key)) => {
            Some(("the JWKS holds the signing key under another key id", key.kid.clone(), ids(jwks)))
        }
        None => Some(("the signing key is not in the JWKS", key.kid.clone(), ids(jwks))),
        Some(jwk) if !same_modulus(jwk, key) => Some((
            "the JWKS holds another key under the id of the signing key",
            key.n.clone(),
            jwk.n.clone().unwrap_or_default(),
        )),
        Some(jwk) if jwk.kty != "RSA" => Some(("the key in the JWKS is no RSA key", "RSA".into(), jwk.kty.clone())),
        Some(jwk) => match (jwk.alg.as_deref(), jwk.usage.as_deref()) {
            (Some(alg), _) if alg != "RS256" => {
                Some(("the key in the JWKS is for another algorithm", "RS256".into(), alg.to_owned()))
            }
            (_, Some(usage)) if usage != "sig" => {
                Some(("the key in the JWKS is not for signatures", "sig".into(), usage.to_owned()))
            }
            _ => None,
        },
    };
    if let Some((what, want, found)) = problem {
        findings.push(
            Finding::fail(&subject, what, refused)
                .compare(want, if found.is_empty() { "no key at all".into() } else { found })
                .see("key", &key.source)
                .fix(publish(cluster)),
        );
    }
    let strangers: Vec<&str> = jwks
        .keys
        .iter()
        .filter(|jwk| jwk.kid.as_deref() != Some(key.kid.as_str()) && !same_modulus(jwk, key))
        .map(|jwk| jwk.kid.as_deref().unwrap_or("without id"))
        .collect();
    // Where the signing key itself is missing, what stands there instead is said already.
    if findings.is_empty() && !strangers.is_empty() {
        let what = format!("the JWKS holds {} besides the signing key", count(strangers.len()));
        let why = "who holds such a key can sign tokens for every identity of the cluster; an old key is needed only until its tokens have expired";
        let finding = if strangers.len() > 1 {
            Finding::warn(&subject, what, why).fix(publish(cluster))
        } else {
            Finding::info(&subject, what, why)
        };
        findings.push(finding.see("other keys", strangers.join(", ")));
    }
    findings
}

fn count(keys: usize) -> String {
    if keys == 1 { "one key".into() } else { format!("{keys} keys") }
}

fn ids(jwks: &Jwks) -> String {
    let ids: Vec<&str> = jwks.keys.iter().map(|jwk| jwk.kid.as_deref().unwrap_or("without id")).collect();
    ids.join(", ")
}

/// Whether a published key is the signing key; padding, which base64url may carry, does not count.
fn same_modulus(jwk: &Jwk, key: &PublicKey) -> bool {
    let bare = |text: &str| text.trim_end_matches('=').to_owned();
    jwk.n.as_deref().map(bare) == Some(bare(&key.n)) && jwk.e.as_deref().map(bare) == Some(bare(&key.e))
}

/// The commands that make and upload the JWKS of the key that the cluster uses.
fn publish(cluster: &HostedCluster) -> Fix {
    let mut commands = Vec::new();
    if let Some(secret) = &cluster.signing_key_secret {
        commands.push(format!(
            "oc -n {} get secret {} -o go-template='{{{{.data.key | base64decode}}}}' | openssl rsa -pubout -out serviceaccount-signer.public",
            quote(&cluster.namespace),
            quote(secret)
        ));
    }
    commands.push(format!(
        "ccoctl azure create-oidc-issuer --name {} --region {} --subscription-id {} --tenant-id {} --public-key-file serviceaccount-signer.public --output-dir . --dry-run",
        quote(&cluster.name),
        quote(&cluster.azure.location),
        quote(&cluster.azure.subscription_id),
        quote(&cluster.azure.tenant_id),
    ));
    let Some((account, container)) = federation::blob_of(&cluster.issuer_url) else {
        return Fix::azure(commands).note(format!(
            "the dry run writes the JWKS to a file; publish it as the jwks_uri of {}",
            cluster.issuer_url
        ));
    };
    commands.push(format!(
        "az storage blob upload --account-name {} --container-name {} --name openid/v1/jwks --file JWKS_FILE --content-type application/json --overwrite --auth-mode login",
        quote(account),
        quote(container)
    ));
    Fix::azure(commands).note(
        "JWKS_FILE is the key set that the dry run writes; other clusters with this issuer need their keys in it, too",
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &OIDC_KEY_MATCH;

    fn keys(facts: &mut facts::Facts) -> &mut Vec<Jwk> {
        let Fact::Known(fetch) = &mut facts.oidc.jwks else { panic!("no JWKS") };
        &mut fetch.document.as_mut().unwrap().keys
    }

    fn with(change: impl FnOnce(&mut Vec<Jwk>)) -> facts::Facts {
        let mut facts = healthy();
        change(keys(&mut facts));
        facts
    }

    fn another(kid: &str) -> Jwk {
        Jwk {
            kid: Some(kid.into()),
            kty: "RSA".into(),
            alg: Some("RS256".into()),
            usage: Some("sig".into()),
            n: Some("another".into()),
            e: Some("AQAB".into()),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        fn refused(facts: &mut facts::Facts) {
            let message = "AADSTS7000272: The certificate with identifier kid-1 used to sign the federated credential could not be found";
            log(facts, "network", message);
            refuse_every_exchange(facts, message);
        }
        vec![
            Fault::new("another key is published", |facts| {
                keys(facts)[0] = another("kid-2");
                refused(facts);
            })
            .showing(&["FC04", "FC05"]),
            Fault::new("another key under the same id, and a component crashes", |facts| {
                keys(facts)[0].n = Some("another".into());
                refused(facts);
                log(
                    facts,
                    "ingress-operator",
                    "AADSTS700027: The certificate was not found, or its signature is not valid.",
                );
                crash(facts, "ingress-operator");
            })
            .showing(&["FC04", "FC05", "HC01", "HC03"]),
        ]
    }

    #[test]
    fn the_published_key_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &with(|keys| keys[0].n = Some("modulus==".into())));
        assert_passes(
            CHECK,
            &with(|keys| {
                keys[0].alg = None;
                keys[0].usage = None;
            }),
        );
    }

    #[test]
    fn another_key_in_its_place() {
        let finding = the_failure(CHECK, &with(|keys| keys[0] = another("kid-2")));
        assert_eq!(finding.what, "the signing key is not in the JWKS");
        assert_eq!((finding.evidence.get("want"), finding.evidence.get("found")), (Some("kid-1"), Some("kid-2")));
        assert_eq!(finding.keys, [Key::Issuer]);
        assert!(finding.fixes[0].commands[0].starts_with("oc -n clusters get secret prodsa-token-issuer-key"));
        assert!(finding.fixes[0].commands[2].contains("--account-name acct --container-name acct"));
    }

    #[test]
    fn keys_that_do_not_verify_its_signatures() {
        type Change = fn(&mut Vec<Jwk>);
        let table: [(&str, Change); 6] = [
            ("not in the JWKS", Vec::clear),
            ("under another key id", |keys| keys[0].kid = Some("kid-2".into())),
            ("another key under the id", |keys| keys[0].n = Some("another".into())),
            ("no RSA key", |keys| keys[0].kty = "EC".into()),
            ("another algorithm", |keys| keys[0].alg = Some("RS512".into())),
            ("not for signatures", |keys| keys[0].usage = Some("enc".into())),
        ];
        for (what, change) in table {
            let finding = the_failure(CHECK, &with(change));
            assert!(finding.what.contains(what), "{}", finding.what);
        }
    }

    #[test]
    fn a_short_key() {
        let mut facts = healthy();
        if let Fact::Known(key) = &mut facts.oidc.signing_key {
            key.bits = 1024;
        }
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("1024 bits"));
    }

    #[test]
    fn other_keys_beside_it() {
        let one = the_finding(CHECK, &with(|keys| keys.push(another("kid-2"))));
        assert_eq!(one.level, Level::Info);
        let two = the_finding(
            CHECK,
            &with(|keys| {
                keys.push(another("kid-2"));
                keys.push(another("kid-3"));
            }),
        );
        assert_eq!((two.level, two.evidence.get("other keys")), (Level::Warn, Some("kid-2, kid-3")));
    }

    #[test]
    fn a_cluster_without_a_signing_key() {
        let mut facts = healthy();
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
        if let Fact::Known(fetch) = &mut facts.oidc.jwks {
            fetch.document = None;
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        facts.oidc.jwks = Fact::Absent;
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        facts.oidc.signing_key = Fact::Unreadable(denied("get secrets"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn managed_identities_need_no_issuer() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
