//! The live source: everything that is known about one hosted cluster, asked now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arm::{Arm, ArmOptions};
use azure_core::credentials::TokenCredential;
use facts::azure::Login;
use facts::hosted::{Hosted, HostedCluster, NodePool};
use facts::local::CredsFile;
use facts::{Fact, Facts, Gap, GapKind, Need, Source, Target};
use futures::future::join_all;
use jiff::Timestamp;

use crate::azure::{self, Question};
use crate::bundle::Recorder;
use crate::clouds::Cloud;
use crate::collect::{self, Sources};
pub use crate::collect::{Planned, Rehearsal};
use crate::credentials::{self, Chosen, CredsFileRead, Environment, Session};
use crate::http::Calls;
use crate::kubernetes::{Connection, Head};
use crate::oidc::IssuerDocuments;
use crate::session::{self, AzureSession, NoSession};

/// What a live collection works with. One per run: sign-in, connections and answers are shared by all clusters.
#[derive(Debug)]
pub struct Live {
    /// The management cluster.
    pub kubernetes: Connection,
    /// The cloud.
    pub cloud: Cloud,
    /// The HTTP client for Azure and the issuer.
    pub http: reqwest::Client,
    /// The record of calls.
    pub calls: Calls,
    creds_file: Fact<CredsFile>,
    signed_in: SignedIn,
    rehearsal: Option<Rehearsal>,
    once: collect::Once,
}

impl Live {
    /// Gets ready, and signs in to Azure if any of `needs` is Azure's. A sign-in that fails is a fact, not an error.
    pub async fn new(
        kubernetes: Connection,
        cloud: Cloud,
        http: reqwest::Client,
        calls: Calls,
        creds_file: Option<CredsFileRead>,
        environment: &dyn Environment,
        needs: &BTreeSet<Need>,
    ) -> Self {
        let signed_in = if needs.iter().any(|need| need.is_azure()) {
            let chosen = credentials::choose(creds_file.as_ref(), environment, &cloud, &http, None);
            sign_in(chosen, &cloud, &http, &calls).await
        } else {
            SignedIn::default()
        };
        let creds_file = creds_file.map(|read| read.shape).into();
        Self { kubernetes, cloud, http, calls, creds_file, signed_in, rehearsal: None, once: collect::Once::default() }
    }

    /// Also trades tokens at Entra, where the facts about that are wanted.
    #[must_use]
    pub fn with_rehearsal(self, rehearsal: Rehearsal) -> Self {
        Self { rehearsal: Some(rehearsal), ..self }
    }

    /// What a bundle says of its recording: who asked, and what was called so far.
    pub async fn recorder(&self) -> Recorder {
        let user = self.kubernetes.whoami().await.ok();
        Recorder {
            context: self.kubernetes.context_name().map(str::to_owned),
            server: Some(self.kubernetes.server().to_owned()),
            user: user.map(|user| facts::redact::text(&user)),
            calls: self.calls.all(),
        }
    }

    /// The session with Azure, for what changes something there.
    ///
    /// # Errors
    /// [`NoSession`].
    pub fn session(&self) -> Result<AzureSession, NoSession> {
        session::of(&self.signed_in, &self.http, &self.calls)
    }

    /// Forgets what Azure and the management cluster have answered, so that the next collection asks anew; connections and sign-in stay.
    pub fn ask_anew(&mut self) {
        if let Fact::Known(arm) = &mut self.signed_in.arm {
            *arm = arm.fresh();
        }
        self.once = collect::Once::default();
        self.kubernetes.ask_anew();
        self.calls.forget();
    }

    /// Collects the wanted facts about one hosted cluster.
    pub async fn collect(&self, target: &Target, needs: &BTreeSet<Need>, now: Timestamp) -> Facts {
        let source = Source::Live { context: self.kubernetes.context_name().map(str::to_owned) };
        let mut facts = Facts::unread(now, source, target.clone());
        facts.local.creds_file = self.creds_file.clone();
        facts.recording.held = Fact::Absent;
        // The HostedCluster says what to ask of Azure and of the issuer; the rest of the management cluster can wait for
        // neither of them.
        let first: BTreeSet<Need> = [Need::HostedCluster, Need::NodePools].into();
        let head = self.kubernetes.collect(target, &first).await;
        if matches!(head.hosted.cluster, Fact::Absent) {
            // Nothing else can be about a HostedCluster that is not there.
            facts.hosted = head.hosted;
            return facts;
        }
        Box::pin(self.collect_about(facts, head.hosted, None, needs)).await
    }

