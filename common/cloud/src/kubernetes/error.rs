//! [`KubeError`]: why the management cluster did not answer a question.

use facts::{Gap, GapKind};

/// A refusal or failure on the way to the management cluster, or by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubeError {
    /// There is no kubeconfig, or it cannot be used.
    #[error("no usable kubeconfig: {why}")]
    NoConfig {
        /// What is wrong with it.
        why: String,
    },
    /// The kubeconfig has no such context, or none is selected.
    #[error("the kubeconfig has no context '{name}'")]
    NoContext {
        /// The context that was asked for; empty when none is selected.
        name: String,
        /// The contexts it has.
        known: Vec<String>,
    },
    /// The API server cannot be reached or does not answer in time.
    #[error("the API server does not answer: {why}")]
    Unreachable {
        /// What the network said.
        why: String,
    },
    /// The API server does not accept the credentials (401), or they could not be produced.
    #[error("the API server does not accept the credentials: {why}")]
    Unauthorized {
        /// What the server or the credential plugin said.
        why: String,
    },
    /// A permission is missing (403).
    #[error("{why}")]
    Denied {
        /// What the server said; it names user, verb and resource.
        why: String,
    },
    /// There is no such object or resource (404).
    #[error("{why}")]
    NotFound {
        /// What the server said.
        why: String,
        /// The resource that the server names, in its plural form; none when the path itself is unknown.
        resource: Option<String>,
    },
    /// Others own fields that were to be written (409).
    #[error("{why}")]
    Conflict {
        /// What the server said; it names the fields and their owners.
        why: String,
    },
    /// The object is no longer as it was when a change of it was judged: somebody else changed it.
    #[error("{why}")]
    Changed {
        /// What is no longer so.
        why: String,
    },
    /// The API server does not take an object as it is (400, 422).
    #[error("{why}")]
    Invalid {
        /// What the server said; it names the fields.
        why: String,
    },
    /// The API server answered otherwise.
    #[error("the API server answered {}: {why}", status.map_or("nothing usable".to_owned(), |s| s.to_string()))]
    Other {
        /// The HTTP status, when there was an answer.
        status: Option<u16>,
        /// What the server said, or what is wrong with its answer.
        why: String,
    },
}

impl KubeError {
    /// What failed, for the line behind `error:`.
    pub fn what(&self) -> String {
        match self {
            Self::NoConfig { .. } => "cannot find out how to reach the management cluster".to_owned(),
            Self::NoContext { name, .. } if name.is_empty() => "the kubeconfig selects no context".to_owned(),
            Self::NoContext { name, .. } => format!("the kubeconfig has no context '{name}'"),
            Self::Unreachable { .. } => "cannot reach the management cluster's API server".to_owned(),
            Self::Unauthorized { .. } => "the management cluster does not accept the credentials".to_owned(),
            Self::Denied { .. } => "the management cluster denies a permission".to_owned(),
            Self::NotFound { .. } => "the management cluster has no such resource".to_owned(),
            Self::Conflict { .. } => "others own fields of the object".to_owned(),
            Self::Changed { .. } => "the object was changed meanwhile".to_owned(),
            Self::Invalid { .. } => "the management cluster does not take the object".to_owned(),
            Self::Other { .. } => "the management cluster's API server failed".to_owned(),
        }
    }

    /// Why it failed, for the line behind `why:`.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::NoContext { known, .. } if known.is_empty() => Some("it has no contexts at all".to_owned()),
            Self::NoContext { known, .. } => Some(format!("it has {}", known.join(", "))),
            Self::NoConfig { why }
            | Self::Unreachable { why }
            | Self::Unauthorized { why }
            | Self::Denied { why }
            | Self::Conflict { why }
            | Self::Changed { why }
            | Self::Invalid { why }
            | Self::NotFound { why, .. } => Some(why.clone()),
            Self::Other { status, why } => Some(match status {
                Some(status) => format!("HTTP {status}: {why}"),
                None => why.clone(),
            }),
        }
    }

    /// What to do about it, for the line behind `hint:`.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::NoConfig { .. } => "sign in with `oc login SERVER`, or name a file with `--kubeconfig FILE`",
                Self::NoContext { .. } => {
                    "list them with `oc config get-contexts` and choose one with `--context NAME`"
                }
                Self::Unreachable { .. } => "try `oc cluster-info`; a VPN or a proxy may be needed",
                Self::Unauthorized { .. } => "sign in again with `oc login`",
                Self::Denied { .. } => {
                    "ask a cluster administrator for the permission; `oc auth can-i --list` shows yours"
                }
                Self::Conflict { .. } => "`oc get … -o yaml --show-managed-fields` shows who owns which field",
                Self::NotFound { .. } => {
                    "`oc api-resources --api-group hypershift.openshift.io` shows whether HyperShift is installed"
                }
                Self::Other { .. } => "`oc get --raw /readyz` tells how the API server is",
                Self::Changed { .. } | Self::Invalid { .. } => return None,
            }
            .to_owned(),
        )
    }

    /// Whether the way out is to sign in.
    pub fn needs_sign_in(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// The same as a gap in the facts. `verb` and `resource` say what was tried, in `namespace` or cluster-wide.
    pub fn gap(&self, verb: &str, resource: &str, namespace: Option<&str>) -> Gap {
        let scope = namespace.map_or_else(|| "the cluster".to_owned(), |name| format!("namespace {name}"));
        let kind = match self {
            Self::Denied { .. } => {
                return Gap::new(GapKind::Denied, format!("may not {verb} {resource} in {scope}: {self}"))
                    .needing(format!("{verb} {resource}"), scope);
            }
            Self::Unreachable { .. } => GapKind::Unreachable,
            Self::NotFound { .. } => GapKind::Blocked,
            Self::NoConfig { .. }
            | Self::NoContext { .. }
            | Self::Unauthorized { .. }
            | Self::Conflict { .. }
            | Self::Changed { .. }
            | Self::Invalid { .. }
            | Self::Other { .. } => GapKind::Failed,
        };
        let gap = Gap::new(kind, format!("could not {verb} {resource} in {scope}: {self}"));
        if self.needs_sign_in() { gap.with_remedy("oc login") } else { gap }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_denied_read_names_verb_resource_and_namespace() {
        let error = KubeError::Denied { why: "pods is forbidden".to_owned() };
        let gap = error.gap("list", "pods", Some("clusters-demo"));
        assert_eq!(gap.kind, GapKind::Denied);
        assert_eq!(gap.needs.as_deref(), Some("list pods"));
        assert_eq!(gap.scope.as_deref(), Some("namespace clusters-demo"));
    }

    #[test]
    fn an_expired_login_says_how_to_renew_it() {
        let error = KubeError::Unauthorized { why: "Unauthorized".to_owned() };
        assert!(error.needs_sign_in());
        assert!(error.hint().unwrap().contains("`oc login`"));
        assert_eq!(error.gap("list", "pods", None).remedy.as_deref(), Some("oc login"));
    }

    #[test]
    fn an_unknown_context_lists_the_known_ones() {
        let error = KubeError::NoContext { name: "prod".to_owned(), known: vec!["dev".to_owned(), "stage".to_owned()] };
        assert_eq!(error.what(), "the kubeconfig has no context 'prod'");
        assert_eq!(error.why().unwrap(), "it has dev, stage");
    }
}
