//! [`Judgement`]: what a check says.

use std::collections::BTreeMap;

use facts::Gap;

/// What a check says about the facts.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It judged; no findings means that all is well, for the reason given.
    Judged {
        /// One short sentence for the pass row: what was seen to be right (`13 federated identity credentials match`).
        passed: String,
        /// What was found, unknown parts included.
        findings: Vec<Finding>,
    },
    /// It does not apply to this cluster, for the reason given.
    NotApplicable(String),
}

impl Judgement {
    /// A judgement from findings; `passed` is shown when there are none.
    pub fn new(passed: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self::Judged { passed: passed.into(), findings }
    }
}

/// Why checks of what a cluster needs to run do not apply to one that is being deleted.
pub(crate) const BEING_DELETED: &str = "the HostedCluster is being deleted";

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The evidence proves that the next step cannot work.
    Fail,
    /// It works, or may work, but not safely or not for long.
    Warn,
    /// Worth knowing.
    Info,
    /// This part could not be judged.
    Unknown,
}

/// One thing a check found. Build it with [`Finding::fail`] and its kin.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// What it is about: a resource, as `identity disk` or an ARM id.
    pub subject: String,
    /// What is wrong, in one sentence.
    pub what: String,
    /// Why that matters: what breaks.
    pub why: String,
    /// What to do; several when two people have to act.
    pub fixes: Vec<Fix>,
    /// What was seen.
    pub evidence: Evidence,
    /// What it touches: rows that share a key can be cause and symptom.
    pub keys: Vec<Key>,
    /// For [`Level::Unknown`]: what could not be read.
    pub gap: Option<Gap>,
    /// Whether the evidence names the cause by itself, so that only a finding about the very same thing can explain it.
    pub explains_itself: bool,
    /// Whether this warning is all that is behind failures that it touches, which pass by themselves.
    pub explains_failures: bool,
}

impl Finding {
    /// A failure.
    pub fn fail(subject: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Level::Fail, subject.into(), what.into(), why.into())
    }

    /// A warning.
    pub fn warn(subject: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Level::Warn, subject.into(), what.into(), why.into())
    }

    /// Something worth knowing.
    pub fn info(subject: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Level::Info, subject.into(), what.into(), why.into())
    }

    /// A part that could not be judged because of `gap`.
    pub fn unknown(subject: impl Into<String>, gap: Gap) -> Self {
        let subject = subject.into();
        Self { gap: Some(gap.clone()), ..Self::new(Level::Unknown, subject, "could not be checked".into(), gap.why) }
    }

    /// The parts that could not be judged: one finding for each distinct reason, so that one missing permission is told once.
    pub fn unknowns(parts: impl IntoIterator<Item = (String, Gap)>) -> Vec<Self> {
        let mut by_gap: BTreeMap<Gap, Vec<String>> = BTreeMap::new();
        for (subject, gap) in parts {
            let subjects = by_gap.entry(gap).or_default();
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        by_gap.into_iter().map(|(gap, subjects)| Self::unknown(subjects.join(", "), gap)).collect()
    }

    fn new(level: Level, subject: String, what: String, why: String) -> Self {
        Self {
            level,
            subject,
            what,
            why,
            fixes: Vec::new(),
            evidence: Evidence::default(),
            keys: Vec::new(),
            gap: None,
            explains_itself: false,
            explains_failures: false,
        }
    }

    /// Says of a warning that failures which it touches come of it, and pass by themselves.
    #[must_use]
    pub fn explaining_failures(mut self) -> Self {
        self.explains_failures = true;
        self
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn see(mut self, label: &str, value: impl Into<String>) -> Self {
        self.evidence.0.push((label.to_owned(), value.into()));
        self
    }

    /// Adds the pair of values that should be equal; the report marks the first byte that differs.
    #[must_use]
    pub fn compare(self, want: impl Into<String>, found: impl Into<String>) -> Self {
        self.see(Evidence::WANT, want).see(Evidence::FOUND, found)
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }

    /// Says that the evidence names the cause by itself.
    #[must_use]
    pub fn explaining_itself(mut self) -> Self {
        self.explains_itself = true;
        self
    }

    /// Adds something it touches.
    #[must_use]
    pub fn touches(mut self, key: Key) -> Self {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
        self
    }
}

/// Labelled values, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence(pub Vec<(String, String)>);

impl Evidence {
    /// The label of the value that should be there.
    pub const WANT: &str = "want";
    /// The label of the value that is there instead.
    pub const FOUND: &str = "found";

    /// The value of a label.
    pub fn get(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == label).map(|(_, value)| value.as_str())
    }
}

