//! `create iam` and `create infra`: what they leave in Azure and in files, and what they refuse.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::create_stage::{IAM, INFRA, Stage, id, is_a_plan, mode};

/// A text with its UUIDs of client ids made equal.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("clientid") {
        let end = rest[at..].find('\n').map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..at]);
        let line: String = rest[at..end].chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        out.push_str(&line);
        rest = &rest[end..];
    }
    out + rest
}

/// What the comparison with a recording of upstream's writes says, line by line; none without Python.
fn checked(recorded: &Path, stage: &Stage) -> Option<Vec<String>> {
    let state = stage.path("state.json");
    std::fs::write(&state, stage.sim.state().to_string()).unwrap();
    let tool = e2e::workspace::recorded("tools/azure-state-check")?;
    let ran = Command::new("python3")
        .arg(tool)
        .args(["--also", "dns", "--also", "shared-rg"])
        .arg(recorded)
        .arg(&state)
        .output();
    match ran {
        Ok(ran) => Some(String::from_utf8_lossy(&ran.stdout).lines().map(str::to_owned).collect()),
        Err(error) => {
            e2e::workspace::note(&format!("skipped: the comparison needs python3: {error}"));
            None
        }
    }
}

/// The recording with the load balancer's public IP address as a reference.
///
/// Upstream sends there the whole answer about the address that it had got a moment before; in the recording that is the
/// answer of a stand-in, down to `"type": "x"`. Azure takes the id from it and gives nothing but the id back.
fn with_reference(recorded: &Path, stage: &Stage) -> PathBuf {
    let mut all: Value = serde_json::from_str(&std::fs::read_to_string(recorded).unwrap()).unwrap();
    let mut found = 0;
    for write in all["writes"].as_array_mut().unwrap() {
        for front in write["body"]["properties"]["frontendIPConfigurations"].as_array_mut().into_iter().flatten() {
            let address = &mut front["properties"]["publicIPAddress"];
            assert_eq!(address["type"], "x");
            *address = json!({"id": address["id"]});
            found += 1;
        }
    }
    assert_eq!(found, 1);
    let path = stage.path("recorded.json");
    std::fs::write(&path, all.to_string()).unwrap();
    path
}

#[test]
fn the_same_commands_leave_what_upstream_leaves() {
    let Some(cases) = e2e::workspace::recorded("golden/azure") else {
        return;
    };
    let mut seen = 0;
    for name in ["default", "kms-tags", "no-roles", "one-group", "custom-roles"] {
        let case = cases.join(name);
        let stage = Stage::new();
        let commands = std::fs::read_to_string(case.join("commands.txt")).unwrap();
        for line in commands.lines().filter(|line| !line.trim().is_empty()) {
            stage.done(line);
        }
        for file in ["workload-identities.json", "infra.yaml"] {
            let upstream = std::fs::read_to_string(case.join(file)).unwrap();
            assert_eq!(masked(&stage.text(file)), masked(&upstream), "{name}: {file}");
            assert_eq!(mode(&stage.path(file)), 0o600, "{name}: {file}");
        }
        let recorded = case.join("upstream.json");
        let Some(raw) = checked(&recorded, &stage) else {
            continue;
        };
        let failed =
            |lines: &[String]| lines.iter().filter(|line| line.starts_with("FAIL")).cloned().collect::<Vec<_>>();
        let lines = checked(&with_reference(&recorded, &stage), &stage).unwrap();
        e2e::workspace::note(&format!(
            "{name}: {}; as recorded, with the copy of the address: {}",
            lines.last().unwrap(),
            raw.last().unwrap()
        ));
        let copied: Vec<String> = failed(&raw).into_iter().filter(|line| !failed(&lines).contains(line)).collect();
        assert!(copied.len() == 1 && copied[0].contains("/loadbalancers/"), "{name}: {copied:#?}");
        let wrong = failed(&lines);
        if name == "custom-roles" {
            // Upstream gives Cluster API a role by its display name and the control plane operator a role of one tenant:
            // no Azure takes either. Ours are the built-in roles made for the two, at the same five scopes.
            assert_eq!(wrong.len(), 5, "{wrong:#?}");
            for line in wrong {
                assert!(
                    line.contains("/roleassignments/")
                        && line.matches("want ").count() == 1
                        && line.contains("roleDefinitionId"),
                    "{line}"
                );
            }
        } else {
            assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        }
        seen += 1;
    }
    assert!(seen == 5 || seen == 0);
}

