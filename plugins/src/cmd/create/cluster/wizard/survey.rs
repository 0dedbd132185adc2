//! Finding out, before anybody is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cloud::clouds::ENVIRONMENT_FILE;
use cloud::credentials::Environment as _;
use cloud::live::Live;
use cloud::{create, files, releases};
use facts::management::SupportedVersions;
use facts::version::Version;
use facts::{Need, Target};
use plan::cluster::ClusterSpec;
use ui::Failure;

use super::super::super::run;
use super::known::Known;
use crate::cmd::source;
use crate::cmd::source::USUAL_NAMESPACE;
use crate::globals::Globals;
use cloud::apply::Stop;

/// The stream whose newest release is offered.
const STREAM: &str = "4-stable-multi";

/// How long the release service may take: what it tells is a convenience.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names under which people keep what flags want.
const FILES: [(&str, &[&str]); 3] = [
    ("--azure-creds", &["azure-creds.json", "creds.json", "azure-creds.yaml", "creds.yaml"]),
    ("--pull-secret", &["pull-secret.json", "pull-secret.txt", "pull-secret"]),
    ("--sa-token-issuer-private-key-path", &["serviceaccount-signer.private"]),
];

/// What the current folder tells.
pub(super) fn in_the_folder() -> Known {
    let found = FILES.iter().filter_map(|(flag, names)| Some((*flag, files::first_of(names)?.to_owned())));
    Known { files: found.collect::<BTreeMap<_, _>>(), ..Known::default() }
}

/// What can be found out, and how that is said.
///
/// # Errors
/// Signing in or the management cluster refuses: then nothing could be created either.
pub(super) async fn look(globals: &Globals, spec: &ClusterSpec, stop: &Stop) -> Result<(Known, String), Failure> {
    let needs: BTreeSet<Need> = [Need::Login].into();
    let live = run::unless_stopped(stop, source::open(globals, &needs)).await?;
    let session = live.session().map_err(run::no_session)?;
    let subscription = &session.subscription;
    let azure = run::read_as(&session, stop, async {
        futures::try_join!(create::zones(&session.arm, subscription), create::regions(&session.arm, subscription))
    });
    let cluster = run::unless_stopped(stop, async { Ok(of_the_management_cluster(&live, spec).await) });
    let ((zones, regions), management) = futures::future::try_join(azure, cluster).await?;
    let Management { heads, region, supported } = management;
    let running = heads.iter().map(|head| head.1.as_str());
    let running = newest(running, supported.as_ref());
    let release = match (&spec.release_image, &spec.release_stream) {
        (None, None) => {
            run::unless_stopped(stop, async { Ok(newest_of_stream(globals, &live, supported.as_ref()).await) }).await?
        }
        _ => None,
    };
    let known = Known {
        zones,
        // A cluster elsewhere than in Azure names its regions otherwise.
        region: region.filter(|region| regions.is_empty() || regions.contains(region)),
        regions,
        clusters: heads.iter().map(|head| head.0.clone()).collect(),
        supported: supported.map(|supported| supported.versions).unwrap_or_default(),
        release: release.or(running),
        issuers: heads.into_iter().map(|head| head.2).filter(|issuer| !issuer.is_empty()).collect(),
        ..in_the_folder()
    };
    let context = live.kubernetes.context_name().unwrap_or("the current context");
    let by = format!("{}, management cluster {context}", run::by(&session));
    let found = said(&by, &known, spec);
    Ok((known, found))
}

/// What the management cluster tells; what it keeps to itself is asked.
struct Management {
    /// Each hosted cluster with its release image and its issuer.
    heads: Vec<(Target, String, String)>,
    region: Option<String>,
    supported: Option<SupportedVersions>,
}

async fn of_the_management_cluster(live: &Live, spec: &ClusterSpec) -> Management {
    let needs: BTreeSet<Need> = [Need::SupportedVersions].into();
    let target = Target { namespace: spec.namespace.clone(), name: String::from("any") };
    let (heads, region, seen) = futures::join!(
        source::heads(live, None),
        live.kubernetes.region(),
        live.kubernetes.collect_about(&target, None, &needs),
    );
    let heads = heads.unwrap_or_default().into_iter().map(|head| {
        let cluster = head.cluster.get();
        let text = |of: fn(&facts::hosted::HostedCluster) -> &String| cluster.map(|cluster| of(cluster).clone());
        (
            head.target.clone(),
            text(|it| &it.release_image).unwrap_or_default(),
            text(|it| &it.issuer_url).unwrap_or_default(),
        )
    });
    Management {
        heads: heads.collect(),
        region: region.ok().flatten(),
        supported: seen.management.supported_versions.get().cloned(),
    }
}

/// The newest of these images that the operator supports.
fn newest<'a>(images: impl Iterator<Item = &'a str>, supported: Option<&SupportedVersions>) -> Option<String> {
    let known =
        Known { supported: supported.map(|list| list.versions.clone()).unwrap_or_default(), ..Known::default() };
    let versions =
        images.filter(|image| known.supports(image)).filter_map(|image| Some((Version::of_image(image)?, image)));
    versions.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, image)| image.to_owned())
}

/// The newest release that OpenShift offers and the operator supports. A cloud that a file describes is often cut off from
/// the Internet, and is not kept waiting.
async fn newest_of_stream(globals: &Globals, live: &Live, supported: Option<&SupportedVersions>) -> Option<String> {
    if globals.environment().var(ENVIRONMENT_FILE).is_some() {
        return None;
    }
    let service = plan::release::service(STREAM).ok()?;
    let lookup = releases::lookup(&live.http, &live.calls, &service, STREAM, supported);
    tokio::time::timeout(PATIENCE, lookup).await.ok()?.ok().map(|release| release.image)
}

/// What was found, a line each.
fn said(by: &str, known: &Known, spec: &ClusterSpec) -> String {
    let mut lines = vec![by.to_owned()];
    if let Some(region) = known.region.as_ref().filter(|_| spec.infra_json.is_none()) {
        lines.push(format!("  region     {region}, that of the management cluster"));
    }
    if let Some(minors) = known.supported_words() {
        lines.push(format!("  releases   the operator supports {minors}"));
    }
    if known.zones.is_some() && spec.infra_json.is_none() {
        let names = known.zone_names();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        lines.push(format!("  DNS zones  {names}"));
    }
    if spec.namespace == USUAL_NAMESPACE {
        lines.push(format!("  namespace  {USUAL_NAMESPACE}; `-n` chooses another"));
    }
    lines.push(
        "An empty line takes the answer in brackets; Tab completes; Ctrl-C leaves, and nothing is changed.".to_owned(),
    );
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_supported_release_that_runs_is_offered() {
        let supported = SupportedVersions { versions: vec!["4.22".into(), "4.21".into()], server_version: None };
        let images = ["q/r:4.22.3", "q/r:4.22.10-multi", "q/r:4.23.1", "q/r@sha256:0"];
        assert_eq!(newest(images.into_iter(), Some(&supported)).as_deref(), Some("q/r:4.22.10-multi"));
        assert_eq!(newest(["q/r:4.19.1"].into_iter(), Some(&supported)), None);
    }
}
