//! A whole hosted cluster: its Azure side in azure-sim, its issuer in Azurite, its objects in the real API server.
//!
//! A scene starts healthy; a test breaks one piece and runs the built program against it as a user would.

pub mod azure;
pub mod fleet;
pub mod guest;
pub mod kubernetes;
pub mod plane;
pub mod run;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use azure_sim::{Options, Simulator};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use run::Ran;

use crate::Error;
use crate::azurite::{Azurite, PublicAccess};
use crate::bed::Bed;
use crate::dns::DnsServer;
use crate::keys::{armoured, public_half};
use crate::registry::Registry;

/// The infra id of every scene's cluster.
pub const INFRA_ID: &str = "demo-x7k2p";
/// The name of every scene's cluster.
pub const NAME: &str = "demo";
/// The tag of the release that is there before a cluster is created.
pub const RELEASE: &str = "4.22.3-multi";
/// The client secret in the scene's credentials file: it must never be seen in any output.
pub const CLIENT_SECRET: &str = azure_sim::seed::CLIENT_SECRET;

/// Scenes share the operator's namespace of the one API server, so that only one can be on stage.
static STAGE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A hosted cluster on stage.
pub struct Scene {
    /// The Azure side.
    pub sim: Simulator,
    /// The API server of the hosted cluster.
    pub guest: crate::guest::Guest,
    /// The blob storage of its issuer.
    pub azurite: &'static Azurite,
    /// The DNS servers of its zones.
    pub dns: DnsServer,
    /// The registry of releases.
    pub registry: Registry,
    /// The API server.
    pub bed: &'static Bed,
    /// The namespace of the HostedCluster.
    pub namespace: String,
    /// The blob container of its issuer.
    pub container: String,
    /// `spec.issuerURL`.
    pub issuer: String,
    /// Whether its services are published under names that ExternalDNS writes.
    named: bool,
    folder: tempfile::TempDir,
    _stage: tokio::sync::MutexGuard<'static, ()>,
}

impl Scene {
    /// Puts a healthy cluster on stage.
    ///
    /// # Errors
    /// Whatever keeps a server from starting or an object from being taken.
    pub async fn healthy() -> Result<Self, Error> {
        let scene = Self::set(azure::state, false).await?;
        scene.bed.apply_yaml(&kubernetes::hosted(&scene, &signing_key()?.pem)).await?;
        Ok(scene)
    }

    /// Puts a healthy cluster on stage whose services are published under names that ExternalDNS writes.
    ///
    /// # Errors
    /// As [`Scene::healthy`].
    pub async fn named() -> Result<Self, Error> {
        let scene = Self::set(azure::named_state, true).await?;
        scene.bed.apply_yaml(&kubernetes::hosted(&scene, &signing_key()?.pem)).await?;
        Ok(scene)
    }

    /// Puts on stage what must be there before a cluster is created: the operator, the issuer and its key, a DNS zone, a
    /// pull secret; and nothing of the cluster.
    ///
    /// # Errors
    /// As [`Scene::healthy`].
    pub async fn before_create() -> Result<Self, Error> {
        Self::set(azure::before_create, false).await?.supplied()
    }

    /// The same on servers of their own, where no other test leaves clusters or documents.
    ///
    /// # Errors
    /// As [`Scene::healthy`].
    pub async fn before_create_alone() -> Result<Self, Error> {
        static SERVERS: OnceCell<(Bed, Azurite)> = OnceCell::const_new();
        let start = || async { tokio::try_join!(Bed::start(), Azurite::start()) };
        let (bed, azurite) = SERVERS.get_or_try_init(start).await?;
        Self::set_on(bed, azurite, azure::before_create, false).await?.supplied()
    }

    /// With the files of a reader, and the release in the registry.
    fn supplied(self) -> Result<Self, Error> {
        let scene = self;
        let write = |name: &str, text: &str| {
            let path = scene.path(name);
            std::fs::write(&path, text).map_err(Error::file(&path))
        };
        write("signer.key", &signing_key()?.pem)?;
        write("pull-secret.json", &scene.registry.pull_secret().to_string())?;
        scene.registry.add(RELEASE, Some(kubernetes::VERSION), &["amd64", "arm64"]);
        Ok(scene)
    }

