//! A real Kubernetes API server for tests.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use kube::api::{DynamicObject, ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::assets::Assets;
use crate::authority::{Authority, Identity};
use crate::process::{Server, eventually};
use crate::{Error, apply, crds, workspace};

/// How long a server may take to be ready on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long the API server's caches may lag behind a write.
const LAG_LIMIT: Duration = Duration::from_secs(10);

/// etcd and kube-apiserver with the CRDs of a HyperShift management cluster.
///
/// No controller runs: nothing reconciles, deletes namespaces' contents, or makes service accounts. Writing a status
/// is the test's part.
#[derive(Debug)]
pub struct Bed {
    // Fields drop in this order: the API server must not see its etcd go first.
    _kube_apiserver: Server,
    _etcd: Server,
    folder: TempDir,
    assets: &'static Assets,
    authority: Authority,
    url: String,
    config: Config,
}

impl Bed {
    /// The bed of this test process, started by the first caller.
    ///
    /// # Errors
    /// [`Error::Start`], the same for every caller, when the servers could not be built or started.
    pub async fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceCell<Result<Bed, Arc<Error>>> = OnceCell::const_new();
        let bed = SHARED.get_or_init(|| async { Self::start().await.map_err(Arc::new) }).await;
        bed.as_ref().map_err(|error| Error::Start(Arc::clone(error)))
    }

    /// Starts a bed of its own, which ends when dropped.
    ///
    /// # Errors
    /// [`Error`] when the servers cannot be built or started.
    pub async fn start() -> Result<Self, Error> {
        let assets = Assets::shared().await?;
        // A port is free only until somebody else takes it, so a server that ends at once gets another chance.
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match Self::start_once(assets).await {
                Err(Error::Server { log, .. }) if attempts > 0 && log.contains("address already in use") => {}
                other => return other,
            }
        }
    }

    async fn start_once(assets: &'static Assets) -> Result<Self, Error> {
        let start = Instant::now();
        let folder = tempfile::Builder::new().prefix("hcp-azure-bed-").tempdir().map_err(Error::io("temp dir"))?;
        let authority = Authority::new("test bed")?;
        let (etcd, etcd_url) = start_etcd(assets, folder.path())?;
        let (mut kube_apiserver, url) = start_kube_apiserver(assets, folder.path(), &authority, &etcd_url)?;
        let admin = authority.client("admin", &["system:masters"])?;
        let kubeconfig = write_kubeconfig(folder.path(), "admin", &url, &authority.pem(), &admin)?;
        let config = read_config(&kubeconfig).await?;

        // Until the server is up every request fails; kube's own retries would only slow the probe down.
        let mut impatient = config.clone();
        impatient.default_retry = false;
        let probe = Client::try_from(impatient)?;
        let ready = || async { get(&probe, "/readyz").await.ok() };
        kube_apiserver.ready(START_LIMIT, ready).await?;
        let booted = start.elapsed();
        let version = probe.apiserver_version().await?.git_version;
        let count = crds::install(&probe, &assets.crd_files()?, START_LIMIT).await?;
        workspace::note(&format!(
            "bed: kube-apiserver {version} ready in {:.1} s, {count} CRDs served after {:.1} s",
            booted.as_secs_f32(),
            start.elapsed().as_secs_f32()
        ));
        Ok(Self { _kube_apiserver: kube_apiserver, _etcd: etcd, folder, assets, authority, url, config })
    }

    /// A client that may do everything.
    ///
    /// Make one per test: a client's connections belong to the runtime that it was made in.
    ///
    /// # Errors
    /// [`Error::Kube`].
    pub fn client(&self) -> Result<Client, Error> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// The kubeconfig file of a user who may do everything (mode 0600, certificates inline).
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        kubeconfig_path(self.folder.path(), "admin")
    }

    /// Makes a user who may do what `rules` allow in every namespace, and no more; returns their kubeconfig file.
    ///
    /// Returns once the server grants the rules. See [`rule`] for the usual form of a rule.
    ///
    /// # Errors
    /// [`Error::Kube`] with reason `AlreadyExists` when this bed has that user already.
    pub async fn kubeconfig_for(&self, user: &str, rules: Vec<PolicyRule>) -> Result<PathBuf, Error> {
        let client = self.client()?;
        let metadata = ObjectMeta { name: Some(format!("bed:{user}")), ..ObjectMeta::default() };
        let review = rules.first().map(|rule| access_review(user, rule));
        let role = ClusterRole { metadata: metadata.clone(), rules: Some(rules), ..ClusterRole::default() };
        let binding = ClusterRoleBinding {
            metadata,
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".into(),
                kind: "ClusterRole".into(),
                name: format!("bed:{user}"),
            },
            subjects: Some(vec![Subject {
                api_group: Some("rbac.authorization.k8s.io".into()),
                kind: "User".into(),
                name: user.into(),
                namespace: None,
            }]),
        };
        Api::all(client.clone()).create(&PostParams::default(), &role).await?;
        Api::all(client.clone()).create(&PostParams::default(), &binding).await?;
        if let Some(review) = review {
            let reviews: Api<SubjectAccessReview> = Api::all(client);
            eventually(&format!("the rules of {user} are granted"), LAG_LIMIT, || async {
                let answer = reviews.create(&PostParams::default(), &review).await?;
                Ok(answer.status.is_some_and(|status| status.allowed).then_some(()))
            })
            .await?;
        }
        let identity = self.authority.client(user, &[])?;
        write_kubeconfig(self.folder.path(), user, &self.url, &self.authority.pem(), &identity)
    }

    /// Makes a namespace named `<prefix>-<random>`.
    ///
    /// # Errors
    /// [`Error::Kube`].
    pub async fn namespace(&self, prefix: &str) -> Result<String, Error> {
        let metadata = ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() };
        let wanted = Namespace { metadata, ..Namespace::default() };
        let made = Api::<Namespace>::all(self.client()?).create(&PostParams::default(), &wanted).await?;
        made.metadata.name.ok_or_else(|| Error::Input("the server made a namespace without a name".into()))
    }

    /// Applies a multi-document YAML text as it is; returns the objects as the server holds them.
    ///
    /// Each object is applied server-side with strict field validation. One with a status gets that too,
    /// through its status subresource. Lists are taken apart. What only a server writes (uid, managed fields, …)
    /// is left out, so that recorded objects can be applied.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's message for the first object that it does not take.
    pub async fn apply_yaml(&self, text: &str) -> Result<Vec<DynamicObject>, Error> {
        apply::apply_yaml(&self.client()?, None, text).await
    }

    /// Like [`Bed::apply_yaml`], with every namespaced object put into `namespace`, and Namespace objects left out.
    ///
    /// # Errors
    /// As [`Bed::apply_yaml`].
    pub async fn apply_yaml_in(&self, namespace: &str, text: &str) -> Result<Vec<DynamicObject>, Error> {
        apply::apply_yaml(&self.client()?, Some(namespace), text).await
    }

    /// The path of the real `kubectl`.
    #[must_use]
    pub fn kubectl(&self) -> &Path {
        &self.assets.kubectl
    }

    /// A command for the real `kubectl` as the user who may do everything.
    ///
    /// `plugins` is searched first for `kubectl-…` executables. The home folder is an empty one.
    ///
    /// # Errors
    /// [`Error::Io`] when the home folder cannot be made, [`Error::Input`] when `plugins` cannot be in a PATH.
    pub fn kubectl_command(&self, plugins: &Path) -> Result<Command, Error> {
        let home = self.folder.path().join("home");
        fs::create_dir_all(&home).map_err(Error::file(&home))?;
        let kubectl_folder = self.kubectl().parent().map(Path::to_path_buf);
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = [plugins.to_path_buf()].into_iter().chain(kubectl_folder).chain(env::split_paths(&inherited));
        let path = env::join_paths(folders).map_err(|error| Error::Input(error.to_string()))?;
        let mut command = Command::new(self.kubectl());
        command.env("PATH", path).env("HOME", home).env("KUBECONFIG", self.kubeconfig());
        Ok(command)
    }

    /// The bed's own folder: kubeconfigs and the servers' logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The base URL of the API server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A rule for [`Bed::kubeconfig_for`]: `verbs` on `resources` of `groups`; the core group is `""`.
