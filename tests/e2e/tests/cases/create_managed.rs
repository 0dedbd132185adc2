//! `create infra` with managed identities: their roles, and an infra output that `create cluster` takes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::create_golden::objects;
use super::create_stage::{SUBSCRIPTION, Stage, TENANT, id};

const FILES: &str = "--managed-identities-file mi.json --data-plane-identities-file dp.json";
const INFRA: &str =
    "create infra azure --name demo --infra-id demo-x7k2p --base-domain hcp.example.com --output-file infra.yaml";
const ROLES: &str = "--assign-identity-roles --dns-zone-rg-name dns";
const CLUSTER: &str = "create cluster azure --name demo --pull-secret pull-secret.json --infra-json infra.yaml --render \
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi";

/// Identities by their keys in the two files, and what their roles' derived names hold; none where upstream assigns none.
const CONTROL_PLANE: [(&str, &str, &[&str]); 8] = [
    ("cloudProvider", "cloud-provider", &[MANAGED, NSG, VNET]),
    ("nodePoolManagement", "capz", &[MANAGED, VNET]),
    ("controlPlaneOperator", "cpo", &[MANAGED, NSG, VNET]),
    ("imageRegistry", "ciro", &[MANAGED]),
    ("ingress", "ingress", &[MANAGED, VNET, "dns"]),
    ("network", "cncc", &[MANAGED, VNET]),
    ("disk", "azure-disk", &[MANAGED]),
    ("file", "azure-file", &[MANAGED, NSG, VNET]),
];
const DATA_PLANE: [(&str, &str, &[&str]); 3] = [
    ("imageRegistryMSIClientID", "ciroWI", &[MANAGED]),
    ("diskMSIClientID", "azure-diskWI", &[MANAGED]),
    ("fileMSIClientID", "azure-fileWI", &[MANAGED]),
];
const MANAGED: &str = "demo-demo-x7k2p";
const NSG: &str = "demo-nsg-demo-x7k2p";
const VNET: &str = "demo-vnet-demo-x7k2p";

fn client_id(at: usize) -> String {
    format!("{at:08}-aaaa-4bbb-8ccc-dddddddddddd")
}

fn principal_id(at: usize) -> String {
    format!("{at:08}-eeee-4bbb-8ccc-dddddddddddd")
}