    /// Gives the created cluster the status, the pods, the machines and the record of a healthy one, as its operators would.
    ///
    /// # Errors
    /// Objects that the API server does not take.
    pub async fn bring_up(&self) -> Result<(), Error> {
        let cluster = self.get("hostedcluster", NAME)?;
        let client_ids = client_ids(&cluster);
        self.bed.apply_yaml(&kubernetes::brought_up(self, &client_ids)).await?;
        let key =
            self.get("secret", cluster["spec"]["serviceAccountSigningKey"]["name"].as_str().unwrap_or_default())?;
        let key = BASE64_STANDARD.decode(key["data"]["key"].as_str().unwrap_or_default()).unwrap_or_default();
        let kid = public_half(&String::from_utf8_lossy(&key))?.kid;
        let issuer = cluster["spec"]["issuerURL"].as_str().unwrap_or_default();
        guest::belong(&mut self.guest.held(), &client_ids, issuer, &kid);
        azure::join_workers(&self.sim)?;
        // The ingress operator's part: the applications' name leads to the load balancer.
        let resources = self.sim.state()["resources"].take();
        let address = resources.as_array().into_iter().flatten().find_map(|resource| {
            let is_ip = resource["id"].as_str().is_some_and(|id| id.contains("/publicIPAddresses/"));
            is_ip.then(|| resource["properties"]["ipAddress"].as_str()).flatten()
        });
        match address {
            Some(address) => {
                self.sim.put_resource(azure::address_record(&format!("*.apps.{NAME}"), address)).map_err(simulated)
            }
            None => Ok(()),
        }
    }

    /// An object of the cluster's namespace.
    fn get(&self, kind: &str, name: &str) -> Result<Value, Error> {
        let mut command = self.bed.kubectl_command(self.bed.folder())?;
        command.args(["-n", &self.namespace, "get", kind, name, "-o", "json"]);
        Ok(serde_json::from_str(&run::ran(command)?.stdout).unwrap_or_default())
    }

    async fn set(state: fn(&str, &str) -> Value, named: bool) -> Result<Self, Error> {
        Self::set_on(Bed::shared().await?, Azurite::shared().await?, state, named).await
    }

    async fn set_on(
        bed: &'static Bed,
        azurite: &'static Azurite,
        state: fn(&str, &str) -> Value,
        named: bool,
    ) -> Result<Self, Error> {
        let stage = STAGE.lock().await;
        clear(bed).await?;
        let namespace = bed.namespace("clusters").await?;
        let container = namespace.clone();
        azurite.create_container(&container, PublicAccess::Container).await?;
        let issuer = azurite.blob_url(&container, "").trim_end_matches('/').to_owned();
        let sim = simulator(azurite, state(&issuer, &container)).await?;
        let guest = crate::guest::Guest::start(guest::healthy(&issuer, &signing_key()?.kid))?;
        let scene = Self {
            sim,
            guest,
            azurite,
            dns: DnsServer::start()?,
            registry: Registry::start().await?,
            bed,
            namespace,
            container,
            issuer,
            named,
            folder: tempfile::tempdir().map_err(Error::file(std::path::Path::new("a temporary folder")))?,
            _stage: stage,
        };
        scene.write_files()?;
        let key = signing_key()?;
        scene.publish(&scene.discovery(), &scene.jwks(&key)).await?;
        // A new node gets the taint not-ready from the API server; a controller, which is not here, takes it off.
        bed.apply_yaml(&kubernetes::management()).await?;
        bed.apply_yaml(&kubernetes::management()).await?;
        Ok(scene)
    }

    /// Makes Azure whole again, without changing the cluster's objects.
    ///
    /// # Errors
    /// A state that the simulator does not take, which is a defect of this module.
    pub fn heal_azure(&self) -> Result<(), Error> {
        self.sim.faults(Vec::new()).map_err(simulated)?;
        self.sim.set_latency(Duration::ZERO);
        self.dns.heal();
        let state = if self.named { azure::named_state } else { azure::state };
        self.sim.load(state(&self.issuer, &self.container)).map_err(simulated)
    }

    /// Makes the hosted cluster's own objects whole again.
    ///
    /// # Errors
    /// As [`signing_key`].
    pub fn heal_guest(&self) -> Result<(), Error> {
        *self.guest.held() = guest::healthy(&self.issuer, &signing_key()?.kid);
        Ok(())
    }

    /// Makes the cluster's objects whole again. Immutable fields stay as they are.
    ///
    /// # Errors
    /// Objects that the API server does not take.
    pub async fn heal_kubernetes(&self) -> Result<(), Error> {
        self.bed.apply_yaml(&kubernetes::management()).await?;
        self.bed.apply_yaml(&kubernetes::hosted(self, &signing_key()?.pem)).await?;
        Ok(())
    }

    /// Puts the issuer's documents in place.
    ///
    /// # Errors
    /// What the blob service answers.
    pub async fn publish(&self, discovery: &Value, jwks: &Value) -> Result<(), Error> {
        let json = "application/json";
        self.azurite
            .put_blob(&self.container, ".well-known/openid-configuration", json, &discovery.to_string())
            .await?;
        self.azurite.put_blob(&self.container, "openid/v1/jwks", json, &jwks.to_string()).await
    }

    /// Publishes the issuer's right documents in a public container again.
    ///
    /// # Errors
    /// What the blob service answers.
    pub async fn heal_issuer(&self) -> Result<(), Error> {
        self.azurite.set_public_access(&self.container, PublicAccess::Container).await?;
        self.publish(&self.discovery(), &self.jwks(&signing_key()?)).await
    }

