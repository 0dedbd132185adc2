//! Collecting the pull secret and the release image.

use facts::release::{Release, ReleaseImage};
use facts::{Fact, Gap, GapKind, Need};
use secrecy::SecretString;

use super::Sources;
use crate::registry;

/// Collects what is wanted of it: from the Secret that the HostedCluster names, or from the
/// file that it is going to be made of.
pub(super) async fn collect(sources: &Sources<'_>) -> Release {
    let (of_secret, of_image) = (sources.wants(Need::PullSecret), sources.wants(Need::ReleaseImage));
    if !of_secret && !of_image {
        return Release::default();
    }
    let (source, secret) = match given(sources).await {
        Fact::Known(given) => given,
        Fact::Absent => return Release { pull_secret: Fact::Absent, image: image(sources, None, of_image).await },
        Fact::Unreadable(gap) => {
            let blocked = Gap { kind: GapKind::Blocked, ..gap.clone() };
            return Release { pull_secret: Fact::Unreadable(gap), image: Fact::Unreadable(blocked) };
        }
    };
    Release {
        pull_secret: Fact::Known(registry::pull_secret_of(&secret, source)),
        image: image(sources, Some(&secret), of_image).await,
    }
}

/// The pull secret, and where it is.
async fn given(sources: &Sources<'_>) -> Fact<(String, SecretString)> {
    let cluster = match &sources.cluster {
        Ok(cluster) => cluster,
        Err(gap) => return Fact::Unreadable(Gap { kind: GapKind::Blocked, ..gap.clone() }),
    };
    if let Some(planned) = sources.planned {
        return match &planned.pull_secret {
            Some((secret, source)) => Fact::Known((source.clone(), secret.clone())),
            None => Fact::Unreadable(Gap::new(
                GapKind::Blocked,
                "the cluster is not there yet, and no pull secret was given",
            )),
        };
    }
    let Some(name) = &cluster.pull_secret else { return Fact::Absent };
    let source = format!("Secret {}/{name}", cluster.namespace);
    match sources.kubernetes.pull_secret(&cluster.namespace, name).await {
        Ok(Some(secret)) => Fact::Known((source, secret)),
        Ok(None) => Fact::Absent,
        Err(error) => Fact::Unreadable(error.gap("get", "secrets", Some(&cluster.namespace))),
    }
}

async fn image(sources: &Sources<'_>, pull_secret: Option<&SecretString>, wanted: bool) -> Fact<ReleaseImage> {
    match &sources.cluster {
        Ok(cluster) if wanted => registry::ask(sources.http, sources.calls, &cluster.release_image, pull_secret).await,
        _ => Fact::default(),
    }
}
