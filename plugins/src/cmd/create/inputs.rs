//! The files that the flags of `create cluster` name, read.

use std::path::Path;

use cloud::credentials::{self, Environment as _};
use cloud::files::{self, FileError};
use cloud::{secrets, signing_key};
use plan::cluster::{
    AzureAccount, ClusterSpec, Entropy, ImageContentSource, InfraOutput, Inputs, Refusal, SshKey,
    WorkloadIdentitiesFile,
};
use plan::{identities, infra_id};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use ui::Failure;

use super::refused;
use crate::globals::Globals;

const CREDS: &str = "--azure-creds";

/// Reads every file that was named.
///
/// # Errors
/// A refusal for each flag whose file cannot be used.
pub(super) fn read(globals: &Globals, spec: &ClusterSpec) -> Result<Inputs, Vec<Refusal>> {
    let mut reader = Reader::default();
    let infra = reader.document("--infra-json", spec.infra_json.as_deref(), InfraOutput::of);
    // Beside an infra file, what that holds is judged.
    let alone = spec.infra_json.is_none();
    let workload_identities = reader.workload_identities(spec.workload_identities_file.as_deref(), alone);
    // The infra file holds what these hold; a file that is not there is a mistake all the same.
    for (flag, path) in [
        (identities::MANAGED, &spec.managed_identities_file),
        (identities::DATA_PLANE, &spec.data_plane_identities_file),
    ] {
        reader.document(flag, path.as_deref(), |_| Ok(()));
    }
    let account = reader.keep(account(globals));
    let pull_secret = reader.file("--pull-secret", spec.pull_secret.as_deref(), files::read_secret);
    let signing_key = reader.signing_key(spec.sa_token_issuer_private_key_path.as_deref());
    let rewritten = signing_key.as_ref().and_then(|key| signing_key::rewritten(key.expose_secret().as_bytes()));
    let trust_bundle =
        reader.file("--additional-trust-bundle", spec.additional_trust_bundle.as_deref(), files::read_text);
    let image_content_sources =
        reader.document("--image-content-sources", spec.image_content_sources.as_deref(), image_sources);
    let ssh_key = reader.file("--ssh-key", spec.ssh_key.as_deref(), files::read_text);
    if !reader.refusals.is_empty() {
        return Err(reader.refusals);
    }
    let ssh_key = match ssh_key {
        Some(public) => Some(SshKey { public, private: None }),
        None if spec.generate_ssh => Some(generated_ssh_key().map_err(|refusal| vec![refusal])?),
        None => None,
    };
    Ok(Inputs {
        infra: infra.unwrap_or_default(),
        identities: workload_identities,
        account: account.unwrap_or_default(),
        pull_secret: pull_secret.unwrap_or_default(),
        ssh_key,
        signing_key_rewritten: rewritten.is_some(),
        signing_key: rewritten.or(signing_key),
        trust_bundle,
        image_content_sources: image_content_sources.unwrap_or_default(),
    })
}

/// The randomness that a cluster needs.
pub(super) fn entropy() -> Result<Entropy, Failure> {
    let etcd_key = secrets::random_key().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Entropy { etcd_key })
}

/// Random bytes for a new infra id.
pub(super) fn random() -> Result<[u8; infra_id::RANDOM], Failure> {
    secrets::random().map_err(|error| Failure::usage(error.to_string()))
}

/// Reads files and keeps the refusals.
#[derive(Default)]
pub(super) struct Reader {
    pub refusals: Vec<Refusal>,
}

