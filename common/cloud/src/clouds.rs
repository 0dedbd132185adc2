//! Azure clouds: where Entra, Resource Manager and storage are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

/// The variable that names the file of a cloud that has no name of its own, in the form that Azure Stack tools use.
pub const ENVIRONMENT_FILE: &str = "AZURE_ENVIRONMENT_FILEPATH";

/// The endpoints of one Azure cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// `AzurePublicCloud` and the like.
    pub name: String,
    /// Entra's address.
    pub authority: Url,
    /// Azure Resource Manager's address.
    pub resource_manager: Url,
    /// The audience of tokens for Resource Manager.
    pub token_audience: String,
    /// Microsoft Graph's address; none where the environment file names none.
    pub graph: Option<Url>,
    /// What follows the account name in a blob host name's `.blob.` part: `core.windows.net`.
    pub storage_suffix: String,
    /// Certificates to trust besides the system's, as PEM.
    pub extra_ca: Option<Vec<u8>>,
    /// The DNS server to ask instead of the system's, in a cloud that is cut off. Its port is that of all DNS servers.
    pub dns_server: Option<SocketAddr>,
}

/// Why a cloud is not known.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// No cloud has this name.
    #[error(
        "unknown Azure cloud '{0}': it is one of AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud, or the one in the file that AZURE_ENVIRONMENT_FILEPATH names"
    )]
    UnknownName(String),
    /// The environment file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The environment file is not what it should be.
    #[error("{path} is no Azure environment file: {why}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// The names, authorities, resource managers, audiences and storage suffixes of the clouds that have a name.
const NAMED: [(&str, &str, &str, &str, &str); 3] = [
    (
        "AzurePublicCloud",
        "https://login.microsoftonline.com/",
        "https://management.azure.com/",
        "https://management.core.windows.net/",
        "core.windows.net",
    ),
    (
        "AzureUSGovernmentCloud",
        "https://login.microsoftonline.us/",
        "https://management.usgovcloudapi.net/",
        "https://management.core.usgovcloudapi.net/",
        "core.usgovcloudapi.net",
    ),
    (
        "AzureChinaCloud",
        "https://login.chinacloudapi.cn/",
        "https://management.chinacloudapi.cn/",
        "https://management.core.chinacloudapi.cn/",
        "core.chinacloudapi.cn",
    ),
];

/// Microsoft Graph's address in a cloud that has a name.
fn graph_of(name: &str) -> Option<Url> {
    let address = match name {
        "AzureUSGovernmentCloud" => "https://graph.microsoft.us/",
        "AzureChinaCloud" => "https://microsoftgraph.chinacloudapi.cn/",
        _ => "https://graph.microsoft.com/",
    };
    Url::parse(address).ok()
}

impl Cloud {
    /// The cloud to use: the one of the environment file if there is one, else the named one, else the public one.
    ///
    /// # Errors
    /// An unknown name, or an environment file that cannot be used.
    pub fn select(name: Option<&str>, environment_file: Option<&Path>) -> Result<Self, CloudError> {
        if let Some(path) = environment_file {
            return Self::of_file(path);
        }
        let name = name.unwrap_or(NAMED[0].0);
        NAMED
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name))
            .and_then(|&(name, authority, resource_manager, audience, suffix)| {
                Some(Self {
                    name: name.to_owned(),
                    authority: Url::parse(authority).ok()?,
                    resource_manager: Url::parse(resource_manager).ok()?,
                    token_audience: audience.to_owned(),
                    graph: graph_of(name),
                    storage_suffix: suffix.to_owned(),
                    extra_ca: None,
                    dns_server: None,
                })
            })
            .ok_or_else(|| CloudError::UnknownName(name.to_owned()))
    }

    /// The scope to ask Resource Manager tokens for.
    pub fn scope(&self) -> String {
        // An audience that ends in a slash keeps it: the slash is part of its name, hence the double one.
        format!("{}/.default", self.token_audience)
    }

    fn of_file(path: &Path) -> Result<Self, CloudError> {
        let read =
            |path: &Path| std::fs::read(path).map_err(|source| CloudError::File { path: path.to_owned(), source });
        let content = |why: String| CloudError::Content { path: path.to_owned(), why };
        let bytes = read(path)?;
        let file: EnvironmentFile = serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
        let url = |key: &str, text: &str| {
            Url::parse(text)
                .ok()
                .filter(|url| url.scheme() == "https" && url.has_host())
                .ok_or_else(|| content(format!("{key} '{text}' is no https URL")))
        };
        let extra_ca = file.ca_file.map(|ca| read(&path.parent().unwrap_or(Path::new(".")).join(ca))).transpose()?;
        Ok(Self {
            authority: url("activeDirectoryEndpoint", &file.active_directory_endpoint)?,
            resource_manager: url("resourceManagerEndpoint", &file.resource_manager_endpoint)?,
            token_audience: file.token_audience,
            graph: file.microsoft_graph_endpoint.map(|text| url("microsoftGraphEndpoint", &text)).transpose()?,
            storage_suffix: file.storage_endpoint_suffix.unwrap_or_default(),
            name: file.name,
            extra_ca,
            dns_server: file.dns_server,
        })
    }
}

/// The file that `AZURE_ENVIRONMENT_FILEPATH` names; other keys are left to other tools.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentFile {
    name: String,
    active_directory_endpoint: String,
    resource_manager_endpoint: String,
    token_audience: String,
    microsoft_graph_endpoint: Option<String>,
    storage_endpoint_suffix: Option<String>,
    /// A PEM file to trust, relative to this one. Our addition.
    ca_file: Option<PathBuf>,
    /// Address and port of the DNS server to ask, as `10.0.0.2:53`. Our addition.
    dns_server: Option<SocketAddr>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn named_clouds() {
        assert_eq!(Cloud::select(None, None).unwrap().name, "AzurePublicCloud");
        let gov = Cloud::select(Some("azureusgovernmentcloud"), None).unwrap();
        assert_eq!(gov.resource_manager.as_str(), "https://management.usgovcloudapi.net/");
        assert_eq!(gov.scope(), "https://management.core.usgovcloudapi.net//.default");
        let error = Cloud::select(Some("AzurePubicCloud"), None).unwrap_err().to_string();
        assert!(error.contains("AzurePubicCloud") && error.contains("AzureChinaCloud"), "{error}");
    }

    #[test]
    fn an_environment_file_names_its_faults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env.json");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Cloud::select(None, Some(&path))
        };
        let good = r#"{"name":"Stack","activeDirectoryEndpoint":"https://a/","resourceManagerEndpoint":"https://m/","tokenAudience":"https://m/x","graphEndpoint":"ignored"}"#;
        assert_eq!(of(good).unwrap().name, "Stack");
        assert!(
            of(&good.replace("https://m/\"", "http://m/\""))
                .unwrap_err()
                .to_string()
                .contains("resourceManagerEndpoint")
        );
        assert!(of("{}").unwrap_err().to_string().contains("no Azure environment file"));
        assert!(
            of(&good.replace("\"graph", "\"caFile\":\"gone.pem\",\"graph"))
                .unwrap_err()
                .to_string()
                .contains("gone.pem")
        );
    }
}
