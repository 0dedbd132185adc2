//! What do we know? Plain data about one hosted cluster and everything it stands on.
//!
//! This crate holds types and tables, no I/O and no opinion. The `cloud` crate fills [`Facts`] from live APIs or from a
//! bundle; the `checks` and `plan` crates read them. A bundle is nothing but serialized, redacted [`Facts`].
//!
//! Every value that had to be looked up is a [`Fact`]: known, looked for and absent, or unreadable with the reason.

pub mod arm_id;
pub mod azure;
pub mod catalogue;
pub mod clock;
pub mod compute;
pub mod control_plane;
pub mod deeds;
pub mod dns;
pub mod egress;
pub mod exchange;
pub mod fact;
pub mod fleet;
#[cfg(test)]
mod fuzz;
pub mod governance;
pub mod guest;
pub mod hosted;
pub mod inventory;
pub mod key_vault;
pub mod leftovers;
pub mod local;
pub mod management;
pub mod need;
pub mod network;
pub mod oidc;
pub mod private_link;
pub mod quota;
pub mod recording;
pub mod redact;
pub mod release;
pub mod version;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use arm_id::ArmId;
pub use fact::{Fact, Gap, GapKind};
pub use need::Need;
pub use version::Version;

/// The major schema version of serialized [`Facts`]; a reader refuses another major.
pub const SCHEMA_MAJOR: u32 = 1;
/// The minor schema version; minors only add fields, which older readers ignore.
pub const SCHEMA_MINOR: u32 = 0;

/// Everything that is known about one hosted cluster at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The schema these facts were written with.
    pub schema: Schema,
    /// The moment of collection. Checks take it as "now": they have no clock of their own.
    pub collected_at: Timestamp,
    /// Where the facts come from.
    pub source: Source,
    /// The hosted cluster they are about.
    pub target: Target,
    /// What the machine that ran the collection holds.
    #[serde(default)]
    pub local: local::Local,
    /// What Azure Resource Manager and Entra say.
    #[serde(default)]
    pub azure: azure::Azure,
    /// What the OpenID Connect issuer serves.
    #[serde(default)]
    pub oidc: oidc::Oidc,
    /// What the management cluster holds besides the hosted cluster itself.
    #[serde(default)]
    pub management: management::Management,
    /// The HostedCluster, its NodePools and its control plane.
    #[serde(default)]
    pub hosted: hosted::Hosted,
    /// DNS.
    #[serde(default)]
    pub names: dns::Names,
    /// The private way to the API server.
    #[serde(default)]
    pub private_link: private_link::PrivateLink,
    /// The clocks of the services.
    #[serde(default)]
    pub clocks: clock::Clocks,
    /// The pull secret and the release image.
    #[serde(default)]
    pub release: release::Release,
    /// The hosted cluster's own view.
    #[serde(default)]
    pub guest: guest::Guest,
    /// Tokens traded at Entra.
    #[serde(default)]
    pub exchange: exchange::Exchange,
    /// The recording that these facts were read from.
    #[serde(default)]
    pub recording: recording::Recording,
}

impl Facts {
    /// Facts about `target` in which nothing has been read yet: every [`Fact`] says so.
    pub fn unread(collected_at: Timestamp, source: Source, target: Target) -> Self {
        Self {
            schema: Schema::default(),
            collected_at,
            source,
            target,
            local: local::Local::default(),
            azure: azure::Azure::default(),
            oidc: oidc::Oidc::default(),
            management: management::Management::default(),
            hosted: hosted::Hosted::default(),
            names: dns::Names::default(),
            private_link: private_link::PrivateLink::default(),
            clocks: clock::Clocks::default(),
            release: release::Release::default(),
            guest: guest::Guest::default(),
            exchange: exchange::Exchange::default(),
            recording: recording::Recording::default(),
        }
    }
}

/// The schema version of serialized facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Changes when a reader of the older major would misunderstand.
    pub major: u32,
    /// Changes when fields are added.
    pub minor: u32,
}

impl Default for Schema {
    fn default() -> Self {
        Self { major: SCHEMA_MAJOR, minor: SCHEMA_MINOR }
    }
}

/// Where facts come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Source {
    /// Live APIs.
    Live {
        /// The kubeconfig context that was used, if any.
        context: Option<String>,
    },
    /// Our own bundle, or a dump that other tools wrote.
    #[serde(rename_all = "camelCase")]
    Bundle {
        /// The path as the user gave it.
        path: String,
        /// What wrote it.
        format: BundleFormat,
    },
}

impl Source {
    /// Whether the facts were recorded earlier, so that nothing more can be asked.
    pub fn is_offline(&self) -> bool {
        matches!(self, Self::Bundle { .. })
    }
}

/// What wrote a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BundleFormat {
    /// `hcp-azure bundle`: our own serialized facts.
    Facts,
    /// `hypershift dump cluster`, `oc adm inspect` or a must-gather: a tree of Kubernetes YAML and logs.
    KubernetesDump,
}

/// The hosted cluster that facts are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The namespace of the HostedCluster.
    pub namespace: String,
    /// The name of the HostedCluster.
    pub name: String,
}

impl Target {
    /// The control plane namespace: `<namespace>-<name>`, with dots of the name turned into dashes.
    pub fn control_plane_namespace(&self) -> String {
        format!("{}-{}", self.namespace, self.name.replace('.', "-"))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
