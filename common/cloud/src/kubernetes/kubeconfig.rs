//! [`KubeOptions`]: kubectl's connection flags, and what they make of a kubeconfig.

use std::path::{Path, PathBuf};
use std::time::Duration;

use facts::redact;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use secrecy::SecretString;

use super::error::KubeError;
use super::{kubeconfig_flags, proxy};

/// How long to wait for a connection when `--request-timeout` says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for the next bytes of an answer when `--request-timeout` says nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// kubectl's connection flags, with kubectl's meaning.
#[derive(Debug, Clone, Default)]
pub struct KubeOptions {
    /// `--kubeconfig`: this file alone; else the files of `KUBECONFIG`, else `~/.kube/config`, else the pod's account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; else the current one.
    pub context: Option<String>,
    /// `--cluster`; else the context's.
    pub cluster: Option<String>,
    /// `--user`; else the context's.
    pub user: Option<String>,
    /// `--namespace`; else the context's, else `default`.
    pub namespace: Option<String>,
    /// `--as`.
    pub as_user: Option<String>,
    /// `--as-uid`.
    pub as_uid: Option<String>,
    /// `--as-group`.
    pub as_groups: Vec<String>,
    /// `--server`: the address of the API server, instead of the cluster's; no kubeconfig is needed then.
    pub server: Option<String>,
    /// `--token`: instead of the user's credentials.
    pub token: Option<SecretString>,
    /// `--client-certificate`: a PEM file, instead of the user's.
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`: a PEM file, instead of the user's.
    pub client_key: Option<PathBuf>,
    /// `--certificate-authority`: a PEM file, instead of the cluster's.
    pub certificate_authority: Option<PathBuf>,
    /// `--tls-server-name`: the name in the server's certificate, instead of its address.
    pub tls_server_name: Option<String>,
    /// `--request-timeout`, for one request; zero means none. Without it a request may last as long as bytes arrive.
    pub request_timeout: Option<Duration>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: bool,
}

impl KubeOptions {
    /// The options for another context of the kubeconfig. What names or proves something to the first one's server stays
    /// with that: a token is not shown to another.
    #[must_use]
    pub fn of_context(&self, context: &str) -> Self {
        Self {
            kubeconfig: self.kubeconfig.clone(),
            context: Some(context.to_owned()),
            namespace: self.namespace.clone(),
            as_user: self.as_user.clone(),
            as_uid: self.as_uid.clone(),
            as_groups: self.as_groups.clone(),
            request_timeout: self.request_timeout,
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            ..Self::default()
        }
    }
}

/// What the options and the kubeconfig come to.
pub struct Resolved {
    /// For the client.
    pub config: Config,
    /// The context in use; none in a pod.
    pub context: Option<String>,
    /// The longest that one request may take.
    pub request_timeout: Option<Duration>,
}

/// Reads the kubeconfig and applies the options.
///
/// # Errors
/// [`KubeError::NoConfig`] and [`KubeError::NoContext`].
pub async fn resolve(options: &KubeOptions) -> Result<Resolved, KubeError> {
    let (mut config, context) = match load(options)? {
        Some(mut kubeconfig) => {
            let context = choose_context(&mut kubeconfig, options)?;
            kubeconfig_flags::apply(&mut kubeconfig, &context, options);
            let proxy_is_explicit = has_proxy_url(&kubeconfig, &context, options);
            let selected = KubeConfigOptions {
                context: Some(context.clone()),
                cluster: options.cluster.clone(),
                user: options.user.clone(),
            };
            let mut config = Config::from_custom_kubeconfig(kubeconfig, &selected).await.map_err(no_config)?;
            if !proxy_is_explicit {
                drop_exempt_proxy(&mut config);
            }
            (config, Some(context).filter(|context| context != kubeconfig_flags::UNNAMED))
        }
        None => {
            let mut config = Config::incluster().map_err(no_config)?;
            kubeconfig_flags::apply_in_pod(&mut config, options);
            (config, None)
        }
    };
    if let Some(namespace) = options.namespace.as_ref().filter(|namespace| !namespace.is_empty()) {
        config.default_namespace.clone_from(namespace);
    }
    if options.as_user.is_none() {
        let given = [("--as-group", !options.as_groups.is_empty()), ("--as-uid", options.as_uid.is_some())];
        if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
            return Err(KubeError::NoConfig { why: format!("`{flag}` needs `--as`") });
        }
    }
    if let Some(user) = &options.as_user {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_uid.clone_from(&options.as_uid);
        config.auth_info.impersonate_groups = (!options.as_groups.is_empty()).then(|| options.as_groups.clone());
    }
    if options.insecure_skip_tls_verify {
        config.accept_invalid_certs = true;
        config.root_cert = None;
        config.root_cert_file = None;
    }
    let request_timeout = options.request_timeout.filter(|timeout| !timeout.is_zero());
    config.connect_timeout = Some(request_timeout.map_or(CONNECT_TIMEOUT, |timeout| timeout.min(CONNECT_TIMEOUT)));
    config.read_timeout = match options.request_timeout {
        None => Some(READ_TIMEOUT),
        Some(_) => request_timeout,
    };
    finish(&mut config);
    Ok(Resolved { config, context, request_timeout })
}

/// How long to wait for a connection to a server that is one of many things to look at.
const SHORT_CONNECT: Duration = Duration::from_secs(5);
/// How long one request to such a server may take.
const SHORT_REQUEST: Duration = Duration::from_secs(10);

/// Reads a kubeconfig that somebody else wrote. It may name a server and hold credentials, and nothing more: it starts no
/// program and names no file, so that whoever can write it cannot act as whoever reads it.
///
/// # Errors
/// [`KubeError::NoConfig`].
pub async fn resolve_foreign(text: &str) -> Result<Resolved, KubeError> {
    // The parser's message might quote what it stumbled over.
    let refused = |why: &str| KubeError::NoConfig { why: why.to_owned() };
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| refused("it is no kubeconfig"))?;
    let starts_programs = kubeconfig
        .auth_infos
        .iter()
        .filter_map(|named| named.auth_info.as_ref())
        .any(|user| user.exec.is_some() || user.auth_provider.is_some());
    if starts_programs {
        return Err(refused("it would start a program for its credentials, which no published kubeconfig does"));
    }
    let users = kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let names_files = users
        .flat_map(|user| [&user.token_file, &user.client_certificate, &user.client_key])
        .chain(clusters.map(|cluster| &cluster.certificate_authority))
        .any(Option::is_some);
    if names_files {
        return Err(refused("it names files, which no published kubeconfig does"));
    }
    let context = kubeconfig.current_context.clone();
    let has_proxy = kubeconfig
        .clusters
        .iter()
        .filter_map(|named| named.cluster.as_ref()?.proxy_url.as_ref())
        .any(|url| !url.is_empty());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|_| refused("it cannot be used"))?;
    if !has_proxy {
        drop_exempt_proxy(&mut config);
    }
    config.connect_timeout = Some(SHORT_CONNECT);
    config.read_timeout = Some(SHORT_REQUEST);
    finish(&mut config);
    Ok(Resolved { config, context, request_timeout: Some(SHORT_REQUEST) })
}

/// What every connection has.
fn finish(config: &mut Config) {
    // Else the time that a pooled connection was idle counts as time without an answer.
    config.reset_reader_on_write = true;
    // kube's own policy retries for minutes; calls are repeated where they are made and observed.
    config.default_retry = false;
    for (name, value) in [("user-agent", concat!("hcp-azure/", env!("CARGO_PKG_VERSION")))] {
        if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
            config.headers.push((name, value));
        }
    }
}

/// The kubeconfig; none when there is no file and none was asked for, which in a pod is the normal case.
pub(crate) fn load(options: &KubeOptions) -> Result<Option<Kubeconfig>, KubeError> {
    if let Some(path) = &options.kubeconfig {
        return read(path).map(Some);
    }
    let listed: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|paths| std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let paths = if listed.is_empty() {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        home.map(|home| home.join(".kube").join("config")).into_iter().collect()
    } else {
        listed
    };
    let mut merged: Option<Kubeconfig> = None;
    // As kubectl does: a listed file that is not there is skipped, one that is broken is an error.
    for path in paths.iter().filter(|path| path.exists()) {
        let next = read(path)?;
        merged = Some(match merged {
            Some(merged) => merged.merge(next).map_err(no_config)?,
            None => next,
        });
    }
    let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    match merged {
        Some(kubeconfig)
            if kubeconfig.contexts.is_empty() && options.context.is_none() && options.server.is_none() && in_pod =>
        {
            Ok(None)
        }
        Some(kubeconfig) => Ok(Some(kubeconfig)),
        // A server that is given needs none.
        None if options.server.is_some() && options.context.is_none() => Ok(Some(Kubeconfig::default())),
        None if in_pod && options.context.is_none() => Ok(None),
        None => {
            let tried: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            let why = match tried.as_slice() {
                [] => "KUBECONFIG is not set and there is no home directory".to_owned(),
                tried => format!("there is no {}", tried.join(" or ")),
            };
            Err(KubeError::NoConfig { why })
        }
    }
}

fn read(path: &Path) -> Result<Kubeconfig, KubeError> {
    Kubeconfig::read_from(path).map_err(no_config)
}

fn no_config(error: impl std::error::Error) -> KubeError {
    KubeError::NoConfig { why: redact::text(&error.to_string()) }
}

/// The name of the context to use. Names that the kubeconfig lacks are errors, as with kubectl; without any name a server
/// that is given gets a context of its own.
fn choose_context(kubeconfig: &mut Kubeconfig, options: &KubeOptions) -> Result<String, KubeError> {
    let name = options.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if name.is_empty() && options.server.is_some() {
        kubeconfig_flags::add_unnamed(kubeconfig, options);
    }
    if !kubeconfig.contexts.iter().any(|context| context.name == name) {
        let mut known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
        known.sort();
        return Err(KubeError::NoContext { name, known });
    }
    let missing =
        |what: &str, name: &str| Err(KubeError::NoConfig { why: format!("the kubeconfig has no {what} '{name}'") });
    match &options.cluster {
        Some(cluster) if !kubeconfig.clusters.iter().any(|known| known.name == *cluster) => {
            missing("cluster", cluster)?
        }
        _ => {}
    }
    match &options.user {
        Some(user) if !kubeconfig.auth_infos.iter().any(|known| known.name == *user) => missing("user", user)?,
        _ => {}
    }
    Ok(name)
}

/// Whether the kubeconfig itself names a proxy; such a one knows no exemptions.
fn has_proxy_url(kubeconfig: &Kubeconfig, context: &str, options: &KubeOptions) -> bool {
    let of_context = || {
        let named = kubeconfig.contexts.iter().find(|named| named.name == context)?;
        Some(named.context.as_ref()?.cluster.clone())
    };
    let cluster = options.cluster.clone().or_else(of_context);
    kubeconfig
        .clusters
        .iter()
        .filter(|named| Some(&named.name) == cluster.as_ref())
        .filter_map(|named| named.cluster.as_ref()?.proxy_url.as_ref())
        .any(|url| !url.is_empty())
}

fn drop_exempt_proxy(config: &mut Config) {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let no_proxy = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
    let url = &config.cluster_url;
    let port = url.port_u16().unwrap_or(443);
    if url.host().is_some_and(|host| proxy::is_exempt(&no_proxy, host, port)) {
        config.proxy_url = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TWO_CONTEXTS: &str = r#"
apiVersion: v1
kind: Config
current-context: dev
clusters:
- {name: dev, cluster: {server: "https://127.0.0.1:6443"}}
- {name: prod, cluster: {server: "https://api.prod.example.com:6443"}}
contexts:
- {name: dev, context: {cluster: dev, user: me, namespace: mine}}
- {name: prod, context: {cluster: prod, user: me}}
users:
- {name: me, user: {token: t0ken}}
- {name: you, user: {token: t0ken}}
"#;

    async fn resolved(change: impl FnOnce(&mut KubeOptions)) -> Result<Resolved, KubeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, TWO_CONTEXTS).unwrap();
        let mut options = KubeOptions { kubeconfig: Some(path), ..KubeOptions::default() };
        change(&mut options);
        resolve(&options).await
    }

    #[tokio::test]
    async fn flags_override_the_kubeconfig() {
        let plain = resolved(|_| {}).await.unwrap();
        assert_eq!(plain.context.as_deref(), Some("dev"));
        assert_eq!(plain.config.default_namespace, "mine");
        assert_eq!(plain.config.read_timeout, Some(READ_TIMEOUT));
        assert!(plain.config.headers.iter().any(|(name, value)| {
            name.as_str() == "user-agent" && value.to_str().unwrap().starts_with("hcp-azure/")
        }));
        let flags = resolved(|options| {
            options.context = Some("prod".into());
            options.cluster = Some("dev".into());
            options.user = Some("you".into());
            options.namespace = Some("other".into());
            options.as_user = Some("admin".into());
            options.as_groups = vec!["g1".into(), "g2".into()];
            options.request_timeout = Some(Duration::from_secs(3));
            options.insecure_skip_tls_verify = true;
        })
        .await
        .unwrap();
        assert_eq!(flags.config.cluster_url.to_string(), "https://127.0.0.1:6443/");
        assert_eq!(flags.config.default_namespace, "other");
        assert_eq!(flags.config.auth_info.impersonate.as_deref(), Some("admin"));
        assert_eq!(flags.config.auth_info.impersonate_groups.as_ref().unwrap().len(), 2);
        assert_eq!(flags.config.connect_timeout, Some(Duration::from_secs(3)));
        assert!(flags.config.accept_invalid_certs);
    }

    #[tokio::test]
    async fn a_server_that_is_given_needs_no_context() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, "apiVersion: v1\nkind: Config\n").unwrap();
        let options = KubeOptions {
            kubeconfig: Some(path),
            server: Some("https://127.0.0.1:8443".into()),
            token: Some(SecretString::from("t0ken")),
            ..KubeOptions::default()
        };
        let resolved = resolve(&options).await.unwrap();
        assert_eq!((resolved.context, resolved.config.default_namespace.as_str()), (None, "default"));
        assert_eq!(resolved.config.cluster_url.to_string(), "https://127.0.0.1:8443/");
        assert!(resolved.config.auth_info.token.is_some());
    }

    #[test]
    fn what_proves_something_to_one_server_is_not_shown_to_another() {
        let first = KubeOptions {
            cluster: Some("dev".into()),
            server: Some("https://a".into()),
            token: Some(SecretString::from("t0ken")),
            client_key: Some("me.key".into()),
            as_user: Some("admin".into()),
            ..KubeOptions::default()
        };
        let other = first.of_context("prod");
        assert_eq!((other.context.as_deref(), other.as_user.as_deref()), (Some("prod"), Some("admin")));
        assert!(
            other.cluster.is_none() && other.server.is_none() && other.token.is_none() && other.client_key.is_none()
        );
    }

    #[tokio::test]
    async fn an_impersonated_uid_goes_with_its_user() {
        let both = |options: &mut KubeOptions| {
            options.as_user = Some("admin".into());
            options.as_uid = Some("7".into());
        };
        let with = resolved(both).await.unwrap();
        assert_eq!(with.config.auth_info.impersonate_uid.as_deref(), Some("7"));
        let error = resolved(|options| options.as_uid = Some("7".into())).await.err().unwrap();
        assert!(error.why().unwrap().contains("`--as-uid` needs `--as`"));
    }

    #[tokio::test]
    async fn a_timeout_of_zero_means_none() {
        let none = resolved(|options| options.request_timeout = Some(Duration::ZERO)).await.unwrap();
        assert_eq!((none.config.read_timeout, none.request_timeout), (None, None));
    }

    #[tokio::test]
    async fn a_foreign_kubeconfig_starts_no_program_and_names_no_file() {
        let read = resolve_foreign(TWO_CONTEXTS).await.unwrap();
        assert_eq!(read.config.cluster_url.to_string(), "https://127.0.0.1:6443/");
        assert_eq!(read.request_timeout, Some(SHORT_REQUEST));
        let of = async |user: &str| resolve_foreign(&TWO_CONTEXTS.replace("{token: t0ken}", user)).await.err().unwrap();
        let exec = of("{exec: {apiVersion: client.authentication.k8s.io/v1, command: reboot}}").await;
        assert!(exec.why().unwrap().contains("start a program"), "{exec}");
        for user in ["{tokenFile: /etc/shadow}", "{client-certificate: a.pem, client-key: b.pem}"] {
            assert!(of(user).await.why().unwrap().contains("names files"), "{user}");
        }
        let ca = TWO_CONTEXTS.replace("{server:", "{certificate-authority: ca.pem, server:");
        assert!(resolve_foreign(&ca).await.err().unwrap().why().unwrap().contains("names files"));
        assert!(!resolve_foreign("token: t0ken-canary").await.err().unwrap().to_string().contains("canary"));
    }

    #[tokio::test]
    async fn names_that_are_not_there() {
        let error = resolved(|options| options.context = Some("stage".into())).await.err().unwrap();
        let known = vec!["dev".to_owned(), "prod".to_owned()];
        assert_eq!(error, KubeError::NoContext { name: "stage".into(), known });
        let error = resolved(|options| options.user = Some("nobody".into())).await.err().unwrap();
        assert!(error.why().unwrap().contains("no user 'nobody'"));
        let error = resolved(|options| options.as_groups = vec!["g".into()]).await.err().unwrap();
        assert!(error.why().unwrap().contains("--as-group"));
        let error = resolved(|options| options.kubeconfig = Some("/does/not/exist".into())).await.err().unwrap();
        assert!(matches!(&error, KubeError::NoConfig { why } if why.contains("/does/not/exist")), "{error}");
    }
}
