//! Deleting a HostedCluster: asked for once, looked at until it is gone, with what is in the way told at every look.

use std::time::Duration;

use facts::Target;
use serde_json::Value;
use tokio::time::Instant;

use super::step::{Ended, OnEvent};
use super::{Event, Options, Outcome, StepError};
use crate::kubernetes::{Connection, KubeError};

/// For how long the API server may be out of reach meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// A deletion.
pub(super) struct Deletion<'a> {
    pub kubernetes: &'a Connection,
    pub target: &'a Target,
    pub clean_up: bool,
    pub grace: Duration,
}

impl Deletion<'_> {
    /// Deletes the HostedCluster and waits until it is gone.
    pub async fn carry_out(&self, at: usize, options: &Options, on_event: OnEvent<'_>) -> Ended {
        let begun = Instant::now();
        self.kubernetes.delete_hosted_cluster(self.target, self.clean_up).await?;
        let (mut told, mut seen) = (Vec::new(), begun);
        loop {
            match self.kubernetes.remains(self.target).await {
                Ok(remains) => {
                    seen = Instant::now();
                    if remains.is_gone() {
                        return Ok(Outcome::Done(Value::Null));
                    }
                    if let Some(cluster) = remains.cluster.as_ref().filter(|_| remains.is_finalized()) {
                        self.kubernetes.release_hosted_cluster(cluster, self.target).await?;
                        continue;
                    }
                    let blockers = remains.blockers();
                    for line in blockers.iter().filter(|line| !told.contains(*line)) {
                        on_event(Event::Blocked(at, line));
                    }
                    told = blockers;
                }
                Err(KubeError::Unreachable { .. } | KubeError::Other { .. }) if seen.elapsed() < PATIENCE => {}
                Err(error) => return Err(error.into()),
            }
            if begun.elapsed() > self.grace {
                return Err(self.late(&told));
            }
            tokio::select! {
                () = tokio::time::sleep(options.pace.look) => {}
                () = options.stop.wait() => return Ok(Outcome::Left),
            }
        }
    }

    fn late(&self, blockers: &[String]) -> StepError {
        let minutes = self.grace.as_secs().div_ceil(60);
        let mut text = format!("it is not gone after {minutes} min (--cluster-grace-period)");
        for line in blockers {
            text.push_str(&format!("\n{line}"));
        }
        StepError::Blocked(text)
    }
}
