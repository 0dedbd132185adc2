//! Inputs that cannot work: each is refused with its flag, its value and a way out, and nothing is written.

use serde_json::{Value, json};

use super::create_stage::{IAM, INFRA, SUBSCRIPTION, Stage, id, is_a_plan};

const EC_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJrKZHc6E7RGvPYY6
vabjPeT7yaDlxS6/bC1wOsJFmV2hRANCAATSEB9HTBt+/pUSCrjdssNzkk1eLHU8
7OQ1x3j3AbvoISW3asoLquZM2O3xUeoQFWxYW/liHVkGuMwUouf8c47a
-----END PRIVATE KEY-----
";
const CLUSTER: &str = "create cluster azure --name demo --pull-secret pull-secret.json --infra-json infra.yaml \
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi \
    --oidc-issuer-url https://acct.blob.core.windows.net/acct";
const OTHER: &str = "99999999-0000-4000-8000-000000000009";

/// What may be called before the refusal.
#[derive(Clone, Copy, PartialEq)]
enum Calls {
    /// Nothing at all.
    None,
    /// Reads.
    Reads,
}

/// A command line, what its refusal must say, and what may have been called.
type Case = (String, Vec<&'static str>, Calls);

/// A subscription with all that the commands make, and files that are wrong in every way.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.done(IAM);
    stage.done(INFRA);
    let write = |name: &str, text: &str| std::fs::write(stage.path(name), text).unwrap();
    write("empty", "");
    write("broken", "{\"a\": ");
    write("list", "[1]");
    write("words", "hunter2");
    write("half.json", r#"{"disk":{"clientID":"0"}}"#);
    write("ec.pem", EC_KEY);
    write("signer.key", include_str!("../../../inputs/keys/rsa-2048.pem"));
    write("pull-secret.json", r#"{"auths":{"registry.example.org":{"auth":"dTpw"}}}"#);
    write("no-auths.json", r#"{"auths":{}}"#);
    let mut creds: Value = serde_json::from_str(&stage.text("azure-creds.json")).unwrap();
    creds["subscriptionId"] = json!(OTHER);
    write("other-creds.json", &creds.to_string());
    write("half-creds.json", r#"{"tenantId":"t"}"#);
    let head = "apiVersion: hcp-azure.io/v1\nkind: HostedClusterSpec\nspec:\n";
    write("unknown-key.yaml", &format!("{head}  pullSecrets: x\n"));
    write("wrong-type.yaml", &format!("{head}  name: demo\n  nodePoolReplicas: two\n"));
    write("wrong-kind.yaml", "apiVersion: hcp-azure.io/v1\nkind: Plan\nspec: {}\n");
    write("wrong-value.yaml", &format!("{head}  name: demo\n  arch: x86\n"));
    write("wrong-subscription.yaml", &format!("{head}  name: demo\n  subscription: prod\n"));
    stage.sim.clear_requests();
    stage
}

fn check(stage: &Stage, cases: &[Case]) {
    for (line, words, calls) in cases {
        stage.sim.clear_requests();
        let ran = stage.run(line);
        assert_eq!(ran.code, Some(2), "{line}\n{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, "", "{line}");
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        // Long lines are broken for the reader.
        let flat = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(flat.contains(word), "{line}\nwants {word}:\n{}", ran.stderr);
        }
        assert!(
            flat.starts_with("error: ") && (flat.contains("hint: ") || flat.contains("try '--help'")),
            "{}",
            ran.stderr
        );
        assert!(stage.writes().is_empty(), "{line} wrote {:?}", stage.writes());
        if *calls == Calls::None {
            assert!(stage.sim.requests().is_empty(), "{line} asked {:?}", stage.sim.requests());
        }
    }
}

fn with(line: &str, from: &str, to: &str) -> String {
    assert!(line.contains(from), "{from} in {line}");
    line.replace(from, to)
}

#[test]
fn inputs_of_create_iam() {
    let stage = stage();
    let iam = format!("{IAM} --yes");
    let long = "a".repeat(60);
    let cases: Vec<Case> = vec![
        (with(&iam, "--infra-id demo-x7k2p", ""), vec!["--infra-id"], Calls::None),
        (with(&iam, "--name demo", ""), vec!["--name is missing"], Calls::None),
        (with(&iam, "--name demo", "--name De_mo"), vec!["--name De_mo", "`dev`"], Calls::None),
        (
            with(&with(&iam, "--name demo", &format!("--name {long}")), "demo-x7k2p", &format!("{long}b")),
            vec!["--name aaa", "characters where Azure takes 128", "shorter"],
            Calls::None,
        ),
        (with(&iam, "demo-x7k2p", "demo_x"), vec!["--infra-id demo_x", "dev-x7k2p"], Calls::None),
        (with(&iam, "--location eastus", "--location East-US"), vec!["--location East-US", "`eastus`"], Calls::None),
        (
            with(&with(&iam, "--location eastus", "--location mars"), "os4-common", "new"),
            vec!["--location mars", "not a region of the subscription", "az account list-locations"],
            Calls::Reads,
        ),
        (with(&iam, "os4-common", "a/b"), vec!["--resource-group-name a/b", "az group list"], Calls::None),
        (with(&iam, "https://", "http://"), vec!["--oidc-issuer-url http://", "https"], Calls::None),
        (with(&iam, "https://acct", "https://acct?x="), vec!["--oidc-issuer-url https://acct?x="], Calls::None),
        (with(&iam, "workload-identities.json", "no/such/x.json"), vec!["--output-file no/such/x.json"], Calls::Reads),
        (format!("{iam} --azure-creds none.json"), vec!["--azure-creds none.json", "clientSecret"], Calls::None),
        (format!("{iam} --azure-creds empty"), vec!["--azure-creds empty", "clientSecret"], Calls::None),
        (format!("{iam} --azure-creds broken"), vec!["--azure-creds broken", "JSON"], Calls::None),
        (format!("{iam} --azure-creds list"), vec!["--azure-creds list", "JSON"], Calls::None),
        (format!("{iam} --azure-creds words"), vec!["--azure-creds words", "JSON"], Calls::None),
        (
            format!("{iam} --azure-creds half-creds.json"),
            vec!["--azure-creds half-creds.json", "--subscription"],
            Calls::None,
        ),
        (
            format!("{iam} --subscription prod"),
            vec!["--subscription", "'prod' is no id", "az account list"],
            Calls::None,
        ),
        (
            format!("{iam} --subscription {OTHER}"),
            vec!["--azure-creds azure-creds.json", OTHER, "no such subscription", "`--subscription`"],
            Calls::Reads,
        ),
        (
            format!("{iam} --azure-creds other-creds.json"),
            vec!["--azure-creds other-creds.json", OTHER, "no such subscription"],
            Calls::Reads,
        ),
        (format!("{iam} --timeout soon"), vec!["--timeout", "'soon' is no time"], Calls::None),
        (format!("{iam} --concurrency 0"), vec!["--concurrency", "1..=64"], Calls::None),
        (format!("{IAM} --no-input"), vec!["--no-input forbids", "--yes"], Calls::None),
    ];
    check(&stage, &cases);
    e2e::workspace::note(&format!("bad inputs of create iam: {}", cases.len()));
}

#[test]
fn inputs_of_create_infra() {
    let stage = stage();
    let infra = format!("{INFRA} --yes");
    let long = "a".repeat(60);
    let wi = "workload-identities.json";
    let vnet = id("demo-vnet-demo-x7k2p", "Microsoft.Network/virtualNetworks/demo-demo-x7k2p");
    let foreign = vnet.replace(SUBSCRIPTION, OTHER);
    let cases: Vec<Case> = vec![
        (
            with(&infra, "--name demo", &format!("--name {long}")),
            vec!["--name aaa", "characters where Azure takes"],
            Calls::None,
        ),
        (with(&infra, "--location eastus", "--location Mars!"), vec!["--location Mars!", "did you mean"], Calls::None),
        (
            with(&infra, "--location eastus", "--location mars"),
            vec!["--location mars", "az account list-locations"],
            Calls::Reads,
        ),
        (with(&infra, "hcp.example.com", "example"), vec!["--base-domain example", "hcp.example.com"], Calls::None),
        (
            with(&infra, "hcp.example.com", "no.example.com"),
            vec!["--base-domain no.example.com", "az network dns zone create"],
            Calls::Reads,
        ),
        (
            with(&infra, "--dns-zone-rg-name os4-common", ""),
            vec!["--dns-zone-rg-name is missing", "az network dns zone list"],
            Calls::None,
        ),
        (
            with(&infra, "--dns-zone-rg-name os4-common", "--dns-zone-rg-name gone"),
            vec!["--dns-zone-rg-name gone"],
            Calls::Reads,
        ),
        (with(&infra, wi, "none.json"), vec!["--workload-identities-file none.json", "`create iam`"], Calls::None),
        (with(&infra, wi, "empty"), vec!["--workload-identities-file empty"], Calls::None),
        (with(&infra, wi, "broken"), vec!["--workload-identities-file broken"], Calls::None),
        (with(&infra, wi, "list"), vec!["--workload-identities-file list"], Calls::None),
        (with(&infra, wi, "half.json"), vec!["--workload-identities-file half.json"], Calls::None),
        (format!("{infra} --vnet-id {vnet}"), vec!["--vnet-id", "--subnet-id"], Calls::None),
        (format!("{infra} --vnet-id /x"), vec!["--vnet-id /x", "--subnet-id"], Calls::None),
        (
            format!("{infra} --vnet-id {vnet} --subnet-id {vnet}x/subnets/default"),
            vec!["--subnet-id", "not a subnet of --vnet-id", "az network vnet subnet list"],
            Calls::None,
        ),
        (
            format!("{infra} --vnet-id {vnet} --subnet-id {vnet}/subnets/none"),
            vec!["--subnet-id", "no such subnet; it has default"],
            Calls::Reads,
        ),
        (
            format!("{infra} --vnet-id {foreign} --subnet-id {foreign}/subnets/default"),
            vec!["in another subscription"],
            Calls::Reads,
        ),
        (format!("{infra} -t novalue"), vec!["novalue", "key=value"], Calls::None),
        (format!("{infra} -t a/b=c"), vec!["--resource-group-tags a/b=c"], Calls::None),
        (
            format!("{infra} --disable-cluster-capabilities console"),
            vec!["--disable-cluster-capabilities console", "Console"],
            Calls::None,
        ),
        (with(&infra, "infra.yaml", "no/such/x.yaml"), vec!["--output-file no/such/x.yaml"], Calls::Reads),
        (format!("{infra} --azure-creds words"), vec!["--azure-creds words"], Calls::None),
        (
            format!("{infra} --azure-creds other-creds.json"),
            vec!["other-creds.json", OTHER, "no such subscription"],
            Calls::Reads,
        ),
        (format!("{infra} --subscription 1"), vec!["--subscription", "az account list"], Calls::None),
        (format!("{infra} --timeout=-1s"), vec!["--timeout"], Calls::None),
        (format!("{INFRA} --no-input"), vec!["--no-input forbids", "--yes"], Calls::None),
    ];
    check(&stage, &cases);
    e2e::workspace::note(&format!("bad inputs of create infra: {}", cases.len()));
}

#[test]
fn inputs_of_create_cluster() {
    let stage = stage();
    // Of the flags alone: rendering and creating refuse the same.
    let long = "a".repeat(60);
    let flags: Vec<(String, Vec<&'static str>)> = vec![
        (with(CLUSTER, "--name demo", &format!("--name {long}")), vec!["--name aaa", "63 are allowed"]),
        (with(CLUSTER, "--name demo", "--name De.mo"), vec!["--name De.mo"]),
        (
            format!("{CLUSTER} --cluster-cidr 10.0.0.0/14 --service-cidr 10.1.0.0/16"),
            vec!["--service-cidr 10.1.0.0/16", "--cluster-cidr 10.0.0.0/14", "do not overlap"],
        ),
        (format!("{CLUSTER} --machine-cidr 10.132.4.0/24"), vec!["--machine-cidr 10.132.4.0/24", "shares addresses"]),
        (format!("{CLUSTER} --cluster-cidr 10.0.0.0"), vec!["--cluster-cidr 10.0.0.0", "10.132.0.0/14"]),
        (
            format!("{CLUSTER} --base-domain hcp.example.com --external-dns-domain example.com"),
            vec!["--external-dns-domain example.com", "hide *.apps.demo.hcp.example.com", "does not enclose"],
        ),
        (format!("{CLUSTER} --arch x86_64"), vec!["--arch x86_64", "amd64"]),
        (format!("{CLUSTER} --endpoint-access public"), vec!["--endpoint-access public", "give Public"]),
        (format!("{CLUSTER} --pausedUntil tomorrow"), vec!["--pausedUntil tomorrow", "RFC 3339"]),
        (format!("{CLUSTER} --availability-zones 1,4"), vec!["--availability-zones 4"]),
        (format!("{CLUSTER} --node-pool-replicas many"), vec!["'many'", "--node-pool-replicas"]),
        (format!("{CLUSTER} --encryption-key-id etcd"), vec!["--encryption-key-id etcd"]),
        (format!("{CLUSTER} --labels nothing"), vec!["--labels nothing", "key=value"]),
        (with(CLUSTER, "https://acct", "http://acct"), vec!["--oidc-issuer-url http://acct"]),
        (with(CLUSTER, "--pull-secret pull-secret.json", ""), vec!["--pull-secret", "console.redhat.com"]),
        (format!("{CLUSTER} --ssh-key a --generate-ssh"), vec!["--generate-ssh", "--ssh-key"]),
        (format!("{CLUSTER} --assign-identity-roles"), vec!["--infra-json", "`create infra`"]),
        (
            format!("{CLUSTER} --managed-identities-file a"),
            vec!["--managed-identities-file a", "--data-plane-identities-file"],
        ),
        (format!("{CLUSTER} --subscription prod"), vec!["--subscription", "az account list"]),
        (format!("{CLUSTER} -f none.yaml"), vec!["--filename none.yaml", "exists"]),
        (format!("{CLUSTER} -f empty"), vec!["--filename empty", "it is empty"]),
        (format!("{CLUSTER} -f broken"), vec!["--filename broken", "not YAML", "--print-spec"]),
        (format!("{CLUSTER} -f list"), vec!["--filename list", "no mapping"]),
        (format!("{CLUSTER} -f words"), vec!["--filename words", "no mapping"]),
        (
            format!("{CLUSTER} -f wrong-kind.yaml"),
            vec!["--filename wrong-kind.yaml", "`kind` is Plan", "HostedClusterSpec"],
        ),
        (
            format!("{CLUSTER} -f unknown-key.yaml"),
            vec!["--filename unknown-key.yaml", "line 4", "`pullSecrets`", "`pullSecret`?"],
        ),
        (
            format!("{CLUSTER} -f wrong-type.yaml"),
            vec!["--filename wrong-type.yaml", "line 5", "`nodePoolReplicas`", "whole number"],
        ),
        // What a file says is judged as a flag is.
        (format!("{CLUSTER} -f wrong-value.yaml"), vec!["--arch x86", "amd64"]),
        (format!("{CLUSTER} -f wrong-subscription.yaml"), vec!["--subscription prod", "az account list"]),
    ];
    let infra = |change: &dyn Fn(&mut Value)| {
        let mut infra: Value = serde_saphyr::from_str(&stage.text("infra.yaml")).unwrap();
        change(&mut infra);
        infra.to_string()
    };
    let write = |name: &str, text: String| std::fs::write(stage.path(name), text).unwrap();
    write("no-id.yaml", infra(&|infra| infra["infraID"] = Value::Null));
    write("no-identities.yaml", infra(&|infra| infra["workloadIdentities"] = Value::Null));
    write("bad-subnet.yaml", infra(&|infra| infra["subnetID"] = json!("/subscriptions/x/subnets/y")));
    write(
        "other-tenant.yaml",
        infra(&|infra| {
            infra["workloadIdentities"] = Value::Null;
            let own = json!({"clientID": OTHER, "credentialsSecretName": "s", "objectEncoding": "utf-8"});
            let keys = [
                "cloudProvider",
                "nodePoolManagement",
                "controlPlaneOperator",
                "imageRegistry",
                "ingress",
                "network",
                "disk",
                "file",
            ];
            let mut identities: serde_json::Map<String, Value> =
                keys.iter().map(|key| ((*key).to_owned(), own.clone())).collect();
            identities.insert("managedIdentitiesKeyVault".into(), json!({"name": "kv", "tenantID": OTHER}));
            infra["controlPlaneMIs"] = json!({"controlPlane": identities});
            infra["dataPlaneIdentities"] =
                json!({"imageRegistryMSIClientID": OTHER, "diskMSIClientID": OTHER, "fileMSIClientID": OTHER});
        }),
    );
    let key = "--sa-token-issuer-private-key-path";
    let files: Vec<(String, Vec<&'static str>)> = vec![
        (with(CLUSTER, "infra.yaml", "none.yaml"), vec!["--infra-json none.yaml", "exists"]),
        (with(CLUSTER, "infra.yaml", "empty"), vec!["--infra-json empty"]),
        (with(CLUSTER, "infra.yaml", "broken"), vec!["--infra-json broken"]),
        (with(CLUSTER, "infra.yaml", "list"), vec!["--infra-json list"]),
        (with(CLUSTER, "infra.yaml", "no-id.yaml"), vec!["--infra-json no-id.yaml", "`create infra`"]),
        (
            with(CLUSTER, "infra.yaml", "no-identities.yaml"),
            vec!["--infra-json no-identities.yaml", "workloadIdentities"],
        ),
        (with(CLUSTER, "infra.yaml", "bad-subnet.yaml"), vec!["--infra-json bad-subnet.yaml"]),
        (with(CLUSTER, "infra.yaml", "other-tenant.yaml"), vec!["--azure-creds azure-creds.json", "Key Vault", OTHER]),
        (with(CLUSTER, "pull-secret.json", "none.json"), vec!["--pull-secret none.json"]),
        (with(CLUSTER, "pull-secret.json", "empty"), vec!["--pull-secret empty"]),
        (with(CLUSTER, "pull-secret.json", "words"), vec!["--pull-secret words"]),
        (with(CLUSTER, "pull-secret.json", "no-auths.json"), vec!["--pull-secret no-auths.json"]),
        (format!("{CLUSTER} {key} ec.pem"), vec!["--sa-token-issuer-private-key-path ec.pem", "RSA"]),
        (format!("{CLUSTER} {key} empty"), vec!["--sa-token-issuer-private-key-path empty"]),
        (format!("{CLUSTER} {key} words"), vec!["--sa-token-issuer-private-key-path words", "RSA"]),
        (format!("{CLUSTER} --ssh-key ec.pem"), vec!["--ssh-key ec.pem"]),
        (format!("{CLUSTER} --additional-trust-bundle words"), vec!["--additional-trust-bundle words"]),
        (format!("{CLUSTER} --image-content-sources half.json"), vec!["--image-content-sources half.json"]),
        (format!("{CLUSTER} --workload-identities-file broken"), vec!["--workload-identities-file broken"]),
        (format!("{CLUSTER} --workload-identities-file half.json"), vec!["--workload-identities-file half.json"]),
        (format!("{CLUSTER} --azure-creds none.json"), vec!["--azure-creds none.json", "clientSecret"]),
        (format!("{CLUSTER} --azure-creds words"), vec!["--azure-creds words", "clientSecret"]),
        (format!("{CLUSTER} --azure-creds half-creds.json"), vec!["--azure-creds half-creds.json", "subscriptionId"]),
        (
            format!("{CLUSTER} --azure-creds other-creds.json"),
            vec!["--azure-creds other-creds.json", OTHER, "infra.yaml"],
        ),
        (format!("{CLUSTER} --subscription {OTHER}"), vec!["--azure-creds", OTHER, "infra.yaml"]),
        (
            format!("{CLUSTER} --external-dns-domain example.com"),
            vec!["--external-dns-domain example.com", "does not enclose"],
        ),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for (line, words) in flags.iter().chain(&files) {
        cases.push((format!("{line} --yes"), words.clone(), Calls::None));
        cases.push((format!("{line} --render"), words.clone(), Calls::None));
    }
    // What only new infrastructure needs.
    let new = with(CLUSTER, "--infra-json infra.yaml", "--base-domain hcp.example.com --yes");
    let signed = format!("{new} {key} signer.key");
    for (line, words) in [
        (with(&signed, "--base-domain hcp.example.com", ""), vec!["--base-domain", "public DNS zone"]),
        (with(&signed, "--base-domain hcp.example.com", "--base-domain com"), vec!["--base-domain com"]),
        (new.clone(), vec!["--sa-token-issuer-private-key-path", "`create oidc-issuer`"]),
        (format!("{signed} --location Mars!"), vec!["--location Mars!", "did you mean"]),
        (format!("{signed} --infra-id no_id"), vec!["--infra-id no_id"]),
        (format!("{signed} --assign-identity-roles"), vec!["--dns-zone-rg-name"]),
        (format!("{signed} --resource-group-tags novalue"), vec!["--resource-group-tags novalue"]),
        (format!("{signed} --subnet-id /x"), vec!["--subnet-id /x"]),
        (format!("{signed} --identities-resource-group-name a/b"), vec!["a/b"]),
        (format!("{signed} --workload-identities-file broken"), vec!["--workload-identities-file broken"]),
        (format!("{signed} --additional-trust-bundle words"), vec!["--additional-trust-bundle words"]),
        (format!("{signed} --timeout soon"), vec!["--timeout soon"]),
    ] {
        cases.push((line, words, Calls::None));
    }
    check(&stage, &cases);
    e2e::workspace::note(&format!("bad inputs of create cluster: {}", cases.len()));
}

#[test]
fn a_credential_of_another_tenant_is_told_both_tenants() {
    let stage = stage();
    stage.sim.edit(|state| state["subscriptions"][0]["tenantId"] = json!(OTHER)).unwrap();
    for line in [IAM, INFRA] {
        let own = "tenant 11111111-1111-1111-1111-111111111111";
        let says = vec![
            "--azure-creds azure-creds.json",
            SUBSCRIPTION,
            own,
            "belongs to tenant 99999999",
            "nothing was changed",
        ];
        check(&stage, &[(format!("{line} --yes"), says, Calls::Reads)]);
    }
}

#[test]
fn a_subscription_flag_wins_over_the_credentials() {
    let stage = stage();
    for line in [IAM, INFRA] {
        let ran = stage
            .run(&format!("{line} --azure-creds other-creds.json --subscription {SUBSCRIPTION} --dry-run --exit-code"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains(&format!("subscription {SUBSCRIPTION}")), "{}", ran.stdout);
    }
}

#[test]
fn a_run_ends_at_its_deadline_and_goes_on_later() {
    let stage = Stage::new();
    stage.sim.set_latency(std::time::Duration::from_millis(150));
    let line = format!("{IAM} --yes --concurrency 1 -o json");
    let ran = stage.run(&format!("{line} --timeout 1500ms"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: not done within --timeout 1s 500ms\n  why: stopped after "), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: run the same command again"), "{}", ran.stderr);
    let stopped = ran.json().unwrap();
    is_a_plan(&stopped);
    let count = |word: &str| stopped["steps"].as_array().unwrap().iter().filter(|step| step["outcome"] == word).count();
    assert!(count("done") > 0 && count("stopped") > 0 && count("failed") == 0, "{stopped:#}");
    let written = stage.written();
    // While reading, and while signing in, there is nothing to finish.
    stage.sim.set_latency(std::time::Duration::from_secs(5));
    let ran = stage.run(&format!("{line} --timeout 300ms"));
    assert_eq!((ran.code, stage.written()), (Some(1), written), "{}", ran.stderr);
    assert!(ran.elapsed.as_secs() < 4 && ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    stage.sim.set_latency(std::time::Duration::ZERO);
    let ran = stage.run(&format!("{line} --timeout 5m"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    is_a_plan(&ran.json().unwrap());
    assert_eq!(stage.written(), 22, "each identity and credential is written once, the group too");
}

#[test]
fn rights_on_one_group_are_enough_to_create_identities() {
    let stage = Stage::new();
    let contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c";
    let group = id("os4-common", "");
    stage
        .sim
        .edit(|state| {
            state["principals"][0].as_object_mut().unwrap().remove("owner");
            state["resources"].as_array_mut().unwrap().push(json!({"id": group, "location": "eastus"}));
            state["roleAssignments"] = json!([{
                "id": format!("{group}/providers/Microsoft.Authorization/roleAssignments/{OTHER}"),
                "properties": {
                    "scope": group,
                    "principalId": state["principals"][0]["id"],
                    "roleDefinitionId": format!(
                        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{contributor}"
                    ),
                },
            }]);
        })
        .unwrap();
    stage.done(IAM);
    let mut refused = stage.sim.requests();
    refused.retain(|entry| entry.status == 403);
    let places: Vec<&str> = refused.iter().map(|entry| entry.path.split('?').next().unwrap()).collect();
    assert_eq!(places, [format!("/subscriptions/{SUBSCRIPTION}/locations")]);
}
