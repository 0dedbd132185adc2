//! MC03: the pull secret opens the registries that the cluster needs.

use facts::hosted::HostedCluster;
use facts::release::{PullSecret, RegistryAnswer, RegistryEntry, ReleaseImage};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::{Quoted, command};

declare_check! {
    /// ## What it checks
    /// The pull secret is JSON with `auths`, its credentials are base64 of a user and a password, those that say when they
    /// expire have not, and the registry of the release image takes them: its token service is asked, then the manifest.
    ///
    /// quay.io and registry.redhat.io should be among the registries; a cluster that pulls from a mirror alone does without.
    /// Only the names of registries and the ends of tokens are kept, never a credential.
    ///
    /// ## Why it matters
    /// The operator reads the release image before it begins, and every pod of control plane and workers pulls with this
    /// secret: without it ValidReleaseImage is False and nothing is rolled out.
    ///
    /// ## How to fix
    /// Download the pull secret anew and put it into the Secret; the operator takes it over by itself.
    ///
    /// Source: openshift/hypershift support/util (GetPullSecretBytes); CNCF distribution, token authentication.
    pub static PULL_SECRET = {
        code: "MC03",
        id: "pull-secret",
        group: Management,
        since: "0.1.0",
        when: [Preflight, Upgrade],
        needs: [HostedCluster, PullSecret, ReleaseImage],
        caused_by: [],
        judge: judge,
    };
}

/// What OpenShift pulls from when no mirror is set up.
const USUAL: [&str; 2] = ["quay.io", "registry.redhat.io"];
/// Days before its end at which a token is told.
const SOON: i64 = 7;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let secret = view.pull_secret();
    let image = view.release_image();
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let Some(secret) = secret? else {
        return Ok(Judgement::new("", vec![missing(cluster).touches(Key::Release)]));
    };
    if let Some(problem) = &secret.problem {
        let finding = Finding::fail(
            secret.source.clone(),
            format!("the pull secret cannot be used: {problem}"),
            "the operator cannot read the release image, and no pod of the cluster can be pulled",
        )
        .fix(renew(cluster, Some(secret)));
        return Ok(Judgement::new("", vec![finding.touches(Key::Release)]));
    }
    let mut findings: Vec<Finding> =
        secret.registries.iter().filter_map(|entry| judge_entry(view, cluster, secret, entry)).collect();
    let mut opened = String::new();
    match image {
        Ok(image) => {
            findings.extend(refused(cluster, secret, image));
            opened = format!("; {} gives the release image", image.registry);
        }
        Err(gap) => findings.push(Finding::unknown(format!("release image {}", cluster.release_image), gap)),
    }
    let named = |wanted: &str| secret.registries.iter().any(|entry| host_of(&entry.name) == wanted);
    let lacking: Vec<&str> = USUAL.into_iter().filter(|name| !named(name)).collect();
    if !lacking.is_empty() && !pulls_elsewhere(cluster) {
        let names: Vec<&str> = secret.registries.iter().map(|entry| entry.name.as_str()).collect();
        findings.push(
            Finding::warn(
                secret.source.clone(),
                format!("the pull secret has nothing for {}", lacking.join(" and ")),
                "images of the release or of its operators cannot be pulled, unless all of them are mirrored",
            )
            .compare(USUAL.join(", "), names.join(", "))
            .fix(renew(cluster, Some(secret))),
        );
    }
    let findings = findings.into_iter().map(|finding| finding.touches(Key::Release)).collect();
    Ok(Judgement::new(format!("{} names {} registries{opened}", secret.source, secret.registries.len()), findings))
}

/// The host of an entry, which may have a scheme and a path.
fn host_of(name: &str) -> &str {
    let bare = name.trim_start_matches("https://");
    bare.split('/').next().unwrap_or(bare)
}

/// Whether the release comes from a registry that is none of the usual ones: then the rest is mirrored, as a rule.
fn pulls_elsewhere(cluster: &HostedCluster) -> bool {
    let host = host_of(&cluster.release_image);
    !USUAL.contains(&host) && host != "registry.ci.openshift.org"
}

