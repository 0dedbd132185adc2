//! Recorded writes of the upstream command line: the simulator must accept them and hold what they ask for.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::support::Bed;

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("HCP_AZURE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    root.join("golden/azure").is_dir().then_some(root)
}

/// Object ids in a recording, by the name of their identity.
fn principals(recorded: &Value) -> BTreeMap<String, String> {
    recorded["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| Some((one["properties"]["principalId"].as_str()?.to_owned(), one["id"].as_str()?.to_owned())))
        .filter(|(_, id)| id.contains("/userAssignedIdentities/"))
        .collect()
}

#[tokio::test]
async fn recorded_writes_are_accepted_and_leave_what_they_say() {
    let Some(root) = shared() else {
        println!("skipped: no recordings beside the workspace");
        return;
    };
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(root.join("golden/azure")).unwrap().map(|one| one.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let recorded: Value =
            serde_json::from_str(&std::fs::read_to_string(case.join("upstream.json")).unwrap()).unwrap();
        let theirs = principals(&recorded);
        let bed = Bed::plain().await;
        let mut refused = Vec::new();
        for write in recorded["writes"].as_array().unwrap() {
            let (method, url) = (write["method"].as_str().unwrap(), write["url"].as_str().unwrap());
            let mut body = write["body"].clone();
            if let Some(identity) = body["properties"]["principalId"].as_str().and_then(|id| theirs.get(id)) {
                body["properties"]["principalId"] =
                    bed.sim.resource(identity).unwrap()["properties"]["principalId"].clone();
            } else if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
                properties.shift_remove("principalId");
            }
            let url = if url.contains('?') { url.to_owned() } else { format!("{url}?api-version=2021-04-01") };
            let got = bed.send(method, &url, Some(body).filter(|body| !body.is_null())).await;
            bed.wait(&got).await;
            if !got.status.is_success() {
                refused.push(format!("{method} {url}: {} {}", got.status, got.body));
            }
        }
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        println!("{name}: {} writes, {} refused", recorded["writes"].as_array().unwrap().len(), refused.len());
        // Upstream's switch for custom roles names a role by its display name and another by an id of one tenant:
        // Azure refuses both.
        let nonsense =
            |one: &String| one.contains("RoleDefinitionDoesNotExist") || one.contains("InvalidRoleDefinitionId");
        if name == "custom-roles" {
            assert!(!refused.is_empty() && refused.iter().all(nonsense), "{}", refused.join("\n"));
            continue;
        }
        assert!(refused.is_empty(), "{name}: {}", refused.join("\n"));
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.json");
        std::fs::write(&state, json!(bed.sim.state()).to_string()).unwrap();
        match Command::new("python3")
            .arg(root.join("tools/azure-state-check"))
            .arg(case.join("upstream.json"))
            .arg(&state)
            .output()
        {
            Ok(checked) => {
                let said = String::from_utf8_lossy(&checked.stdout).into_owned();
                println!("{name}: {}", said.lines().last().unwrap_or_default());
                assert!(checked.status.success(), "{name}: {said}");
            }
            Err(error) => println!("skipped the comparison: {error}"),
        }
    }
}
