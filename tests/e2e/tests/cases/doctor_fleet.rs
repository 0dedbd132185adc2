//! `doctor --all`: what a fleet costs. What clusters share is asked once, however many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use azure_sim::LogEntry;
use e2e::scene::{self, Ran, Scene, azure, fleet};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

/// What one run over a fleet cost.
struct Cost {
    ran: Ran,
    requests: Vec<LogEntry>,
    /// Reads of the management cluster and of issuers.
    others: Vec<String>,
    /// Peak memory in MiB, where it can be had.
    peak: Option<f64>,
    /// Time on the processor in seconds, where it can be had.
    busy: Option<f64>,
}

fn program() -> PathBuf {
    std::env::var_os("HCP_AZURE_PROGRAM").map_or_else(|| PathBuf::from(PROGRAM), PathBuf::from)
}

/// Runs doctor over all clusters of a scene. Peak memory comes from a wrapper, so that it is the program's alone.
fn doctor(scene: &Scene, more: &[&str]) -> Cost {
    scene.sim.clear_requests();
    let wrapper = "import resource, subprocess, sys\n\
                   code = subprocess.run(sys.argv[1:]).returncode\n\
                   used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
                   print(f'peak-mib {used.ru_maxrss / 1024:.1f}', file=sys.stderr)\n\
                   print(f'busy-seconds {used.ru_utime + used.ru_stime:.2f}', file=sys.stderr)\n\
                   sys.exit(code)";
    let mut command = scene.command(Path::new("python3"));
    command.args(["-c", wrapper]).arg(program());
    command.args(["doctor", "--all", "-n", &scene.namespace, "-v", "--azure-creds"]);
    command.arg(scene.path("azure-creds.json")).args(more);
    let ran = scene::run::ran(command).unwrap();
    let used = |name: &str| ran.stderr.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    let (peak, busy) = (used("peak-mib "), used("busy-seconds "));
    let others = ran.stderr.lines().filter_map(|line| line.split_once(" GET ")?.1.split_whitespace().next());
    let others = others.filter(|url| !url.starts_with("/subscriptions/")).map(str::to_owned).collect();
    Cost { others, requests: scene.sim.requests(), ran, peak, busy }
}

/// How many requests were made for each cluster, and which were made for none of them.
fn by_cluster(requests: &[LogEntry], clusters: usize) -> (BTreeMap<String, usize>, Vec<&str>) {
    let names: Vec<String> = (0..clusters).map(fleet::name).collect();
    let mut own = BTreeMap::new();
    let mut shared = Vec::new();
    for entry in requests {
        match names.iter().find(|name| entry.path.contains(&format!("{name}-"))) {
            Some(name) => *own.entry(name.clone()).or_default() += 1,
            None => shared.push(entry.path.as_str()),
        }
    }
    (own, shared)
}

/// The question that a page answers.
fn list_of(path: &str) -> &str {
    path.split("%24skiptoken").next().unwrap_or(path).trim_end_matches(['&', '?'])
}

fn reports(cost: &Cost) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&cost.ran.stdout).unwrap_or_else(|_| panic!("{}\n{}", cost.ran.stdout, cost.ran.stderr));
    list["items"].as_array().unwrap().clone()
}

/// Neither Azure nor the management cluster nor an issuer is read twice at one address.
fn never_twice(cost: &Cost) {
    let azure = cost.requests.iter().filter(|entry| entry.method == "GET").map(|entry| entry.path.as_str());
    let mut once = BTreeSet::new();
    for url in azure.chain(cost.others.iter().map(String::as_str)) {
        assert!(once.insert(url), "{url} was read twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clusters_share_is_asked_once() {
    let scene = Scene::fleet(6).await.unwrap();
    let six = doctor(&scene, &["-o", "json"]);
    assert_eq!(reports(&six).len(), 6);
    for report in reports(&six) {
        for verdict in ["fail", "warn"] {
            assert_eq!(report["summary"][verdict], 0, "{report:#}");
        }
    }
    never_twice(&six);
    let (own, shared) = by_cluster(&six.requests, 6);
    assert_eq!(own.values().collect::<BTreeSet<_>>().len(), 1, "every cluster costs the same: {own:?}");
    // A fault of one cluster is told of that cluster alone.
    assert!(scene.sim.remove(&azure::identity_id("file").replace(scene::NAME, &fleet::name(3))));
    let broken = doctor(&scene, &["-o", "json"]);
    assert_eq!(broken.ran.code, Some(1));
    let failing: Vec<String> = reports(&broken)
        .iter()
        .filter(|report| report["summary"]["fail"] != 0)
        .map(|report| report["target"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(failing, [fleet::name(3)]);
    let (_, later) = by_cluster(&broken.requests, 6);
    assert_eq!(later.len(), shared.len(), "what is shared costs the same with or without a fault");
    // For people: a line for each cluster, and details of the one that has something to tell.
    let table = doctor(&scene, &[]).ran.stdout;
    for at in 0..6 {
        assert!(table.contains(&fleet::name(at)), "{table}");
    }
    assert!(table.contains("HAZ-ID01") && table.contains("subscription Simulated"), "{table}");
    // Where clusters are drawn, each is.
    let page = doctor(&scene, &["-o", "html"]).ran.stdout;
    let pictures = page.matches("<svg").count();
    assert!(pictures >= 12, "{pictures} pictures of 6 clusters");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; run by tests/bench on the release build"]
async fn bench_of_a_fleet() {
    let note = |text: &str| e2e::workspace::note(text);
    let (mut shared_before, mut times) = (None, Vec::new());
    for clusters in [50, 100, 200] {
        let scene = Scene::fleet(clusters).await.unwrap();
        scene.sim.set_latency(Duration::from_millis(50));
        scene.sim.set_throttle(true);
        let cost = doctor(&scene, &["-o", "json"]);
        assert_eq!(reports(&cost).len(), clusters);
        let refused = cost.requests.iter().filter(|entry| entry.status == 429).count();
        assert_eq!(refused, 0, "Azure asked for patience");
        never_twice(&cost);
        let (own, shared) = by_cluster(&cost.requests, clusters);
        let (pages, lists) = (shared.len(), shared.iter().map(|path| list_of(path)).collect::<BTreeSet<_>>().len());
        let own: usize = own.values().sum();
        let seconds = cost.ran.elapsed.as_secs_f64();
        let known = |figure: Option<f64>| figure.map_or_else(|| "?".to_owned(), |figure| format!("{figure:.1}"));
        note(&format!(
            "fleet of {clusters} clusters x 9 identities, 50 ms: {seconds:.1} s, {} requests to Azure ({:.1} a cluster; {lists} shared answers in {pages} pages), {:.1} reads a cluster of the management cluster and the issuer, busy {} s, peak {} MiB",
            cost.requests.len(),
            own as f64 / clusters as f64,
            cost.others.len() as f64 / clusters as f64,
            known(cost.busy),
            known(cost.peak),
        ));
        assert!(cost.peak.is_none_or(|peak| peak <= 150.0), "too much memory");
        times.push((clusters as f64, seconds));
        // Lists have more pages where more is in them; nothing else is asked.
        if let Some(before) = shared_before.replace(lists) {
            assert_eq!(lists, before, "what is shared grows with the fleet");
        }
    }
    let each: Vec<f64> = times.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
    note(&format!("seconds for each cluster more: {each:.2?}"));
    assert!(each[1] <= each[0] * 1.15, "cost grows faster than the fleet");
}
