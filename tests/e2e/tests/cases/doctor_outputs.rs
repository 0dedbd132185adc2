//! Every format of a report, waivers, `doctor diff` and `doctor decode`, on the shipped recordings.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::scene::{Ran, run};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const FORMATS: [&str; 8] = ["table", "wide", "json", "yaml", "junit", "markdown", "html", "name"];
const BROKEN: &str = "tests/bundles/three-root-causes";
const HEALTHY: &str = "tests/bundles/healthy";

fn program(args: &[&str]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("LANG", "C.UTF-8").current_dir(e2e::workspace::root()).args(args);
    run::ran(command).unwrap()
}

/// Runs it with a text on stdin.
fn fed(args: &[&str], text: &[u8]) -> Ran {
    let started = std::time::Instant::now();
    let mut child = Command::new(PROGRAM)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .current_dir(e2e::workspace::root())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        elapsed: started.elapsed(),
    }
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Holds a text to the file of that name; `UPDATE_SNAPSHOTS=1` writes it anew.
fn snapshot(name: &str, text: &str) {
    let path = e2e::workspace::root().join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; UPDATE_SNAPSHOTS=1 writes it anew", path.display());
}

#[test]
fn the_shipped_bundles_in_the_formats_of_tickets_and_pipelines() {
    for (format, ending) in [("junit", "xml"), ("markdown", "md"), ("html", "html"), ("name", "name.txt")] {
        for bundle in ["healthy", "three-root-causes"] {
            let ran = program(&["doctor", "--bundle", &format!("tests/bundles/{bundle}"), "-o", format]);
            assert!(ran.stderr.is_empty(), "{}", ran.stderr);
            snapshot(&format!("{bundle}.{ending}"), &ran.stdout);
        }
    }
    let ticket = program(&["doctor", "--bundle", BROKEN, "-o", "markdown"]).stdout;
    assert!(ticket.lines().count() <= 60);
    let names = program(&["doctor", "--bundle", BROKEN, "-o", "name"]).stdout;
    assert_eq!(names.lines().filter(|line| !line.contains(" # ")).count(), 3, "{names}");
}

#[test]
fn no_format_changes_the_answer() {
    for (args, code) in [
        (&["--bundle", HEALTHY][..], 0),
        (&["--bundle", BROKEN], 1),
        (&["--bundle", BROKEN, "--only", "NP01"], 0),
        (&["--bundle", BROKEN, "--only", "NP01", "--fail-on", "warning"], 1),
        (&["--bundle", BROKEN, "--accept", "FC01", "--accept", "NW02", "--accept", "NP03=*gpu"], 0),
        (&["--bundle", BROKEN, "--accept", "FC01", "--accept", "NW02", "--accept", "NP03=other"], 1),
    ] {
        for format in FORMATS {
            let mut all = vec!["doctor"];
            all.extend(args);
            all.extend(["-o", format]);
            let ran = program(&all);
            assert_eq!(ran.code, Some(code), "{all:?}\n{}\n{}", ran.stdout, ran.stderr);
        }
    }
}

