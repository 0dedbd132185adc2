//! Preflight: the checks of `doctor` that can be judged before a cluster exists, on the cluster as it is going to be.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use checks::{Report, Selection, Stage, Verdict};
use cloud::kubernetes::objects;
use cloud::live::{Live, Planned, Rehearsal};
use cloud::signing_key;
use facts::hosted::HostedCluster;
use facts::oidc::PublicKey;
use facts::release::PullSecret;
use facts::{ArmId, Fact, Facts, Need};
use jiff::Timestamp;
use plan::cluster::{ClusterSpec, Inputs};
use plan::objects::Wanted;
use secrecy::{ExposeSecret as _, SecretString};
use ui::report::{self, Shown};
use ui::{Failure, FailureKind, Terminal};

use crate::globals::Globals;

/// Facts about what is made together with the cluster, so that none of it is there to be looked at.
const OF_NEW_INFRASTRUCTURE: [Need; 4] = [Need::Network, Need::Roles, Need::KeyVault, Need::PrivateEndpoints];

/// Facts about identities, which are not there when they are made together with the cluster.
const OF_NEW_IDENTITIES: [Need; 2] = [Need::Identities, Need::FederatedCredentials];

/// What judges things that are yet to be made: whether the caller may make them.
const OF_WHAT_IS_UNMADE: [&str; 1] = ["CR02"];

/// The flag that names the signing key.
const KEY_FLAG: &str = "--sa-token-issuer-private-key-path";

/// What preflight says.
pub(crate) struct Judged {
    pub facts: Facts,
    pub report: Report,
    pub elapsed: Duration,
}

/// What the management cluster will hold once the cluster is created: the files hold it now.
pub(super) struct Given {
    signing_key: Option<PublicKey>,
    private_key: Option<SecretString>,
    pull_secret: (SecretString, String),
}

impl Given {
    /// What the input files hold; of the signing key, its public half, too.
    pub fn of(inputs: &Inputs, spec: &ClusterSpec) -> Self {
        let source = KEY_FLAG.to_owned();
        let public = |key: &SecretString| signing_key::public_key_of_pem(key.expose_secret().as_bytes(), source).ok();
        let private_key = inputs.signing_key.clone();
        let pull_secret_file = PullSecret::source_of_file(spec.pull_secret.as_deref().unwrap_or_default());
        let pull_secret = (inputs.pull_secret.clone(), pull_secret_file);
        Self { signing_key: private_key.as_ref().and_then(public), private_key, pull_secret }
    }

    /// The rehearsal, with the key of the input files unless another is named.
    pub fn rehearsal(&self, asked: Rehearsal) -> Rehearsal {
        let own = || Some((self.private_key.clone()?, KEY_FLAG.to_owned()));
        Rehearsal { key: asked.key.or_else(own), ..asked }
    }
}

/// Looks at all that the cluster depends on, and judges it.
///
/// # Errors
/// Our own mistakes; what could not be seen is part of what is said.
pub(super) async fn judge(
    live: &Live,
    wanted: &[Wanted],
    spec: &ClusterSpec,
    given: Given,
    choice: &Selection,
) -> Result<Judged, Failure> {
    let started = Instant::now();
    let of_kind =
        |kind: &'static str| wanted.iter().map(|one| &one.manifest).filter(move |manifest| manifest.kind() == kind);
    let own_mistake = || Failure::usage("preflight cannot judge the HostedCluster, which is our own mistake");
    let cluster = of_kind("HostedCluster").find_map(|one| objects::hosted_cluster(one.object()).ok());
    let cluster = cluster.ok_or_else(own_mistake)?;
    let node_pools = of_kind("NodePool").filter_map(|one| objects::node_pool(one.object())).collect();
    let selection = choice.clone().of_stage(Stage::Preflight).without(&unmade(spec), &OF_WHAT_IS_UNMADE);
    let mut needs = selection.needs();
    // The Secret is not there yet; the file is.
    needs.remove(&Need::SigningKey);
    let planned = Planned {
        pull_secret: Some(given.pull_secret),
        assigns_roles: spec.infra_json.is_none() && spec.assign_service_principal_roles,
        identities_group: identities_group(&cluster, spec),
    };
    let mut facts = live.collect_planned(cluster, node_pools, &planned, &needs, Timestamp::now()).await;
    facts.oidc.signing_key = given.signing_key.map_or(Fact::Absent, Fact::Known);
    let report = checks::examine(&facts, &selection);
    Ok(Judged { facts, report, elapsed: started.elapsed() })
}

/// Where new identities are put; none when they are given.
fn identities_group(cluster: &HostedCluster, spec: &ClusterSpec) -> Option<ArmId> {
    let makes = spec.infra_json.is_none() && spec.workload_identities_file.is_none();
    let subscription = &cluster.azure.subscription_id;
    makes.then(|| ArmId::of_group(subscription, &spec.iam(&cluster.infra_id, subscription).resource_group))
}

/// The facts about what is only made together with the cluster.
fn unmade(spec: &ClusterSpec) -> BTreeSet<Need> {
    let mut unmade = BTreeSet::new();
    if spec.infra_json.is_none() {
        unmade.extend(OF_NEW_INFRASTRUCTURE);
        if spec.workload_identities_file.is_none() {
            unmade.extend(OF_NEW_IDENTITIES);
        }
    }
    unmade
}

impl Judged {
    /// Whether anything would keep the cluster from working.
    pub fn fails(&self) -> bool {
        self.report.summary().fail > 0
    }

    /// Says what was found, on stderr.
    ///
    /// # Errors
    /// A failure when the cluster would not work, unless only a plan is to be `shown`.
    pub fn tell(&self, globals: &Globals, program: &str, shown: bool) -> Result<(), Failure> {
        let terminal = Terminal::of_stderr(globals.color_choice());
        let summary = self.report.summary();
        if self.fails() {
            let again = format!("{} -n {}", self.facts.target.name, self.facts.target.namespace);
            let view =
                Shown { facts: &self.facts, report: &self.report, elapsed: self.elapsed, program, again: &again };
            ui::note(&report::table(&view, &terminal));
            ui::note("\n");
        }
        if !globals.quiet {
            ui::note(&format!("{}\n", self.line(&terminal)));
        }
        if !self.fails() || shown {
            return Ok(());
        }
        let what = match summary.fail {
            1 => "1 problem would keep the cluster from working; nothing was changed".to_owned(),
            several => format!("{several} problems would keep the cluster from working; nothing was changed"),
        };
        Err(Failure::new(FailureKind::Operation, what)
            .why("see above")
            .hint("correct it and run the same command again; `--skip-preflight=REASON` goes on regardless"))
    }

    fn line(&self, terminal: &Terminal) -> String {
        let summary = self.report.summary();
        let mut text = format!("preflight: {} passed, {} failed", summary.pass, summary.fail);
        for (count, one, several) in
            [(summary.warn, "warning", "warnings"), (summary.unknown, "could not be checked", "could not be checked")]
        {
            if count > 0 {
                text.push_str(&format!(", {count} {}", if count == 1 { one } else { several }));
            }
        }
        for row in &self.report.rows {
            if matches!(row.verdict, Verdict::Warn | Verdict::Unknown) {
                text.push_str(&format!("\n  HAZ-{} {}: {}", row.check.code, row.subject, row.what));
            }
        }
        terminal.fit(&text)
    }
}
