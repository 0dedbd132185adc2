//! Flags that every verb takes: kubectl's own by their names and meanings, and Azure's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cloud::clouds::{Cloud, ENVIRONMENT_FILE};
use cloud::credentials::{self, CredsFileRead, Environment, ProcessEnvironment};
use cloud::http::{Call, Calls};
use cloud::kubernetes::KubeOptions;
use secrecy::SecretString;
use ui::{ColorChoice, Failure, FailureKind};

use crate::cmd::Held;

/// Flags of every verb, as typed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Globals {
    /// Path to the kubeconfig file of the management cluster
    #[arg(long, global = true, value_name = "FILE", help_heading = "Management cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME", help_heading = "Management cluster")]
    pub context: Option<String>,
    /// The kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME", help_heading = "Management cluster")]
    pub cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME", help_heading = "Management cluster")]
    pub user: Option<String>,
    /// The namespace of the HostedCluster
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Management cluster")]
    pub namespace: Option<String>,
    /// Username to impersonate
    #[arg(long = "as", global = true, value_name = "USER", help_heading = "Management cluster")]
    pub as_user: Option<String>,
    /// Uid to impersonate
    #[arg(long, global = true, value_name = "UID", help_heading = "Management cluster")]
    pub as_uid: Option<String>,
    /// Group to impersonate; can be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", help_heading = "Management cluster")]
    pub as_groups: Vec<String>,
    /// Address of the API server, instead of the kubeconfig's
    #[arg(short, long, global = true, value_name = "URL", help_heading = "Management cluster")]
    pub server: Option<String>,
    /// Bearer token, instead of the kubeconfig's credentials; others on this machine can see it in the list of processes
    #[arg(long, global = true, value_name = "TOKEN", value_parser = secret, help_heading = "Management cluster")]
    pub token: Option<SecretString>,
    /// Client certificate, a PEM file, instead of the kubeconfig's
    #[arg(long, global = true, value_name = "FILE", help_heading = "Management cluster")]
    pub client_certificate: Option<PathBuf>,
    /// Key of the client certificate, a PEM file, instead of the kubeconfig's
    #[arg(long, global = true, value_name = "FILE", help_heading = "Management cluster")]
    pub client_key: Option<PathBuf>,
    /// Certificates of the authorities that may sign the API server's, a PEM file, instead of the kubeconfig's
    #[arg(long, global = true, value_name = "FILE", help_heading = "Management cluster")]
    pub certificate_authority: Option<PathBuf>,
    /// Name in the API server's certificate, where it is not that of its address
    #[arg(long, global = true, value_name = "NAME", help_heading = "Management cluster")]
    pub tls_server_name: Option<String>,
    /// How long to wait for one answer of the management cluster: 30s, 2m; 0 waits for ever
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Management cluster")]
    pub request_timeout: Option<Duration>,
    /// Do not verify the management cluster's certificate
    #[arg(long, global = true, conflicts_with = "certificate_authority", help_heading = "Management cluster")]
    pub insecure_skip_tls_verify: bool,
    /// Azure credentials file: JSON or YAML with subscriptionId, tenantId, clientId, clientSecret
    #[arg(long, global = true, value_name = "FILE", help_heading = "Azure")]
    pub azure_creds: Option<PathBuf>,
    /// Id of the Azure subscription to create in, instead of the one that the credential names
    #[arg(long, global = true, value_name = "ID", value_parser = subscription, help_heading = "Azure")]
    pub subscription: Option<String>,
    /// Azure cloud: AzurePublicCloud, AzureUSGovernmentCloud or AzureChinaCloud; AZURE_ENVIRONMENT_FILEPATH names any other
    #[arg(long, global = true, value_name = "NAME", help_heading = "Azure")]
    pub cloud: Option<String>,
    /// Never ask: what needs a yes is refused without `--yes`, as it is without a terminal
    #[arg(long, global = true, help_heading = "Output")]
    pub no_input: bool,
    /// Show each call with status, time and request id; never a secret
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Print nothing but the result
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// No colour; NO_COLOR does the same
    #[arg(long, global = true, help_heading = "Output")]
    pub no_color: bool,
    /// The flags that the command line gives, by the names of their fields; all others have their defaults.
    #[arg(skip)]
    pub given: BTreeSet<String>,
    /// The command line behind the program's name, as it was typed.
    #[arg(skip)]
    pub typed: Vec<String>,
    /// How the user calls the program.
    #[arg(skip)]
    pub program: &'static str,
    /// The saved plan that is to be applied, exactly or not at all.
    #[arg(skip)]
    pub saved: Option<Arc<Held>>,
}

