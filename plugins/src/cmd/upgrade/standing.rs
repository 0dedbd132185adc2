//! What an upgrade is judged by: the cluster and its NodePools as they are, and the versions of their releases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use cloud::files;
use cloud::kubernetes::{Connection, KubeError, objects};
use cloud::registry::Registry;
use facts::hosted::{HostedCluster, NodePool};
use facts::management::SupportedVersions;
use facts::version::Version;
use facts::{Fact, Need, Target};
use plan::manifest::Manifest;
use plan::upgrade::{Payload, PoolVersion, ReleaseImage};
use plan::{Change, Refusal, Step};
use secrecy::SecretString;
use serde_json::Value;
use ui::Failure;

use crate::cmd::create::refused;
use crate::cmd::source;
use crate::globals::Globals;

/// How the version of a release image is found out.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Release")]
pub(in crate::cmd) struct ReleaseArgs {
    /// Pull secret for asking the registry about an image whose tag is no version [default: that of the HostedCluster]
    #[arg(long, value_name = "FILE")]
    pub pull_secret: Option<PathBuf>,
    /// Leave to the operator what cannot be judged here because a version is not known
    #[arg(long)]
    pub allow_unknown_version: bool,
}

impl ReleaseArgs {
    /// The pull secret, if one is given.
    pub fn read(&self) -> Result<Option<SecretString>, Failure> {
        let read = self.pull_secret.as_ref().map(|path| {
            let refusal = |error| refused::failure(&[refused::file("--pull-secret", path, &error)]);
            files::read_secret(path).map_err(refusal)
        });
        read.transpose()
    }
}

/// A HostedCluster with its NodePools, as they were read and as facts.
pub(in crate::cmd) struct Standing {
    pub object: Value,
    pub cluster: HostedCluster,
    pub pools: Vec<(Value, NodePool)>,
}

impl Standing {
    /// Reads it.
    pub async fn read(connection: &Connection, target: &Target) -> Result<Self, Failure> {
        let named = Manifest::of_hypershift("HostedCluster", &target.namespace, &target.name);
        let (object, pools) =
            futures::join!(connection.object(&named), connection.node_pool_objects(Some(&target.namespace)));
        let Some(object) = object.map_err(source::refused)? else {
            return Err(Failure::usage(format!("there is no HostedCluster {target}"))
                .hint("`oc get hostedclusters -A` lists them; `-n` chooses the namespace"));
        };
        let cluster = objects::hosted_cluster(&object).map_err(|error| {
            Failure::usage(format!("cannot use HostedCluster {target}"))
                .why(error.to_string())
                .hint("name a HostedCluster on Azure; `oc get hostedclusters -A` lists all")
        })?;
        let pools = pools.map_err(source::refused)?;
        let own = pools.into_iter().filter(|object| objects::belongs_to(object, target));
        let pools = own.filter_map(|object| objects::node_pool(&object).map(|pool| (object, pool))).collect();
        Ok(Self { object, cluster, pools })
    }
}

/// The versions of releases, by their images.
pub(in crate::cmd) struct Versions(BTreeMap<String, ReleaseImage>);

impl Versions {
    /// Finds out the version of a wanted release, and of those in use as far as no status tells them: by what the
    /// HostedCluster ran before, by the tag, else by asking the registry.
    pub async fn find(
        globals: &Globals,
        connection: &Connection,
        standing: &Standing,
        wanted: &str,
        pull_secret: Option<&SecretString>,
    ) -> Result<Self, Failure> {
        let cluster = &standing.cluster;
        let mut images: BTreeSet<&str> = [wanted].into();
        if cluster.version.effective().and_then(Version::parse).is_none() {
            images.insert(&cluster.release_image);
        }
        let untold = |pool: &&NodePool| pool.version.as_deref().and_then(Version::parse).is_none();
        images.extend(standing.pools.iter().map(|(_, pool)| pool).filter(untold).map(|it| it.release_image.as_str()));
        let mut found = BTreeMap::new();
        let mut asked = Vec::new();
        for image in images {
            match ReleaseImage::of_tag(image).or_else(|| ran_before(cluster, image)) {
                Some(release) => drop(found.insert(image.to_owned(), release)),
                None => asked.push(image),
            }
        }
        if !asked.is_empty() {
            let (registry, without) = registry(globals, connection, cluster, pull_secret.cloned()).await?;
            for image in asked {
                found.insert(image.to_owned(), told(&registry, without.as_deref(), image).await);
            }
        }
        Ok(Self(found))
    }

