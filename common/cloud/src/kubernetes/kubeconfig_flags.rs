//! kubectl's flags that stand in for entries of the kubeconfig: the flag wins, and takes what contradicts it with it.

use kube::config::{AuthInfo, Cluster, Config, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

use super::kubeconfig::KubeOptions;

/// The name of the context, cluster and user of a server that no kubeconfig knows.
pub(super) const UNNAMED: &str = "";

/// Adds a context for a server that is given by flags alone.
pub(super) fn add_unnamed(kubeconfig: &mut Kubeconfig, options: &KubeOptions) {
    let context = Context {
        cluster: options.cluster.clone().unwrap_or_else(|| UNNAMED.to_owned()),
        user: options.user.clone().or_else(|| Some(UNNAMED.to_owned())),
        ..Context::default()
    };
    kubeconfig.contexts.push(NamedContext { name: UNNAMED.to_owned(), context: Some(context), ..Default::default() });
    kubeconfig.clusters.push(NamedCluster {
        name: UNNAMED.to_owned(),
        cluster: Some(Cluster::default()),
        ..Default::default()
    });
    kubeconfig.auth_infos.push(NamedAuthInfo {
        name: UNNAMED.to_owned(),
        auth_info: Some(AuthInfo::default()),
        ..Default::default()
    });
}

/// Lets the flags win over the cluster and the user of a context.
pub(super) fn apply(kubeconfig: &mut Kubeconfig, context: &str, options: &KubeOptions) {
    let of_context = kubeconfig.contexts.iter().find(|named| named.name == context);
    let of_context = of_context.and_then(|named| named.context.as_ref());
    let cluster = options.cluster.clone().or_else(|| Some(of_context?.cluster.clone()));
    let user = options.user.clone().or_else(|| of_context?.user.clone());
    for named in kubeconfig.clusters.iter_mut().filter(|named| Some(&named.name) == cluster.as_ref()) {
        over_cluster(named.cluster.get_or_insert_default(), options);
    }
    for named in kubeconfig.auth_infos.iter_mut().filter(|named| Some(&named.name) == user.as_ref()) {
        over_user(named.auth_info.get_or_insert_default(), options);
    }
}

/// Lets the flags win over what a pod is given. Its server stays: whoever names one does not mean the pod's.
pub(super) fn apply_in_pod(config: &mut Config, options: &KubeOptions) {
    if let Some(path) = &options.certificate_authority {
        config.root_cert = None;
        config.root_cert_file = Some(path.clone());
    }
    if options.tls_server_name.is_some() {
        config.tls_server_name.clone_from(&options.tls_server_name);
    }
    over_user(&mut config.auth_info, options);
}

fn over_cluster(cluster: &mut Cluster, options: &KubeOptions) {
    if let Some(server) = &options.server {
        let has_scheme = server.contains("://");
        cluster.server = Some(if has_scheme { server.clone() } else { format!("https://{server}") });
    }
    if let Some(path) = &options.certificate_authority {
        cluster.certificate_authority = Some(path.display().to_string());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    // The name in the kubeconfig is that of its own server.
    if options.server.is_some() || options.tls_server_name.is_some() {
        cluster.tls_server_name.clone_from(&options.tls_server_name);
    }
}

fn over_user(user: &mut AuthInfo, options: &KubeOptions) {
    if let Some(token) = &options.token {
        // With a token at hand no program is asked for one, and no other identity is sent.
        *user = AuthInfo {
            token: Some(token.clone()),
            token_file: None,
            username: None,
            password: None,
            exec: None,
            auth_provider: None,
            ..std::mem::take(user)
        };
    }
    if let Some(path) = &options.client_certificate {
        user.client_certificate = Some(path.display().to_string());
        user.client_certificate_data = None;
    }
    if let Some(path) = &options.client_key {
        user.client_key = Some(path.display().to_string());
        user.client_key_data = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use secrecy::{ExposeSecret as _, SecretString};

    use super::*;

    const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: dev
  cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: QUJD, tls-server-name: dev.example.com}
- {name: other, cluster: {server: "https://other.example.com"}}
contexts:
- {name: dev, context: {cluster: dev, user: me}}
users:
- name: me
  user:
    username: me
    password: old-password
    client-certificate-data: QUJD
    client-key-data: QUJD
    exec: {apiVersion: client.authentication.k8s.io/v1, command: oc}
"#;

    fn with(options: &KubeOptions) -> (Cluster, AuthInfo) {
        let mut kubeconfig = Kubeconfig::from_yaml(KUBECONFIG).unwrap();
        apply(&mut kubeconfig, "dev", options);
        let other = kubeconfig.clusters[1].cluster.clone().unwrap();
        assert_eq!(other.server.as_deref(), Some("https://other.example.com"), "a cluster that is not in use");
        (kubeconfig.clusters[0].cluster.clone().unwrap(), kubeconfig.auth_infos[0].auth_info.clone().unwrap())
    }

    #[test]
    fn without_flags_the_kubeconfig_stands() {
        let (cluster, user) = with(&KubeOptions::default());
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:6443"));
        assert_eq!(cluster.tls_server_name.as_deref(), Some("dev.example.com"));
        assert!(user.exec.is_some() && user.token.is_none());
    }

    #[test]
    fn a_server_brings_its_own_name_and_a_ca_wins_over_data() {
        let options = KubeOptions {
            server: Some("api.example.com:6443".into()),
            certificate_authority: Some("ca.pem".into()),
            ..KubeOptions::default()
        };
        let (cluster, _) = with(&options);
        assert_eq!(cluster.server.as_deref(), Some("https://api.example.com:6443"));
        assert_eq!(cluster.tls_server_name, None);
        assert_eq!(cluster.certificate_authority.as_deref(), Some("ca.pem"));
        assert_eq!(cluster.certificate_authority_data, None);
        let named = KubeOptions { tls_server_name: Some("x".into()), ..options };
        assert_eq!(with(&named).0.tls_server_name.as_deref(), Some("x"));
    }

    #[test]
    fn a_token_is_the_only_identity_and_is_never_shown() {
        let options = KubeOptions { token: Some(SecretString::from("t0ken-canary")), ..KubeOptions::default() };
        let (_, user) = with(&options);
        assert_eq!(user.token.unwrap().expose_secret(), "t0ken-canary");
        assert!(user.exec.is_none() && user.username.is_none() && user.password.is_none());
        assert!(!format!("{options:?}").contains("canary"), "{options:?}");
    }

    #[test]
    fn certificate_files_win_over_data() {
        let options = KubeOptions {
            client_certificate: Some("me.pem".into()),
            client_key: Some("me.key".into()),
            ..KubeOptions::default()
        };
        let (_, user) = with(&options);
        assert_eq!(user.client_certificate.as_deref(), Some("me.pem"));
        assert_eq!(user.client_key.as_deref(), Some("me.key"));
        assert!(user.client_certificate_data.is_none() && user.client_key_data.is_none());
    }
}
