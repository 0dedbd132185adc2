//! `nodepool scale` and `nodepool autoscale`: how many nodes a NodePool has, or may have.

use std::collections::BTreeSet;

use facts::hosted::NodePool;
use serde_json::{Value, json};

use crate::patch::{Edit, Patch};
use crate::{Change, Refusal, Step, Verb};

/// How many nodes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many.
    Fixed(i32),
    /// So many, instead of what the autoscaler would choose.
    FixedFromNowOn(i32),
    /// Whatever the autoscaler finds right.
    Auto {
        /// The least number.
        min: i32,
        /// The greatest number.
        max: i32,
    },
}

impl Size {
    /// Judges the numbers alone, before anything is looked up. Source of the rules: NodePool CRD, `replicas` and
    /// `autoScaling`; Azure allows a minimum of 0.
    ///
    /// # Errors
    /// The first number that cannot be.
    pub fn check(self) -> Result<(), Refusal> {
        let refused = |flag, value: i32, why: &str, fix: &str| Err(Refusal::new(flag, value.to_string(), why, fix));
        match self {
            Self::Fixed(replicas) | Self::FixedFromNowOn(replicas) if replicas < 0 => {
                refused("--replicas", replicas, "a NodePool has no negative number of nodes", "give 0 or more")
            }
            Self::Auto { min, .. } if min < 0 => {
                refused("--min", min, "a NodePool has no negative number of nodes", "give 0 or more")
            }
            Self::Auto { max, .. } if max < 1 => {
                refused("--max", max, "the API server takes no maximum below 1", "give 1 or more")
            }
            Self::Auto { min, max } if max < min => Err(Refusal::new(
                "--max",
                max.to_string(),
                format!("it is less than --min {min}"),
                "give a maximum that is not less than the minimum",
            )),
            _ => Ok(()),
        }
    }

    /// In a few words: `3 nodes`, `1 to 5 nodes`.
    fn words(self) -> String {
        match self {
            Self::Fixed(1) | Self::FixedFromNowOn(1) => "1 node".to_owned(),
            Self::Fixed(replicas) | Self::FixedFromNowOn(replicas) => format!("{replicas} nodes"),
            Self::Auto { min, max } => format!("{min} to {max} nodes, by the autoscaler"),
        }
    }
}

/// The step that gives a NodePool its size; one that has it is kept. `object` is the NodePool as it was read.
///
/// # Errors
/// A refusal where the NodePool is being deleted, or the autoscaler would undo what is asked for.
pub fn plan(object: &Value, pool: &NodePool, size: Size, program: &str) -> Result<Step, Refusal> {
    let NodePool { name, namespace, .. } = pool;
    if pool.deleted_at.is_some() {
        return Err(is_deleted(pool));
    }
    if let (Size::Fixed(replicas), Some((min, max))) = (size, pool.auto_scaling) {
        return Err(Refusal::new(
            "--replicas",
            replicas.to_string(),
            format!("the autoscaler decides how many nodes NodePool {namespace}/{name} has, from {min} to {max}"),
            format!(
                "change its limits: `{program} nodepool autoscale {name} -n {namespace} --min N --max N`, or take it off: \
                 `{program} nodepool autoscale {name} -n {namespace} --off --replicas {replicas}`"
            ),
        ));
    }
    let has = match pool.auto_scaling {
        Some((min, max)) => Size::Auto { min, max },
        None => Size::Fixed(pool.replicas.unwrap_or(0)),
    };
    let wanted = match size {
        Size::FixedFromNowOn(replicas) => Size::Fixed(replicas),
        other => other,
    };
    let has_replicas = object.pointer("/spec/replicas").is_some();
    let edits = match wanted {
        _ if wanted == has && (has_replicas || pool.auto_scaling.is_some()) => Vec::new(),
        Size::Auto { min, max } => {
            let set = Edit::Set("/spec/autoScaling", json!({"min": min, "max": max}));
            if has_replicas { vec![Edit::Remove("/spec/replicas"), set] } else { vec![set] }
        }
        Size::Fixed(replicas) | Size::FixedFromNowOn(replicas) => {
            let set = Edit::Set("/spec/replicas", replicas.into());
            if pool.auto_scaling.is_some() { vec![Edit::Remove("/spec/autoScaling"), set] } else { vec![set] }
        }
    };
    let step = |verb, reason, change| Step {
        id: format!("nodepool/{name}"),
        verb,
        resource: format!("NodePool {namespace}/{name}"),
        reason,
        depends_on: BTreeSet::new(),
        change,
        serial: None,
    };
    if edits.is_empty() {
        return Ok(step(Verb::Keep, format!("has {} already", has.words()), None));
    }
    let change = Change::Patch(Box::new(Patch::of(object, edits)));
    Ok(step(Verb::Change, format!("{} -> {}", has.words(), wanted.words()), Some(change)))
}

/// What to know of a change of size that is no reason to refuse it.
pub fn notes(pool: &NodePool, cluster_paused_until: Option<&str>, size: Size) -> Vec<String> {
    let mut notes = paused(pool, cluster_paused_until);
    let (from, to) = (pool.replicas.unwrap_or(0), size);
    if let Size::Fixed(0) | Size::FixedFromNowOn(0) = to
        && (from > 0 || pool.auto_scaling.is_some())
    {
        notes.push("all its nodes are drained and deleted; what runs only there stops".to_owned());
    }
    notes
}

