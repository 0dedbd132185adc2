//! Plans in files: what a command would do, to be held against what it would do later.
//!
//! A file holds the command and its steps, and of what each step writes a digest. It holds no secret: a command names
//! files, and [`plan::Change::outline`] leaves secrets out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use plan::{Plan, Step, Verb};
use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};

const API_VERSION: &str = "hcp-azure.io/v1";
const KIND: &str = "SavedPlan";

/// A plan that was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedPlan {
    /// The version of this format.
    pub api_version: String,
    /// What the file is.
    pub kind: String,
    /// The version of the program that saved it: another one may plan otherwise.
    pub program_version: String,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// The folder in which the command ran; paths in it are relative to this.
    pub folder: PathBuf,
    /// The command behind the program's name.
    pub command: Vec<String>,
    /// The API server of the management cluster; none where the plan is about Azure alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_cluster: Option<String>,
    /// What it is about, in a line.
    pub title: String,
    /// Its steps in order.
    pub steps: Vec<SavedStep>,
}

/// One step of a plan that was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedStep {
    /// Its name within the plan.
    pub id: String,
    /// `create`, `change`, `delete` or `keep`.
    pub verb: String,
    /// What it happens to.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// The steps that must be done before.
    pub depends_on: BTreeSet<String>,
    /// SHA-256 of what is written, without secrets; none for what is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Why a file is no saved plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else.
    #[error("it is no saved plan: {0}")]
    Other(String),
    /// Another version of the program saved it.
    #[error("version {saved} of the program saved it, and this is {own}")]
    Version {
        /// The version that saved it.
        saved: String,
        /// This version.
        own: String,
    },
}

impl SavedPlan {
    /// A plan, the command that made it, and where.
    pub fn of(plan: &Plan, command: Vec<String>, management_cluster: Option<&str>, title: &str, version: &str) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            program_version: version.to_owned(),
            saved_at: Timestamp::now(),
            folder: std::env::current_dir().unwrap_or_default(),
            command,
            management_cluster: management_cluster.map(str::to_owned),
            title: title.to_owned(),
            steps: plan.steps().iter().map(SavedStep::of).collect(),
        }
    }

    /// Reads a file that [`SavedPlan::write`] wrote.
    ///
    /// # Errors
    /// [`SavedPlanError`].
    pub fn read(path: &Path, version: &str) -> Result<Self, SavedPlanError> {
        let document = files::read_document(path)?;
        for (key, want) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            if document[key] != want {
                return Err(SavedPlanError::Other(format!("`{key}` is not {want}")));
            }
        }
        let saved: Self = serde_json::from_value(document).map_err(|error| SavedPlanError::Other(error.to_string()))?;
        if saved.program_version != version {
            return Err(SavedPlanError::Version { saved: saved.program_version, own: version.to_owned() });
        }
        Ok(saved)
    }

    /// Writes it, readable by its owner alone.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| FileError::Unwritable { path: path.to_owned(), why: error.to_string() })?;
        files::write(path, &(text + "\n"), true)
    }

    /// Makes the folder in which the command ran the current one.
    ///
    /// # Errors
    /// The system's reason.
    pub fn enter(&self) -> std::io::Result<()> {
        std::env::set_current_dir(&self.folder)
    }

    /// Where a plan of now, and the management cluster that it is about, differ from what was saved: a line each, in the
    /// order of the plan. Why a step is taken may be told otherwise.
    pub fn differences(&self, plan: &Plan, management_cluster: Option<&str>) -> Vec<String> {
        let mut lines = Vec::new();
        if self.management_cluster.as_deref() != management_cluster {
            let shown = |server: Option<&str>| server.unwrap_or("none").to_owned();
            let (saved, now) = (shown(self.management_cluster.as_deref()), shown(management_cluster));
            lines.push(format!("management cluster: {saved} when it was saved, now {now}"));
        }
        let now: Vec<SavedStep> = plan.steps().iter().map(SavedStep::of).collect();
        let mut saved: BTreeMap<&str, &SavedStep> = self.steps.iter().map(|step| (step.id.as_str(), step)).collect();
        for step in &now {
            match saved.remove(step.id.as_str()) {
                None => {
                    lines.push(format!("{}: not in the saved plan, now {} ({})", step.resource, step.verb, step.reason))
                }
                Some(old) if old.verb != step.verb => lines.push(format!(
                    "{}: {} when it was saved, now {} ({})",
                    step.resource, old.verb, step.verb, step.reason
                )),
                Some(old) if old.digest != step.digest || old.resource != step.resource => {
                    lines.push(format!("{}: {} with another content now ({})", step.resource, step.verb, step.reason));
                }
                Some(old) if old.depends_on != step.depends_on => {
                    lines.push(format!("{}: {} in another order now", step.resource, step.verb));
                }
                Some(_) => {}
            }
        }
        // In the order in which they were saved.
        for old in self.steps.iter().filter(|step| saved.contains_key(step.id.as_str())) {
            lines.push(format!("{}: {} when it was saved, now not in the plan", old.resource, old.verb));
        }
        lines
    }
}

