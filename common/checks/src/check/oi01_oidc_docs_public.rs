//! OI01: Entra can fetch the documents of the OIDC issuer.

use std::net::IpAddr;

use facts::azure::Login;
use facts::hosted::HostedCluster;
use facts::oidc::{Fetch, FetchFailure, FetchStage};

use crate::federation;
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The issuer's discovery document and the JWKS that it names can be fetched by anybody on the internet: over https
    /// with a certificate of a public authority, without redirect, as JSON of reasonable size, in reasonable time.
    ///
    /// A connection that fails proves something only where this machine reaches the internet; an answer from Entra shows
    /// that. Addresses of the machine itself are not judged.
    ///
    /// ## Why it matters
    /// Entra fetches both documents to verify the tokens of the cluster, anonymously and over the internet. If it cannot,
    /// it refuses every token (AADSTS50166, AADSTS90061, AADSTS501661) and no component reaches Azure.
    ///
    /// ## How to fix
    /// Make the storage container public, or put the missing document there. A HostedCluster with the default issuer has
    /// to be created anew with an issuer of its own: the field cannot be changed.
    ///
    /// Source: Azure/azure-workload-identity#605, #642, #1130; openshift/cloud-credential-operator#610;
    /// <https://openid.net/specs/openid-connect-discovery-1_0.html>.
    pub static OIDC_DOCS_PUBLIC = {
        code: "OI01",
        id: "oidc-docs-public",
        group: Oidc,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Login, IssuerDocuments],
        caused_by: ["OI04"],
        judge: judge,
    };
}

/// The largest document that is taken for one, in bytes.
const LARGEST: u64 = 1_000_000;

/// The time after which an answer counts as slow, in milliseconds.
const SLOW: u64 = 2000;

/// Suffixes of hosts that Azure publishes on the internet, whatever a private DNS zone says where this ran.
const AZURE_HOSTS: [&str; 5] =
    [".core.windows.net", ".core.usgovcloudapi.net", ".core.chinacloudapi.cn", ".azurefd.net", ".azureedge.net"];

const WHY: &str =
    "Entra cannot fetch it and refuses every token of the cluster (AADSTS50166, AADSTS90061, AADSTS501661)";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let online = reaches_internet(view.login());
    let discovery = view.discovery()?;
    let jwks = view.jwks();
    let mut findings = Vec::new();
    let mut slow = Vec::new();
    match addresses(view, cluster, discovery) {
        Some(finding) if finding.level == crate::Level::Fail => {
            return Ok(Judgement::new("", vec![finding.touches(Key::Issuer)]));
        }
        finding => findings.extend(finding),
    }
    findings.extend(document("discovery document", discovery, cluster, &online));
    slow.extend((discovery.duration_ms >= SLOW).then_some(discovery.duration_ms));
    // Without a discovery document nobody knows where the JWKS is.
    if discovery.document.is_some() {
        match jwks {
            Ok(Some(jwks)) => {
                findings.extend(document("JWKS", jwks, cluster, &online));
                slow.extend((jwks.duration_ms >= SLOW).then_some(jwks.duration_ms));
            }
            Ok(None) => findings
                .push(Finding::unknown("JWKS", Gap::new(GapKind::NotAsked, "the JWKS was not asked for in this run"))),
            Err(gap) => findings.push(Finding::unknown("JWKS", gap)),
        }
    }
    if let Some(longest) = slow.iter().max() {
        findings.push(
            Finding::warn(
                format!("issuer {}", cluster.issuer_url),
                format!("the issuer answers slowly: {:.1} s", *longest as f64 / 1000.0),
                "Entra gives up after a few seconds, and the token request fails with it",
            )
            .compare("less than 2 s", format!("{longest} ms"))
            .fix(Fix::azure([format!(
                "curl -sS -o /dev/null -w '%{{time_namelookup}} %{{time_connect}} %{{time_total}}\\n' {}",
                quote(&discovery.url)
            )])),
        );
    }
    Ok(Judgement::new(
        format!("discovery document and JWKS of {} can be fetched by anybody", cluster.issuer_url),
        findings.into_iter().map(|finding| finding.touches(Key::Issuer)).collect(),
    ))
}

