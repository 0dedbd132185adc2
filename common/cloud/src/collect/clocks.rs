//! Collecting the clocks of the services: the `Date` header of one answer of each.

use std::time::{Duration, Instant};

use facts::clock::{Clocks, Reading};
use facts::{Fact, Gap, GapKind, Need};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::Sources;

/// How long a clock may keep us waiting: a later answer says too little.
const PATIENCE: Duration = Duration::from_secs(10);

/// Collects what is wanted of it, once in a run.
pub(super) async fn collect(sources: &Sources<'_>) -> Clocks {
    if !sources.wants(Need::Clocks) {
        return Clocks::default();
    }
    let read = || async {
        let (entra, management) = futures::join!(entra(sources), management(sources));
        Clocks { entra, management }
    };
    sources.once.clocks.get_or_init(read).await.clone()
}

/// Entra's clock, from metadata that it gives to anybody.
async fn entra(sources: &Sources<'_>) -> Fact<Reading> {
    // Who has no credential for Azure does not want it asked at all.
    if let Fact::Unreadable(gap) = sources.login
        && gap.kind != GapKind::NotAsked
    {
        return Fact::Unreadable(gap.clone());
    }
    let service = sources.cloud.authority.host_str().unwrap_or("Entra").to_owned();
    let address = format!("{}common/v2.0/.well-known/openid-configuration", sources.cloud.authority);
    let (asked_at, started) = (Timestamp::now(), Instant::now());
    let answer = sources.http.get(&address).timeout(PATIENCE).send().await;
    let elapsed = started.elapsed();
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    sources.calls.note("GET", &address, status, elapsed, None);
    match answer {
        // The date counts whatever the answer is.
        Ok(answer) => reading(service, answer.headers().get("date").map(|date| date.as_bytes()), asked_at, elapsed),
        Err(error) => unreachable(&service, &arm::error_chain(&error.without_url())),
    }
}

/// The clock of the management cluster's API server.
async fn management(sources: &Sources<'_>) -> Fact<Reading> {
    let server = sources.kubernetes.server().trim_end_matches('/').to_owned();
    let request = match http::Request::get("/version").body(kube::client::Body::empty()) {
        Ok(request) => request,
        Err(error) => return unreachable(&server, &error.to_string()),
    };
    let (asked_at, started) = (Timestamp::now(), Instant::now());
    let answer = tokio::time::timeout(PATIENCE, sources.kubernetes.client().send(request)).await;
    let elapsed = started.elapsed();
    let status = answer.as_ref().ok().and_then(|answer| Some(answer.as_ref().ok()?.status().as_u16()));
    sources.calls.note("GET", &format!("{server}/version"), status, elapsed, None);
    match answer {
        Ok(Ok(answer)) => reading(server, answer.headers().get("date").map(|date| date.as_bytes()), asked_at, elapsed),
        Ok(Err(error)) => unreachable(&server, &arm::error_chain(&error)),
        Err(_) => unreachable(&server, &format!("no answer in {} s", PATIENCE.as_secs())),
    }
}

fn unreachable(service: &str, why: &str) -> Fact<Reading> {
    let why = format!("the clock of {service} could not be read: {}", facts::redact::text(why));
    Fact::Unreadable(Gap::new(GapKind::Unreachable, why))
}

fn reading(service: String, date: Option<&[u8]>, asked_at: Timestamp, elapsed: Duration) -> Fact<Reading> {
    let says = date
        .and_then(|date| std::str::from_utf8(date).ok())
        .and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    match says {
        Some(says) => {
            let round_trip_ms = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
            Fact::Known(Reading { service, says, asked_at, round_trip_ms })
        }
        None => {
            let why = format!("the answer of {service} has no date");
            Fact::Unreadable(Gap::new(GapKind::Failed, why))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_date_header_is_read() {
        let asked_at: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let read =
            |date: Option<&str>| reading("s".into(), date.map(str::as_bytes), asked_at, Duration::from_millis(40));
        let Fact::Known(found) = read(Some("Fri, 20 Nov 2026 12:05:00 GMT")) else { unreachable!() };
        assert_eq!((found.says.as_second() - asked_at.as_second(), found.round_trip_ms), (300, 40));
        for date in [None, Some("soon")] {
            assert_eq!(read(date).gap().unwrap().kind, GapKind::Failed);
        }
    }
}