impl SavedStep {
    fn of(step: &Step) -> Self {
        let verb = match step.verb {
            Verb::Create => "create",
            Verb::Change => "change",
            Verb::Delete => "delete",
            Verb::Keep => "keep",
        };
        Self {
            id: step.id.clone(),
            verb: verb.to_owned(),
            resource: step.resource.clone(),
            reason: step.reason.clone(),
            depends_on: step.depends_on.clone(),
            digest: step.change.as_ref().map(|change| hex(digest(&SHA256, change.outline().as_bytes()).as_ref())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plan::Change;
    use plan::late::Late;
    use plan::manifest::Manifest;
    use serde_json::json;

    use super::*;

    fn step(id: &str, verb: Verb, replicas: u8) -> Step {
        let object = json!({"kind": "NodePool", "spec": {"replicas": replicas}});
        let change = Change::Manifest { object: Manifest::new(object), late: Late::default() };
        Step {
            id: id.into(),
            verb,
            resource: format!("NodePool {id}"),
            reason: "because".into(),
            depends_on: BTreeSet::new(),
            change: (verb != Verb::Keep).then_some(change),
            serial: None,
        }
    }

    fn plan(steps: &[(&str, Verb, u8)]) -> Plan {
        Plan::new(steps.iter().map(|(id, verb, replicas)| step(id, *verb, *replicas)).collect()).unwrap()
    }

    fn saved(plan: &Plan) -> SavedPlan {
        SavedPlan::of(plan, vec!["create".into()], Some("https://api"), "dev", "1.0.0")
    }

    #[test]
    fn what_moved_is_named() {
        let old = saved(&plan(&[
            ("a", Verb::Create, 1),
            ("b", Verb::Create, 1),
            ("c", Verb::Keep, 0),
            ("d", Verb::Delete, 0),
        ]));
        let same =
            plan(&[("a", Verb::Create, 1), ("b", Verb::Create, 1), ("c", Verb::Keep, 0), ("d", Verb::Delete, 0)]);
        assert_eq!(old.differences(&same, Some("https://api")), Vec::<String>::new());
        let moved =
            plan(&[("a", Verb::Create, 2), ("b", Verb::Keep, 0), ("c", Verb::Change, 0), ("e", Verb::Create, 0)]);
        assert_eq!(
            old.differences(&moved, Some("https://other")),
            [
                "management cluster: https://api when it was saved, now https://other",
                "NodePool a: create with another content now (because)",
                "NodePool b: create when it was saved, now keep (because)",
                "NodePool c: keep when it was saved, now change (because)",
                "NodePool e: not in the saved plan, now create (because)",
                "NodePool d: delete when it was saved, now not in the plan",
            ]
        );
    }

    #[test]
    fn a_file_comes_back_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let old = saved(&plan(&[("a", Verb::Create, 1)]));
        old.write(&path).unwrap();
        assert_eq!(SavedPlan::read(&path, "1.0.0").unwrap(), old);
        assert!(SavedPlan::read(&path, "1.0.1").unwrap_err().to_string().contains("this is 1.0.1"));
        std::fs::write(&path, r#"{"apiVersion":"hcp-azure.io/v1","kind":"Plan"}"#).unwrap();
        assert!(SavedPlan::read(&path, "1.0.0").unwrap_err().to_string().contains("`kind` is not SavedPlan"));
        std::fs::write(&path, "[]").unwrap();
        assert!(SavedPlan::read(&path, "1.0.0").is_err());
    }
}
