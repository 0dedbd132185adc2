//! OI06: tokens of the hosted cluster say what Entra will compare.

use facts::Fact;
use facts::catalogue::{AUDIENCE, COMPONENTS};
use facts::guest::GuestToken;

use crate::federation::{self, IssuerDifference};
use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// A token of each service account that acts on Azure, asked of the hosted API server with audience `openshift`, has
    /// the issuer of the HostedCluster, and a key that the issuer publishes.
    ///
    /// Only header and claims are kept. A service account that does not exist is a warning: the token minters make theirs
    /// when they start. The tokens live for 10 minutes and are thrown away.
    ///
    /// ## Why it matters
    /// These are the tokens that components trade at Entra. Where one differs from the federated credential or from the
    /// published keys, Entra refuses it (AADSTS700211, AADSTS7000272).
    ///
    /// ## How to fix
    /// Another issuer: the API server has not taken over spec.issuerURL. Another key: publish the documents of the key that
    /// the cluster signs with.
    ///
    /// Source: openshift/hypershift token-minter/tokenminter.go; Azure/azure-workload-identity#1232.
    pub static GUEST_TOKEN_CLAIMS = {
        code: "OI06",
        id: "guest-token-claims",
        group: Oidc,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, GuestTokens, IssuerDocuments],
        caused_by: ["OI03", "OI05", "OI01", "OI02", "HC03"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let tokens = view.guest_tokens()?;
    let jwks = view.jwks();
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let (mut gaps, mut missing) = (Vec::new(), Vec::new());
    let mut seen: Vec<&GuestToken> = Vec::new();
    let required =
        COMPONENTS.iter().filter(|component| cluster.requires(component) && federation::runs(cluster, component));
    for credential in required.flat_map(|component| component.credentials) {
        let subject = credential.subject();
        match tokens.get(&subject).map_or_else(|| Err(Gap::not_asked()), Fact::present) {
            Ok(Some(token)) => seen.push(token),
            Ok(None) => missing.push(subject),
            Err(gap) => gaps.push((format!("token of {subject}"), gap)),
        }
    }
    let mut findings = Vec::new();
    // All tokens are signed by one API server with one key: a row for each would say the same thing.
    if let Some(token) = seen.iter().find(|token| token.issuer.as_deref() != Some(cluster.issuer_url.as_str())) {
        findings.push(other_issuer(view, &cluster.issuer_url, token));
    }
    let keys = match jwks {
        Ok(fetch) => fetch.and_then(|fetch| fetch.document.as_ref()),
        Err(gap) => {
            gaps.push(("keys that the issuer publishes".to_owned(), gap));
            None
        }
    };
    if let Some(keys) = keys {
        let published: Vec<&str> = keys.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        let unknown = seen.iter().find(|token| !token.key_id.as_deref().is_some_and(|id| published.contains(&id)));
        findings.extend(unknown.map(|token| other_key(cluster, token, &published)));
    }
    if !missing.is_empty() {
        findings.push(without_account(view, &missing));
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{} tokens have the issuer and a published key", seen.len()), findings))
}

fn claims(finding: Finding, token: &GuestToken) -> Finding {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    finding
        .see("sub", text(&token.subject))
        .see("iss", text(&token.issuer))
        .see("aud", token.audiences.join(", "))
        .see("kid", text(&token.key_id))
        .see("alg", text(&token.algorithm))
        .touches(Key::Issuer)
}

fn other_issuer(view: &View<'_>, want: &str, token: &GuestToken) -> Finding {
    let found = token.issuer.as_deref().unwrap_or_default();
    let mut finding = Finding::fail(
        "tokens of the hosted cluster",
        "the issuer in tokens of the hosted cluster is not spec.issuerURL",
        "Entra refuses every token of the cluster (AADSTS700211)",
    )
    .compare(want, found);
    if let Some(difference) = IssuerDifference::between(want, found) {
        finding = finding.see("differs in", difference.describe());
    }
    let plane = view.target().control_plane_namespace();
    claims(finding, token).touches(Key::Workload("kube-apiserver".into())).fix(Fix::hypershift([
        command!("oc -n {plane} get configmap kas-config -o yaml"; plane),
        command!("oc -n {plane} rollout status deployment/kube-apiserver"; plane),
    ]))
}

fn other_key(cluster: &facts::hosted::HostedCluster, token: &GuestToken, published: &[&str]) -> Finding {
    let finding = Finding::fail(
        "key of the tokens",
        "the issuer does not publish the key that signs the tokens of the hosted cluster",
        "Entra refuses every token of the cluster (AADSTS7000272)",
    )
    .compare(token.key_id.as_deref().unwrap_or("none"), published.join(", "));
    let secret = cluster.signing_key_secret.as_deref().unwrap_or("SECRET");
    claims(finding, token).fix(
        Fix::azure([
            command!("oc -n {} extract secret/{} --keys=key --to=.", cluster.namespace, secret),
            command!("curl -sS {}/openid/v1/jwks", cluster.issuer_url),
        ])
        .note(
            "publish the documents of that key anew with `oc hcp-azure create oidc-issuer`; delete the file afterwards. \
             See HAZ-OI03",
        ),
    )
}

fn without_account(view: &View<'_>, missing: &[String]) -> Finding {
    let plane = view.target().control_plane_namespace();
    Finding::warn(
        "service accounts",
        format!("{} service accounts that act on Azure do not exist in the hosted cluster", missing.len()),
        "a component without its service account has no token; the token minters make theirs when they start",
    )
    .see("missing", missing.join(", "))
    .see("audience", AUDIENCE)
    .touches(Key::Workload("hosted-cluster-config-operator".into()))
    .fix(Fix::hypershift([
        command!("oc -n {plane} get deployments"; plane),
        command!("oc -n {plane} logs deployment/hosted-cluster-config-operator --tail 50"; plane),
    ]))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::collections::BTreeMap;

    use facts::Facts;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &GUEST_TOKEN_CLAIMS;

    fn tokens(facts: &mut Facts) -> &mut BTreeMap<String, Fact<GuestToken>> {
        match &mut facts.guest.tokens {
            Fact::Known(tokens) => tokens,
            other => panic!("{other:?}"),
        }
    }

    fn edit(facts: &mut Facts, change: fn(&mut GuestToken)) {
        for token in tokens(facts).values_mut() {
            if let Fact::Known(token) = token {
                change(token);
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("tokens with another issuer", |facts| {
                edit(facts, |token| token.issuer = Some("https://kubernetes.default.svc".into()));
            }),
            Fault::new("tokens signed with another key", |facts| {
                edit(facts, |token| token.key_id = Some("kid-2".into()));
            }),
            Fault::new("a service account is missing", |facts| {
                tokens(facts).insert("system:serviceaccount:kube-system:capi-provider".into(), Fact::Absent);
            }),
        ]
    }

    #[test]
    fn equal_claims_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &healthy_kms());
    }

    #[test]
    fn another_issuer_is_one_row_with_the_claims() {
        let mut facts = healthy();
        edit(&mut facts, |token| token.issuer = Some(format!("{ISSUER}/")));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("want"), Some(ISSUER));
        assert_eq!(finding.evidence.get("differs in"), Some("a trailing slash"));
        assert_eq!(finding.evidence.get("aud"), Some("openshift"));
    }

    #[test]
    fn another_key() {
        let mut facts = healthy();
        edit(&mut facts, |token| token.key_id = Some("kid-2".into()));
        let finding = the_failure(CHECK, &facts);
        assert_eq!((finding.evidence.get("want"), finding.evidence.get("found")), (Some("kid-2"), Some("kid-1")));
    }

    #[test]
    fn a_missing_service_account_is_a_warning() {
        let mut facts = healthy();
        tokens(&mut facts).insert("system:serviceaccount:kube-system:capi-provider".into(), Fact::Absent);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert_eq!(finding.evidence.get("missing"), Some("system:serviceaccount:kube-system:capi-provider"));
    }

    #[test]
    fn what_was_not_read_is_unknown() {
        let mut facts = healthy();
        facts.guest.tokens = Fact::Unreadable(Gap::new(GapKind::Unreachable, "connect"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
        let mut facts = healthy();
        for token in tokens(&mut facts).values_mut() {
            *token = Fact::Unreadable(denied("create serviceaccounts/token"));
        }
        let unknown = findings(CHECK, &facts);
        assert!(unknown.iter().all(|finding| finding.level == Level::Unknown), "{unknown:#?}");
        assert_eq!(unknown.len(), 1, "one missing permission is told once");
    }
}
