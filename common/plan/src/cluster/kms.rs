//! `--encryption-key-id`: the address of a key in a Key Vault or a managed HSM.

use super::refusal::Refusal;

const FLAG: &str = "--encryption-key-id";

/// What follows `vault.` or `managedhsm.` in the host of a key, by cloud: public, US Government, China, Germany, Bleu.
const SUFFIXES: [&str; 5] = ["azure.net", "usgovcloudapi.net", "azure.cn", "microsoftazure.de", "sovcloud-api.fr"];

/// A key that encrypts etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EncryptionKey {
    /// The name of the vault.
    pub vault: String,
    /// `KeyVault` or `ManagedHSM`.
    pub vault_type: &'static str,
    /// The name of the key.
    pub name: String,
    /// The version of the key.
    pub version: String,
}

/// Reads `https://<vault>.vault.azure.net/keys/<key>/<version>` and its like. The version is needed: a HostedCluster
/// names one.
pub(super) fn parse(given: &str) -> Result<EncryptionKey, Refusal> {
    let refuse = |why: String| {
        Refusal::new(FLAG, given, why, "`az keyvault key show --vault-name VAULT --name KEY --query key.kid` prints it")
    };
    let rest = given.strip_prefix("https://").ok_or_else(|| refuse("it does not begin with https://".to_owned()))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let [name, version] = path
        .strip_prefix("keys/")
        .ok_or_else(|| refuse("its path does not begin with /keys/".to_owned()))?
        .split('/')
        .collect::<Vec<_>>()[..]
    else {
        return Err(refuse("its path is not /keys/KEY/VERSION".to_owned()));
    };
    let fits = |part: &str| {
        (1..=127).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !fits(name) || !fits(version) {
        return Err(refuse(
            "its key name or version is empty, or has other characters than letters, digits and dashes".to_owned(),
        ));
    }
    let (vault, service) = host.split_once('.').unwrap_or((host, ""));
    let vault_type = SUFFIXES.iter().find_map(|suffix| match service.strip_suffix(suffix) {
        Some("vault.") => Some("KeyVault"),
        Some("managedhsm.") => Some("ManagedHSM"),
        _ => None,
    });
    match vault_type {
        Some(vault_type) if fits(vault) => Ok(EncryptionKey {
            vault: vault.to_owned(),
            vault_type,
            name: name.to_owned(),
            version: version.to_owned(),
        }),
        _ => Err(refuse(format!("'{host}' is no host of a Key Vault or a managed HSM"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_of_vaults_and_hsms() {
        let key = parse("https://KV-Demo.vault.azure.net/keys/etcd/0123").unwrap();
        assert_eq!(
            (key.vault.as_str(), key.vault_type, key.name.as_str(), key.version.as_str()),
            ("kv-demo", "KeyVault", "etcd", "0123")
        );
        for (host, kind) in [
            ("h.managedhsm.azure.net", "ManagedHSM"),
            ("v.vault.usgovcloudapi.net", "KeyVault"),
            ("v.vault.azure.cn", "KeyVault"),
            ("h.managedhsm.sovcloud-api.fr", "ManagedHSM"),
            ("v.vault.azure.net:443", "KeyVault"),
        ] {
            assert_eq!(parse(&format!("https://{host}/keys/k/v")).unwrap().vault_type, kind, "{host}");
        }
    }

    #[test]
    fn what_is_no_key() {
        for (bad, word) in [
            ("kv/keys/k/v", "https://"),
            ("https://kv.example.com/keys/k/v", "no host"),
            ("https://kv.vault.azure.net/secrets/k/v", "/keys/"),
            ("https://kv.vault.azure.net/keys/k", "KEY/VERSION"),
            ("https://kv.vault.azure.net/keys/k/v/w", "KEY/VERSION"),
            ("https://kv.vault.azure.net/keys/k/", "empty"),
            ("https://kv.vault.azure.net/keys//v", "empty"),
            ("https://.vault.azure.net/keys/k/v", "no host"),
            ("https://vault.azure.net/keys/k/v", "no host"),
        ] {
            let refusal = parse(bad).unwrap_err();
            assert!(refusal.why.contains(word), "{bad}: {}", refusal.why);
        }
    }
}
