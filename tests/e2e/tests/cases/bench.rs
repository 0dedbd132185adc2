//! What `create` costs: wall time against a slow Azure, requests, and the memory of rendering. `tests/bench` runs it on the
//! release build; it prints figures, and holds those that do not depend on the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use azure_sim::LogEntry;
use serde_json::Value;

use super::create_stage::{IAM, INFRA, Stage};

/// The time that every answer takes.
const LATENCY: Duration = Duration::from_millis(150);

/// Upstream's `create iam` and `create infra --assign-identity-roles`, unmodified, against the same latency and
/// `Retry-After: 1`: seconds and requests.
const UPSTREAM: (f64, usize) = (7.5 + 30.8, 47 + 107);

/// One run of a command.
struct Cost {
    seconds: f64,
    requests: usize,
    /// The least time that the plan's longest chain of dependent requests can take, sign-in and reads included.
    critical: f64,
}

/// The steps whose operation Azure goes on with after its answer.
const LONG: [&str; 6] =
    ["network security group ", "virtual network ", "private DNS zone ", "DNS link ", "public IP ", "load balancer "];

/// Seconds of the longest chain of a plan, with what the operations of Azure take.
fn chain(plan: &Value, operation: f64) -> f64 {
    let second = LATENCY.as_secs_f64();
    let mut ends: BTreeMap<&str, f64> = BTreeMap::new();
    // Credentials of one identity follow one another.
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for step in plan["steps"].as_array().unwrap() {
        let (id, resource) = (step["id"].as_str().unwrap(), step["resource"].as_str().unwrap());
        let needs: Vec<&str> = step["dependsOn"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        let begin = needs.iter().filter_map(|id| ends.get(id)).copied().fold(0.0, f64::max);
        let is_long = LONG.iter().any(|long| resource.starts_with(long));
        let own = match step["verb"].as_str().unwrap() {
            "keep" => 0.0,
            _ if id == "file" || id == "output" => 0.0,
            _ if is_long => second + operation + second,
            _ => second,
        };
        let mut end = begin + own;
        if id.starts_with("credential/") {
            let key = needs.join(",");
            end = end.max(last.get(&key).copied().unwrap_or_default() + own);
            last.insert(key, end);
        }
        ends.insert(id, end);
    }
    ends.into_values().fold(0.0, f64::max)
}

fn cost(stage: &Stage, line: &str, operation: f64) -> Cost {
    stage.sim.set_latency(Duration::ZERO);
    let plan = stage.run(&format!("{line} --dry-run -o json")).json().unwrap();
    stage.sim.set_latency(LATENCY);
    stage.sim.clear_requests();
    let begun = Instant::now();
    stage.done(line);
    let seconds = begun.elapsed().as_secs_f64();
    let requests = stage.sim.requests();
    never_twice(&requests);
    let concurrent = |entry: &&LogEntry| entry.status == 409;
    assert_eq!(requests.iter().filter(concurrent).count(), 0, "a write came in another's way");
    // Reading about Entra, the token, and two rounds of reads come first.
    let critical = 4.0 * LATENCY.as_secs_f64() + chain(&plan, operation);
    Cost { seconds, requests: requests.len(), critical }
}

fn never_twice(requests: &[LogEntry]) {
    let mut once = BTreeSet::new();
    let is_read = |entry: &&LogEntry| entry.method == "GET" && !entry.path.to_lowercase().contains("operation");
    for entry in requests.iter().filter(is_read) {
        assert!(once.insert(&entry.path), "{} was read twice", entry.path);
    }
}

/// Both commands, one after the other.
fn both(retry_after: Option<u64>, more: &str) -> Cost {
    let stage = Stage::with_retry_after(retry_after);
    let operation = retry_after.unwrap_or_default() as f64;
    let all = [IAM, INFRA].map(|line| cost(&stage, &format!("{line} {more}"), operation));
    Cost {
        seconds: all.iter().map(|cost| cost.seconds).sum(),
        requests: all.iter().map(|cost| cost.requests).sum(),
        critical: all.iter().map(|cost| cost.critical).sum(),
    }
}

#[test]
#[ignore = "measures; run by tests/bench on the release build"]
fn create_iam_and_infra() {
    let note = |text: &str| e2e::workspace::note(text);
    for (name, retry_after) in
        [("operations end at the first poll after 1 s", Some(1)), ("operations end at once", Some(0))]
    {
        let (fast, slow) = (both(retry_after, ""), both(retry_after, "--concurrency 1"));
        note(&format!(
            "create iam + create infra, {} ms, {name}: {:.2} s in {} requests; longest chain {:.2} s ({:.2} x); one at a time {:.2} s ({:.1} x)",
            LATENCY.as_millis(),
            fast.seconds,
            fast.requests,
            fast.critical,
            fast.seconds / fast.critical,
            slow.seconds,
            slow.seconds / fast.seconds
        ));
        assert!(fast.seconds <= 1.5 * fast.critical, "slower than 1.5 x the longest chain");
        assert!(fast.requests <= 90);
        if retry_after == Some(1) {
            let times = UPSTREAM.0 / fast.seconds;
            note(&format!("upstream: {:.1} s in {} requests, {times:.1} x as long", UPSTREAM.0, UPSTREAM.1));
            assert!(times >= 6.0);
        }
    }
}
