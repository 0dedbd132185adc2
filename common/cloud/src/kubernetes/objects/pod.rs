//! Pod, with the workload it belongs to and the tokens it asks for.

use facts::catalogue;
use facts::hosted::{Container, Pod, TokenMinter};
use serde_json::Value;

use super::json::{free_text, int32, items, label, str_at, text, time};

/// The characters of the hashes that Kubernetes appends to names.
/// Source: kubernetes/apimachinery, `pkg/util/rand`.
const HASH_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Reads a pod; none without a name.
pub fn pod(object: &Value) -> Option<Pod> {
    let name = text(object, "/metadata/name")?;
    let unscheduled = items(object, "/status/conditions").iter().find(|condition| {
        str_at(condition, "/type") == Some("PodScheduled") && str_at(condition, "/status") == Some("False")
    });
    let scheduling = |pointer| unscheduled.and_then(|condition| free_text(condition, pointer));
    Some(Pod {
        app: app(object, &name),
        phase: text(object, "/status/phase"),
        reason: free_text(object, "/status/reason").or_else(|| scheduling("/reason")),
        message: free_text(object, "/status/message").or_else(|| scheduling("/message")),
        started_at: time(object, "/status/startTime").or_else(|| time(object, "/metadata/creationTimestamp")),
        containers: containers(object),
        name,
    })
}

/// The workload of a pod: by its labels, else by its owner, else by its own name.
///
/// The labels of one pod disagree at times (`app=capi-provider-controller-manager` on pods of `capi-provider`), so the
/// first of these names that the catalogue knows counts, and without such a name the first of all.
fn app(object: &Value, name: &str) -> Option<String> {
    let labels = ["app", "hypershift.openshift.io/control-plane-component", "app.kubernetes.io/name"];
    let mut names: Vec<String> = labels
        .iter()
        .filter_map(|key| label(object, key).filter(|value| !value.is_empty()))
        .map(str::to_owned)
        .collect();
    for owner in items(object, "/metadata/ownerReferences") {
        let Some(owner_name) = str_at(owner, "/name") else {
            continue;
        };
        names.push(match str_at(owner, "/kind") {
            Some("ReplicaSet") => without_hash(owner_name).to_owned(),
            _ => owner_name.to_owned(),
        });
    }
    names.push(without_pod_suffix(name).to_owned());
    let known = names.iter().position(|name| catalogue::by_workload(name).is_some());
    Some(names.swap_remove(known.unwrap_or(0)))
}

/// A pod's name without what its controller appended: an ordinal or five random characters, and a ReplicaSet's hash.
fn without_pod_suffix(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((rest, last)) if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) => without_hash(rest),
        Some((rest, last)) if last.len() == 5 && is_hash(last) => without_hash(rest),
        _ => name,
    }
}

fn without_hash(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((rest, last)) if (5..=10).contains(&last.len()) && is_hash(last) => rest,
        _ => name,
    }
}

fn is_hash(text: &str) -> bool {
    text.chars().all(|c| HASH_ALPHABET.contains(c))
}

fn containers(object: &Value) -> Vec<Container> {
    let init = items(object, "/spec/initContainers").iter().map(|spec| (spec, true));
    let main = items(object, "/spec/containers").iter().map(|spec| (spec, false));
    init.chain(main)
        .filter_map(|(spec, is_init)| {
            let name = text(spec, "/name")?;
            let statuses = if is_init { "/status/initContainerStatuses" } else { "/status/containerStatuses" };
            let status = items(object, statuses)
                .iter()
                .find(|status| str_at(status, "/name") == Some(name.as_str()))
                .unwrap_or(&Value::Null);
            Some(container(name, is_init, spec, status))
        })
        .collect()
}

fn container(name: String, init: bool, spec: &Value, status: &Value) -> Container {
    // What ended last time explains a restart; what ended now explains a container that stays down.
    let terminated = ["/lastState/terminated", "/state/terminated"]
        .iter()
        .find_map(|pointer| status.pointer(pointer).filter(|state| state.is_object()))
        .unwrap_or(&Value::Null);
    Container {
        init,
        ready: status.pointer("/ready").and_then(Value::as_bool).unwrap_or(false),
        restarts: int32(status, "/restartCount").unwrap_or(0),
        waiting_reason: text(status, "/state/waiting/reason"),
        waiting_message: free_text(status, "/state/waiting/message"),
        terminated_reason: text(terminated, "/reason"),
        exit_code: int32(terminated, "/exitCode"),
        terminated_at: time(terminated, "/finishedAt"),
        token_minter: token_minter(&name, spec),
        azure_client_id: variable(spec, "AZURE_CLIENT_ID"),
        sidecar: init && str_at(spec, "/restartPolicy") == Some("Always"),
        azure_tenant_id: variable(spec, "AZURE_TENANT_ID"),
        azure_token_file: variable(spec, "AZURE_FEDERATED_TOKEN_FILE"),
        name,
    }
}

/// The value of an environment variable that is set in the spec itself. Only names that hold no secret are asked for.
fn variable(spec: &Value, name: &str) -> Option<String> {
    let found = items(spec, "/env").iter().find(|variable| str_at(variable, "/name") == Some(name))?;
    text(found, "/value")
}

