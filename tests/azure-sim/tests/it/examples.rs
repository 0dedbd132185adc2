//! Microsoft's published examples, one by one: what they show, the simulator must show.

use std::{collections::BTreeSet, path::PathBuf};

use regex::Regex;
use serde_json::{Value, json};

use crate::{
    arrange::arrange,
    support::{ARM, Bed, Got, SUB},
};

/// What of an example cannot hold, as a prefix of the complaint, and why. A row that is no longer needed fails the
/// test.
#[rustfmt::skip]
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("Microsoft.Network/PublicIPAddresses_CreateOrUpdate.json", ".properties.ipConfiguration", "shows an address that an interface uses already"),
    ("Microsoft.Network/PublicIPAddresses_CreateOrUpdate.json", ".zones", "the example keeps zones outside of the request's body"),
    ("Microsoft.Network/PrivateEndpoints_CreateOrUpdate.json", ".properties.customDnsConfigs", "names of the service behind the link, which is not simulated"),
    ("Microsoft.Network/NetworkInterfaces_ListEffectiveNetworkSecurityGroups.json", ".value[0].association.networkManager", "network managers are not simulated"),
    ("Microsoft.Network/NetworkInterfaces_ListEffectiveNetworkSecurityGroups.json", ".value[0].association.subnet", "the simulator lists an interface's and a subnet's group apart"),
    ("Microsoft.Network/NetworkInterfaces_ListEffectiveNetworkSecurityGroups.json", ".value[0].effectiveSecurityRules[2].expandedDestinationAddressPrefix", "service tags are not expanded"),
    ("Microsoft.Network-dns/Zones_CreateOrUpdate.json", "status 400", "'zone1' has one label; the service wants two"),
    ("Microsoft.Compute/Usage_List.json", "status 400", "generated values; '4_.' is no region"),
    ("Microsoft.KeyVault/Vaults_CreateOrUpdate.json", ".properties.networkAcls", "shows a vault with network rules that the request does not set"),
    ("Microsoft.KeyVault/Vaults_CreateOrUpdate.json", ".properties.privateEndpointConnections", "shows a vault with private endpoints"),
    ("Microsoft.KeyVault/Vaults_CreateOrUpdate.json", ".properties.hsmPoolResourceId", "shows a vault in an HSM pool"),
    ("Microsoft.PolicyInsights/PolicyRestrictions_CheckAtResourceGroupScope.json", ".fieldRestrictions", "policy sets and default values are not simulated"),
    ("Microsoft.PolicyInsights/PolicyRestrictions_CheckAtResourceGroupScope.json", ".contentEvaluationResult", "expressions of policies are not evaluated"),

];

/// One row of the index with its parsed file.
pub(crate) struct Example {
    pub provider: String,
    pub operation: String,
    pub method: String,
    pub path: String,
    pub version: String,
    pub statuses: Vec<u16>,
    pub file: String,
    pub parameters: Value,
    /// The first response that has a body, else null.
    pub body: Value,
}

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("HCP_AZURE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("arm-examples");
    folder.join("INDEX.tsv").is_file().then_some(folder)
}

fn load(folder: &std::path::Path) -> Vec<Example> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let subscription = Regex::new(r#"(?i)([/"])subscriptions/([^/"]+)"#).unwrap();
    let mut examples = Vec::new();
    for line in index.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let file = cells[6];
        if file == "missing" {
            continue;
        }
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let named: BTreeSet<String> =
            subscription.captures_iter(&text).map(|found| found[2].to_owned()).filter(|id| id.len() == 36).collect();
        let mut text =
            subscription.replace_all(&text, format!("${{1}}subscriptions/{SUB}")).replace("/provders/", "/providers/");
        for id in named {
            text = text.replace(&id, SUB);
        }
        let parsed: Value = serde_json::from_str(&text).unwrap();
        let (method, template) = cells[2].split_once(' ').unwrap();
        let mut parameters = parsed["parameters"].clone();
        parameters["subscriptionId"] = json!(SUB);
        if parameters["scope"] == "scope" {
            parameters["scope"] = json!(format!("subscriptions/{SUB}"));
        }
        let mut path = template.to_owned();
        for (name, value) in parameters.as_object().unwrap() {
            if let Some(value) = value.as_str() {
                path = path.replace(&format!("{{{name}}}"), value);
            }
        }
        let body = parsed["responses"]
            .as_object()
            .unwrap()
            .values()
            .map(|one| one["body"].clone())
            .find(|body| !body.is_null());
        examples.push(Example {
            provider: cells[0].to_owned(),
            operation: cells[1].to_owned(),
            method: method.to_owned(),
            path,
            version: cells[3].to_owned(),
            statuses: cells[4].split(',').filter_map(|code| code.parse().ok()).collect(),
            file: file.to_owned(),
            parameters,
            body: body.unwrap_or_default(),
        });
    }
    examples
}