#[test]
fn waivers_of_a_file_are_listed_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let waivers = file(
        folder.path(),
        "waivers.yaml",
        "- code: NW02\n  subject: '*demo*'\n  reason: the firewall team opens it\n  expires: 2027-01-31\n  owner: net-team\n\
         - code: FC01\n  reason: mended on Monday\n  expires: 2026-10-01\n\
         - {code: OI01, reason: unused, expires: 2027-01-31}\n",
    );
    let waivers = waivers.to_str().unwrap();
    let ran = program(&["doctor", "--bundle", BROKEN, "--waivers", waivers, "-o", "json"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr.matches("warning: ").count(), 2, "{}", ran.stderr);
    let report = ran.json().unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(ui_schema().as_str()).unwrap()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let states: Vec<&str> =
        report["waivers"].as_array().unwrap().iter().map(|waiver| waiver["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["used", "expired", "unused"]);
    let accepted: Vec<&Value> =
        report["verdicts"].as_array().unwrap().iter().filter(|row| !row["accepted"].is_null()).collect();
    assert_eq!(report["summary"]["accepted"], accepted.len());
    assert!(accepted.iter().all(|row| row["accepted"]["reason"] == "the firewall team opens it"));
    assert!(accepted.iter().any(|row| row["code"] == "NW02" && row["accepted"]["follows"].is_null()));
    assert!(accepted.iter().any(|row| row["accepted"]["follows"] == "NW02" && row["causedBy"] == "NW02"));
    for format in FORMATS {
        let text = program(&["doctor", "--bundle", BROKEN, "--waivers", waivers, "-o", format]).stdout;
        assert!(text.contains("the firewall team opens it"), "{format}: {text}");
    }
    assert!(program(&["doctor", "--bundle", BROKEN, "--waivers", waivers, "-o", "json", "-q"]).stderr.is_empty());
}

fn ui_schema() -> String {
    fs::read_to_string(e2e::workspace::root().join("common/ui/src/report/doctor-report.schema.json")).unwrap()
}

#[test]
fn a_waiver_that_cannot_be_used_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("- code: NW02\n  expires: 2027-01-31\n", &["line 1, entry 1 (NW02)", "no reason", "reason: "][..]),
        (
            "# x\n- {code: NW02, reason: r, expires: 2027-01-31}\n- {code: FC01, reason: r}\n",
            &["line 3, entry 2", "no expires", "expires: 2027-01-31"],
        ),
        ("- {code: NW02, reason: r, expires: soon}\n", &["'soon'", "2027-01-31"]),
        ("- {code: NW92, reason: r, expires: 2027-01-31}\n", &["'NW92' is no check", "did you mean NW"]),
        ("- {reason: r, expires: 2027-01-31}\n", &["no code"]),
        ("- {code: NW02, resaon: r, expires: 2027-01-31}\n", &["line 1", "resaon"]),
        ("code: NW02\n", &["line 1", "the file is a list"]),
    ] {
        let path = file(folder.path(), "waivers.yaml", text);
        let ran = program(&["doctor", "--bundle", BROKEN, "--waivers", path.to_str().unwrap()]);
        assert_eq!(ran.code, Some(2), "{text}\n{ran:?}");
        assert!(ran.stdout.is_empty());
        for word in words {
            assert!(ran.stderr.contains(word), "{word} in\n{}", ran.stderr);
        }
    }
    for args in [&["--waivers", "/no/such/file"][..], &["--accept", "XX99"], &["--accept-reason", "x"]] {
        let ran = program(&[&["doctor", "--bundle", BROKEN], args].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
}

#[test]
fn diff_of_bundles_and_of_saved_runs() {
    let folder = tempfile::tempdir().unwrap();
    let save = |bundle: &str, name: &str| {
        let ran = program(&["doctor", "--bundle", bundle, "-o", "json"]);
        file(folder.path(), name, &ran.stdout).to_str().unwrap().to_owned()
    };
    let (good, bad) = (save(HEALTHY, "good.json"), save(BROKEN, "bad.json"));
    for (before, after) in [(HEALTHY, BROKEN), (&good, BROKEN), (HEALTHY, &bad), (&good, &bad)] {
        let ran = program(&["doctor", "diff", before, after, "-o", "json"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let diff = ran.json().unwrap();
        assert_eq!(
            (diff["kind"].as_str(), diff["items"][0]["summary"]["newFailures"].as_u64()),
            (Some("DoctorDiff"), Some(6))
        );
        let codes: Vec<&str> =
            diff["items"][0]["new"].as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap()).collect();
        assert!(["FC01", "NW02", "NP03"].iter().all(|code| codes.contains(code)), "{codes:?}");
        let back = program(&["doctor", "diff", after, before, "-o", "yaml"]);
        assert_eq!(back.code, Some(0), "{back:?}");
        let table = program(&["doctor", "diff", before, after]);
        assert!(table.stdout.contains("NEW") && table.stdout.contains("Capi-Provider"), "{}", table.stdout);
        assert!(table.stdout.ends_with("\nnext:\n  kubectl hcp-azure explain FC01\n"), "{}", table.stdout);
        assert_eq!(program(&["doctor", "diff", after, after]).code, Some(0));
    }
    let broken = file(folder.path(), "broken.json", "{\"kind\":\"DoctorReport\"}");
    let lists = [&good, &bad].map(|path| fs::read_to_string(path).unwrap()).join(",");
    let fleet = file(folder.path(), "fleet.json", &format!("{{\"kind\":\"DoctorReportList\",\"items\":[{lists}]}}"));
    assert_eq!(program(&["doctor", "diff", fleet.to_str().unwrap(), &bad]).code, Some(1));
    for args in [&["/no/such/file", BROKEN][..], &[BROKEN], &[broken.to_str().unwrap(), BROKEN]] {
        let ran = program(&[&["doctor", "diff"], args].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
}

const LOG: &str = r#"E1120 09:31:03.402377       1 controller.go:324] "Reconciler error" err="failed to reconcile AzureMachine: RESPONSE 401: 401 Unauthorized { \"error\": \"invalid_client\", \"error_description\": \"AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'. Trace ID: t Correlation ID: c Timestamp: 2026-11-20 09:31:03Z\" }" controller="azuremachine""#;

#[test]
fn decode_names_identity_byte_row_and_fix() {
    let ran = fed(&["doctor", "decode", "--bundle", BROKEN], LOG.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for word in [
        "AADSTS700213",
        "identity nodePoolManagement",
        "'C' instead of 'c'",
        "HAZ-FC01",
        "federated-credential update",
        "demo-node-pool-mgmt-fed-id",
    ] {
        assert!(ran.stdout.contains(word), "{word} in\n{}", ran.stdout);
    }
    let json = fed(&["doctor", "decode", "-o", "json", "-"], format!("{LOG}\r\n{LOG}\r\n").as_bytes()).json().unwrap();
    assert_eq!(json["refusals"][0]["identity"], "nodePoolManagement");
    assert_eq!((json["refusals"][0]["seen"].as_u64(), json["lines"].as_u64()), (Some(2), Some(2)));
    assert_eq!(json["refusals"][0]["rows"][0], "FC01");
    let nothing = fed(&["doctor", "decode"], b"all is well\n");
    assert_eq!((nothing.code, nothing.stdout.contains("no refusal")), (Some(1), true));
    assert_eq!(program(&["doctor", "decode", "/no/such/file"]).code, Some(2));
    // Binary garbage with a refusal in it, in one line of many megabytes.
    let mut garbage: Vec<u8> = (0..8_000_000u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .filter(|byte| *byte != b'\n')
        .collect();
    garbage.extend(b" ");
    garbage.extend(LOG.as_bytes());
    garbage.extend([0xff, 0xfe].repeat(100_000));
    let ran = fed(&["doctor", "decode"], &garbage);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("AADSTS700213") && !ran.stdout.contains('\u{0}'));
}

#[test]
fn a_cluster_may_be_called_like_a_verb() {
    let ran = program(&["doctor", "--bundle", BROKEN, "--", "diff"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("HostedCluster diff"), "{}", ran.stderr);
    for verb in ["diff", "decode"] {
        let help = program(&["doctor", verb, "--help"]);
        assert_eq!(help.code, Some(0));
        assert!(help.stdout.contains("Examples:") && help.stdout.contains("Exit codes:"), "{}", help.stdout);
    }
}

/// Secrets that must not be in any output, and the texts that hold them.
const CANARIES: [(&str, &str); 6] = [
    (
        "c2lnbmF0dXJlLWNhbmFyeQ",
        "token eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9.eyJpc3MiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ",
    ),
    ("MIIcanarykey", "-----BEGIN RSA PRIVATE KEY-----\nMIIcanarykey\n-----END RSA PRIVATE KEY-----"),
    ("canarysas%3D", "https://acct.blob.core.windows.net/c?sv=2024&sig=canarysas%3D&se=2027"),
    ("Y2FuYXJ5OnB1bGw=", r#"{"auths":{"quay.io":{"auth":"Y2FuYXJ5OnB1bGw="}}}"#),
    ("canary-client-secret", "client_secret=canary-client-secret&grant_type=client_credentials"),
    ("canary-bearer", "Authorization: Bearer canary-bearer"),
];

/// A recording in whose messages every secret stands.
fn with_canaries() -> Value {
    let path = e2e::workspace::root().join(BROKEN).join("facts.json");
    let mut facts: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let all: Vec<&str> = CANARIES.iter().map(|(_, text)| *text).collect();
    let text =
        format!("AADSTS700213: assertion subject 'system:serviceaccount:kube-system:capi-provider' {}", all.join(" "));
    for condition in facts["hosted"]["cluster"]["value"]["conditions"].as_array_mut().unwrap() {
        if condition["type"] == "Degraded" || condition["type"] == "ClusterVersionSucceeding" {
            condition["message"] = text.clone().into();
        }
    }
    for pool in facts["hosted"]["nodePools"]["value"].as_array_mut().unwrap() {
        for condition in pool["conditions"].as_array_mut().unwrap() {
            condition["message"] = text.clone().into();
        }
    }
    for pod in facts["hosted"]["pods"]["value"].as_array_mut().unwrap() {
        for container in pod["containers"].as_array_mut().unwrap() {
            if !container["waitingReason"].is_null() {
                container["waitingMessage"] = text.clone().into();
            }
        }
    }
    let line = |secret: &str| {
        serde_json::json!({
            "pod": "capi-provider-6d8f9-0", "app": "capi-provider", "container": "manager",
            "time": facts["collectedAt"], "logEnd": facts["collectedAt"],
            "text": format!("AADSTS700213: assertion subject 'system:serviceaccount:kube-system:capi-provider' {secret}"),
        })
    };
    let lines: Vec<Value> = all.iter().map(|secret| line(secret)).collect();
    let event = serde_json::json!({"about": "Pod/x", "reason": "Failed", "message": text, "lastSeen": facts["collectedAt"], "count": 1});
    facts["hosted"]["logs"] = serde_json::json!({"state": "known", "value": lines});
    facts["hosted"]["warnings"] = serde_json::json!({"state": "known", "value": [event]});
    facts["azure"]["login"] = serde_json::json!({"state": "known", "value": {
        "outcome": "refused", "via": "--azure-creds x", "tenantId": null, "aadsts": 7_000_215, "message": text,
    }});
    facts["oidc"]["storage"] = serde_json::json!({"state": "unreadable", "value": {"kind": "denied", "why": text, "needs": "a/read", "scope": "/s"}});
    facts
}

#[test]
fn no_output_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = file(folder.path(), "facts.json", &with_canaries().to_string());
    let bundle = bundle.to_str().unwrap();
    let mut outputs: Vec<(String, Ran)> = Vec::new();
    for format in FORMATS {
        outputs.push((format.to_owned(), program(&["doctor", "--bundle", bundle, "-o", format])));
    }
    let json = program(&["doctor", "--bundle", BROKEN, "-o", "json"]).stdout;
    // A report that somebody else saved.
    let text: Vec<&str> = CANARIES.iter().map(|(_, text)| *text).collect();
    let dirty = json.replace(
        "Capi-Provider",
        &serde_json::to_string(&text.join(" ")).unwrap().trim_matches('"').replace("Capi", ""),
    );
    let saved = file(folder.path(), "saved.json", &dirty);
    for format in ["table", "json", "yaml"] {
        outputs.push((format!("diff {format}"), program(&["doctor", "diff", HEALTHY, bundle, "-o", format])));
        outputs.push((
            format!("diff saved {format}"),
            program(&["doctor", "diff", HEALTHY, saved.to_str().unwrap(), "-o", format]),
        ));
        let log = CANARIES
            .iter()
            .map(|(_, text)| format!("{LOG} {text}\nAADSTS700211: assertion issuer 'https://i/{text}'\n"))
            .collect::<String>();
        outputs.push((format!("decode {format}"), fed(&["doctor", "decode", "-o", format], log.as_bytes())));
        outputs.push((
            format!("decode with facts {format}"),
            fed(&["doctor", "decode", "--bundle", bundle, "-o", format], log.as_bytes()),
        ));
    }
    assert!(outputs.iter().any(|(_, ran)| ran.stdout.contains("[redacted]")), "nothing had to be redacted");
    for (name, ran) in &outputs {
        assert!(matches!(ran.code, Some(0 | 1)), "{name}: {ran:?}");
        for (secret, _) in CANARIES {
            let shown = [&ran.stdout, &ran.stderr].into_iter().find(|text| text.contains(secret));
            assert!(shown.is_none(), "{name} shows {secret}:\n{}", shown.unwrap());
        }
    }
    e2e::workspace::note(&format!("{} outputs, {} secrets, none shown", outputs.len(), CANARIES.len()));
}
