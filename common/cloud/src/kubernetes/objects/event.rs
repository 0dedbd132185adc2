//! Event, of `v1` and of `events.k8s.io/v1`.

use facts::hosted::Event;
use serde_json::Value;

use super::json::{free_text, int32, str_at, string, time};

/// Reads a warning event of either API; none for an event of another type.
pub fn warning(object: &Value) -> Option<Event> {
    if str_at(object, "/type") != Some("Warning") {
        return None;
    }
    let about = ["/involvedObject", "/regarding"]
        .iter()
        .find_map(|pointer| object.pointer(pointer).filter(|about| about.is_object()))
        .unwrap_or(&Value::Null);
    Some(Event {
        about: format!("{}/{}", string(about, "/kind"), string(about, "/name")),
        reason: string(object, "/reason"),
        message: ["/message", "/note"].iter().find_map(|pointer| free_text(object, pointer)).unwrap_or_default(),
        last_seen: [
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/deprecatedLastTimestamp",
            "/eventTime",
            "/firstTimestamp",
            "/metadata/creationTimestamp",
        ]
        .iter()
        .find_map(|pointer| time(object, pointer)),
        count: ["/series/count", "/count", "/deprecatedCount"]
            .iter()
            .find_map(|pointer| int32(object, pointer))
            .unwrap_or(1),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn both_apis_read_alike() {
        let core = json!({"type": "Warning", "reason": "BackOff", "message": "m", "count": 42, "eventTime": null,
            "lastTimestamp": "2026-11-20T09:40:00Z", "involvedObject": {"kind": "Pod", "name": "p"}});
        let newer = json!({"type": "Warning", "reason": "BackOff", "note": "m", "regarding": {"kind": "Pod", "name": "p"},
            "eventTime": "2026-11-20T09:00:00.000000Z",
            "series": {"count": 42, "lastObservedTime": "2026-11-20T09:40:00.000000Z"}});
        let core = warning(&core).unwrap();
        assert_eq!(core, warning(&newer).unwrap());
        assert_eq!((core.about.as_str(), core.count), ("Pod/p", 42));
        assert_eq!(warning(&json!({"type": "Normal"})), None);
    }
}
