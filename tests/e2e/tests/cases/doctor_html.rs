//! The page of `doctor -o html` in a real browser: nothing on its console, no request, and everything that it has to say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::scene::{Ran, run};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const CHROMIUM: &str = "/usr/bin/chromium";

/// Whether there is a browser. Without one the test is skipped, but for CI, where it has to be.
fn has_browser() -> bool {
    if Path::new(CHROMIUM).exists() {
        return true;
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "{CHROMIUM} is missing: `apt-get install chromium`");
    e2e::workspace::note(&format!("skipped: the page needs {CHROMIUM}, which is absent"));
    false
}

/// What the browser made of a page.
struct Seen {
    /// The document as it became.
    dom: String,
    /// The lines of its console.
    console: Vec<String>,
    /// The addresses that it asked, those of the browser's own services left out.
    requests: BTreeSet<String>,
}

/// The hosts that Chromium asks for itself at every start, whatever the page.
const OWN_HOSTS: [&str; 3] = [".google.com", ".googleapis.com", ".gvt1.com"];

fn browser(folder: &Path, more: &[&str], page: &Path) -> Ran {
    let mut command = Command::new("timeout");
    let profile = tempfile::tempdir_in(folder).unwrap();
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", folder)
        .args(["120", CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(more)
        .arg(format!("file://{}", page.display()));
    let ran = run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn look(folder: &Path, page: &Path) -> Seen {
    let log = folder.join("net.json");
    let ran = browser(folder, &["--dump-dom", &format!("--log-net-log={}", log.display())], page);
    let console = ran.stderr.lines().filter(|line| line.contains(":CONSOLE:")).map(str::to_owned).collect();
    let log: Value = serde_json::from_str(&fs::read_to_string(log).unwrap()).unwrap();
    let requests = log["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["params"]["url"].as_str())
        .filter(|url| {
            let host = url.split("://").nth(1).unwrap_or_default().split(['/', ':', '?']).next().unwrap_or_default();
            !OWN_HOSTS.iter().any(|own| host.ends_with(own))
        })
        .map(str::to_owned)
        .collect();
    Seen { dom: ran.stdout, console, requests }
}

/// A screenshot below the target folder, to be looked at by people.
fn photograph(folder: &Path, page: &Path, name: &str, more: &[&str]) {
    let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doctor-html");
    fs::create_dir_all(&shots).unwrap();
    let picture = shots.join(format!("{name}.png"));
    let shot = format!("--screenshot={}", picture.display());
    let mut args = vec![shot.as_str(), "--window-size=1280,5200"];
    args.extend(more);
    browser(folder, &args, page);
    let bytes = fs::read(&picture).unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 50_000, "{} bytes", bytes.len());
    e2e::workspace::note(&format!("{name}: {}", picture.display()));
}

fn page(folder: &Path, name: &str, bundle: &Path, more: &[&str]) -> (PathBuf, Value) {
    let of = |format: &str| {
        let mut command = Command::new(PROGRAM);
        command.env_clear().args(["doctor", "--bundle"]).arg(bundle).args(["-o", format]).args(more);
        run::ran(command).unwrap()
    };
    let (html, json) = (of("html"), of("json"));
    assert_eq!(html.code, json.code);
    let path = folder.join(format!("{name}.html"));
    fs::write(&path, html.stdout).unwrap();
    (path, json.json().unwrap())
}

/// The text of a document, without its markup.
fn text_of(dom: &str) -> String {
    let mut out = String::new();
    let body = dom.split("</style>").last().unwrap_or_default();
    for part in body.split('<') {
        out.push_str(part.split_once('>').map_or("", |(_, text)| text));
    }
    for (entity, text) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        out = out.replace(entity, text);
    }
    out
}

#[test]
fn a_browser_shows_it_all_and_asks_nobody() {
    if !has_browser() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let bundles = e2e::workspace::root().join("tests/bundles");
    // The same recording with texts that try to be markup.
    let evil = "<script>console.error('got out')</script><img src=http://127.0.0.1:9/leak.png onerror=alert(1)>";
    let facts = fs::read_to_string(bundles.join("three-root-causes/facts.json")).unwrap();
    let hostile = ["deny-internet", "demo-gpu", "hcp-prod", "Capi-Provider"]
        .iter()
        .fold(facts, |facts, word| facts.replace(word, &format!("{word}{evil}")));
    fs::write(folder.join("hostile.json"), hostile).unwrap();
    for (name, bundle, more) in [
        ("healthy", bundles.join("healthy"), &[][..]),
        ("three-root-causes", bundles.join("three-root-causes"), &[]),
        ("accepted", bundles.join("three-root-causes"), &["--accept", "NW02", "--accept-reason", "known"]),
        ("hostile", folder.join("hostile.json"), &[]),
    ] {
        let (path, report) = page(folder, name, &bundle, more);
        let seen = look(folder, &path);
        assert_eq!(seen.console, [""; 0], "{name}");
        assert_eq!(seen.requests, BTreeSet::new(), "{name}");
        let text = text_of(&seen.dom);
        let rows = report["verdicts"].as_array().unwrap();
        for row in rows {
            assert!(text.contains(&format!("HAZ-{}", row["code"].as_str().unwrap())), "{name}: {row}");
        }
        let roots = rows.iter().filter(|row| row["verdict"] == "fail" && row["causedBy"].is_null());
        let mut count = 0;
        for root in roots.filter(|row| row["accepted"].is_null()) {
            count += 1;
            assert!(text.contains(&format!("Root cause {count}")), "{name}");
            assert!(text.contains(root["subject"].as_str().unwrap()), "{name}: {root}");
        }
        assert_eq!(count, report["summary"]["rootCauses"].as_u64().unwrap(), "{name}");
        // Words tell the verdict, not colour alone.
        for word in match name {
            "healthy" => ["healthy", "ok", "OIDC issuer"],
            "accepted" => ["accepted: NW02", "fails FC01", "accepted for this run: known"],
            _ => ["fails FC01", "fails NW02", "root cause"],
        } {
            assert!(text.contains(word), "{name} does not say {word}");
        }
    }
    let broken = folder.join("three-root-causes.html");
    photograph(folder, &broken, "light", &["--blink-settings=preferredColorScheme=1"]);
    photograph(folder, &broken, "dark", &["--blink-settings=preferredColorScheme=0"]);
    let grey = fs::read_to_string(&broken).unwrap().replace("</style>", "html { filter: grayscale(1); }</style>");
    fs::write(folder.join("grey.html"), grey).unwrap();
    photograph(folder, &folder.join("grey.html"), "grey", &["--blink-settings=preferredColorScheme=1"]);
    photograph(folder, &folder.join("healthy.html"), "healthy", &["--blink-settings=preferredColorScheme=1"]);
}

/// That the test above could fail: a page that speaks on the console and asks for a picture is caught.
#[test]
fn a_page_that_asks_or_complains_is_caught() {
    if !has_browser() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let (path, _) = page(folder, "healthy", &e2e::workspace::root().join("tests/bundles/healthy"), &[]);
    let whole = fs::read_to_string(&path).unwrap();
    let bad =
        whole.replace("<main>", "<main><img src=\"http://127.0.0.1:9/x.png\"/><script>console.error('here')</script>");
    fs::write(folder.join("guarded.html"), &bad).unwrap();
    let guarded = look(folder, &folder.join("guarded.html"));
    assert!(guarded.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", guarded.console);
    let policy = bad.find("<meta http-equiv").unwrap();
    let end = policy + bad[policy..].find("/>").unwrap() + 2;
    fs::write(folder.join("open.html"), format!("{}{}", &bad[..policy], &bad[end..])).unwrap();
    let open = look(folder, &folder.join("open.html"));
    assert!(open.console.iter().any(|line| line.contains("here")), "{:?}", open.console);
    assert!(open.requests.iter().any(|url| url.contains("127.0.0.1:9/x.png")), "{:?}", open.requests);
}