fn judge_entry(
    view: &View<'_>,
    cluster: &HostedCluster,
    secret: &PullSecret,
    entry: &RegistryEntry,
) -> Option<Finding> {
    let subject = format!("{} for {}", secret.source, entry.name);
    if !entry.usable {
        return Some(
            Finding::warn(
                subject,
                format!("the credentials for {} are none: `auth` is not base64 of a user and a password", entry.name),
                "what comes from this registry cannot be pulled; the node's runtime may refuse the whole pull secret",
            )
            .fix(renew(cluster, Some(secret))),
        );
    }
    let end = entry.expires_at?;
    let minutes = -view.minutes_since(end);
    let finding = if minutes <= 0 {
        Finding::fail(
            subject,
            format!("the credentials for {} have expired", entry.name),
            "the registry refuses them: nothing can be pulled from it",
        )
    } else if minutes < SOON * 24 * 60 {
        let left = minutes / 60;
        Finding::warn(
            subject,
            format!("the credentials for {} expire in {left} hours", entry.name),
            "from then on nothing can be pulled from this registry: neither new nodes nor an upgrade",
        )
    } else {
        return None;
    };
    Some(finding.see("expires", end.to_string()).fix(renew(cluster, Some(secret))))
}

fn missing(cluster: &HostedCluster) -> Finding {
    let (subject, what) = match &cluster.pull_secret {
        Some(name) => (
            format!("Secret {}/{name}", cluster.namespace),
            "the pull secret does not exist, or has no key .dockerconfigjson".to_owned(),
        ),
        None => (format!("HostedCluster {}", cluster.name), "the HostedCluster names no pull secret".to_owned()),
    };
    Finding::fail(subject, what, "the operator cannot read the release image, and no pod of the cluster can be pulled")
        .fix(renew(cluster, None))
}

/// What the registry of the release image refuses.
fn refused(cluster: &HostedCluster, secret: &PullSecret, image: &ReleaseImage) -> Option<Finding> {
    let RegistryAnswer::Refused { address, status, with_credentials } = &image.answer else { return None };
    let what = if *with_credentials {
        format!("{} refuses the credentials of the pull secret", image.registry)
    } else {
        format!("the pull secret has nothing for {}, which gives the release image to nobody without", image.registry)
    };
    Some(
        Finding::fail(
            format!("{} for {}", secret.source, image.registry),
            what,
            "the operator cannot read the release image: ValidReleaseImage is False, and nothing is rolled out",
        )
        .see("image", &image.image)
        .see("asked", address)
        .see("answer", status.to_string())
        .fix(renew(cluster, Some(secret))),
    )
}

