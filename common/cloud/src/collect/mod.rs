//! Collecting what draws on several sources at once, one file per slice of the facts.
//!
//! Every slice asks for nothing but what [`Sources::wants`], all of it at once, and leaves a gap where a read failed.

mod clocks;
mod compute;
mod control_plane;
mod exchange;
mod fleet;
mod governance;
mod guest;
mod identity_secrets;
mod key_vault;
mod leftovers;
mod names;
mod private_link;
mod quota;
mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arm::Arm;
use azure_core::credentials::TokenCredential;
use facts::azure::Login;
use facts::hosted::{HostedCluster, NodePool};
use facts::{ArmId, Fact, Gap, Need, Target};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::clouds::Cloud;
use crate::http::Calls;
use crate::kubernetes::Connection;
use crate::oidc::{self, IssuerDocuments};

/// What is the same for every cluster of a run, asked once.
#[derive(Debug, Default)]
pub(crate) struct Once {
    /// The clocks of Entra and of the management cluster.
    pub clocks: OnceCell<facts::clock::Clocks>,
    /// The client secrets of the application that signed in.
    pub app_secrets: OnceCell<Fact<Vec<facts::governance::AppSecret>>>,
    /// What OIDC issuers publish, by their address.
    issuers: Mutex<BTreeMap<String, Arc<OnceCell<IssuerDocuments>>>>,
}

impl Once {
    /// What an issuer publishes, fetched by whoever asks first.
    pub async fn issuer_documents(&self, issuer: &str, http: &reqwest::Client, calls: &Calls) -> IssuerDocuments {
        let place = {
            let mut all = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(issuer.to_owned()).or_default())
        };
        place.get_or_init(|| oidc::fetch(issuer, http, calls)).await.clone()
    }
}

/// What a slice may ask, and what is known already.
pub(crate) struct Sources<'a> {
    /// The management cluster.
    pub kubernetes: &'a Connection,
    /// Azure, or why it cannot be asked.
    pub arm: Result<&'a Arm, Gap>,
    /// Who signed in, or why nobody did.
    pub login: &'a Fact<Login>,
    /// For tokens of other services than Resource Manager; none when nobody is signed in.
    pub credential: Option<&'a Arc<dyn TokenCredential>>,
    /// What is the same for every cluster of a run.
    pub once: &'a Once,
    /// For Entra, the issuer, registries and API servers.
    pub http: &'a reqwest::Client,
    /// The record of calls.
    pub calls: &'a Calls,
    /// The cloud.
    pub cloud: &'a Cloud,
    /// The hosted cluster that is asked about.
    pub target: &'a Target,
    /// The HostedCluster, or why it is not known.
    pub cluster: Result<&'a HostedCluster, Gap>,
    /// Its NodePools, as far as they are known.
    pub node_pools: &'a [NodePool],
    /// For a HostedCluster that does not exist yet: what its creation brings along.
    pub planned: Option<&'a Planned>,
    /// What is wanted.
    pub needs: &'a BTreeSet<Need>,
    /// What tokens are signed with, for those who asked for that.
    pub rehearsal: Option<&'a Rehearsal>,
    /// The moment of collection.
    pub now: Timestamp,
}

/// How tokens are traded at Entra in place of the components.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// The private key in PEM form and where it comes from; without one, the key is read from the cluster's Secret.
    pub key: Option<(SecretString, String)>,
    /// How long to present a token again that Entra does not know yet.
    pub patience: Duration,
}

/// What the creation of a hosted cluster brings along, which can be looked up nowhere yet.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// The pull secret, and the file that it comes from.
    pub pull_secret: Option<(SecretString, String)>,
    /// Whether the roles of the identities are assigned.
    pub assigns_roles: bool,
    /// The resource group of new identities; none when they are given.
    pub identities_group: Option<ArmId>,
}

impl Sources<'_> {
    /// Whether the HostedCluster exists yet.
    pub fn exists(&self) -> bool {
        self.planned.is_none()
    }

    /// Whether a unit of facts is wanted.
    pub fn wants(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }
}

pub(crate) use compute::boot_logs;

/// One slice a line: the module that collects it, and the facts it brings.
macro_rules! slices {
    ($($slice:ident: $facts:ty),+ $(,)?) => {
        /// What the slices brought.
        pub(crate) struct Slices {
            $(pub $slice: $facts),+
        }

        /// Collects every slice at once.
        pub(crate) async fn collect(sources: &Sources<'_>) -> Slices {
            let ($($slice),+) = futures::join!($(Box::pin($slice::collect(sources))),+);
            Slices { $($slice),+ }
        }
    };
}

slices! {
    quota: facts::quota::Quota,
    governance: facts::governance::Governance,
    key_vault: facts::key_vault::KeyVault,
    identity_secrets: facts::key_vault::IdentitySecrets,
    compute: facts::compute::Compute,
    leftovers: facts::leftovers::Leftovers,
    names: facts::dns::Names,
    private_link: facts::private_link::PrivateLink,
    clocks: facts::clock::Clocks,
    release: facts::release::Release,
    guest: facts::guest::Guest,
    control_plane: facts::control_plane::ControlPlane,
    fleet: facts::fleet::Fleet,
    exchange: facts::exchange::Exchange,
}
