//! The kubeconfigs of several hosted clusters as one.

use std::collections::BTreeMap;

use facts::Target;
use kube::config::{Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// Several kubeconfigs as one.
#[derive(Debug)]
pub struct Merged {
    /// The kubeconfig; none when none of them could be used. Its current context is that of the first.
    pub kubeconfig: Option<SecretString>,
    /// The contexts in it, in order, each with its HostedCluster.
    pub contexts: Vec<(String, Target)>,
    /// Those that could not be used, and why.
    pub unusable: Vec<(Target, String)>,
}

/// Merges kubeconfigs: of each, what its current context selects, as context and cluster `<namespace>-<name>` and user
/// `<namespace>-<name>-admin`. Where two would have one name, as `a-b/c` and `a/b-c` would, both are named with a slash.
/// Source of the names: openshift/hypershift, `create kubeconfig`.
pub fn merge_kubeconfigs(kubeconfigs: &[(Target, SecretString)]) -> Merged {
    let joined = |target: &Target| format!("{}-{}", target.namespace, target.name);
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for (target, _) in kubeconfigs {
        *uses.entry(joined(target)).or_default() += 1;
    }
    let mut all = Kubeconfig { kind: Some("Config".into()), api_version: Some("v1".into()), ..Kubeconfig::default() };
    let (mut contexts, mut unusable) = (Vec::new(), Vec::new());
    for (target, text) in kubeconfigs {
        let name = Some(joined(target)).filter(|name| uses.get(name) == Some(&1)).unwrap_or_else(|| target.to_string());
        match selected(text) {
            Ok((context, mut cluster, mut user)) => {
                let user_name = format!("{name}-admin");
                cluster.name.clone_from(&name);
                user.name.clone_from(&user_name);
                let context = Context { cluster: name.clone(), user: Some(user_name), ..context };
                all.clusters.push(cluster);
                all.auth_infos.push(user);
                all.contexts.push(NamedContext { name: name.clone(), context: Some(context), other: BTreeMap::new() });
                contexts.push((name, target.clone()));
            }
            Err(why) => unusable.push((target.clone(), why.to_owned())),
        }
    }
    all.current_context = contexts.first().map(|(name, _)| name.clone());
    let size = kubeconfigs.iter().map(|(_, text)| text.expose_secret().len()).sum();
    let kubeconfig = if contexts.is_empty() { None } else { written(&all, size) };
    Merged { kubeconfig, contexts, unusable }
}

/// What the current context of a kubeconfig selects, or its only one. No reason repeats its content.
fn selected(text: &SecretString) -> Result<(Context, NamedCluster, NamedAuthInfo), &'static str> {
    let read = Kubeconfig::from_yaml(text.expose_secret()).map_err(|_| "what its Secret holds is no kubeconfig")?;
    let current = read.current_context.as_deref().filter(|name| !name.is_empty());
    let named = match (current, read.contexts.as_slice()) {
        (Some(current), contexts) => contexts.iter().find(|context| context.name == current),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let context = named.and_then(|named| named.context.clone()).ok_or("its kubeconfig selects no context")?;
    let cluster = read.clusters.into_iter().find(|cluster| cluster.name == context.cluster);
    let user = read.auth_infos.into_iter().find(|user| Some(&user.name) == context.user.as_ref());
    match (cluster, user) {
        (Some(cluster), Some(user)) => Ok((context, cluster, user)),
        _ => Err("the context of its kubeconfig leads to no cluster and user"),
    }
}

/// The kubeconfig as YAML. `size` is that of what it was made of.
fn written(kubeconfig: &Kubeconfig, size: usize) -> Option<SecretString> {
    // Room for all of it at once: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * size + 4096));
    // Certificates and keys stay on one line each.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_fmt_writer_with_options(&mut *text, kubeconfig, options).ok()?;
    Some(SecretString::from(text.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn target(namespace: &str, name: &str) -> Target {
        Target { namespace: namespace.into(), name: name.into() }
    }

    /// As the operator writes it: everything has the same name in every cluster.
    fn published(server: &str) -> SecretString {
        let key = "a2V5".repeat(300);
        SecretString::from(format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: Y2E=\n    server: {server}\n  \
             name: cluster\ncontexts:\n- context:\n    cluster: cluster\n    namespace: default\n    user: admin\n  name: admin\n\
             current-context: admin\npreferences: {{}}\nusers:\n- name: admin\n  user:\n    client-certificate-data: Y2VydA==\n    \
             client-key-data: {key}\n"
        ))
    }

    fn read(merged: &Merged) -> Kubeconfig {
        Kubeconfig::from_yaml(merged.kubeconfig.as_ref().unwrap().expose_secret()).unwrap()
    }

    #[test]
    fn each_keeps_its_server_and_key_under_its_own_name() {
        let merged = merge_kubeconfigs(&[
            (target("clusters", "demo"), published("https://a:6443")),
            (target("clusters", "prod"), published("https://b:6443")),
        ]);
        assert!(merged.unusable.is_empty());
        let all = read(&merged);
        assert_eq!(all.current_context.as_deref(), Some("clusters-demo"));
        for (at, (name, server)) in
            [("clusters-demo", "https://a:6443"), ("clusters-prod", "https://b:6443")].into_iter().enumerate()
        {
            let context = all.contexts[at].context.clone().unwrap();
            assert_eq!((all.contexts[at].name.as_str(), context.cluster.as_str()), (name, name));
            assert_eq!(context.user, Some(format!("{name}-admin")));
            assert_eq!(context.namespace.as_deref(), Some("default"));
            assert_eq!(all.clusters[at].cluster.as_ref().unwrap().server.as_deref(), Some(server));
            let user = all.auth_infos[at].auth_info.as_ref().unwrap();
            assert_eq!(user.client_key_data.as_ref().unwrap().expose_secret(), "a2V5".repeat(300));
        }
    }

    #[test]
    fn names_that_would_be_equal_differ() {
        let merged = merge_kubeconfigs(&[
            (target("a", "b-c"), published("https://1")),
            (target("a-b", "c"), published("https://2")),
        ]);
        let names: Vec<&str> = merged.contexts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a/b-c", "a-b/c"]);
        assert_eq!(read(&merged).contexts.len(), 2);
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_content() {
        let broken = ["hunter2: [", "- hunter2", "{}", "contexts: [{name: a, context: {cluster: hunter2, user: b}}]"];
        let mut all: Vec<(Target, SecretString)> = broken
            .iter()
            .enumerate()
            .map(|(at, text)| (target("n", &at.to_string()), SecretString::from(*text)))
            .collect();
        let none = merge_kubeconfigs(&all);
        assert!(none.kubeconfig.is_none() && none.unusable.len() == broken.len());
        assert!(!format!("{none:?}").contains("hunter2"));
        all.push((target("n", "good"), published("https://1")));
        assert_eq!(read(&merge_kubeconfigs(&all)).current_context.as_deref(), Some("n-good"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_may_be_in_the_secret(text in crate::fuzz::yaml(), other in crate::fuzz::yaml()) {
            let merged = merge_kubeconfigs(&[
                (target("a", "b"), SecretString::from(text.clone())),
                (target("a", "c"), published(&other)),
                (target("a-b", "c"), SecretString::from(format!("contexts:\n- name: x\n  context: {text}"))),
            ]);
            prop_assert_eq!(merged.contexts.len() + merged.unusable.len(), 3);
        }
    }

    #[test]
    fn a_bomb_is_no_kubeconfig() {
        for bomb in crate::fuzz::bombs() {
            assert_eq!(merge_kubeconfigs(&[(target("a", "b"), SecretString::from(bomb))]).unusable.len(), 1);
        }
    }
}