/// Whether this machine reached Entra, which lies on the internet as the issuer has to.
fn reaches_internet(login: Result<&Login, Gap>) -> Result<(), String> {
    match login {
        Ok(Login::SignedIn(_) | Login::Refused { aadsts: Some(_), .. }) => Ok(()),
        Ok(Login::Refused { .. }) => Err("Entra did not answer either".into()),
        Err(gap) => Err(format!("there was no sign-in to Entra ({})", gap.why)),
    }
}

/// What is wrong with one document.
fn document<T>(name: &str, fetch: &Fetch<T>, cluster: &HostedCluster, online: &Result<(), String>) -> Option<Finding> {
    let subject = format!("{name} {}", fetch.url);
    let fail = |what: String| Finding::fail(&subject, what, WHY);
    let finding = match fetch.status {
        None => return no_answer(&subject, fetch, cluster, online),
        Some(status) if fetch.redirected_to.is_some() || (300..400).contains(&status) => {
            fail(format!("the {name} is a redirect, which Entra does not follow"))
                .see("leads to", fetch.redirected_to.as_deref().unwrap_or("nowhere"))
        }
        Some(200) if fetch.body_bytes > LARGEST => {
            fail(format!("the {name} is too large")).see("bytes", fetch.body_bytes.to_string())
        }
        Some(200) if fetch.document.is_some() => return None,
        Some(200) => fail(format!("what the issuer serves is no {name}"))
            .see("problem", fetch.malformed.as_deref().unwrap_or("no JSON"))
            .see("content type", fetch.content_type.as_deref().unwrap_or("none")),
        Some(status @ (429 | 500..)) => Finding::warn(
            &subject,
            format!("the issuer answered {status} when asked for the {name}"),
            "as long as that lasts Entra cannot verify the tokens of the cluster (AADSTS50166)",
        ),
        Some(status) => fail(match &fetch.error_code {
            Some(code) => format!("the issuer answers {status} {code} to anybody who asks for the {name}"),
            None => format!("the issuer answers {status} to anybody who asks for the {name}"),
        }),
    };
    let mut finding = finding.see("url", &fetch.url);
    if let Some(status) = fetch.status {
        finding = finding.compare("200", status_text(status, fetch.error_code.as_deref()));
    }
    Some(finding.see("addresses", fetch.addresses.join(", ")).fix(fix(cluster, fetch)))
}

fn status_text(status: u16, code: Option<&str>) -> String {
    code.map_or_else(|| status.to_string(), |code| format!("{status} {code}"))
}

/// The finding for a GET that brought no HTTP answer.
fn no_answer<T>(
    subject: &str,
    fetch: &Fetch<T>,
    cluster: &HostedCluster,
    online: &Result<(), String>,
) -> Option<Finding> {
    let Some(FetchFailure { stage, message }) = &fetch.failure else {
        return Some(Finding::unknown(
            subject,
            Gap::new(GapKind::Failed, format!("{} brought neither an answer nor an error", fetch.url)),
        ));
    };
    let host = federation::host_of(&fetch.url);
    let what = match stage {
        FetchStage::Url => "the address is not one that Entra can fetch".to_owned(),
        FetchStage::Dns => format!("the host name {host} does not resolve"),
        FetchStage::Connect => format!("no connection to {host}"),
        FetchStage::Tls => format!("no trusted TLS connection to {host}"),
        FetchStage::Timeout => format!("{host} does not answer in time"),
        FetchStage::Body => "the answer broke off or is too large".to_owned(),
    };
    let proven_alone = *stage == FetchStage::Url
        || (*stage == FetchStage::Body && fetch.body_bytes > LARGEST)
        || cannot_be_public(host);
    if let (Err(reason), false) = (online, proven_alone) {
        let why = format!("{what} ({message}), and nothing shows that this machine reaches the internet: {reason}");
        return Some(Finding::unknown(subject, Gap::new(GapKind::Unreachable, why)));
    }
    Some(
        Finding::fail(subject, what, WHY)
            .see("url", &fetch.url)
            .see("error", message)
            .see("addresses", fetch.addresses.join(", "))
            .fix(fix(cluster, fetch)),
    )
}

