//! The simulator's own paths below `/_sim/`; they need no token and are neither slowed, failed nor logged.

use serde_json::{Value, json};

use crate::{
    faults::{Fault, Faults},
    http::{Call, Reply},
    server::{Shared, lock},
    snapshot,
    state::State,
};

/// Answers a request below `/_sim/`.
pub(crate) fn handle(shared: &Shared, call: &Call) -> Reply {
    let what = call.path.trim_start_matches("/_sim/");
    match (call.method.as_str(), what) {
        ("GET", "state") => Reply::json(200, snapshot(&shared.core())),
        ("PUT", "state") => replace(shared, call).unwrap_or_else(bad_request),
        ("GET", "requests") => Reply::json(200, json!(lock(&shared.log).entries())),
        ("DELETE", "requests") => {
            lock(&shared.log).clear();
            Reply::empty(204)
        }
        ("PUT", "faults") => faults(shared, call).unwrap_or_else(bad_request),
        ("PUT", "latency") => latency(shared, call).unwrap_or_else(bad_request),
        ("POST", "reset") => {
            reset(shared);
            Reply::empty(204)
        }
        ("GET", "ready") => Reply::json(200, json!({"ready": true})),
        _ => Reply::json(404, json!({"error": "no such path below /_sim/"})),
    }
}

/// Goes back to the state the simulator was started with, without faults, requests or operations.
pub(crate) fn reset(shared: &Shared) {
    let mut core = shared.core();
    core.state = shared.initial.clone();
    core.operations = Default::default();
    core.buckets = Default::default();
    core.born.clear();
    *lock(&shared.faults) = Faults::default();
    lock(&shared.log).clear();
}

fn replace(shared: &Shared, call: &Call) -> Result<Reply, String> {
    let document: Value = serde_json::from_slice(&call.body).map_err(|e| e.to_string())?;
    let mut core = shared.core();
    let blob = core.state.blob_endpoint.clone();
    core.state = State::load(document, blob.as_deref()).map_err(|e| e.to_string())?;
    core.operations = Default::default();
    Ok(Reply::empty(204))
}

fn faults(shared: &Shared, call: &Call) -> Result<Reply, String> {
    let faults: Vec<Fault> = serde_json::from_slice(&call.body).map_err(|e| e.to_string())?;
    *lock(&shared.faults) = Faults::new(faults).map_err(|e| e.to_string())?;
    Ok(Reply::empty(204))
}

fn latency(shared: &Shared, call: &Call) -> Result<Reply, String> {
    let millis: u64 = serde_json::from_slice(&call.body).map_err(|e| e.to_string())?;
    shared.core().settings.latency = std::time::Duration::from_millis(millis);
    Ok(Reply::empty(204))
}

fn bad_request(why: String) -> Reply {
    Reply::json(400, json!({"error": why}))
}