#[test]
fn a_second_run_keeps_everything_and_writes_nothing() {
    let stage = Stage::new();
    for (line, count) in [(IAM, 23), (INFRA, 28)] {
        let plan = stage.run(&format!("{line} --dry-run --exit-code -o json"));
        assert_eq!(plan.code, Some(1), "{}", plan.stderr);
        let json = plan.json().unwrap();
        is_a_plan(&json);
        assert_eq!((json["kind"].as_str(), json["apiVersion"].as_str()), (Some("Plan"), Some("hcp-azure.io/v1")));
        assert_eq!(json["summary"]["create"], count);
        assert!(stage.writes().is_empty(), "a dry run wrote");
        let ran = stage.done(&format!("{line} -o json"));
        let steps = ran.json().unwrap();
        is_a_plan(&steps);
        let steps = steps["steps"].as_array().unwrap();
        assert!(steps.len() == count && steps.iter().all(|step| step["outcome"] == "done"), "{}", ran.stdout);
        stage.sim.clear_requests();
        let state = stage.sim.state();
        let again = stage.run(&format!("{line} --dry-run --exit-code -o json"));
        assert_eq!(again.code, Some(0), "{}", again.stdout);
        assert_eq!(again.json().unwrap()["summary"], json!({"create": 0, "change": 0, "delete": 0, "keep": count}));
        let ran = stage.done(line);
        assert!(ran.stderr.contains("nothing to do"), "{}", ran.stderr);
        assert!(stage.writes().is_empty());
        assert_eq!(stage.sim.state(), state);
    }
}

#[test]
fn what_we_create_bears_our_tags_and_reads_are_few() {
    let stage = Stage::new();
    let mut total = 0;
    for line in [IAM, INFRA] {
        stage.sim.clear_requests();
        stage.done(&format!("{line} -v"));
        let requests = stage.sim.requests();
        total += requests.len();
        let mut once = BTreeSet::new();
        // An operation is polled as often as it takes.
        let is_read = |path: &str| !path.to_lowercase().contains("operation");
        for entry in requests.iter().filter(|entry| entry.method == "GET" && is_read(&entry.path)) {
            assert!(once.insert(entry.path.clone()), "{} was read twice", entry.path);
        }
    }
    e2e::workspace::note(&format!("create iam + create infra: {total} requests"));
    assert!(total <= 90, "{total}");
    let state = stage.sim.state();
    for body in state["resources"].as_array().unwrap() {
        let path = body["id"].as_str().unwrap().to_lowercase();
        let given = ["shared-rg", "/dns", "os4-common"].iter().any(|group| path.ends_with(group))
            || path.contains("/dnszones/");
        if given || path.contains("/federatedidentitycredentials/") || path.contains("/subnets/") {
            continue;
        }
        assert_eq!(body["tags"]["hcp-azure_cluster"], "demo", "{path}");
        assert_eq!(body["tags"]["hcp-azure_infra-id"], "demo-x7k2p", "{path}");
    }
}

#[test]
fn identities_that_are_not_known_everywhere_yet_get_their_roles() {
    let stage = Stage::new();
    stage.sim.edit(|state| state["principalReplicationMs"] = json!(900)).unwrap();
    stage.done(IAM);
    stage.done(INFRA);
    let assigned = stage.sim.state()["roleAssignments"].as_array().unwrap().len();
    assert!(assigned >= 18, "{assigned}");
}

