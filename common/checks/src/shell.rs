//! Commands for a shell, in which every value is one word.

use std::borrow::Cow;

use facts::ArmId;

use crate::text::quote;

/// Makes a command from a template and values, as `format!` does, with each value quoted for the shell.
///
/// Variables that the template names stand behind a semicolon: `command!("oc -n {} get nodepool {name}", namespace; name)`.
/// What is shell text already is passed as [`Quoted`].
macro_rules! command {
    ($template:literal $(, $value:expr)* $(; $($name:ident),+)?) => {
        format!($template $(, $crate::shell::Word::word(&$value))* $($(, $name = $crate::shell::Word::word(&$name))+)?)
    };
}
pub(crate) use command;

/// Shell text that is quoted already.
#[derive(Debug, Clone)]
pub(crate) struct Quoted(pub(crate) String);

impl Quoted {
    /// Several words.
    pub(crate) fn words<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        let words: Vec<String> = values.into_iter().map(|value| quote(value.as_ref()).into_owned()).collect();
        Self(words.join(" "))
    }
}

/// A value that can stand in a command.
pub(crate) trait Word {
    /// Its shell text.
    fn word(&self) -> String;
}

impl Word for Quoted {
    fn word(&self) -> String {
        self.0.clone()
    }
}

impl Word for str {
    fn word(&self) -> String {
        quote(self).into_owned()
    }
}

impl Word for String {
    fn word(&self) -> String {
        self.as_str().word()
    }
}

impl Word for Cow<'_, str> {
    fn word(&self) -> String {
        self.as_ref().word()
    }
}

impl Word for ArmId {
    fn word(&self) -> String {
        self.as_str().word()
    }
}

impl Word for i32 {
    fn word(&self) -> String {
        self.to_string()
    }
}

impl<T: Word + ?Sized> Word for &T {
    fn word(&self) -> String {
        (**self).word()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use facts::hosted::NodePool;
    use facts::network::{Access, Direction};
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::{self, *};
    use crate::{Selection, examine};

    #[test]
    fn values_are_single_words() {
        let name = "it's";
        assert_eq!(
            command!("oc -n {} get {name}-2 {}", "a b", Quoted::words(["c", "d;e"]); name),
            r"oc -n 'a b' get 'it'\''s'-2 c 'd;e'"
        );
        assert_eq!(command!("x {} {}", 3, ArmId::from("/g(1)")), "x 3 '/g(1)'");
    }

    const EVIL: &str = "x$(reboot)";

    fn pools(facts: &mut Facts) -> &mut Vec<NodePool> {
        match &mut facts.hosted.node_pools {
            Fact::Known(pools) => pools,
            other => panic!("{other:?}"),
        }
    }

    /// A bundle may be written by anybody: nothing in it may run when a reader copies a command.
    #[test]
    fn no_value_of_a_bundle_runs() {
        let mut facts = healthy();
        let evil = |id: ArmId| ArmId::new(format!("{id}{EVIL}"));
        let (vnet, nsg) = (evil(vnet_id()), evil(nsg_id()));
        let subnet = evil(vnet.child("subnets", "default"));
        let network = &mut facts.azure.network;
        for (from, to) in [(vnet_id(), &vnet), (nsg_id(), &nsg)] {
            if let Some(Fact::Known(mut known)) = network.vnets.remove(&from.key()) {
                known.id = to.clone();
                known.subnets[0].id = subnet.clone();
                known.subnets[0].name = EVIL.into();
                known.subnets[0].nsg_id = Some(nsg.clone());
                network.vnets.insert(to.key(), Fact::Known(known));
            }
            if let Some(Fact::Known(mut known)) = network.nsgs.remove(&from.key()) {
                known.id = to.clone();
                known.location = "elsewhere".into();
                known.rules.push(rule(EVIL, 100, Direction::Outbound, Access::Deny, "*", "*"));
                network.nsgs.insert(to.key(), Fact::Known(known));
            }
        }
        network.load_balancers.clear();
        let cluster = testkit::cluster(&mut facts);
        cluster.name = EVIL.into();
        cluster.namespace = EVIL.into();
        cluster.infra_id = EVIL.into();
        cluster.azure.location = EVIL.into();
        cluster.azure.resource_group = EVIL.into();
        cluster.azure.vnet_id = vnet;
        cluster.azure.subnet_id = subnet.clone();
        cluster.azure.security_group_id = nsg;
        let balancer = cluster.egress_load_balancer();
        for condition in &mut cluster.conditions {
            condition.status = if condition.is_true() { "False" } else { "True" }.into();
        }
        facts.azure.resource_groups.insert(EVIL.into(), Fact::Absent);
        facts.azure.network.load_balancers.insert(balancer.key(), Fact::Absent);
        let pool = &mut pools(&mut facts)[0];
        pool.name = EVIL.into();
        pool.namespace = EVIL.into();
        pool.subnet_id = Some(subnet);
        pool.version = Some("4.10.0".into());
        for condition in &mut pool.conditions {
            condition.status = if condition.is_true() { "False" } else { "True" }.into();
        }
        let messages = [
            "ERROR CODE: SkuNotAvailable".to_owned(),
            format!(
                "AuthorizationFailed: The client 'c' does not have authorization to perform action 'a/read' over scope '/subscriptions/{EVIL}' or"
            ),
        ];
        if let (Fact::Known(machines), Fact::Known(azure)) =
            (&mut facts.hosted.machines, &mut facts.hosted.azure_machines)
        {
            for (at, message) in messages.into_iter().enumerate() {
                machines[at].node_pool = Some(EVIL.into());
                machines[at].node = None;
                azure[at].vm_size = Some(EVIL.into());
                azure[at].conditions[0].status = "False".into();
                azure[at].conditions[0].message = message;
            }
        }
        if let Fact::Known(pods) = &mut facts.hosted.pods {
            pods[0].name = EVIL.into();
            pods[0].containers[0].name = EVIL.into();
            pods[0].containers[0].waiting_reason = Some("CrashLoopBackOff".into());
        }
        if let Fact::Known(operators) = &mut facts.management.operators {
            operators[0].namespace = EVIL.into();
            operators[0].workload.ready = 0;
        }
        let report = examine(&facts, &Selection::default());
        let mut seen = std::collections::BTreeSet::new();
        for row in &report.rows {
            let commands = row.fixes.iter().flat_map(|fix| &fix.commands);
            for command in commands.chain(row.gap.iter().filter_map(|gap| gap.remedy.as_ref())) {
                // Outside single quotes are the pieces of even number.
                let bare = command.split('\'').step_by(2).any(|piece| piece.contains("$("));
                assert!(!bare, "{}: {command}", row.check.code);
                if command.contains(EVIL) {
                    seen.insert(row.check.code);
                }
            }
        }
        for code in ["NW01", "NW02", "NW03", "MC01", "HC01", "HC03", "NP01", "NP02", "NP03"] {
            assert!(seen.contains(code), "{code} is not held to it: {seen:?}");
        }
    }
}