impl Reader {
    fn keep<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.refusals.push(refusal)).ok()
    }

    fn file<T>(
        &mut self,
        flag: &'static str,
        path: Option<&str>,
        read: impl Fn(&Path) -> Result<T, FileError>,
    ) -> Option<T> {
        let path = Path::new(path?);
        self.keep(read(path).map_err(|error| refused::file(flag, path, &error)))
    }

    /// What a file says, if one is given.
    pub fn document<T>(
        &mut self,
        flag: &'static str,
        path: Option<&str>,
        understand: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let content = self.file(flag, path, files::read_document)?;
        let understood = understand(&content)
            .map_err(|why| Refusal::new(flag, path.unwrap_or_default(), why, "give the right file"));
        self.keep(understood)
    }

    /// What `create iam` wrote; refused when it is incomplete, where nothing else tells the identities.
    pub fn workload_identities(&mut self, path: Option<&str>, alone: bool) -> Option<WorkloadIdentitiesFile> {
        let refused = self.refusals.len();
        let file = self.document(identities::WORKLOAD, path, |content| {
            let file = WorkloadIdentitiesFile::of(content)?;
            if alone {
                file.check()?;
            }
            Ok(file)
        });
        for refusal in &mut self.refusals[refused..] {
            refusal.fix =
                "write it with `create iam`; running that again finishes a file that is incomplete".to_owned();
        }
        file
    }

    /// A key of another kind than RSA signs no token that Entra takes.
    fn signing_key(&mut self, path: Option<&str>) -> Option<SecretString> {
        let flag = "--sa-token-issuer-private-key-path";
        let key = self.file(flag, path, files::read_secret)?;
        let path = path.unwrap_or_default();
        let public = signing_key::public_key_of_pem(key.expose_secret().as_bytes(), path.to_owned());
        self.keep(public.map_err(|error| {
            Refusal::new(
                flag,
                path,
                error.why().unwrap_or_else(|| error.to_string()),
                "give an RSA private key in PEM form, such as `create oidc-issuer` writes",
            )
        }))?;
        Some(key)
    }
}

/// Subscription and tenant: of the credentials file, else of the environment.
///
/// # Errors
/// A refusal of the file; without a value where there is neither.
pub(super) fn account(globals: &Globals) -> Result<AzureAccount, Refusal> {
    let fix = "give a file with subscriptionId, tenantId, clientId and clientSecret";
    let Some(path) = &globals.azure_creds else {
        let variable = |name| globals.environment().var(name);
        return match (variable("AZURE_SUBSCRIPTION_ID"), variable("AZURE_TENANT_ID")) {
            (Some(subscription_id), Some(tenant_id)) => Ok(AzureAccount { subscription_id, tenant_id }),
            _ => Err(Refusal::new(
                CREDS,
                "",
                "subscription and tenant are not known: there is no file, and AZURE_SUBSCRIPTION_ID and AZURE_TENANT_ID are not both set",
                fix,
            )),
        };
    };
    let shown = path.display().to_string();
    let read = credentials::read_creds_file(path)
        .map_err(|error| Refusal::new(CREDS, &shown, format!("it cannot be read: {error}"), fix))?;
    if let Some(problem) = read.shape.problem {
        return Err(Refusal::new(CREDS, shown, problem, fix));
    }
    match (globals.subscription.clone().or(read.shape.subscription_id), read.shape.tenant_id) {
        (Some(subscription_id), Some(tenant_id)) => Ok(AzureAccount { subscription_id, tenant_id }),
        _ => Err(Refusal::new(CREDS, shown, "subscriptionId or tenantId is missing", fix)),
    }
}

fn image_sources(content: &Value) -> Result<Vec<ImageContentSource>, String> {
    if !content.is_array() {
        return Err("it is no list of entries with `source` and `mirrors`".to_owned());
    }
    serde_json::from_value(content.clone()).map_err(|error| error.to_string())
}

fn generated_ssh_key() -> Result<SshKey, Refusal> {
    let (public, private) = secrets::ssh_key_pair().map_err(|error| {
        Refusal::new("--generate-ssh", "", error.to_string(), "make a pair with `ssh-keygen` and give `--ssh-key FILE`")
    })?;
    Ok(SshKey { public, private: Some(private) })
}