#[test]
fn credentials_of_one_identity_are_written_one_after_another() {
    let stage = Stage::new();
    stage.sim.set_latency(std::time::Duration::from_millis(20));
    stage.done(&format!("{IAM} --concurrency 32"));
    let refused: Vec<String> =
        stage.writes().iter().filter(|entry| entry.status >= 400).map(|entry| entry.path.clone()).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn what_was_changed_by_others_is_put_right_and_the_rest_left_alone() {
    let stage = Stage::new();
    stage.done(IAM);
    stage.done(INFRA);
    let edit = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut body = stage.sim.resource(id).unwrap();
        change(&mut body);
        stage.sim.put_resource(body).unwrap();
    };
    let network = id("demo-demo-x7k2p", "Microsoft.Network/loadBalancers/demo-x7k2p");
    edit(&network, &|body| body["properties"]["probes"][0]["properties"]["port"] = json!(80));
    let identity = id("os4-common", "Microsoft.ManagedIdentity/userAssignedIdentities/demo-disk-demo-x7k2p");
    let credential = format!("{identity}/federatedIdentityCredentials/demo-disk-fed-id-node");
    edit(&credential, &|body| body["properties"]["subject"] = json!("system:serviceaccount:x:Y"));
    // A security rule and tags of others stay.
    let nsg = id("demo-nsg-demo-x7k2p", "Microsoft.Network/networkSecurityGroups/demo-demo-x7k2p-nsg");
    edit(&nsg, &|body| body["tags"]["team"] = json!("a"));
    for (line, changed) in [(IAM, 1), (INFRA, 1)] {
        let plan = stage.run(&format!("{line} --dry-run -o json")).json().unwrap();
        assert_eq!(plan["summary"]["change"], changed, "{plan:#}");
        assert_eq!(plan["summary"]["create"], 0);
        stage.done(line);
    }
    assert_eq!(stage.sim.resource(&network).unwrap()["properties"]["probes"][0]["properties"]["port"], 30595);
    assert_eq!(stage.sim.resource(&nsg).unwrap()["tags"]["team"], "a");
    // Assignments cannot be changed: one of ours that names another identity is replaced.
    let want = stage.sim.state()["roleAssignments"].clone();
    let (first, other) = {
        let ours = want.as_array().unwrap().iter().filter(|one| one["properties"]["scope"] == id("os4-common", ""));
        let first = ours.clone().next().unwrap().clone();
        let other = want.as_array().unwrap().iter().find(|one| {
            one["properties"]["principalId"] != first["properties"]["principalId"] && one["id"] != first["id"]
        });
        (first["id"].as_str().unwrap().to_owned(), other.unwrap()["properties"]["principalId"].clone())
    };
    stage
        .sim
        .edit(|state| {
            let all = state["roleAssignments"].as_array_mut().unwrap();
            let ours = all.iter_mut().find(|one| one["id"] == first.as_str()).unwrap();
            ours["properties"]["principalId"] = other;
        })
        .unwrap();
    let plan = stage.run(&format!("{INFRA} --dry-run -o json")).json().unwrap();
    assert_eq!(plan["summary"]["change"], 1, "{plan:#}");
    stage.done(INFRA);
    assert_eq!(stage.sim.state()["roleAssignments"], want);
}

