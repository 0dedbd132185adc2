//! The Secrets of a hosted cluster. Each may be deleted with its cluster, and says so in a label.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::super::inputs::Entropy;
use super::super::validate::Cluster;

impl Cluster {
    pub(super) fn secrets(&self, entropy: &Entropy) -> Vec<Value> {
        let mut secrets = vec![self.secret(
            &self.pull_secret_name(),
            &[(".dockerconfigjson", self.inputs.pull_secret.expose_secret().as_bytes())],
        )];
        if let Some(key) = &self.inputs.ssh_key {
            let mut entries = Vec::new();
            if let Some(private) = &key.private {
                entries.push(("id_rsa", private.expose_secret().as_bytes()));
            }
            entries.push(("id_rsa.pub", key.public.as_bytes()));
            secrets.push(self.secret(&self.ssh_key_name(), &entries));
        }
        let account = &self.inputs.account;
        secrets.push(self.secret(
            &format!("{}-cloud-credentials", self.spec.name),
            &[
                ("AZURE_SUBSCRIPTION_ID", account.subscription_id.as_bytes()),
                ("AZURE_TENANT_ID", account.tenant_id.as_bytes()),
            ],
        ));
        if let Some(key) = &self.inputs.signing_key {
            secrets.push(self.secret(&self.signing_key_name(), &[("key", key.expose_secret().as_bytes())]));
        }
        if self.parsed.encryption_key.is_none() {
            let mut secret = self.secret(&self.etcd_key_name(), &[("key", entropy.etcd_key.expose_secret())]);
            secret["type"] = json!("Opaque");
            secrets.push(secret);
        }
        secrets
    }

    pub(super) fn pull_secret_name(&self) -> String {
        format!("{}-pull-secret", self.spec.name)
    }

    pub(super) fn ssh_key_name(&self) -> String {
        format!("{}-ssh-key", self.spec.name)
    }

    /// Without a dash, as upstream has it: a cluster made by either can be managed by the other.
    pub(super) fn signing_key_name(&self) -> String {
        format!("{}sa-token-issuer-key", self.spec.name)
    }

    pub(super) fn etcd_key_name(&self) -> String {
        format!("{}-etcd-encryption-key", self.spec.name)
    }

    fn secret(&self, name: &str, entries: &[(&str, &[u8])]) -> Value {
        let data: Map<String, Value> =
            entries.iter().map(|(key, bytes)| ((*key).to_owned(), json!(STANDARD.encode(bytes)))).collect();
        json!({
            "apiVersion": "v1",
            "data": data,
            "kind": "Secret",
            "metadata": {
                "labels": {"hypershift.openshift.io/safe-to-delete-with-cluster": "true"},
                "name": name,
                "namespace": self.spec.namespace,
            },
        })
    }
}
