//! The credential plugin of a kubeconfig, run where nobody can be asked.

use std::process::Stdio;

use kube::config::{AuthInfo, ExecInteractiveMode};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::kubernetes::KubeError;

/// Replaces the credential plugin by the credential that it gives: it gets no terminal, nobody sees what it says, and it
/// ends with the future.
///
/// # Errors
/// [`KubeError::Unauthorized`] when it cannot run so, or gives none.
pub(super) async fn sign_in(user: &mut AuthInfo) -> Result<(), KubeError> {
    let refused = |why: &str| KubeError::Unauthorized { why: why.to_owned() };
    if user.auth_provider.is_some() {
        return Err(refused("the kubeconfig's way to sign in may ask"));
    }
    let Some(exec) = user.exec.take() else { return Ok(()) };
    let Some(program) = exec.command.filter(|_| exec.interactive_mode != Some(ExecInteractiveMode::Always)) else {
        return Err(refused("the credential plugin wants a terminal"));
    };
    let wish = json!({
        "apiVersion": exec.api_version,
        "kind": "ExecCredential",
        "spec": {"interactive": false, "cluster": exec.cluster.filter(|_| exec.provide_cluster_info)},
    });
    let mut command = Command::new(program);
    command.args(exec.args.unwrap_or_default()).env("KUBERNETES_EXEC_INFO", wish.to_string());
    for variable in exec.env.unwrap_or_default() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    // In a group of its own it cannot read from the terminal, even if it opens it by its name.
    #[cfg(unix)]
    command.process_group(0);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|_| refused("the credential plugin cannot be started"))?;
    let stdout = Zeroizing::new(output.stdout);
    let answer: Value = std::str::from_utf8(&stdout)
        .ok()
        .filter(|_| output.status.success())
        .and_then(|text| serde_saphyr::from_str(text).ok())
        .ok_or_else(|| refused("the credential plugin gives nothing"))?;
    let field = |name: &str| answer.pointer(&format!("/status/{name}")).and_then(Value::as_str).map(str::to_owned);
    if let Some(token) = field("token") {
        user.token = Some(SecretString::from(token));
    }
    if let (Some(certificate), Some(key)) = (field("clientCertificateData"), field("clientKeyData")) {
        // In a kubeconfig they stand in base64.
        user.client_certificate_data = Some(base64(&certificate));
        user.client_key_data = Some(SecretString::from(base64(&key)));
    }
    Ok(())
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, Instant};

    use kube::config::ExecConfig;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn user(script: &str, mode: Option<ExecInteractiveMode>) -> AuthInfo {
        let exec = ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".into()),
            command: Some("/bin/sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            interactive_mode: mode,
            ..serde_json::from_str("{}").unwrap()
        };
        AuthInfo { exec: Some(exec), ..AuthInfo::default() }
    }

    #[tokio::test]
    async fn a_plugin_answers_alone() {
        let script = r#"cat; echo asking >&2; [ -n "$KUBERNETES_EXEC_INFO" ] && echo '{"status": {"token": "t0ken"}}'"#;
        let mut with = user(script, None);
        sign_in(&mut with).await.unwrap();
        assert_eq!(with.token.as_ref().unwrap().expose_secret(), "t0ken");
        assert!(with.exec.is_none());
        for (script, mode) in [
            (script, Some(ExecInteractiveMode::Always)),
            ("exit 1", None),
            ("echo no", Some(ExecInteractiveMode::Never)),
        ] {
            let mut with = user(script, mode.clone());
            let ended = sign_in(&mut with).await;
            assert!(ended.is_err() || with.token.is_none(), "{script} {mode:?}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_waits_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let mut with = user(&format!("echo $$ > {}; exec sleep 600", mark.display()), None);
        let begun = Instant::now();
        let until_it_runs = async {
            while !std::fs::read_to_string(&mark).is_ok_and(|pid| pid.ends_with('\n')) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = sign_in(&mut with) => panic!("it ended by itself"),
            () = until_it_runs => {}
        }
        let pid = std::fs::read_to_string(&mark).unwrap();
        let is_alive = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        while is_alive() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