#[test]
fn a_network_that_is_brought_is_used_and_not_changed() {
    let stage = Stage::new();
    stage.done(IAM);
    stage.done(INFRA);
    let vnet = id("demo-vnet-demo-x7k2p", "Microsoft.Network/virtualNetworks/demo-demo-x7k2p");
    let nsg = id("demo-nsg-demo-x7k2p", "Microsoft.Network/networkSecurityGroups/demo-demo-x7k2p-nsg");
    let before = stage.sim.resource(&vnet);
    let line = format!(
        "create infra other --infra-id other-abcde --base-domain HCP.example.com --workload-identities-file workload-identities.json \
         --output-file other.yaml --vnet-id {vnet} --subnet-id {vnet}/subnets/default --network-security-group-id {nsg}"
    );
    stage.done(&line);
    let text = stage.text("other.yaml");
    assert!(text.contains(&format!("subnetID: {vnet}/subnets/default\n")), "{text}");
    assert_eq!(stage.sim.resource(&vnet), before);
    let groups: Vec<String> = stage.sim.state()["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|body| body["name"].as_str().map(str::to_owned))
        .filter(|name| name.starts_with("other-"))
        .collect();
    assert!(!groups.iter().any(|name| name.contains("vnet") || name.contains("nsg")), "{groups:?}");
    stage.sim.clear_requests();
    for (wrong, word) in [
        (line.replace("/subnets/default", "/subnets/none"), "--subnet-id"),
        (line.replace("--infra-id", "--location westus --infra-id"), "--network-security-group-id"),
        (line.replace(&nsg, &format!("{nsg}x")), "--network-security-group-id"),
        (line.replace("HCP.example.com", "no.example.com"), "--base-domain"),
        (line.replace("--infra-id", "--location mars --infra-id"), "--location"),
        (format!("{line} --assign-identity-roles --dns-zone-rg-name nowhere"), "--dns-zone-rg-name"),
        (line.replace("--output-file other.yaml", "--output-file no/such/folder/x"), "--output-file"),
    ] {
        let ran = stage.run(&format!("{wrong} --yes"));
        assert_eq!(ran.code, Some(2), "{wrong}\n{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert!(stage.writes().is_empty());
}

#[test]
fn bad_input_is_refused_before_anything_is_called() {
    let stage = Stage::new();
    stage.done(IAM);
    stage.sim.clear_requests();
    std::fs::write(stage.path("half.json"), r#"{"disk":{"clientID":"0"}}"#).unwrap();
    std::fs::write(stage.path("empty.json"), "").unwrap();
    std::fs::write(stage.path("broken-creds.json"), "hunter2").unwrap();
    std::fs::write(stage.path("half-creds.json"), r#"{"tenantId":"t"}"#).unwrap();
    let long = "a".repeat(60);
    let infra = format!("{INFRA} --yes");
    let iam = format!("{IAM} --yes");
    for (line, word) in [
        (IAM.to_owned(), "--yes"),
        (INFRA.to_owned(), "--yes"),
        (iam.replace("--name demo ", ""), "--name"),
        (iam.replace("--name demo", "--name Demo"), "--name Demo"),
        (iam.replace("azure --name demo", "azure other --name demo"), "another name is given"),
        (iam.replace("demo-x7k2p", "demo_x"), "--infra-id demo_x"),
        (iam.replace("https://", "http://"), "--oidc-issuer-url http://"),
        (iam.replace("eastus", "East"), "did you mean `east`"),
        (iam.replace("os4-common", "os4/common"), "--resource-group-name os4/common"),
        (format!("{iam} --azure-creds broken-creds.json"), "broken-creds.json"),
        (format!("{iam} --azure-creds half-creds.json"), "subscription"),
        (format!("{iam} --azure-creds none.json"), "--azure-creds none.json"),
        (format!("{iam} --concurrency 0"), "--concurrency"),
        (format!("{iam} --exit-code"), "--dry-run"),
        (infra.replace("--name demo", &format!("--name {long}")), "characters where Azure takes"),
        (infra.replace("hcp.example.com", "example"), "--base-domain example"),
        (infra.replace("--dns-zone-rg-name os4-common", ""), "--dns-zone-rg-name"),
        (infra.replace("--assign-identity-roles", "--assign-custom-hcp-roles"), "--assign-identity-roles"),
        (infra.replace("workload-identities.json", "half.json"), "half.json"),
        (infra.replace("workload-identities.json", "empty.json"), "empty.json"),
        (infra.replace("workload-identities.json", "none.json"), "none.json"),
        (format!("{infra} -t novalue"), "novalue"),
        (format!("{infra} -t a/b=c"), "a/b=c"),
        (format!("{infra} --vnet-id /x"), "--vnet-id /x"),
        (format!("{infra} --disable-cluster-capabilities imageregistry"), "imageregistry"),
    ] {
        let ran = stage.run(&line);
        assert_eq!(ran.code, Some(2), "{line}\n{}", ran.stderr);
        assert!(ran.stderr.contains(word) && ran.stdout.is_empty(), "{word}:\n{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"));
    }
    assert!(stage.sim.requests().is_empty(), "{:?}", stage.sim.requests());
    let ran = stage.run(&format!("{INFRA} --dry-run --disable-cluster-capabilities ImageRegistry -o json"));
    assert!(!ran.stdout.contains("role/imageRegistry"), "{}", ran.stdout);
}

#[test]
fn a_secret_that_entra_refuses_is_a_sign_in() {
    let stage = Stage::new();
    let text = stage.text("azure-creds.json").replace("s3cr3t", "other");
    std::fs::write(stage.path("azure-creds.json"), text).unwrap();
    let ran = stage.run(&format!("{IAM} --yes"));
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("AADSTS7000215"), "{}", ran.stderr);
}
