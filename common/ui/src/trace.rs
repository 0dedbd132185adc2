//! The lines of `-v`: one per call.

/// One call: method, address, status or failure, milliseconds, and Azure's request id.
pub fn call_line(method: &str, address: &str, status: &str, millis: u128, request_id: Option<&str>) -> String {
    let request = request_id.map(|id| format!("  request {id}")).unwrap_or_default();
    format!("{status:>3} {millis:>5} ms  {method} {address}{request}\n")
}