#[must_use]
pub fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(owned(groups)),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

/// A client for any kubeconfig file, without the environment's proxy.
///
/// # Errors
/// [`Error::Kubeconfig`] or [`Error::Kube`].
pub async fn client_for(kubeconfig: &Path) -> Result<Client, Error> {
    Ok(Client::try_from(read_config(kubeconfig).await?)?)
}

/// GETs a path of the API server as text.
pub(crate) async fn get(client: &Client, path: &str) -> Result<String, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    client.request_text(request).await
}

fn start_etcd(assets: &Assets, folder: &Path) -> Result<(Server, String), Error> {
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let peer = format!("http://127.0.0.1:{}", free_port()?);
    let args = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ];
    Ok((Server::spawn("etcd", &assets.etcd, &args, folder)?, url))
}

fn start_kube_apiserver(
    assets: &Assets,
    folder: &Path,
    authority: &Authority,
    etcd_url: &str,
) -> Result<(Server, String), Error> {
    let serving = authority.server()?;
    let service_accounts = authority.client("service-accounts", &[])?;
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        write_private(&path, content).map(|()| path.display().to_string())
    };
    let port = free_port()?;
    let args = [
        format!("--etcd-servers={etcd_url}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", file("serving.pem", &serving.certificate)?),
        format!("--tls-private-key-file={}", file("serving.key", &serving.key)?),
        format!("--client-ca-file={}", file("ca.pem", &authority.pem())?),
        format!("--service-account-key-file={}", file("service-account.pem", &service_accounts.certificate)?),
        format!("--service-account-signing-key-file={}", file("service-account.key", &service_accounts.key)?),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--authorization-mode=RBAC".into(),
        // Pods would wait for service accounts that no controller makes here.
        "--disable-admission-plugins=ServiceAccount".into(),
        "--endpoint-reconciler-type=none".into(),
        "--profiling=false".into(),
    ];
    let server = Server::spawn("kube-apiserver", &assets.kube_apiserver, &args, folder)?;
    Ok((server, format!("https://127.0.0.1:{port}")))
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("finding a free port"))?;
    listener.local_addr().map(|address| address.port()).map_err(Error::io("finding a free port"))
}