/// What `have` lacks of `want`. Names and ids of placeholders are not compared; with `values`, other scalars are.
fn lacks(want: &Value, have: &Value, path: &str, values: bool, out: &mut Vec<String>) {
    match want {
        Value::Object(members) => {
            for (key, want) in members {
                let at = format!("{path}.{key}");
                match have.get(key) {
                    None if want.is_null() => {}
                    // Only a list with more pages has one; paging has a test of its own.
                    None if key == "nextLink" => {}
                    None => out.push(format!("{at} missing")),
                    Some(_) if ["id", "name", "etag", "type", "nextLink"].contains(&key.as_str()) => {}
                    Some(have) => lacks(want, have, &at, values, out),
                }
            }
        }
        Value::Array(wanted) => {
            let Some(have) = have.as_array() else {
                out.push(format!("{path} is no list"));
                return;
            };
            for (at, want) in wanted.iter().enumerate() {
                let same = |key: &str| {
                    let lower = |value: &Value| value[key].as_str().map(str::to_lowercase);
                    have.iter().find(|one| {
                        !want[key].is_null()
                            && (one[key] == want[key] || (lower(want).is_some() && lower(one) == lower(want)))
                    })
                };
                let twin = same("id").or_else(|| same("name")).or_else(|| same("namespace"));
                match twin.or_else(|| have.get(at)).or_else(|| have.first().filter(|_| !values)) {
                    Some(have) => lacks(want, have, &format!("{path}[{at}]"), values, out),
                    None => out.push(format!("{path}[{at}] missing")),
                }
            }
        }
        scalar if values => {
            let same = match (scalar.as_str(), have.as_str()) {
                (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                _ => scalar == have,
            };
            if !same {
                out.push(format!("{path}: want {scalar} have {have}"));
            }
        }
        _ => {}
    }
}

/// Sends the example's request and says what is wrong with the answer.
async fn run(bed: &Bed, example: &Example) -> Vec<String> {
    if let Err(error) = bed.sim.load(arrange(example)) {
        return vec![format!("state: {error}")];
    }
    let path = format!("{}?api-version={}", example.path.replace(' ', "%20"), example.version);
    let body = ["parameters", "securityRuleParameters", "subnetParameters", "accountName", "blobContainer", "query"]
        .iter()
        .map(|name| &example.parameters[*name])
        .find(|body| body.is_object())
        .cloned();
    let sends = ["PUT", "PATCH", "POST"].contains(&example.method.as_str());
    let token = bed.sim.token(azure_sim::seed::CLIENT_ID, ARM, 3600).unwrap();
    let got = bed.send_as(&token, &example.method, &path, body.filter(|_| sends)).await;
    let mut wrong = status(example, &got);
    if !wrong.is_empty() {
        return wrong;
    }
    let end = bed.wait(&got).await;
    if end["status"].as_str().is_some_and(|status| status != "Succeeded") {
        wrong.push(format!("operation ended {end}"));
    }
    match example.method.as_str() {
        "DELETE" => wrong.extend(
            status(example, &bed.send("DELETE", &path, None).await)
                .into_iter()
                .filter(|_| !example.operation.starts_with("ResourceGroups_")),
        ),
        "PUT" | "PATCH" => {
            let shown = bed.get(&path).await;
            if shown.status != 200 {
                wrong.push(format!("GET afterwards gives {}", shown.status));
            }
            lacks(&example.body, &shown.body, "", false, &mut wrong);
        }
        "GET" => lacks(
            &example.body,
            &got.body,
            "",
            example.operation != "VirtualNetworks_ListUsage" && example.operation != "Permissions_ListForResourceGroup",
            &mut wrong,
        ),
        _ => lacks(&example.body, &got.body, "", false, &mut wrong),
    }
    wrong
}

fn status(example: &Example, got: &Got) -> Vec<String> {
    let fits = example.statuses.contains(&got.status.as_u16());
    // Where the document lists 200 and 201 for a long write, services answer 202 too.
    if fits || (example.method == "HEAD" && got.status == 404) {
        return Vec::new();
    }
    vec![format!("status {} is not among {:?}: {}", got.status, example.statuses, got.body)]
}

#[tokio::test]
async fn published_examples_hold() {
    let Some(folder) = folder() else {
        println!("skipped: no arm-examples beside the workspace");
        return;
    };
    let bed = Bed::plain().await;
    let mut failures = Vec::new();
    let examples = load(&folder);
    let (mut held, mut excepted) = (0, 0);
    for example in &examples {
        let mut wrong = run(&bed, example).await;
        let mut reasons = Vec::new();
        for (_, prefix, why) in EXCEPTIONS.iter().filter(|(file, _, _)| *file == example.file) {
            let before = wrong.len();
            wrong.retain(|complaint| !complaint.starts_with(prefix));
            if wrong.len() == before {
                failures.push(format!("{}: the exception '{prefix}' is not needed", example.file));
            }
            reasons.push(*why);
        }
        let result = if !wrong.is_empty() {
            failures.push(format!("{}: {}", example.file, wrong.join("; ")));
            "FAILS".to_owned()
        } else if reasons.is_empty() {
            held += 1;
            "ok".to_owned()
        } else {
            excepted += 1;
            format!("ok, except: {}", reasons.join("; "))
        };
        println!("{:28} {:58} {result}", example.provider, example.operation);
    }
    println!(
        "{} examples: {held} hold, {excepted} hold with exceptions, {} complaints",
        examples.len(),
        failures.len()
    );
    for (file, _, _) in EXCEPTIONS {
        assert!(examples.iter().any(|example| example.file == *file), "no such example: {file}");
    }
    assert!(examples.len() > 90, "the index is read");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
