//! What the checks of identities, federation and roles share: which identity a component has, and how issuers differ.

use facts::azure::Identity;
use facts::catalogue::{self, Component};
use facts::hosted::HostedCluster;

use crate::judgement::{Finding, Fix, Key, Level};
use crate::shell::command;
use crate::text::quote;

/// Why checks of workload identities do not apply to a cluster without them.
pub(crate) const NO_WORKLOAD_IDENTITIES: &str = "the cluster uses managed identities with certificates";

/// `spec.issuerURL` of a HostedCluster that names no issuer of its own.
pub(crate) const DEFAULT_ISSUER: &str = "https://kubernetes.default.svc";

/// A component and the managed identity that the HostedCluster names for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    /// The component.
    pub component: &'static Component,
    /// Its identity.
    pub identity: &'a Identity,
    /// Whether this cluster needs the component's identity, or only names it.
    pub needed: bool,
}

/// The components that run and whose identity was found; none when the cluster has no workload identities.
///
/// An identity that was not found is ID01's matter.
pub(crate) fn members<'a>(cluster: &HostedCluster, identities: &'a [Identity]) -> Option<Vec<Member<'a>>> {
    let client_ids = cluster.workload_identities()?;
    let member = |component: &'static Component| {
        let client_id = client_ids.get(component.key)?;
        let identity = identities.iter().find(|identity| identity.client_id.eq_ignore_ascii_case(client_id))?;
        let needed = cluster.requires(component);
        Some(Member { component, identity, needed })
    };
    let running = catalogue::COMPONENTS.iter().filter(|component| runs(cluster, component));
    Some(running.filter_map(member).collect())
}

/// Whether a component runs: the image registry and the ingress operator do not when their capability is disabled. The API
/// server asks for their client ids all the same.
pub(crate) fn runs(cluster: &HostedCluster, component: &Component) -> bool {
    let capability = match component.key {
        "imageRegistry" => "ImageRegistry",
        "ingress" => "Ingress",
        _ => return true,
    };
    !cluster.disabled_capabilities.iter().any(|name| name == capability)
}

/// Federated identity credentials that are wrong in the same way, and where they stand.
#[derive(Debug, Default)]
pub(crate) struct WrongCredentials<'a> {
    members: Vec<Member<'a>>,
    commands: Vec<String>,
    /// The credentials' names.
    pub names: Vec<String>,
}

impl<'a> WrongCredentials<'a> {
    /// Adds a credential of a member, with the command that mends it. A member's credentials follow one another.
    pub(crate) fn add(&mut self, member: Member<'a>, name: &str, command: String) {
        self.commands.push(command);
        self.names.push(name.to_owned());
        if self.members.last().is_none_or(|last| last.component.key != member.component.key) {
            self.members.push(member);
        }
    }

    /// The one finding about them all.
    pub(crate) fn finding(&self, what: String, why: &str, want: &str, found: &str) -> Finding {
        let finding = Finding::fail(subject_of(&self.members), what, why)
            .compare(want, found)
            .see("credentials", self.names.join(", "))
            .fix(Fix::azure(self.commands.clone()).note(
                "one after another: Azure answers concurrent writes to one identity with 409; Entra takes up to 5 minutes to know them",
            ));
        let finding = weigh(finding, self.members.iter().any(|member| member.needed));
        self.members.iter().fold(finding, |finding, member| member.touched_by(finding))
    }
}