fn kubeconfig_path(folder: &Path, user: &str) -> PathBuf {
    folder.join(format!("{}.kubeconfig", user.replace(['/', ':'], "-")))
}

fn write_kubeconfig(folder: &Path, user: &str, url: &str, ca: &str, identity: &Identity) -> Result<PathBuf, Error> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let encode = |pem: &str| BASE64_STANDARD.encode(pem);
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bed", "cluster": {"server": url, "certificate-authority-data": encode(ca)}}],
        "users": [{"name": user, "user": {
            "client-certificate-data": encode(&identity.certificate),
            "client-key-data": encode(&identity.key),
        }}],
        "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": user}}],
        "current-context": "bed",
    });
    let text = serde_saphyr::to_string(&content).map_err(|error| Error::Input(error.to_string()))?;
    let path = kubeconfig_path(folder, user);
    write_private(&path, &text)?;
    Ok(path)
}

fn write_private(path: &Path, content: &str) -> Result<(), Error> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(Error::file(path))?;
    file.write_all(content.as_bytes()).map_err(Error::file(path))
}

async fn read_config(kubeconfig: &Path) -> Result<Config, Error> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.proxy_url = None;
    Ok(config)
}

/// Asks whether `user` may do the first thing that `rule` allows.
fn access_review(user: &str, rule: &PolicyRule) -> SubjectAccessReview {
    let first = |names: &Option<Vec<String>>| names.as_ref().and_then(|names| names.first().cloned());
    let verb = rule.verbs.first().cloned();
    let resource = first(&rule.resources).map(|resource| {
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) => (resource.to_owned(), Some(subresource.to_owned())),
            None => (resource, None),
        };
        ResourceAttributes {
            verb: verb.clone(),
            group: first(&rule.api_groups),
            resource: Some(resource),
            subresource,
            name: first(&rule.resource_names),
            ..ResourceAttributes::default()
        }
    });
    let path = first(&rule.non_resource_urls).map(|path| NonResourceAttributes { path: Some(path), verb });
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.into()),
            resource_attributes: resource,
            non_resource_attributes: path,
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}