    /// A HostedCluster and its NodePools.
    pub async fn head(&self, target: &Target) -> Head {
        let first: BTreeSet<Need> = [Need::HostedCluster, Need::NodePools].into();
        let hosted = self.kubernetes.collect(target, &first).await.hosted;
        Head { target: target.clone(), cluster: hosted.cluster, node_pools: hosted.node_pools }
    }

    /// Collects the wanted facts about a hosted cluster that lists have shown.
    pub async fn collect_head(&self, head: Head, needs: &BTreeSet<Need>, now: Timestamp) -> Facts {
        let source = Source::Live { context: self.kubernetes.context_name().map(str::to_owned) };
        let mut facts = Facts::unread(now, source, head.target);
        facts.local.creds_file = self.creds_file.clone();
        facts.recording.held = Fact::Absent;
        let hosted = Hosted { cluster: head.cluster, node_pools: head.node_pools, ..Hosted::default() };
        Box::pin(self.collect_about(facts, hosted, None, needs)).await
    }

    /// Reads ahead, in a few lists, what several of these hosted clusters stand on in the same subscription.
    pub async fn read_ahead(&self, heads: &[Head]) {
        let Fact::Known(arm) = &self.signed_in.arm else { return };
        let mut clusters: BTreeMap<String, usize> = BTreeMap::new();
        for cluster in heads.iter().filter_map(|head| head.cluster.get()) {
            *clusters.entry(cluster.azure.subscription_id.to_ascii_lowercase()).or_default() += 1;
        }
        let shared = clusters.iter().filter(|(_, count)| **count > 1);
        join_all(shared.map(|(subscription, _)| arm.read_ahead(subscription))).await;
    }

    /// Collects the wanted facts about a hosted cluster as it is going to be.
    pub async fn collect_planned(
        &self,
        cluster: HostedCluster,
        node_pools: Vec<NodePool>,
        planned: &Planned,
        needs: &BTreeSet<Need>,
        now: Timestamp,
    ) -> Facts {
        let source = Source::Live { context: self.kubernetes.context_name().map(str::to_owned) };
        let target = Target { namespace: cluster.namespace.clone(), name: cluster.name.clone() };
        let mut facts = Facts::unread(now, source, target);
        facts.local.creds_file = self.creds_file.clone();
        facts.recording.held = Fact::Absent;
        let hosted = Hosted { cluster: Fact::Known(cluster), node_pools: Fact::Known(node_pools), ..Hosted::default() };
        Box::pin(self.collect_about(facts, hosted, Some(planned), needs)).await
    }