impl Member<'_> {
    /// `identity disk (prod-disk-prod-x7k2p)`.
    pub(crate) fn subject(&self) -> String {
        format!("identity {} ({})", self.component.key, self.identity.name)
    }

    /// A failure of an identity that this cluster names and does not need is a warning.
    pub(crate) fn weigh(&self, finding: Finding) -> Finding {
        weigh(finding, self.needed)
    }

    /// Adds what this identity touches.
    pub(crate) fn touched_by(&self, finding: Finding) -> Finding {
        touch(finding, self.component)
    }

    /// The command that creates or updates one of its federated identity credentials.
    pub(crate) fn credential_command(&self, verb: &str, name: &str, issuer: &str, subject: &str) -> String {
        format!(
            "az identity federated-credential {verb} -g {} --identity-name {} --name {} --issuer {} --subject {} --audiences {}{}",
            quote(self.identity.id.resource_group().unwrap_or("RESOURCE_GROUP")),
            quote(&self.identity.name),
            quote(name),
            quote(issuer),
            quote(subject),
            catalogue::AUDIENCE,
            self.identity.id.subscription().map(|id| format!(" --subscription {}", quote(id))).unwrap_or_default(),
        )
    }
}

/// A failure of identities of which this cluster needs none is a warning.
pub(crate) fn weigh(finding: Finding, needed: bool) -> Finding {
    if needed || finding.level != Level::Fail {
        return finding;
    }
    Finding {
        level: Level::Warn,
        why: "the cluster names this identity and does not need it: nothing acts with it in a public cluster".into(),
        ..finding
    }
}

/// The subject of a finding about several identities.
pub(crate) fn subject_of(members: &[Member<'_>]) -> String {
    match members {
        [member] => member.subject(),
        _ => {
            let keys: Vec<&str> = members.iter().map(|member| member.component.key).collect();
            format!("identities {}", keys.join(", "))
        }
    }
}

/// Adds what a component touches: its identity and its workloads.
pub(crate) fn touch(finding: Finding, component: &Component) -> Finding {
    component.workloads.iter().fold(finding.touches(Key::Identity(component.key.into())), |finding, workload| {
        finding.touches(Key::Workload((*workload).into()))
    })
}

/// How two issuers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuerDifference {
    /// The parts that differ, for a sentence: `a trailing slash`.
    parts: Vec<&'static str>,
    /// Whether both name one host, so that the one is a misspelling of the other.
    pub near: bool,
}

impl IssuerDifference {
    /// The differences between two issuers; none when they are equal byte for byte.
    pub(crate) fn between(want: &str, found: &str) -> Option<Self> {
        if want == found {
            return None;
        }
        let mut parts = Vec::new();
        if found.trim() != found || want.trim() != want {
            parts.push("a blank");
        }
        let (want_scheme, want_host, want_path) = split(want.trim());
        let (found_scheme, found_host, found_path) = split(found.trim());
        let near = want_host.eq_ignore_ascii_case(found_host);
        if want_scheme != found_scheme {
            parts.push("the scheme");
        }
        if !near {
            parts.push("the host");
        } else if want_host != found_host {
            parts.push("the case of the host");
        }
        if want_path != found_path {
            parts.push(if want_path.trim_end_matches('/') == found_path.trim_end_matches('/') {
                "a trailing slash"
            } else if want_path.eq_ignore_ascii_case(found_path) {
                "the case of the path"
            } else {
                "the path"
            });
        }
        Some(Self { parts, near })
    }

    /// The differences in words: `the scheme and a trailing slash`.
    pub(crate) fn describe(&self) -> String {
        self.parts.join(" and ")
    }
}

/// Scheme, host (with port) and path of a URL.
fn split(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let at = rest.find('/').unwrap_or(rest.len());
    (scheme, &rest[..at], &rest[at..])
}

/// Host (with port) of a URL.
pub(crate) fn host_of(url: &str) -> &str {
    split(url).1
}

/// Storage account and container of an issuer that is a blob URL.
pub(crate) fn blob_of(issuer: &str) -> Option<(&str, &str)> {
    let (_, host, path) = split(issuer);
    let (account, rest) = host.split_once('.')?;
    let container = path.trim_start_matches('/').split('/').next()?;
    (rest.starts_with("blob.") && !container.is_empty()).then_some((account, container))
}

/// What the file is that fixes of the signing key name.
pub(crate) const SIGNING_KEY_FILE: &str = "the file is the private key whose public half the issuer publishes";