fn renew(cluster: &HostedCluster, secret: Option<&PullSecret>) -> Fix {
    const FROM: &str = "comes from https://console.redhat.com/openshift/install/pull-secret";
    if let Some(file) = secret.and_then(PullSecret::file) {
        return Fix::hypershift([command!("oc adm release info {} -a {file}", cluster.release_image; file)])
            .note(format!("{file} {FROM}; the command shows that it works"));
    }
    let exists = cluster.created_at.is_some();
    let name = cluster.pull_secret.clone().unwrap_or_else(|| format!("{}-pull-secret", cluster.name));
    let verb = Quoted(if exists { "set data secret/" } else { "create secret generic " }.to_owned());
    let release = command!("oc adm release info {} -a pull-secret.json", cluster.release_image);
    Fix::hypershift([
        release,
        command!("oc -n {} {verb}{} --from-file=.dockerconfigjson=pull-secret.json", cluster.namespace, name; verb),
    ])
    .note(format!("pull-secret.json {FROM}; the first command shows that it works"))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};
    use jiff::Timestamp;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &PULL_SECRET;

    fn secret(facts: &mut Facts) -> &mut PullSecret {
        let Fact::Known(secret) = &mut facts.release.pull_secret else { panic!("no pull secret") };
        secret
    }

    fn answer(facts: &mut Facts, answer: RegistryAnswer) {
        let Fact::Known(image) = &mut facts.release.image else { panic!("no answer") };
        image.answer = answer;
    }

    fn refuse(facts: &mut Facts, with_credentials: bool) {
        let address = "https://quay.io/v2/auth".to_owned();
        answer(facts, RegistryAnswer::Refused { address, status: 401, with_credentials });
    }

    fn image_is_invalid(facts: &mut Facts) {
        for condition in &mut cluster(facts).conditions {
            if condition.kind == "ValidReleaseImage" {
                condition.status = "False".into();
                condition.message = "failed to look up release image metadata: unauthorized".into();
            }
        }
    }

    fn in_minutes(minutes: i64) -> Option<Timestamp> {
        Some(minutes_ago(-minutes))
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the registry refuses the pull secret", |facts| {
                refuse(facts, true);
                image_is_invalid(facts);
            }),
            Fault::new("the pull secret is no JSON", |facts| {
                secret(facts).problem = Some("it is no JSON".into());
                secret(facts).registries.clear();
                facts.release.image = Fact::Unreadable(Gap::new(GapKind::Blocked, "the registry was not asked"));
                image_is_invalid(facts);
            }),
            Fault::new("the pull secret does not exist", |facts| {
                facts.release.pull_secret = Fact::Absent;
                refuse(facts, false);
                image_is_invalid(facts);
            }),
            Fault::new("a token has expired", |facts| secret(facts).registries[2].expires_at = in_minutes(-5)),
        ]
    }

    #[test]
    fn a_pull_secret_that_opens_the_release_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        secret(&mut facts).registries[1].expires_at = in_minutes(60 * 24 * 30);
        secret(&mut facts).registries[2].name = "https://registry.redhat.io/".into();
        assert_passes(CHECK, &facts);
        // Everything comes from a mirror.
        cluster(&mut facts).release_image = "mirror.example.com/ocp/release:4.22.3".into();
        secret(&mut facts).registries.truncate(1);
        secret(&mut facts).registries[0].name = "mirror.example.com".into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_the_registry_refuses() {
        let mut facts = healthy();
        refuse(&mut facts, true);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "quay.io refuses the credentials of the pull secret");
        assert_eq!(finding.keys, [Key::Release]);
        assert!(
            finding.fixes[0].commands[1].contains("set data secret/prod-pull-secret --from-file=.dockerconfigjson=")
        );
        // Before the Secret is made, its file is what must be put right.
        secret(&mut facts).source = PullSecret::source_of_file("my secrets/pull.json");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "--pull-secret my secrets/pull.json for quay.io");
        assert!(finding.fixes[0].commands[0].ends_with(" -a 'my secrets/pull.json'"), "{:?}", finding.fixes);
        assert_eq!(finding.fixes[0].commands.len(), 1);
        refuse(&mut facts, false);
        secret(&mut facts).registries.remove(1);
        let levels: Vec<Level> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Warn]);
    }

    #[test]
    fn what_is_no_pull_secret() {
        let mut facts = healthy();
        secret(&mut facts).problem = Some("it is empty".into());
        assert!(the_failure(CHECK, &facts).what.ends_with("it is empty"));
        facts.release.pull_secret = Fact::Absent;
        assert_eq!(the_failure(CHECK, &facts).subject, "Secret clusters/prod-pull-secret");
        cluster(&mut facts).pull_secret = None;
        assert_eq!(the_failure(CHECK, &facts).subject, "HostedCluster prod");
    }

    #[test]
    fn entries_that_do_not_last() {
        let mut facts = healthy();
        secret(&mut facts).registries[0].usable = false;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        secret(&mut facts).registries[0].usable = true;
        secret(&mut facts).registries[0].expires_at = in_minutes(60 * 24);
        assert!(the_finding(CHECK, &facts).what.contains("expire in 24 hours"));
        secret(&mut facts).registries[0].expires_at = in_minutes(0);
        assert!(the_failure(CHECK, &facts).what.contains("have expired"));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.release.image = Fact::Unreadable(Gap::new(GapKind::Unreachable, "no route"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
        facts.release.pull_secret = Fact::Unreadable(denied("get secrets"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
