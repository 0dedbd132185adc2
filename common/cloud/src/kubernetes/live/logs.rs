//! The logs of the containers that speak to Entra and Azure.

use std::sync::Arc;

use facts::hosted::{LogLine, Pod};
use facts::{Fact, Gap, GapKind};
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::api::{ListParams, LogParams};
use kube::core::Request as RequestBuilder;

use super::{OPERATOR_NAMESPACE, listed};
use crate::kubernetes::connection::{Connection, path, unusable};
use crate::kubernetes::error::KubeError;
use crate::kubernetes::logs::{self, Origin, Scan};
use crate::kubernetes::objects;

/// How many logs are read at a time.
const AT_ONCE: usize = 8;
/// How far back a log is read, in seconds.
const SINCE_SECONDS: i64 = 3_600;
/// How many lines of that: with a limit of bytes alone the server would send the oldest ones.
const TAIL_LINES: i64 = 5_000;
/// How many bytes of those.
const LIMIT_BYTES: i64 = 1024 * 1024;

/// A container whose log is to be read.
struct Job {
    namespace: String,
    pod: String,
    app: Option<String>,
    container: String,
    restarted: bool,
}

impl Connection {
    /// Reads the logs of the control plane's pods, and of the operator's as far as the caller may.
    ///
    /// When some logs could not be read, the lines of the others are worth more than the gap, but their absence is not:
    /// the fact is known only if there are lines.
    pub(super) async fn logs(&self, namespace: &str, pods: &Fact<Vec<Pod>>) -> Fact<Vec<LogLine>> {
        let pods = match pods.known("the control plane namespace") {
            Ok(pods) => pods,
            Err(gap) => return Fact::Unreadable(gap),
        };
        let own = self.read_all(jobs(namespace, pods));
        let (own, operator) = futures::join!(own, self.operator_log());
        let mut lines = Vec::new();
        let mut failure = None;
        for outcome in own {
            match outcome {
                Ok(found) => lines.extend(found),
                Err((pod, error)) => failure = failure.or(Some((pod, error))),
            }
        }
        // Evidence beyond the control plane: its absence shows nothing about the hosted cluster's identities.
        lines.extend(operator.iter().cloned());
        lines.sort_by(|a, b| (&a.pod, &a.container, a.time).cmp(&(&b.pod, &b.container, b.time)));
        match failure {
            Some((pod, error)) if lines.is_empty() => {
                let mut gap = error.gap("get", "pods/log", Some(namespace));
                if gap.kind != GapKind::Denied {
                    gap = Gap::new(gap.kind, format!("the log of pod {pod}: {error}"));
                }
                Fact::Unreadable(gap)
            }
            _ => Fact::Known(lines),
        }
    }

    /// The refusals in the logs of some pods. As in [`Connection::logs`], absence counts only where every log was read.
    pub(super) async fn refusals_in(&self, namespace: &str, pods: &[Pod]) -> Fact<Vec<LogLine>> {
        let mut lines = Vec::new();
        for outcome in self.read_all(jobs(namespace, pods)).await {
            match outcome {
                Ok(found) => lines.extend(found),
                Err((_, error)) if lines.is_empty() => {
                    return Fact::Unreadable(error.gap("get", "pods/log", Some(namespace)));
                }
                Err(_) => {}
            }
        }
        Fact::Known(lines)
    }

    /// As far as it can be read; once for all hosted clusters.
    async fn operator_log(&self) -> Arc<Vec<LogLine>> {
        let read = async {
            let list = async {
                let path = path("/api/v1", Some(OPERATOR_NAMESPACE), "pods")?;
                self.list(&path, ListParams::default()).await
            };
            let pods = match listed(list.await, "pods", Some(OPERATOR_NAMESPACE), objects::pod) {
                Fact::Known(pods) => pods,
                Fact::Absent => Vec::new(),
                Fact::Unreadable(gap) => return Fact::Unreadable(gap),
            };
            let read = self.read_all(jobs(OPERATOR_NAMESPACE, &pods)).await;
            Fact::Known(Arc::new(read.into_iter().filter_map(Result::ok).flatten().collect()))
        };
        match self.shared().operator_log.or(Box::pin(read)).await {
            Fact::Known(lines) => lines,
            Fact::Absent | Fact::Unreadable(_) => Arc::default(),
        }
    }

    async fn read_all(&self, jobs: Vec<Job>) -> Vec<Result<Vec<LogLine>, (String, KubeError)>> {
        futures::stream::iter(jobs)
            .map(|job| async move {
                let lines = self.read_log(&job).await;
                lines.map_err(|error| (job.pod, error))
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// The evidence in the log of a container, of its previous run too if it was restarted.
    async fn read_log(&self, job: &Job) -> Result<Vec<LogLine>, KubeError> {
        let previous = async {
            match job.restarted {
                true => self.log_text(job, true).await,
                false => Ok(None),
            }
        };
        let (previous, current) = futures::join!(previous, self.log_text(job, false));
        let mut scan = Scan::default();
        for text in [previous?, current?].into_iter().flatten() {
            scan.read(text.as_slice()).map_err(|error| unusable(&error.to_string()))?;
        }
        let origin = Origin { pod: &job.pod, app: job.app.as_deref(), container: &job.container };
        Ok(scan.lines(origin, Timestamp::now()))
    }

    /// A log, or nothing where there is none: the container has not started, did not run before, or its pod is gone.
    async fn log_text(&self, job: &Job, previous: bool) -> Result<Option<Vec<u8>>, KubeError> {
        let params = LogParams {
            container: Some(job.container.clone()),
            previous,
            since_seconds: Some(SINCE_SECONDS),
            tail_lines: Some(TAIL_LINES),
            limit_bytes: Some(LIMIT_BYTES),
            ..LogParams::default()
        };
        let request = RequestBuilder::new(path("/api/v1", Some(&job.namespace), "pods")?)
            .logs(&job.pod, &params)
            .map_err(|error| unusable(&error.to_string()))?;
        match self.send(request).await {
            Ok(text) => Ok(Some(text)),
            Err(KubeError::Invalid { .. }) => Ok(None),
            Err(KubeError::NotFound { resource, .. }) if resource.as_deref() == Some("pods") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn jobs(namespace: &str, pods: &[Pod]) -> Vec<Job> {
    let of_pod = |pod: &Pod| {
        pod.containers
            .iter()
            .filter(|container| {
                logs::is_of_interest(pod.app.as_deref(), &container.name, container.init && !container.sidecar)
            })
            .map(|container| Job {
                namespace: namespace.to_owned(),
                pod: pod.name.clone(),
                app: pod.app.clone(),
                container: container.name.clone(),
                restarted: container.restarts > 0,
            })
            .collect::<Vec<_>>()
    };
    pods.iter().flat_map(of_pod).collect()
}