/// The process environment, with the subscription of `--subscription` in place of its own.
#[derive(Debug, Clone)]
pub(crate) struct RunEnvironment {
    subscription: Option<String>,
}

impl Environment for RunEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        match (&self.subscription, name) {
            (Some(subscription), "AZURE_SUBSCRIPTION_ID") => Some(subscription.clone()),
            _ => ProcessEnvironment.var(name),
        }
    }
}

impl Globals {
    /// When to use colour.
    pub fn color_choice(&self) -> ColorChoice {
        if self.no_color { ColorChoice::Never } else { ColorChoice::Auto }
    }

    /// The flags that choose the management cluster.
    pub fn kube_options(&self) -> KubeOptions {
        KubeOptions {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            namespace: self.namespace.clone(),
            as_user: self.as_user.clone(),
            as_uid: self.as_uid.clone(),
            as_groups: self.as_groups.clone(),
            server: self.server.clone(),
            token: self.token.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            certificate_authority: self.certificate_authority.clone(),
            tls_server_name: self.tls_server_name.clone(),
            request_timeout: self.request_timeout,
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
        }
    }

    /// The cloud: of the environment file if there is one, else by name.
    pub fn selected_cloud(&self) -> Result<Cloud, Failure> {
        let file = ProcessEnvironment.var(ENVIRONMENT_FILE).map(PathBuf::from);
        Cloud::select(self.cloud.as_deref(), file.as_deref()).map_err(|error| Failure::usage(error.to_string()))
    }

    /// The environment in which a credential is chosen.
    pub fn environment(&self) -> RunEnvironment {
        RunEnvironment { subscription: self.subscription.clone() }
    }

    /// The credentials file, read, if one was given.
    pub fn creds_file(&self) -> Result<Option<CredsFileRead>, Failure> {
        let Some(path) = &self.azure_creds else { return Ok(None) };
        let read = credentials::read_creds_file(path).map(|file| Some(file.in_subscription(self.subscription.clone())));
        read.map_err(|error| {
            Failure::new(FailureKind::Usage, format!("cannot read --azure-creds {}", path.display()))
                .why(error.to_string())
                .hint("give the path of a file with subscriptionId, tenantId, clientId and clientSecret, or leave the flag out to use `az login`")
        })
    }

    /// The record of calls; with `-v` each is shown on stderr as it happens.
    pub fn calls(&self) -> Calls {
        if self.verbose == 0 {
            return Calls::default();
        }
        Calls::watched(Arc::new(|call: &Call| {
            let status = call.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
            let line = ui::call_line(
                &call.method,
                &call.address,
                &status,
                call.duration.as_millis(),
                call.request_id.as_deref(),
            );
            ui::note(&line);
        }))
    }
}

/// `30s`, `2m`, `1h`, `500ms` or a number of seconds, as kubectl takes them.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| format!("'{text}' is no time such as 30s or 2m"))?;
    Duration::try_from(span).map_err(|_| format!("'{text}' is negative"))
}

/// What must not be shown. An empty one is none, and refused, since a script whose variable is unset means another.
fn secret(text: &str) -> Result<SecretString, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(SecretString::from(text)) }
}

/// A subscription by its id; names are not looked up.
fn subscription(text: &str) -> Result<String, String> {
    if facts::arm_id::is_guid(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "'{text}' is no id such as 00000000-0000-0000-0000-000000000000; `az account list -o table` lists them"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_an_id() {
        assert!(subscription("0a1b2c3d-0000-4000-8000-00000000000A").is_ok());
        for bad in ["", "prod", "0a1b2c3d-0000-4000-8000-00000000000g", "0a1b2c3d000040008000000000000000"] {
            assert!(subscription(bad).is_err_and(|why| why.contains("az account list")), "{bad}");
        }
    }

    #[test]
    fn the_flag_stands_in_for_the_environment() {
        let of = |subscription: Option<&str>| RunEnvironment { subscription: subscription.map(str::to_owned) };
        assert_eq!(of(Some("a")).var("AZURE_SUBSCRIPTION_ID").as_deref(), Some("a"));
        assert_eq!(of(Some("a")).var("HOME"), ProcessEnvironment.var("HOME"));
        assert_eq!(of(None).var("AZURE_SUBSCRIPTION_ID"), ProcessEnvironment.var("AZURE_SUBSCRIPTION_ID"));
    }

    #[test]
    fn times_as_kubectl_takes_them() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("soon").is_err());
    }
}
