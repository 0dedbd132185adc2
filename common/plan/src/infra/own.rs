//! Networks that the user brings: refused where they cannot work, minded where they look wrong.

use facts::ArmId;
use serde_json::Value;

use super::{Facts, Layout, Spec};
use crate::compare::{member, text};
use crate::iam::azure_region;
use crate::{Refusal, input};

impl Spec {
    /// Checks that the ids given fit together, before anything is asked.
    pub(super) fn check_own(&self) -> Result<(), Refusal> {
        match (&self.vnet_id, &self.subnet_id) {
            (Some(vnet), None) => Err(Refusal::new(
                "--vnet-id",
                vnet,
                "without --subnet-id the cluster would have no subnet",
                format!("add `--subnet-id {}/subnets/<name>`", vnet.trim_end_matches('/')),
            )),
            (None, Some(subnet)) => {
                let id = input::resource_id("--subnet-id", subnet, "virtualNetworks/subnets", &self.subscription)?;
                let vnet = id.parent().map(|id| id.to_string()).unwrap_or_default();
                Err(Refusal::new(
                    "--subnet-id",
                    subnet,
                    "without --vnet-id a new VNet would be created, which it cannot be part of",
                    format!("add `--vnet-id {vnet}`"),
                ))
            }
            (Some(vnet), Some(subnet)) => {
                let inner = input::resource_id("--subnet-id", subnet, "virtualNetworks/subnets", &self.subscription)?;
                if inner.parent().is_some_and(|parent| parent.key() == ArmId::new(vnet.as_str()).key()) {
                    return Ok(());
                }
                Err(Refusal::new(
                    "--subnet-id",
                    subnet,
                    format!("not a subnet of --vnet-id {vnet}"),
                    format!("`az network vnet subnet list --ids {vnet} --query [].id` lists its subnets"),
                ))
            }
            (None, None) => Ok(()),
        }
    }

    /// Checks the resources given against what Azure says of them; returns what looks wrong but may be meant.
    pub(super) fn mind_own(&self, layout: &Layout, facts: &Facts) -> Result<Vec<String>, Refusal> {
        let mut notes = Vec::new();
        if let Some(given) = &self.nsg_id {
            self.existing("--network-security-group-id", given, facts.seen.get(&layout.nsg))?;
        }
        let Some(given) = &self.vnet_id else { return Ok(notes) };
        let vnet = self.existing("--vnet-id", given, facts.seen.get(&layout.vnet))?;
        let subnets = vnet.get("properties").and_then(|properties| member(properties, "subnets"));
        let subnets = subnets.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let wanted = layout.subnet.name().unwrap_or_default();
        let subnet =
            subnets.iter().find(|subnet| text(subnet, &["name"]).is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
        let Some(subnet) = subnet else {
            let names: Vec<&str> = subnets.iter().filter_map(|subnet| text(subnet, &["name"])).collect();
            return Err(Refusal::new(
                "--subnet-id",
                layout.subnet.as_str(),
                format!(
                    "the VNet has no such subnet; it has {}",
                    if names.is_empty() { "none".into() } else { names.join(", ") }
                ),
                "give the id of one of its subnets",
            ));
        };
        match text(subnet, &["properties", "networkSecurityGroup", "id"]).map(ArmId::new) {
            Some(bound) if bound.key() == layout.nsg.key() => {}
            Some(bound) => notes.push(format!(
                "subnet {wanted} is guarded by {bound}, not by the cluster's {}: rules that the cluster makes have no effect; give `--network-security-group-id {bound}`",
                layout.nsg
            )),
            None => notes.push(format!(
                "no network security group guards subnet {wanted}; bind the cluster's: `az network vnet subnet update --ids {} --network-security-group {}`",
                layout.subnet, layout.nsg
            )),
        }
        Ok(notes)
    }

    /// A resource that was given: it must exist, in the cluster's region.
    fn existing<'a>(&self, flag: &'static str, given: &str, have: Option<&'a Value>) -> Result<&'a Value, Refusal> {
        let have = have.ok_or_else(|| {
            Refusal::new(flag, given, "there is no such resource", "`az resource show --ids <id>` shows one")
        })?;
        let region = text(have, &["location"]).unwrap_or(&self.location);
        if azure_region(region) == azure_region(&self.location) {
            return Ok(have);
        }
        Err(Refusal::new(
            flag,
            given,
            format!("in {region}, but the cluster is to be in {}", self.location),
            format!("give one in {}, or `--location {}`", self.location, azure_region(region)),
        ))
    }
}