/// Makes the Secret that a HostedCluster names for its signing key.
pub(crate) fn create_signing_key_secret(cluster: &HostedCluster, secret: &str) -> Fix {
    Fix::hypershift([command!(
        "oc -n {} create secret generic {} --from-file=key=serviceaccount-signer.private",
        cluster.namespace,
        secret
    )])
    .note(SIGNING_KEY_FILE)
}

/// Makes the Secret of the signing key for a HostedCluster that names none, and names it.
pub(crate) fn name_signing_key_secret(cluster: &HostedCluster) -> Fix {
    let name = format!("{}sa-token-issuer-key", cluster.name);
    let patch = format!(r#"{{"spec":{{"serviceAccountSigningKey":{{"name":"{name}"}}}}}}"#);
    let mut fix = create_signing_key_secret(cluster, &name);
    fix.commands.push(command!(
        "oc -n {} patch hostedcluster {} --type merge -p {}",
        cluster.namespace,
        cluster.name,
        patch
    ));
    fix
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testkit;

    #[test]
    fn differences_of_issuers() {
        let want = "https://acct.blob.core.windows.net/acct";
        let table = [
            ("https://acct.blob.core.windows.net/acct/", "a trailing slash", true),
            ("http://acct.blob.core.windows.net/acct", "the scheme", true),
            ("https://ACCT.blob.core.windows.net/acct", "the case of the host", true),
            ("https://acct.blob.core.windows.net/Acct", "the case of the path", true),
            ("https://acct.blob.core.windows.net/other", "the path", true),
            ("https://acct.blob.core.windows.net/acct ", "a blank", true),
            ("http://acct.blob.core.windows.net/acct/", "the scheme and a trailing slash", true),
            ("https://else.blob.core.windows.net/acct", "the host", false),
        ];
        for (found, parts, near) in table {
            let difference = IssuerDifference::between(want, found).unwrap();
            assert_eq!((difference.describe().as_str(), difference.near), (parts, near), "{found}");
        }
        assert_eq!(IssuerDifference::between(want, want), None);
    }

    #[test]
    fn blobs() {
        assert_eq!(blob_of(testkit::ISSUER), Some(("acct", "acct")));
        assert_eq!(blob_of("https://acct.blob.core.windows.net"), None);
        assert_eq!(blob_of("https://example.com/oidc"), None);
        assert_eq!(host_of(DEFAULT_ISSUER), "kubernetes.default.svc");
    }

    #[test]
    fn what_is_disabled_does_not_run() {
        let mut facts = testkit::healthy();
        testkit::cluster(&mut facts).disabled_capabilities = vec!["Console".into(), "Ingress".into()];
        let cluster = facts.hosted.cluster.get().unwrap();
        let off: Vec<&str> = catalogue::COMPONENTS
            .iter()
            .filter(|component| !runs(cluster, component))
            .map(|component| component.key)
            .collect();
        assert_eq!(off, ["ingress"]);
    }

    #[test]
    fn members_are_joined_on_the_client_id_without_case() {
        let mut facts = testkit::healthy();
        let key = testkit::client_id("disk");
        testkit::identity(&mut facts, "disk").client_id = key.to_uppercase();
        testkit::cluster(&mut facts).disabled_capabilities = vec!["ImageRegistry".into()];
        let cluster = facts.hosted.cluster.get().unwrap();
        let members = members(cluster, facts.azure.identities.get().unwrap()).unwrap();
        let keys: Vec<&str> = members.iter().map(|member| member.component.key).collect();
        assert_eq!(
            keys,
            ["disk", "file", "ingress", "cloudProvider", "nodePoolManagement", "network", "controlPlaneOperator"]
        );
        assert_eq!(members[0].subject(), "identity disk (prod-disk-prod-x7k2p)");
        assert_eq!(subject_of(&members[..2]), "identities disk, file");
    }
}
