//! OI02: the discovery document names the issuer of the HostedCluster, byte for byte.

use facts::hosted::HostedCluster;

use crate::federation::{self, IssuerDifference};
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The member `issuer` of the discovery document equals `spec.issuerURL` byte for byte; that URL is https, without
    /// query or fragment, and does not end with a slash.
    ///
    /// Whether the document can be fetched at all is OI01's matter.
    ///
    /// ## Why it matters
    /// The tokens of the cluster carry `spec.issuerURL`. Entra reads the document at that address and refuses the token if
    /// the document names another issuer. A slash at the end is easily lost by the next tool that handles the URL.
    ///
    /// ## How to fix
    /// Write `spec.issuerURL` into the document and upload it again: the field of the HostedCluster cannot be changed.
    ///
    /// Source: <https://openid.net/specs/openid-connect-discovery-1_0.html> section 4.3; cloud-credential-operator
    /// provisioning/azure; Azure/azure-workload-identity#1700.
    pub static OIDC_ISSUER_EQUAL = {
        code: "OI02",
        id: "oidc-issuer-equal",
        group: Oidc,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, IssuerDocuments],
        caused_by: ["OI01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let issuer = cluster.issuer_url.as_str();
    let mut findings: Vec<Finding> = shape(cluster).into_iter().collect();
    let document = view.discovery().and_then(|fetch| {
        fetch
            .document
            .as_ref()
            .ok_or_else(|| Gap::new(GapKind::Blocked, format!("{} brought no discovery document", fetch.url)))
    });
    match document {
        Ok(document) => {
            if let Some(difference) = IssuerDifference::between(issuer, &document.issuer) {
                findings.push(
                    Finding::fail(
                        format!("issuer {issuer}"),
                        format!(
                            "the discovery document names another issuer than spec.issuerURL: they differ in {}",
                            difference.describe()
                        ),
                        "Entra reads the document at the address in the token and refuses the token when the document names another issuer",
                    )
                    .compare(issuer, &document.issuer)
                    .fix(rewrite(issuer)),
                );
            }
        }
        Err(gap) => findings.push(Finding::unknown(format!("issuer {issuer}"), gap)),
    }
    Ok(Judgement::new(
        format!("the discovery document names {issuer}"),
        findings.into_iter().map(|finding| finding.touches(Key::Issuer)).collect(),
    ))
}

/// What is wrong with the URL itself.
fn shape(cluster: &HostedCluster) -> Option<Finding> {
    let issuer = cluster.issuer_url.as_str();
    let subject = format!("issuer {issuer}");
    let problem = if !issuer.starts_with("https://") {
        Some("is not https")
    } else if issuer.contains('?') {
        Some("has a query")
    } else if issuer.contains('#') {
        Some("has a fragment")
    } else {
        None
    };
    if let Some(problem) = problem {
        return Some(
            Finding::fail(
                subject,
                format!("spec.issuerURL {problem}"),
                "Entra accepts no such issuer: every token of the cluster is refused",
            )
            .see("spec.issuerURL", issuer)
            .fix(
                Fix::hypershift([format!(
                    "oc -n {} get hostedcluster {} -o jsonpath='{{.spec.issuerURL}}'",
                    quote(&cluster.namespace),
                    quote(&cluster.name)
                )])
                .note("the field cannot be changed: create the cluster anew with another --oidc-issuer-url"),
            ),
        );
    }
    issuer.ends_with('/').then(|| {
        Finding::warn(
            subject,
            "spec.issuerURL ends with a slash",
            "Entra compares it byte by byte; tools that add or drop the slash break every credential at once (AADSTS700211)",
        )
        .see("spec.issuerURL", issuer)
        .fix(
            Fix::azure([format!(
                "curl -sS {} | grep -o '\"issuer\"[^,]*'",
                quote(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
            )])
            .note("it works as long as document and credentials end with it, too; the field cannot be changed"),
        )
    })
}

/// The commands that bring the document in line.
fn rewrite(issuer: &str) -> Fix {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let mut commands = vec![format!(
        "curl -sS {} | jq --arg issuer {} '.issuer = $issuer' > openid-configuration",
        quote(&url),
        quote(issuer)
    )];
    let Some((account, container)) = federation::blob_of(issuer) else {
        return Fix::azure(commands).note(format!("then publish the file as {url}"));
    };
    commands.push(format!(
        "az storage blob upload --account-name {} --container-name {} --name .well-known/openid-configuration --file openid-configuration --content-type application/json --overwrite --auth-mode login",
        quote(account),
        quote(container)
    ));
    Fix::azure(commands)
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &OIDC_ISSUER_EQUAL;
    const SLASH: &str = "https://acct.blob.core.windows.net/acct/";

    fn document(facts: &mut facts::Facts, issuer: &str) {
        if let Fact::Known(fetch) = &mut facts.oidc.discovery
            && let Some(document) = &mut fetch.document
        {
            document.issuer = issuer.into();
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a trailing slash in the document's issuer", |facts| document(facts, SLASH)),
            Fault::new("another cluster's document", |facts| {
                document(facts, "https://other.blob.core.windows.net/other");
                let message = "AADSTS50166: Request to External OIDC endpoint failed.";
                log(facts, "capi-provider", message);
                refuse_every_exchange(facts, message);
            })
            .showing(&["FC04", "FC05"]),
        ]
    }

    #[test]
    fn equal_issuers_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn another_issuer_in_the_document() {
        let mut facts = healthy();
        document(&mut facts, SLASH);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("a trailing slash"), "{}", finding.what);
        assert_eq!((finding.evidence.get("want"), finding.evidence.get("found")), (Some(ISSUER), Some(SLASH)));
        assert_eq!(finding.keys, [Key::Issuer]);
        assert!(finding.fixes[0].commands[1].starts_with("az storage blob upload --account-name acct"));
        cluster(&mut facts).issuer_url = "https://example.com/oidc".into();
        assert_eq!(the_failure(CHECK, &facts).fixes[0].commands.len(), 1, "nobody knows where that is stored");
    }

    #[test]
    fn a_url_that_entra_does_not_accept() {
        for bad in ["http://i.example.com/c", "https://i.example.com/c?x=1", "https://i.example.com/c#x"] {
            let mut facts = healthy();
            cluster(&mut facts).issuer_url = bad.into();
            document(&mut facts, bad);
            the_failure(CHECK, &facts);
        }
    }

    #[test]
    fn a_slash_on_both_sides_is_a_warning() {
        let mut facts = healthy();
        cluster(&mut facts).issuer_url = SLASH.into();
        document(&mut facts, SLASH);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn without_a_document_the_row_is_blocked() {
        let mut facts = healthy();
        if let Fact::Known(fetch) = &mut facts.oidc.discovery {
            fetch.document = None;
            fetch.status = Some(409);
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        facts.oidc.discovery = Fact::Unreadable(Gap::new(GapKind::NotRecorded, "not in this bundle"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
    }

    #[test]
    fn managed_identities_need_no_issuer() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