/// A subscription with eleven managed identities, and the files that name them.
fn stage() -> Stage {
    let stage = Stage::new();
    let mut control_plane = json!({"managedIdentitiesKeyVault": {"name": "kv-demo", "tenantID": TENANT}});
    let mut data_plane = json!({});
    for (at, (key, ..)) in CONTROL_PLANE.iter().chain(&DATA_PLANE).enumerate() {
        if at < CONTROL_PLANE.len() {
            let secret = format!("{}-json", key.to_lowercase());
            control_plane[key] = json!({"clientID": client_id(at), "credentialsSecretName": secret});
        } else {
            data_plane[key] = json!(client_id(at));
        }
        let identity = json!({
            "id": id("shared-rg", &format!("Microsoft.ManagedIdentity/userAssignedIdentities/{key}")),
            "location": "eastus",
            "properties": {"clientId": client_id(at), "principalId": principal_id(at), "tenantId": TENANT},
        });
        stage.sim.put_resource(identity).unwrap();
    }
    // The one is YAML, as upstream takes it too.
    std::fs::write(stage.path("mi.json"), serde_saphyr::to_string(&control_plane).unwrap()).unwrap();
    std::fs::write(stage.path("dp.json"), data_plane.to_string()).unwrap();
    std::fs::write(stage.path("pull-secret.json"), r#"{"auths":{"registry.example.org":{"auth":"dTpw"}}}"#).unwrap();
    stage.sim.clear_requests();
    stage
}

/// The authentication part of the HostedCluster that is rendered with a stage's files.
fn authentication(stage: &Stage) -> Value {
    let ran = stage.run(&format!("{CLUSTER} {FILES}"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    authentication_in(&ran.stdout)
}

fn authentication_in(rendered: &str) -> Value {
    let hosted = objects(rendered).into_values().find(|object| object["kind"] == "HostedCluster").unwrap();
    hosted["spec"]["platform"]["azure"]["azureAuthenticationConfig"].clone()
}

#[test]
fn managed_identities_get_upstreams_roles_and_the_cluster_renders() {
    let stage = stage();
    stage.done(&format!("{INFRA} {FILES} {ROLES}"));
    let assigned: BTreeSet<(String, String)> = stage.sim.state()["roleAssignments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].to_string().to_lowercase(), one["properties"]["principalId"].to_string()))
        .collect();
    let wanted: BTreeSet<(String, String)> = CONTROL_PLANE
        .iter()
        .chain(&DATA_PLANE)
        .enumerate()
        .flat_map(|(at, (_, component, groups))| {
            groups.iter().map(move |group| {
                let name = plan::infra::assignment_name("demo-x7k2p", component, &id(group, ""));
                let id = id(group, &format!("Microsoft.Authorization/roleAssignments/{name}"));
                (json!(id.to_lowercase()).to_string(), json!(principal_id(at)).to_string())
            })
        })
        .collect();
    assert_eq!(wanted.len(), 21);
    assert_eq!(assigned, wanted);

    let identities = &authentication(&stage)["managedIdentities"];
    assert_eq!(identities["controlPlane"]["managedIdentitiesKeyVault"], json!({"name": "kv-demo", "tenantID": TENANT}));
    assert_eq!(
        identities["controlPlane"]["disk"],
        json!({"clientID": client_id(6), "credentialsSecretName": "disk-json", "objectEncoding": "utf-8"})
    );
    assert_eq!(identities["dataPlane"]["fileMSIClientID"], client_id(10));

    let ran = stage.done(&format!("{INFRA} {FILES} {ROLES}"));
    assert!(ran.stderr.contains("nothing to do"), "{}", ran.stderr);
}

#[test]
fn the_infra_output_is_that_of_upstream() {
    let Some(case) = e2e::workspace::recorded("golden/cases/28-aro-files") else { return };
    let recorded = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    let upstream: Value = read(&recorded("infra.json"));
    let vault_tenant = upstream["controlPlaneMIs"]["controlPlane"]["managedIdentitiesKeyVault"]["tenantID"].clone();
    // The Key Vault is of the tenant that the stage's credentials are of.
    let own = |text: String| text.replace(vault_tenant.as_str().unwrap(), TENANT);
    let stage = stage();
    std::fs::write(stage.path("mi.json"), own(recorded("managed-identities.json"))).unwrap();
    std::fs::write(stage.path("dp.json"), recorded("data-plane-identities.json")).unwrap();
    // Nobody has these identities, which matters only to who assigns roles.
    stage.done(&format!("{INFRA} {FILES}"));
    let (ours, mut theirs) = (read(&stage.text("infra.yaml")), read(&own(recorded("infra.json"))));
    // Upstream copies what the file says, and writes utf-8 into the HostedCluster whatever that was.
    for identity in theirs["controlPlaneMIs"]["controlPlane"].as_object_mut().unwrap().values_mut() {
        if identity.get("objectEncoding").is_some() {
            identity["objectEncoding"] = json!("utf-8");
        }
    }
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(keys(&ours), keys(&theirs));
    for key in ["controlPlaneMIs", "dataPlaneIdentities", "workloadIdentities"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    assert_eq!(authentication(&stage), authentication_in(&own(recorded("out.yaml"))));
}

#[test]
fn what_cannot_be_used_is_refused_and_nothing_is_written() {
    let stage = stage();
    let write = |name: &str, text: &str| std::fs::write(stage.path(name), text).unwrap();
    let (file, data_plane) = (stage.text("mi.json"), stage.text("dp.json"));
    write("no-disk.json", &file.replace("disk:", "disc:"));
    write("no-guid.json", &file.replace(&client_id(6), "disk"));
    write("no-id.json", &file.replace(&client_id(6), "''"));
    write("stranger.json", &file.replace(&client_id(5), &client_id(95)));
    write("half-dp.json", &data_plane.replace("diskMSI", "discMSI"));
    write("stranger-dp.json", &data_plane.replace(&client_id(10), &client_id(90)));
    let infra = format!("{INFRA} {ROLES} --yes");
    let with = |control_plane: &str, data_plane: &str| {
        format!("{infra} --managed-identities-file {control_plane} --data-plane-identities-file {data_plane}")
    };
    let assign = |id: &str, role: &str, group: &str| {
        format!(
            "az role assignment create --assignee {id} --role {role} --scope /subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
        )
    };
    let network = assign(&client_id(95), "be7a6435-15ae-4171-8f30-4a343eff9e8f", VNET);
    let data_plane_file = assign(&client_id(90), "0d7aedc0-15fd-4a67-a412-efad370c947e", MANAGED);
    for (line, words, reads) in [
        (infra.clone(), vec!["--workload-identities-file", "--managed-identities-file FILE"], false),
        (
            format!("{infra} --managed-identities-file mi.json"),
            vec!["--managed-identities-file mi.json", "give `--data-plane"],
            false,
        ),
        (
            format!("{infra} --data-plane-identities-file dp.json"),
            vec!["--data-plane-identities-file dp.json", "give `--managed"],
            false,
        ),
        (
            format!("{infra} {FILES} --workload-identities-file wi.json"),
            vec!["--workload-identities-file wi.json", "excludes"],
            false,
        ),
        (with("none.json", "dp.json"), vec!["--managed-identities-file none.json"], false),
        (
            with("no-disk.json", "dp.json"),
            vec!["--managed-identities-file no-disk.json", "identity disk is missing"],
            false,
        ),
        (with("no-guid.json", "dp.json"), vec!["--managed-identities-file no-guid.json", "'disk' of disk"], false),
        (with("no-id.json", "dp.json"), vec!["--managed-identities-file no-id.json", "disk has no clientID"], false),
        (
            with("mi.json", "half-dp.json"),
            vec!["--data-plane-identities-file half-dp.json", "diskMSIClientID is missing"],
            false,
        ),
        (
            with("stranger.json", "dp.json"),
            vec!["--managed-identities-file stranger.json", &network, "leave out `--assign-identity-roles`"],
            true,
        ),
        (
            with("mi.json", "stranger-dp.json"),
            vec!["--data-plane-identities-file stranger-dp.json", &data_plane_file],
            true,
        ),
    ] {
        stage.sim.clear_requests();
        let ran = stage.run(&line);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{line}\n{}", ran.stderr);
        let flat = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(flat.contains(word), "{line}\nwants {word}:\n{}", ran.stderr);
        }
        assert!(stage.writes().is_empty() && !stage.path("infra.yaml").exists(), "{line}");
        assert!(reads || stage.sim.requests().is_empty(), "{line}");
    }
    // Somebody else assigns the roles: then nobody is looked up.
    stage.done(&with("stranger.json", "stranger-dp.json").replace(ROLES, "").replace("--yes", ""));
    assert_eq!(stage.sim.state()["roleAssignments"].as_array().map_or(0, Vec::len), 0);
    // Without the infrastructure there, `create cluster` takes no managed identities.
    let cluster =
        CLUSTER.replace("--render", "--base-domain hcp.example.com --yes").replace("--infra-json infra.yaml", "");
    let ran = stage.run(&format!("{cluster} {FILES}"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--managed-identities-file mi.json"), "{}", ran.stderr);
}