/// Whether a host name is one that no public DNS can know.
fn cannot_be_public(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    !name.contains('.') || [".svc", ".local", ".internal", ".localhost"].iter().any(|suffix| name.ends_with(suffix))
}

/// The finding for a host whose addresses Entra cannot reach. Only a live look in a public cloud tells anything.
fn addresses<T>(view: &View<'_>, cluster: &HostedCluster, fetch: &Fetch<T>) -> Option<Finding> {
    let public_cloud = ["AzurePublicCloud", "AzureUSGovernmentCloud", "AzureChinaCloud"];
    if view.is_offline() || !public_cloud.contains(&cluster.azure.cloud.as_str()) {
        return None;
    }
    // A loopback address says that this machine's resolver overrides the name, and nothing about Entra's.
    let addresses: Vec<IpAddr> = fetch
        .addresses
        .iter()
        .filter_map(|address| address.parse().ok())
        .filter(|address: &IpAddr| !address.is_loopback())
        .collect();
    let private: Vec<String> =
        addresses.iter().filter(|address| is_private(address)).map(ToString::to_string).collect();
    if private.is_empty() {
        return None;
    }
    let host = federation::host_of(&fetch.url).to_owned();
    let azure_publishes = AZURE_HOSTS.iter().any(|suffix| host.to_ascii_lowercase().ends_with(suffix));
    let subject = format!("issuer {}", cluster.issuer_url);
    let finding = if private.len() == addresses.len() && !azure_publishes {
        Finding::fail(subject, format!("the host {host} has private addresses only"), WHY)
    } else {
        Finding::warn(
            subject,
            format!("the host {host} has a private address from where this ran"),
            "what was fetched may come from a private endpoint, and Entra, which has only the public one, may see something else",
        )
    };
    Some(
        finding.see("addresses", fetch.addresses.join(", ")).fix(
            Fix::azure([format!("dig +short {} @1.1.1.1", quote(&host)), format!("dig +short {}", quote(&host))]).note(
                "the first answer is what the internet sees; publish the documents where it has a public address",
            ),
        ),
    )
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            v4.is_private() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// What to do, by what the service said.
fn fix<T>(cluster: &HostedCluster, fetch: &Fetch<T>) -> Fix {
    let issuer = cluster.issuer_url.as_str();
    if issuer == federation::DEFAULT_ISSUER {
        return Fix::azure([format!(
            "ccoctl azure create-oidc-issuer --name {} --region {} --subscription-id {} --tenant-id {} --public-key-file serviceaccount-signer.public --output-dir .",
            quote(&cluster.name),
            quote(&cluster.azure.location),
            quote(&cluster.azure.subscription_id),
            quote(&cluster.azure.tenant_id),
        )])
        .note("spec.issuerURL cannot be changed: create the cluster anew with --oidc-issuer-url and --sa-token-issuer-private-key-path");
    }
    let curl = format!("curl -sS -D - -o /dev/null {}", quote(&fetch.url));
    let Some((account, container)) = federation::blob_of(issuer) else {
        return Fix::azure([curl])
            .note("the answer has to be 200 with the document, to anybody and without a redirect");
    };
    let (account, container) = (quote(account), quote(container));
    match (fetch.status, fetch.error_code.as_deref()) {
        (Some(404), Some("BlobNotFound")) | (Some(200), _) => {
            let blob = fetch
                .url
                .strip_prefix(issuer.trim_end_matches('/'))
                .map_or("openid/v1/jwks", |path| path.trim_start_matches('/'));
            Fix::azure([format!(
                "az storage blob upload --account-name {account} --container-name {container} --name {} --file FILE --content-type application/json --overwrite --auth-mode login",
                quote(blob)
            )])
            .note("FILE is the document that ccoctl azure create-oidc-issuer writes with --dry-run")
        }
        (Some(403 | 404 | 409), _) => Fix::azure([
            format!(
                "az storage account update -n {account} --allow-blob-public-access true --public-network-access Enabled --default-action Allow"
            ),
            format!("az storage container-rm update --storage-account {account} --name {container} --public-access blob"),
            curl,
        ])
        .note("the last command shows what anybody gets; storage takes a minute to follow"),
        _ => Fix::azure([curl]),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;
    use facts::oidc::Discovery;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &OIDC_DOCS_PUBLIC;

    fn with(change: impl FnOnce(&mut Fetch<Discovery>)) -> facts::Facts {
        let mut facts = healthy();
        if let Fact::Known(fetch) = &mut facts.oidc.discovery {
            change(fetch);
        }
        facts
    }

    fn refused(status: u16, code: Option<&str>) -> facts::Facts {
        let mut facts = with(|fetch| {
            fetch.status = Some(status);
            fetch.error_code = code.map(Into::into);
            fetch.document = None;
        });
        facts.oidc.jwks = Fact::Absent;
        facts
    }

    fn failed(stage: FetchStage) -> facts::Facts {
        let mut facts = with(|fetch| {
            fetch.status = None;
            fetch.document = None;
            fetch.failure = Some(FetchFailure { stage, message: "it did not work".into() });
        });
        facts.oidc.jwks = Fact::Absent;
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        fn unreachable(facts: &mut facts::Facts) {
            let message = "AADSTS50166: Request to External OIDC endpoint failed.";
            log(facts, "capi-provider", message);
            log(facts, "ingress-operator", message);
            refuse_every_exchange(facts, message);
        }
        vec![
            Fault::new("the documents are closed, and the storage account is not ours", |facts| {
                close_issuer(facts);
                facts.oidc.storage = Fact::Absent;
                unreachable(facts);
                crash(facts, "ingress-operator");
            })
            .showing(&["FC04", "FC05", "HC01", "HC03", "OI02", "OI03"]),
            Fault::new("the issuer serves a web page", |facts| {
                if let Fact::Known(fetch) = &mut facts.oidc.discovery {
                    fetch.document = None;
                    fetch.content_type = Some("text/html".into());
                    fetch.malformed = Some("expected value at line 1 column 1".into());
                }
                facts.oidc.jwks = Fact::Unreadable(Gap::new(GapKind::Blocked, "no discovery document"));
                unreachable(facts);
            })
            .showing(&["FC04", "FC05", "OI02", "OI03"]),
            Fault::new("the JWKS is missing", |facts| {
                if let Fact::Known(fetch) = &mut facts.oidc.jwks {
                    fetch.status = Some(404);
                    fetch.error_code = Some("BlobNotFound".into());
                    fetch.document = None;
                }
                unreachable(facts);
            })
            .showing(&["FC04", "FC05", "OI03"]),
            Fault::new("the issuer answers slowly", |facts| {
                if let Fact::Known(fetch) = &mut facts.oidc.discovery {
                    fetch.duration_ms = 4000;
                }
            }),
        ]
    }

    #[test]
    fn public_documents_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn storage_that_is_closed_gives_the_commands_that_open_it() {
        for (status, code) in
            [(409, "PublicAccessNotPermitted"), (404, "ResourceNotFound"), (403, "AuthorizationFailure")]
        {
            let finding = the_failure(CHECK, &refused(status, Some(code)));
            assert_eq!(finding.evidence.get("found"), Some(format!("{status} {code}").as_str()));
            assert!(finding.fixes[0].commands[0].starts_with("az storage account update -n acct"));
            assert_eq!(finding.keys, [Key::Issuer]);
        }
    }

    #[test]
    fn a_missing_document_is_uploaded() {
        let finding = the_failure(CHECK, &refused(404, Some("BlobNotFound")));
        assert!(
            finding.fixes[0].commands[0].contains("--name .well-known/openid-configuration"),
            "{}",
            finding.fixes[0].commands[0]
        );
        let mut facts = healthy();
        if let Fact::Known(fetch) = &mut facts.oidc.jwks {
            fetch.status = Some(404);
            fetch.error_code = Some("BlobNotFound".into());
            fetch.document = None;
        }
        let finding = the_failure(CHECK, &facts);
        assert!(finding.subject.starts_with("JWKS https://"), "{}", finding.subject);
        assert!(finding.fixes[0].commands[0].contains("--name openid/v1/jwks"));
    }

    #[test]
    fn answers_that_are_no_document() {
        let facts = with(|fetch| {
            fetch.status = Some(302);
            fetch.redirected_to = Some("https://login.example.com".into());
            fetch.document = None;
        });
        assert!(the_failure(CHECK, &facts).what.contains("redirect"));
        let facts = with(|fetch| {
            fetch.document = None;
            fetch.malformed = Some("expected value at line 1".into());
        });
        assert_eq!(the_failure(CHECK, &facts).evidence.get("problem"), Some("expected value at line 1"));
        assert!(the_failure(CHECK, &with(|fetch| fetch.body_bytes = 2_000_000)).what.contains("too large"));
    }

    #[test]
    fn a_server_error_and_a_slow_answer_are_warnings() {
        assert_eq!(the_finding(CHECK, &refused(503, None)).level, Level::Warn);
        let mut facts = with(|fetch| fetch.duration_ms = 2100);
        if let Fact::Known(fetch) = &mut facts.oidc.jwks {
            fetch.duration_ms = 4000;
        }
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("found")), (Level::Warn, Some("4000 ms")));
    }

    #[test]
    fn a_connection_that_fails_counts_where_entra_was_reached() {
        for stage in [FetchStage::Dns, FetchStage::Connect, FetchStage::Tls, FetchStage::Timeout, FetchStage::Body] {
            let mut facts = failed(stage);
            the_failure(CHECK, &facts);
            facts.azure.login = Fact::Unreadable(Gap::new(GapKind::Unreachable, "no route"));
            assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
            let refused =
                |aadsts| Login::Refused { via: "az login".into(), tenant_id: None, aadsts, message: "no".into() };
            facts.azure.login = Fact::Known(refused(None));
            the_gap(CHECK, &facts);
            facts.azure.login = Fact::Known(refused(Some(7_000_215)));
            the_failure(CHECK, &facts);
        }
        let mut facts = failed(FetchStage::Url);
        facts.azure.login = Fact::Unreadable(Gap::not_asked());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn the_default_issuer_cannot_be_public() {
        let mut facts = failed(FetchStage::Dns);
        facts.azure.login = Fact::Unreadable(Gap::not_asked());
        cluster(&mut facts).issuer_url = federation::DEFAULT_ISSUER.into();
        if let Fact::Known(fetch) = &mut facts.oidc.discovery {
            fetch.url = format!("{}/.well-known/openid-configuration", federation::DEFAULT_ISSUER);
        }
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].starts_with("ccoctl azure create-oidc-issuer"));
    }

    #[test]
    fn private_addresses() {
        let at = |url: &str, addresses: &[&str]| {
            with(|fetch| {
                fetch.url = url.into();
                fetch.addresses = addresses.iter().map(|&address| address.into()).collect();
            })
        };
        let own = "https://oidc.example.com/.well-known/openid-configuration";
        let blob = "https://acct.blob.core.windows.net/acct/.well-known/openid-configuration";
        for private in ["10.1.2.3", "192.168.1.1", "169.254.1.1", "100.64.0.1", "fd00::1", "fe80::1"] {
            the_failure(CHECK, &at(own, &[private]));
            assert_eq!(the_finding(CHECK, &at(own, &[private, "20.1.2.3"])).level, Level::Warn);
            assert_eq!(the_finding(CHECK, &at(blob, &[private])).level, Level::Warn);
        }
        the_failure(CHECK, &at(own, &["127.0.0.1", "10.1.2.3"]));
        for fine in ["127.0.0.1", "::1", "20.150.1.1", "2603:1030::1"] {
            assert_passes(CHECK, &at(own, &[fine]));
        }
        let mut facts = at(own, &["10.1.2.3"]);
        cluster(&mut facts).azure.cloud = "AzureStackCloud".into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.oidc.jwks = Fact::Unreadable(Gap::new(GapKind::NotRecorded, "not in this bundle"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
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