/// What a token minter asks for. It is told by its sub-command or its container's name.
fn token_minter(name: &str, spec: &Value) -> Option<TokenMinter> {
    let words: Vec<&str> =
        ["/command", "/args"].iter().flat_map(|pointer| items(spec, pointer)).filter_map(Value::as_str).collect();
    if !name.contains("token-minter") && !words.iter().any(|word| word.ends_with("token-minter")) {
        return None;
    }
    let flag = |flag: &str| -> Option<&str> {
        words.iter().enumerate().find_map(|(at, word)| {
            let rest = word.strip_prefix(flag)?;
            if rest.is_empty() { words.get(at + 1).copied() } else { rest.strip_prefix('=') }
        })
    };
    Some(TokenMinter {
        audience: flag("--token-audience").map(str::to_owned),
        file: flag("--token-file").map(str::to_owned),
        subject: flag("--service-account-namespace")
            .zip(flag("--service-account-name"))
            .map(|(namespace, account)| format!("system:serviceaccount:{namespace}:{account}")),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_workload_of_a_pod() {
        let owner = |kind: &str, name: &str| json!([{"kind": kind, "name": name}]);
        let table = [
            (json!({"name": "x", "labels": {"app": "ingress-operator"}}), "ingress-operator"),
            (
                json!({"name": "x", "labels": {"app": "capi-provider-controller-manager",
                    "hypershift.openshift.io/control-plane-component": "capi-provider"}}),
                "capi-provider",
            ),
            (json!({"name": "capi-provider-6d8f9c7b5d-x2x4z", "labels": {"app": "other"}}), "capi-provider"),
            (json!({"name": "p", "ownerReferences": owner("ReplicaSet", "packageserver-5d9c7bf6d4")}), "packageserver"),
            (json!({"name": "p", "ownerReferences": owner("StatefulSet", "etcd")}), "etcd"),
            (json!({"name": "etcd-0"}), "etcd"),
            (json!({"name": "oauth-openshift-7c9d8b6f5-abcde"}), "oauth-openshift-7c9d8b6f5-abcde"),
            (json!({"name": "oauth-openshift-7c9d8b6f5-bcd2f"}), "oauth-openshift"),
            (json!({"name": "control-plane-operator"}), "control-plane-operator"),
        ];
        for (metadata, want) in table {
            let pod = pod(&json!({"metadata": metadata})).unwrap();
            assert_eq!(pod.app.as_deref(), Some(want), "{metadata}");
        }
    }

    #[test]
    fn containers_with_their_states_and_tokens() {
        let object = json!({"metadata": {"name": "p"}, "spec": {
            "initContainers": [{"name": "prober"}, {"name": "cloud-token-minter", "restartPolicy": "Always"}],
            "containers": [
                {"name": "manager", "env": [{"name": "AZURE_CLIENT_ID", "value": "c"}, {"name": "AZURE_TENANT_ID", "value": "t"},
                    {"name": "AZURE_FEDERATED_TOKEN_FILE", "value": "/t"}, {"name": "AZURE_CLIENT_SECRET", "value": "s"}]},
                {"name": "minter", "command": ["/usr/bin/control-plane-operator", "token-minter"],
                 "args": ["--token-audience", "openshift", "--service-account-namespace=kube-system",
                          "--service-account-name=capi-provider"]}]},
            "status": {"phase": "Running",
                "initContainerStatuses": [{"name": "prober", "ready": true}],
                "containerStatuses": [{"name": "manager", "ready": false, "restartCount": 11,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                    "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-11-20T09:00:00Z"}}}]}});
        let pod = pod(&object).unwrap();
        let [prober, sidecar, manager, minter] = pod.containers.as_slice() else {
            panic!("four containers");
        };
        assert!(prober.init && prober.ready && !prober.sidecar);
        assert!(sidecar.init && sidecar.sidecar && sidecar.token_minter.is_some());
        assert_eq!((manager.azure_tenant_id.as_deref(), manager.azure_token_file.as_deref()), (Some("t"), Some("/t")));
        assert_eq!(manager.waiting_reason.as_deref(), Some("CrashLoopBackOff"));
        assert_eq!((manager.restarts, manager.exit_code), (11, Some(1)));
        assert_eq!(manager.azure_client_id.as_deref(), Some("c"));
        assert!(manager.terminated_at.is_some() && manager.token_minter.is_none());
        let minter = minter.token_minter.as_ref().unwrap();
        assert_eq!(minter.audience.as_deref(), Some("openshift"));
        assert_eq!(minter.subject.as_deref(), Some("system:serviceaccount:kube-system:capi-provider"));
    }

    #[test]
    fn a_pod_that_cannot_be_scheduled_says_why() {
        let object = json!({"metadata": {"name": "p"}, "status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]}});
        let pod = pod(&object).unwrap();
        assert_eq!((pod.reason.as_deref(), pod.message.as_deref()), (Some("Unschedulable"), Some("0/3 nodes")));
    }
}
