//! [`Check`]: what a check file declares.

use facts::{Gap, Need};

use crate::judgement::Judgement;
use crate::view::View;

/// The address under which a check's page is published; `{code}` follows.
const DOCS_BASE: &str = "https://github.com/hcp-azure/hcp-azure/blob/main/docs/checks/";

/// One check. Declared with `declare_check!`, one per file.
pub struct Check {
    /// Two letters and two digits, for ever: `FC01`. Printed as `HAZ-FC01`.
    pub code: &'static str,
    /// A short name of what is checked, in kebab case: `fic-subjects-complete`.
    pub id: &'static str,
    /// The group it is shown in.
    pub group: Group,
    /// The release that brought it.
    pub since: &'static str,
    /// The runs it belongs to.
    pub when: &'static [Stage],
    /// The facts it reads. Sources collect the union over the selected checks.
    pub needs: &'static [Need],
    /// Codes of the checks whose failure can be the reason for this one's.
    pub caused_by: &'static [&'static str],
    /// Its documentation in Markdown, with the sections "What it checks", "Why it matters" and "How to fix".
    pub docs: &'static str,
    /// The file that declares it.
    pub file: &'static str,
    /// The judgement.
    pub judge: fn(&View<'_>) -> Result<Judgement, Gap>,
}

impl Check {
    /// The code as users see it: `HAZ-FC01`.
    pub fn printed_code(&self) -> String {
        format!("HAZ-{}", self.code)
    }

    /// The address of its page.
    pub fn docs_url(&self) -> String {
        format!("{DOCS_BASE}{}.md", self.code)
    }

    /// Its documentation in Markdown, without the blank that each line of a doc comment begins with.
    pub fn documentation(&self) -> String {
        let lines: Vec<&str> =
            self.docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        lines.join("\n").trim().to_owned()
    }

    /// The first paragraph of what it checks, on one line.
    pub fn summary(&self) -> String {
        let text = self.section("What it checks").unwrap_or_default();
        text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }

    /// The text of one documentation section.
    pub fn section(&self, title: &str) -> Option<String> {
        let text = self.documentation();
        let begin = text.find(&format!("## {title}\n"))? + title.len() + 4;
        let rest = &text[begin..];
        Some(rest[..rest.find("\n## ").unwrap_or(rest.len())].trim().to_owned())
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.id)
    }
}

/// A run that a check can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Before a hosted cluster is created.
    Preflight,
    /// Before a NodePool is added or made larger.
    NodePool,
    /// Before a hosted cluster is upgraded.
    Upgrade,
    /// Before a hosted cluster is destroyed.
    Destroy,
    /// While a hosted cluster exists, or from its recording.
    Support,
}

/// A group of checks: the letters of their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// `CR`: who asks, and with what.
    Credentials,
    /// `QT`: providers, features, sizes and quota.
    Quota,
    /// `ID`: managed identities.
    Identities,
    /// `FC`: federated identity credentials.
    Federation,
    /// `OI`: the OIDC issuer.
    Oidc,
    /// `RA`: role assignments.
    Roles,
    /// `NW`: the network.
    Network,
    /// `DN`: DNS.
    Dns,
    /// `MC`: the management cluster.
    Management,
    /// `HC`: the hosted cluster.
    HostedCluster,
    /// `NP`: node pools.
    NodePools,
    /// `OR`: destroying, and what it left.
    Orphans,
    /// `AR`: what only clusters with managed identities have.
    ManagedIdentities,
    /// `BN`: the recording itself.
    Recording,
}

impl Group {
    /// Every group, in the order of the report.
    pub const ALL: [Self; 14] = [
        Self::Credentials,
        Self::Quota,
        Self::Identities,
        Self::Federation,
        Self::Oidc,
        Self::Roles,
        Self::Network,
        Self::Dns,
        Self::Management,
        Self::HostedCluster,
        Self::NodePools,
        Self::Orphans,
        Self::ManagedIdentities,
        Self::Recording,
    ];

    /// The letters of its codes.
    pub fn letters(self) -> &'static str {
        match self {
            Self::Credentials => "CR",
            Self::Quota => "QT",
            Self::Identities => "ID",
            Self::Federation => "FC",
            Self::Oidc => "OI",
            Self::Roles => "RA",
            Self::Network => "NW",
            Self::Dns => "DN",
            Self::Management => "MC",
            Self::HostedCluster => "HC",
            Self::NodePools => "NP",
            Self::Orphans => "OR",
            Self::ManagedIdentities => "AR",
            Self::Recording => "BN",
        }
    }

    /// Its name in reports and in `--only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Quota => "quota",
            Self::Identities => "identities",
            Self::Federation => "federation",
            Self::Oidc => "oidc",
            Self::Roles => "roles",
            Self::Network => "network",
            Self::Dns => "dns",
            Self::Management => "management",
            Self::HostedCluster => "hosted-cluster",
            Self::NodePools => "node-pools",
            Self::Orphans => "orphans",
            Self::ManagedIdentities => "managed-identities",
            Self::Recording => "recording",
        }
    }
}

/// Declares a check: `declare_check! { /// docs… pub static NAME = { code: "FC01", … }; }`.
///
/// The doc comment is the documentation of `explain` and of the published page; a test holds it to its sections.
macro_rules! declare_check {
    (
        $(#[doc = $doc:literal])+
        pub static $name:ident = {
            code: $code:literal,
            id: $id:literal,
            group: $group:ident,
            since: $since:literal,
            when: [$($when:ident),+ $(,)?],
            needs: [$($need:ident),* $(,)?],
            caused_by: [$($cause:literal),* $(,)?],
            judge: $judge:path $(,)?
        };
    ) => {
        $(#[doc = $doc])+
        pub static $name: $crate::check::Check = $crate::check::Check {
            code: $code,
            id: $id,
            group: $crate::check::Group::$group,
            since: $since,
            when: &[$($crate::check::Stage::$when),+],
            needs: &[$(facts::Need::$need),*],
            caused_by: &[$($cause),*],
            docs: concat!($($doc, "\n"),+),
            file: file!(),
            judge: $judge,
        };
    };
}
pub(crate) use declare_check;