    /// What is known of a release.
    pub fn release(&self, image: &str) -> ReleaseImage {
        self.0.get(image).cloned().unwrap_or_else(|| ReleaseImage {
            image: image.to_owned(),
            version: Err("it was not looked up".to_owned()),
            payload: Payload::Unknown,
        })
    }

    /// The version that counts for a HostedCluster.
    pub fn of_cluster(&self, cluster: &HostedCluster) -> Option<Version> {
        let told = cluster.version.effective().and_then(Version::parse);
        told.or_else(|| self.release(&cluster.release_image).version.ok())
    }

    /// The version that counts for a NodePool.
    pub fn of_pool<'a>(&self, pool: &'a NodePool) -> PoolVersion<'a> {
        let told = pool.version.as_deref().and_then(Version::parse);
        PoolVersion { pool, version: told.or_else(|| self.release(&pool.release_image).version.ok()) }
    }
}

/// A release that the HostedCluster has run tells its version there.
fn ran_before(cluster: &HostedCluster, image: &str) -> Option<ReleaseImage> {
    let entry = cluster.version.history.iter().find(|entry| entry.image == image)?;
    let version = Version::parse(&entry.version)?;
    Some(ReleaseImage { image: image.to_owned(), version: Ok(version), payload: Payload::Unknown })
}

/// Whom to ask about images, and why without a pull secret, if so.
async fn registry(
    globals: &Globals,
    connection: &Connection,
    cluster: &HostedCluster,
    given: Option<SecretString>,
) -> Result<(Registry, Option<String>), Failure> {
    let (pull_secret, without) = match (given, &cluster.pull_secret) {
        (Some(given), _) => (Some(given), None),
        (None, None) => (None, Some("the HostedCluster names no pull secret".to_owned())),
        (None, Some(name)) => match connection.pull_secret(&cluster.namespace, name).await {
            Ok(Some(secret)) => (Some(secret), None),
            Ok(None) => (None, Some(format!("Secret {}/{name} holds no pull secret", cluster.namespace))),
            Err(error) => (None, Some(error.gap("get", "secrets", Some(&cluster.namespace)).why)),
        },
    };
    let cloud = globals.selected_cloud()?;
    let registry = Registry::new(&cloud, globals.calls(), pull_secret).map_err(|error| {
        Failure::usage(format!("cannot use the certificates of cloud {}", cloud.name)).why(error.to_string())
    })?;
    Ok((registry, without))
}

/// What the registry tells of an image. That it does not tell is a fact.
async fn told(registry: &Registry, without: Option<&str>, image: &str) -> ReleaseImage {
    registry.release(image).await.unwrap_or_else(|error| {
        let without = without.map(|why| format!("; {why}")).unwrap_or_default();
        let version = Err(format!("{error}{without}"));
        ReleaseImage { image: image.to_owned(), version, payload: Payload::Unknown }
    })
}

/// The minors that the operator supports.
pub(in crate::cmd) async fn supported(connection: &Connection, target: &Target) -> Fact<SupportedVersions> {
    let needs = [Need::SupportedVersions].into();
    connection.collect_about(target, None, &needs).await.management.supported_versions
}

/// Lets the API server judge every change, before any is made.
pub(in crate::cmd) async fn tried(connection: &Connection, steps: &[Step], flag: &'static str) -> Result<(), Failure> {
    let patches = steps.iter().filter_map(|step| match &step.change {
        Some(Change::Patch(patch)) => Some((step, patch)),
        _ => None,
    });
    for (step, patch) in patches {
        match connection.try_patch(patch).await {
            Ok(_) => {}
            Err(KubeError::Invalid { why }) => {
                let fix = format!("`oc get {} -o yaml` shows what it is", step.resource.replacen(' ', "/", 1));
                return Err(refused::failure(&[Refusal::new(flag, "", why, fix)]));
            }
            Err(error) => {
                let failure = source::refused(error);
                let what = format!("cannot change {}: {}", step.resource, failure.what);
                return Err(Failure { what, ..failure });
            }
        }
    }
    Ok(())
}

/// Where a plan is carried out, for the line below its title.
pub(in crate::cmd) fn by(connection: &Connection) -> String {
    let context = connection.context_name().map(|name| format!(", context {name}")).unwrap_or_default();
    format!("on management cluster {}{context}", connection.server().trim_end_matches('/'))
}