/// That nothing happens before a pause ends, a line each.
pub(crate) fn paused(pool: &NodePool, cluster_paused_until: Option<&str>) -> Vec<String> {
    let pool_pause = pool.paused_until.as_deref().map(|until| (format!("NodePool {}", pool.name), until));
    let cluster_pause = cluster_paused_until.map(|until| ("its HostedCluster".to_owned(), until));
    [pool_pause, cluster_pause]
        .into_iter()
        .flatten()
        .map(|(what, until)| format!("{what} is paused (pausedUntil {until}): nothing happens before its end"))
        .collect()
}

pub(crate) fn is_deleted(pool: &NodePool) -> Refusal {
    Refusal::new(
        "--name",
        &pool.name,
        format!("NodePool {}/{} is being deleted", pool.namespace, pool.name),
        format!("`oc get nodepools -n {}` lists those that stay", pool.namespace),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A NodePool with this part of its spec.
    fn of(spec: Value) -> (Value, NodePool) {
        let auto = spec.get("autoScaling").map(|auto| {
            let number = |key: &str| i32::try_from(auto[key].as_i64().unwrap()).unwrap();
            (number("min"), number("max"))
        });
        let pool = NodePool {
            namespace: "c".into(),
            name: "a".into(),
            created_at: None,
            deleted_at: None,
            generation: Some(3),
            release_image: "q.io/r:4.22.3".into(),
            arch: None,
            replicas: spec.get("replicas").map(|it| i32::try_from(it.as_i64().unwrap()).unwrap()),
            auto_scaling: auto,
            paused_until: None,
            vm_size: String::new(),
            subnet_id: None,
            zone: None,
            vm: facts::hosted::VmOptions::default(),
            ready_replicas: None,
            version: None,
            conditions: Vec::new(),
        };
        let metadata = json!({"name": "a", "namespace": "c", "uid": "u", "generation": 3});
        (json!({"apiVersion": "x/v1", "kind": "NodePool", "metadata": metadata, "spec": spec}), pool)
    }

    /// The edits of a plan as one text; what refuses it otherwise.
    fn said(spec: Value, size: Size) -> String {
        let (object, pool) = of(spec);
        match plan(&object, &pool, size, "oc hcp-azure") {
            Err(refusal) => format!("{} {}", refusal.flag, refusal.value),
            Ok(Step { verb: Verb::Keep, .. }) => "=".to_owned(),
            Ok(step) => {
                let Some(Change::Patch(patch)) = step.change else { unreachable!() };
                let operations = patch.operations();
                let words = |one: &Value| {
                    format!("{} {} {}", one["op"].as_str().unwrap(), one["path"].as_str().unwrap(), one["value"])
                };
                operations.as_array().unwrap()[2..].iter().map(words).collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let (two, auto) = (json!({"replicas": 2}), json!({"autoScaling": {"min": 1, "max": 3}}));
        for (spec, size, want) in [
            (&two, Size::Fixed(2), "="),
            (&two, Size::Fixed(0), "add /spec/replicas 0"),
            (&two, Size::FixedFromNowOn(2), "="),
            (&two, Size::FixedFromNowOn(3), "add /spec/replicas 3"),
            (
                &two,
                Size::Auto { min: 0, max: 2 },
                r#"remove /spec/replicas null; add /spec/autoScaling {"min":0,"max":2}"#,
            ),
            (&auto, Size::Auto { min: 1, max: 3 }, "="),
            (&auto, Size::Auto { min: 1, max: 4 }, r#"add /spec/autoScaling {"min":1,"max":4}"#),
            (&auto, Size::Fixed(2), "--replicas 2"),
            (&auto, Size::FixedFromNowOn(2), "remove /spec/autoScaling null; add /spec/replicas 2"),
            (&json!({}), Size::Fixed(0), "add /spec/replicas 0"),
        ] {
            assert_eq!(said(spec.clone(), size), want, "{spec} {size:?}");
        }
    }

    #[test]
    fn numbers_that_cannot_be() {
        for (size, flag) in [
            (Size::Fixed(-1), "--replicas"),
            (Size::FixedFromNowOn(-1), "--replicas"),
            (Size::Auto { min: -1, max: 2 }, "--min"),
            (Size::Auto { min: 0, max: 0 }, "--max"),
            (Size::Auto { min: 3, max: 2 }, "--max"),
        ] {
            assert_eq!(size.check().unwrap_err().flag, flag, "{size:?}");
        }
        assert!(Size::Fixed(0).check().is_ok() && Size::Auto { min: 0, max: 1 }.check().is_ok());
    }

    #[test]
    fn what_goes_is_not_changed_and_what_rests_is_told() {
        let (object, mut pool) = of(json!({"replicas": 2}));
        pool.paused_until = Some("true".into());
        let said = notes(&pool, Some("2030-01-01T00:00:00Z"), Size::Fixed(0));
        assert_eq!(said.len(), 3, "{said:?}");
        pool.deleted_at = Some("2026-11-20T00:00:00Z".parse().unwrap());
        assert_eq!(plan(&object, &pool, Size::Fixed(3), "oc").unwrap_err().flag, "--name");
    }
}