/// Who can act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Persona {
    /// Holds the subscription, IAM and DNS.
    AzureAdministrator,
    /// Holds the management cluster.
    HyperShiftAdministrator,
}

impl Persona {
    /// What to call them.
    pub fn describe(self) -> &'static str {
        match self {
            Self::AzureAdministrator => "Azure administrator",
            Self::HyperShiftAdministrator => "HyperShift administrator",
        }
    }
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Who can do it.
    pub who: Persona,
    /// Commands to copy, in order; values are filled in wherever they are known.
    pub commands: Vec<String>,
    /// What to know or to wait for.
    pub note: Option<String>,
}

impl Fix {
    /// Commands for the Azure administrator.
    pub fn azure<S: Into<String>>(commands: impl IntoIterator<Item = S>) -> Self {
        Self { who: Persona::AzureAdministrator, commands: commands.into_iter().map(Into::into).collect(), note: None }
    }

    /// Commands for the HyperShift administrator.
    pub fn hypershift<S: Into<String>>(commands: impl IntoIterator<Item = S>) -> Self {
        Self {
            who: Persona::HyperShiftAdministrator,
            commands: commands.into_iter().map(Into::into).collect(),
            note: None,
        }
    }

    /// Adds what to know or to wait for.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// What a finding touches. Two findings that share a key can be cause and symptom of one fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The identity of a component, by its key in the catalogue.
    Identity(String),
    /// A workload of the control plane namespace.
    Workload(String),
    /// A NodePool, by name: its machines and nodes.
    NodePool(String),
    /// The release of a NodePool, by the NodePool's name.
    NodePoolRelease(String),
    /// A Machine, by name.
    Machine(String),
    /// The OIDC issuer.
    Issuer,
    /// The way out of the worker subnet.
    Egress,
    /// The public names of the hosted cluster.
    Names,
    /// The release of the hosted cluster.
    Release,
    /// That something is not reconciled: the HostedCluster, or the NodePool of a name.
    Pause(Option<String>),
    /// The CPU architecture of a NodePool, by the NodePool's name.
    NodePoolArch(String),
    /// The nodes of the management cluster.
    Host,
    /// What Azure Policy forbids.
    Policy,
    /// What a resource lock forbids.
    Lock,
    /// The clocks.
    Clock,
    /// The private way to the API server: private link service, endpoint, zones.
    PrivateLink,
    /// The way in to the default ingress, through the workers' load balancer.
    Ingress,
    /// What Azure has to give for the machines of a NodePool, with the NodePool's name.
    Supply(Supply, String),
}

/// What Azure has to give for machines, each of which it refuses with codes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Supply {
    /// The virtual machine size in the region and zone.
    Size,
    /// vCPUs within the quotas.
    Vcpus,
    /// Addresses of the subnet.
    Addresses,
    /// Encryption at the host.
    EncryptionAtHost,
    /// The boot image and its terms.
    Image,
    /// Public IP addresses within the quota.
    PublicIps,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_keeps_its_order_and_keys_are_a_set() {
        let finding =
            Finding::fail("s", "w", "y").compare("a", "b").see("at", "c").touches(Key::Issuer).touches(Key::Issuer);
        let labels: Vec<&str> = finding.evidence.0.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["want", "found", "at"]);
        assert_eq!(finding.evidence.get("found"), Some("b"));
        assert_eq!(finding.keys, [Key::Issuer]);
    }
}