    /// Writes the scene's files anew.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn heal_files(&self) -> Result<(), Error> {
        self.write_files()
    }

    /// The right discovery document.
    pub fn discovery(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{}/openid/v1/jwks", self.issuer),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    /// A key set of one key.
    pub fn jwks(&self, key: &SigningKey) -> Value {
        json!({"keys": [{"use": "sig", "kty": "RSA", "kid": key.kid, "alg": "RS256", "n": key.n, "e": key.e}]})
    }

    /// A path in the scene's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_files(&self) -> Result<(), Error> {
        let ca = self.path("ca.pem");
        let write = |path: &PathBuf, text: &str| std::fs::write(path, text).map_err(Error::file(path));
        let trusted = [self.sim.ca_pem(), self.azurite.ca_pem(), self.registry.ca_pem()];
        write(&ca, &trusted.join("\n"))?;
        let mut environment = self.sim.environment(&ca);
        environment["dnsServer"] = json!(self.dns.address());
        write(&self.path("environment.json"), &environment.to_string())?;
        self.dns.serve(&self.sim.state());
        self.write_creds(&json!({
            "subscriptionId": azure_sim::seed::SUBSCRIPTION,
            "tenantId": azure_sim::seed::TENANT,
            "clientId": azure_sim::seed::CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
        }))
    }

    /// Writes the credentials file, readable by its owner alone.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_creds(&self, creds: &Value) -> Result<(), Error> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path("azure-creds.json");
        std::fs::write(&path, creds.to_string()).map_err(Error::file(&path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(Error::file(&path))
    }
}

/// Takes the hosted clusters of earlier scenes off the stage: they name the same identities as every scene's cluster.
async fn clear(bed: &Bed) -> Result<(), Error> {
    let client = bed.client()?;
    let kind = GroupVersionKind::gvk("hypershift.openshift.io", "v1beta1", "HostedCluster");
    let kind = ApiResource::from_gvk(&kind);
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    for cluster in all.list(&ListParams::default()).await? {
        let (Some(namespace), Some(name)) = (cluster.metadata.namespace, cluster.metadata.name) else { continue };
        if namespace.starts_with("clusters-") {
            let own: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind);
            let held = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            own.patch(&name, &PatchParams::default(), &held).await?;
            own.delete(&name, &DeleteParams::default()).await?;
        }
    }
    Ok(())
}

/// The client ids that a HostedCluster names, each behind the one of the scene's own identity.
fn client_ids(cluster: &Value) -> Vec<(String, String)> {
    let named = &cluster["spec"]["platform"]["azure"]["azureAuthenticationConfig"]["workloadIdentities"];
    let named = named.as_object().into_iter().flatten();
    named.filter_map(|(key, id)| Some((azure::client_id(key), id["clientID"].as_str()?.to_owned()))).collect()
}

async fn simulator(azurite: &Azurite, state: Value) -> Result<Simulator, Error> {
    let origin = azurite.base_url().rsplit_once('/').map_or(azurite.base_url(), |(origin, _)| origin);
    let options = Options {
        state: Some(state),
        blob_endpoint: Some(origin.to_owned()),
        blob_backend: Some(azurite.backend()),
        oidc_ca: Some(azurite.ca_pem().to_owned()),
        ..Options::default()
    };
    Simulator::start(options).await.map_err(simulated)
}

fn simulated(error: azure_sim::Error) -> Error {
    Error::Input(error.to_string())
}

/// A service account signing key.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// The private key, PKCS#1 PEM.
    pub pem: String,
    /// base64url(SHA-256(DER SubjectPublicKeyInfo)).
    pub kid: String,
    /// Modulus, base64url.
    pub n: String,
    /// Exponent, base64url.
    pub e: String,
}

/// The signing key of all scenes; making one takes a while.
///
/// # Errors
/// [`Error::Input`] when the crypto library refuses.
pub fn signing_key() -> Result<SigningKey, Error> {
    static KEY: Mutex<Option<SigningKey>> = Mutex::new(None);
    let mut key = KEY.lock().unwrap_or_else(PoisonError::into_inner);
    match key.as_ref() {
        Some(key) => Ok(key.clone()),
        None => Ok(key.insert(new_signing_key()?).clone()),
    }
}

/// A key of its own.
///
/// # Errors
/// [`Error::Input`] when the crypto library refuses.
pub fn new_signing_key() -> Result<SigningKey, Error> {
    let refused = |what: &str| Error::Input(format!("signing key: {what}"));
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| refused("cannot be made"))?;
    let pkcs8 =
        AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| refused("has no PKCS#8 form"))?;
    // HyperShift reads PKCS#1 only: what PKCS#8 wraps, behind 26 bytes for a key of this size.
    let pkcs1 = pkcs8.as_ref().get(26..).ok_or_else(|| refused("is too short"))?;
    let pem = armoured("RSA PRIVATE KEY", pkcs1);
    let components = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    Ok(SigningKey {
        kid: public_half(&pem)?.kid,
        pem,
        n: BASE64_URL_SAFE_NO_PAD.encode(components.n),
        e: BASE64_URL_SAFE_NO_PAD.encode(components.e),
    })
}