    async fn collect_about(
        &self,
        mut facts: Facts,
        head: Hosted,
        planned: Option<&Planned>,
        needs: &BTreeSet<Need>,
    ) -> Facts {
        let first: BTreeSet<Need> = [Need::HostedCluster, Need::NodePools].into();
        let target = facts.target.clone();
        let rest: BTreeSet<Need> = needs.difference(&first).copied().collect();
        let sources = Sources {
            kubernetes: &self.kubernetes,
            arm: self.signed_in.arm.known("an Azure session"),
            login: &self.signed_in.login,
            credential: self.signed_in.credential.as_ref(),
            once: &self.once,
            http: &self.http,
            calls: &self.calls,
            cloud: &self.cloud,
            target: &target,
            cluster: head.cluster.known("the HostedCluster"),
            node_pools: head.node_pools.get().map_or(&[][..], Vec::as_slice),
            planned,
            needs,
            rehearsal: self.rehearsal.as_ref(),
            now: facts.collected_at,
        };
        let (body, (azure, storage), (discovery, jwks), slices) = futures::join!(
            self.kubernetes.collect_about(&target, head.cluster.get(), &rest),
            self.collect_azure(&head, needs),
            self.collect_issuer(&head, needs),
            Box::pin(collect::collect(&sources)),
        );
        facts.azure = azure;
        facts.azure.login = self.signed_in.login.clone();
        facts.oidc.storage = storage;
        facts.oidc.discovery = discovery;
        facts.oidc.jwks = jwks;
        facts.oidc.signing_key = body.signing_key;
        facts.oidc.signing_key_problem = body.signing_key_problem;
        facts.management = body.management;
        facts.hosted = body.hosted;
        facts.azure.quota = slices.quota;
        facts.azure.governance = slices.governance;
        facts.azure.key_vault = slices.key_vault;
        facts.azure.identity_secrets = slices.identity_secrets;
        facts.azure.compute = slices.compute;
        facts.azure.leftovers = slices.leftovers;
        facts.names = slices.names;
        facts.private_link = slices.private_link;
        facts.clocks = slices.clocks;
        facts.release = slices.release;
        facts.guest = slices.guest;
        facts.hosted.control_plane = slices.control_plane;
        facts.management.fleet = slices.fleet;
        facts.exchange = slices.exchange;
        facts.azure.compute.boot_logs =
            collect::boot_logs(&sources, &facts.azure.compute.virtual_machines, &facts.hosted.machines).await;
        facts.hosted.cluster = head.cluster;
        facts.hosted.node_pools = head.node_pools;
        facts
    }

    async fn collect_azure(
        &self,
        hosted: &Hosted,
        needs: &BTreeSet<Need>,
    ) -> (facts::azure::Azure, Fact<facts::oidc::IssuerStorage>) {
        let arm = match self.signed_in.arm.known("an Azure session") {
            Ok(arm) => arm,
            Err(gap) => return azure::unasked(&gap),
        };
        match hosted.cluster.known("the HostedCluster") {
            Ok(cluster) => {
                let node_pools = hosted.node_pools.get().map_or(&[][..], Vec::as_slice);
                azure::collect(arm, Question { cluster, node_pools, needs }).await
            }
            Err(gap) => azure::unasked(&Gap { kind: GapKind::Blocked, ..gap }),
        }
    }

    async fn collect_issuer(&self, hosted: &Hosted, needs: &BTreeSet<Need>) -> IssuerDocuments {
        if !needs.contains(&Need::IssuerDocuments) {
            return (Fact::default(), Fact::default());
        }
        match hosted.cluster.known("the HostedCluster") {
            Ok(cluster) => self.once.issuer_documents(&cluster.issuer_url, &self.http, &self.calls).await,
            Err(gap) => (Fact::Unreadable(gap.clone()), Fact::Unreadable(gap)),
        }
    }
}

/// What signing in left; nothing when nobody tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignedIn {
    /// Where the credential comes from, as reports name it.
    pub via: String,
    /// The subscription that the credential names.
    pub subscription: Option<String>,
    pub login: Fact<Login>,
    pub arm: Fact<Arm>,
    /// For tokens of other services; none when nobody is signed in.
    pub credential: Option<Arc<dyn TokenCredential>>,
}

/// Signs in with the chosen credential, which may be asked for tokens of other services too.
pub(crate) async fn sign_in(chosen: Chosen, cloud: &Cloud, http: &reqwest::Client, calls: &Calls) -> SignedIn {
    let scope = cloud.scope();
    let (via, subscription) = (chosen.via.clone(), chosen.subscription_id.clone());
    let Session { login, credential } = chosen.sign_in(&scope, calls).await;
    let arm = match &credential {
        Some(credential) => {
            let endpoint = cloud.resource_manager.clone();
            let mut options = ArmOptions::new(endpoint, scope, Arc::clone(credential), http.clone());
            options.observer = Some(Arc::new(calls.clone()));
            Arm::new(options).map_err(|error| azure::gap_of(&error))
        }
        None => Err(match &login {
            Fact::Unreadable(gap) => gap.clone(),
            _ => Gap::new(GapKind::Blocked, "Azure was not asked: signing in was refused"),
        }),
    };
    let arm = arm.map_or_else(Fact::Unreadable, Fact::Known);
    SignedIn { via, subscription, login, arm, credential }
}
