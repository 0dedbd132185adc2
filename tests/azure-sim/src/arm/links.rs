//! How resources hang together: references, what is in use, locks, and the back references that reads show.

use std::{cell::OnceCell, collections::BTreeMap};

use serde_json::{Value, json};

use super::{
    Ctx,
    path::{Target, group_of, within},
    registry,
    resource::children,
};
use crate::{
    errors::{self, Refusal},
    state::{State, list_mut},
};

/// What a lock may forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Write,
    Delete,
}

/// Members of network bodies that name another resource which must exist, and the right needed to use it.
const REFERENCES: &[(&str, &str)] = &[
    ("networkSecurityGroup", "Microsoft.Network/networkSecurityGroups/join/action"),
    ("routeTable", "Microsoft.Network/routeTables/join/action"),
    ("natGateway", "Microsoft.Network/natGateways/join/action"),
    ("publicIPAddress", "Microsoft.Network/publicIPAddresses/join/action"),
    ("subnet", "Microsoft.Network/virtualNetworks/subnets/join/action"),
    ("virtualNetwork", "Microsoft.Network/virtualNetworks/join/action"),
    ("remoteVirtualNetwork", "Microsoft.Network/virtualNetworks/peer/action"),
];

/// Checks that what a body refers to exists, is in the same region, is provisioned, and may be used.
pub(crate) fn references(ctx: &Ctx<'_>, id: &str, body: &Value) -> Result<(), Refusal> {
    let mut found = Vec::new();
    walk(&body["properties"], "", &mut |member, value| {
        if let Some((_, action)) = REFERENCES.iter().find(|(name, _)| *name == member)
            && let Some(to) = value["id"].as_str()
        {
            found.push((to.to_owned(), *action));
        }
        if member == "publicIpAddresses" || member == "publicIPAddresses" {
            for to in value.as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()) {
                found.push((to.to_owned(), "Microsoft.Network/publicIPAddresses/join/action"));
            }
        }
    });
    found.sort();
    found.dedup();
    for (to, action) in found {
        if within(&to, id) {
            continue;
        }
        let Some(there) = lookup(&ctx.core.state, &to) else {
            return Err(errors::network(
                400,
                "InvalidResourceReference",
                format!(
                    "Resource {to} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
                ),
            ));
        };
        let regions = (there["location"].as_str(), body["location"].as_str());
        if let (Some(there), Some(here)) = regions
            && here != "global"
            && there != here
            && !action.contains("/peer/")
        {
            return Err(errors::network(
                400,
                "InvalidResourceReference",
                format!(
                    "Resource {to} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
                ),
            ));
        }
        let holder = if to.to_lowercase().contains("/subnets/") {
            to.rsplitn(3, '/').nth(2).unwrap_or(&to).to_owned()
        } else {
            to.clone()
        };
        if ctx.core.operations.pending(&holder).is_some() {
            return Err(errors::network(
                409,
                "ReferencedResourceNotProvisioned",
                format!(
                    "Cannot proceed with operation because resource {to} used by resource {id} is not in Succeeded state. Resource is in Updating state."
                ),
            ));
        }
        if ctx.demand(action, &to).is_err() {
            let own = super::action_of(ctx.call);
            return Err(Refusal::new(
                403,
                "LinkedAuthorizationFailed",
                format!(
                    "The client '{}' with object id '{}' has permission to perform action '{own}' on scope '{id}'; however, it does not have permission to perform action '{action}' on the linked scope(s) '{to}' or the linked scope(s) are invalid.",
                    ctx.caller.appid, ctx.caller.oid
                ),
            )
            .gateway());
        }
    }
    Ok(())
}

/// A resource by id, children inside their parents included.
pub(crate) fn lookup(state: &State, id: &str) -> Option<Value> {
    if let Some(resource) = state.get(id) {
        return Some(resource.clone());
    }
    let kind = registry::of_id(id)?;
    let member = kind.inline?;
    let mut parts = id.rsplitn(3, '/');
    let name = parts.next()?;
    parts.next()?;
    let parent = state.get(parts.next()?)?;
    let mut child = children(parent, member)
        .iter()
        .find(|child| child["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name)))?
        .clone();
    child["location"] = parent["location"].clone();
    Some(child)
}

/// Visits every member of every object at any depth.
fn walk<'a>(value: &'a Value, member: &str, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(member, value);
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| walk(value, key, visit)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, "", visit)),
        _ => {}
    }
}

/// One reference: the closest object with an id that holds it, and the resource that the object belongs to.
#[derive(Debug)]
struct Use {
    member: String,
    by: String,
    holder: String,
}

/// The references among the network's resources, found in one walk when they are first asked for.
pub(crate) struct Links<'a> {
    state: &'a State,
    /// By the lower-case id of what is referred to.
    uses: OnceCell<BTreeMap<String, Vec<Use>>>,
}

impl<'a> Links<'a> {
    /// The references in a state.
    pub fn new(state: &'a State) -> Self {
        Self { state, uses: OnceCell::new() }
    }

    fn found(&self) -> BTreeMap<String, Vec<Use>> {
        fn search(value: &Value, by: &str, holder: &str, all: &mut BTreeMap<String, Vec<Use>>) {
            let by = value["id"].as_str().filter(|id| id.split('/').count() > 8).unwrap_or(by);
            match value {
                Value::Object(map) => {
                    for (member, value) in map {
                        let listed = value.as_array().into_iter().flatten();
                        for to in std::iter::once(value).chain(listed).filter_map(|one| one["id"].as_str()) {
                            // A parent's own list of children is not a use of them, and neither is a resource's use of
                            // itself.
                            if !within(to, holder) {
                                let (member, by, holder) = (member.clone(), by.to_owned(), holder.to_owned());
                                all.entry(to.to_lowercase()).or_default().push(Use { member, by, holder });
                            }
                        }
                        search(value, by, holder, all);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| search(item, by, holder, all)),
                _ => {}
            }
        }
        let mut all = BTreeMap::new();
        for resource in self.state.resources.values() {
            if resource["type"].as_str().is_some_and(|kind| kind.starts_with("Microsoft.Network/")) {
                let holder = resource["id"].as_str().unwrap_or_default();
                search(&resource["properties"], holder, holder, &mut all);
            }
        }
        all
    }

    /// What refers to `target` through one of `members`: the ids of the closest objects with an id, and of the
    /// resources that hold them.
    fn users(&self, target: &str, members: &[&str]) -> Vec<(String, String)> {
        let uses = self.uses.get_or_init(|| self.found()).get(&target.to_lowercase());
        let named = uses.into_iter().flatten().filter(|one| members.contains(&one.member.as_str()));
        let mut found: Vec<(String, String)> = named.map(|one| (one.by.clone(), one.holder.clone())).collect();
        found.sort();
        found.dedup();
        found
    }

    fn user_ids(&self, target: &str, members: &[&str]) -> Vec<String> {
        self.users(target, members).into_iter().map(|(id, _)| id).collect()
    }

    /// Who uses a resource, by what its type is used through.
    fn uses(&self, id: &str, path: &str) -> Vec<(String, String)> {
        match path {
            "virtualNetworks/subnets" => self.users(id, &["subnet"]),
            "networkSecurityGroups" => self.users(id, &["networkSecurityGroup"]),
            "publicIPAddresses" => self.users(id, &["publicIPAddress", "publicIpAddresses", "publicIPAddresses"]),
            "natGateways" => self.users(id, &["natGateway"]),
            "routeTables" => self.users(id, &["routeTable"]),
            "virtualNetworks" => self
                .state
                .get(id)
                .into_iter()
                .flat_map(|vnet| children(vnet, "subnets").to_vec())
                .filter_map(|subnet| subnet["id"].as_str().map(|id| self.users(id, &["subnet"])))
                .flatten()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A stored body with the etag and the references that others make to it, as ARM shows them.
    pub fn view(&self, body: &Value) -> Value {
        let mut shown = body.clone();
        let Some(kind) = body["id"].as_str().and_then(registry::of_id) else {
            return shown;
        };
        if kind.namespace != "Microsoft.Network" {
            return shown;
        }
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let ids = |list: Vec<String>| json!(list.into_iter().map(|id| json!({"id": id})).collect::<Vec<_>>());
        let mut add = |member: &str, list: Vec<String>| {
            if !list.is_empty() && shown["properties"][member].is_null() {
                shown["properties"][member] = ids(list);
            }
        };
        match kind.path {
            "networkSecurityGroups" => {
                let (subnets, others): (Vec<String>, Vec<String>) = self
                    .user_ids(&id, &["networkSecurityGroup"])
                    .into_iter()
                    .partition(|id| id.to_lowercase().contains("/subnets/"));
                add("subnets", subnets);
                add("networkInterfaces", others);
            }
            "natGateways" => add("subnets", self.user_ids(&id, &["natGateway"])),
            "routeTables" => add("subnets", self.user_ids(&id, &["routeTable"])),
            "virtualNetworks/subnets" => add("ipConfigurations", self.user_ids(&id, &["subnet"])),
            "publicIPAddresses" => {
                let users = self.users(&id, &["publicIPAddress", "publicIpAddresses", "publicIPAddresses"]);
                if let Some((user, _)) = users.first()
                    && shown["properties"]["ipConfiguration"].is_null()
                {
                    let member =
                        if user.to_lowercase().contains("/natgateways/") { "natGateway" } else { "ipConfiguration" };
                    shown["properties"][member] = json!({"id": user});
                }
            }
            "loadBalancers" => {
                for pool in list_mut(&mut shown, "backendAddressPools") {
                    let members = pool["id"]
                        .as_str()
                        .map(|id| self.user_ids(id, &["loadBalancerBackendAddressPools"]))
                        .unwrap_or_default();
                    if !members.is_empty() && pool["properties"]["backendIPConfigurations"].is_null() {
                        pool["properties"]["backendIPConfigurations"] = ids(members);
                    }
                }
            }
            "virtualNetworks" => {
                for subnet in list_mut(&mut shown, "subnets") {
                    let users = subnet["id"].as_str().map(|id| self.user_ids(id, &["subnet"])).unwrap_or_default();
                    if !users.is_empty() && subnet["properties"]["ipConfigurations"].is_null() {
                        subnet["properties"]["ipConfigurations"] = ids(users);
                    }
                }
            }
            _ => {}
        }
        super::network::tag_children(kind, &mut shown);
        if shown["etag"].is_null() {
            let tag = super::resource::etag(body);
            let dns = kind.path.to_lowercase().contains("dnszones");
            shown["etag"] = json!(if dns { tag } else { format!("W/\"{tag}\"") });
        }
        shown
    }
}

/// A stored body as ARM shows it.
pub(crate) fn view(state: &State, body: &Value) -> Value {
    Links::new(state).view(body)
}

/// Refuses the delete of a resource that others use.
pub(crate) fn free_to_delete(state: &State, target: &Target, id: &str) -> Result<(), Refusal> {
    let path = target.kind.path;
    if path == "privateDnsZones" {
        let below = format!("{}/virtualnetworklinks/", id.to_lowercase());
        let nested = state.resources.keys().any(|key| key.starts_with(&below));
        return if nested {
            Err(Refusal::new(
                409,
                "CannotDeleteResource",
                "Can not delete resource before nested resources are deleted.",
            )
            .bare())
        } else {
            Ok(())
        };
    }
    if path == "networkInterfaces"
        && let Some(machine) = state.get(id).and_then(|nic| nic["properties"]["virtualMachine"]["id"].as_str())
        && state.get(machine).is_some()
    {
        return Err(errors::network(
            400,
            "NicInUse",
            format!(
                "Network Interface {id} is used by existing resource {machine}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic."
            ),
        ));
    }
    let uses = Links::new(state).uses(id, path);
    let Some((user, _)) = uses.first() else { return Ok(()) };
    let name = target.name();
    let (code, message) = match path {
        "virtualNetworks" | "virtualNetworks/subnets" => (
            "InUseSubnetCannotBeDeleted",
            format!(
                "Subnet {} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
                if path == "virtualNetworks" { "default" } else { name }
            ),
        ),
        "networkSecurityGroups" => (
            "InUseNetworkSecurityGroupCannotBeDeleted",
            format!(
                "Network security group {id} cannot be deleted because it is in use by the following resources: {user}. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg."
            ),
        ),
        "publicIPAddresses" => (
            "PublicIPAddressCannotBeDeleted",
            format!(
                "Public IP address {id} can not be deleted since it is still allocated to resource {user}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip."
            ),
        ),
        "natGateways" => {
            ("InUseNatGatewayCannotBeDeleted", format!("Nat Gateway {name} is in use by {user} and cannot be deleted."))
        }
        _ => (
            "InUseRouteTableCannotBeDeleted",
            format!("Route table {name} is in use and cannot be deleted. It is used by {user}."),
        ),
    };
    Err(errors::network(400, code, message))
}

/// Why the delete of a whole resource group fails: something outside of it still uses something inside.
pub(crate) fn blocks_group_delete(state: &State, group: &str) -> Option<Refusal> {
    if group_of(group)?.len() != group.len() {
        return None;
    }
    let links = Links::new(state);
    let blocked: Vec<String> = state
        .within(group)
        .filter(|(id, _)| id.len() > group.len())
        .filter_map(|(_, resource)| {
            let id = resource["id"].as_str()?;
            let kind = registry::of_id(id)?;
            let outside = links.uses(id, kind.path).into_iter().any(|(_, holder)| !within(&holder, group));
            outside.then(|| format!("{}/{}", kind.full(), id.rsplit('/').next().unwrap_or_default()))
        })
        .collect();
    (!blocked.is_empty()).then(|| {
        Refusal::new(
            409,
            "ResourceGroupDeletionBlocked",
            format!(
                "Deletion of resource group '{}' failed as resources with identifiers '{}' could not be deleted. The provisioning state of the resource group will be rolled back.",
                group.rsplit('/').next().unwrap_or_default(),
                blocked.join(",")
            ),
        )
    })
}

/// Refuses what a lock at, above or (for deletes) below `id` forbids.
pub(crate) fn locked(state: &State, id: &str, wish: Wish) -> Result<(), Refusal> {
    let marker = "/providers/microsoft.authorization/locks/";
    let locks: Vec<&str> = state
        .resources
        .iter()
        .filter_map(|(key, lock)| {
            let scope = &key[..key.find(marker)?];
            let level = lock["properties"]["level"].as_str().unwrap_or_default();
            let applies = within(id, scope) || (wish == Wish::Delete && within(scope, id));
            let forbids = level == "ReadOnly" || (level == "CanNotDelete" && wish == Wish::Delete);
            (applies && forbids).then(|| &lock["id"].as_str().unwrap_or_default()[..scope.len()])
        })
        .collect();
    if locks.is_empty() {
        return Ok(());
    }
    let word = if wish == Wish::Delete { "delete" } else { "write" };
    Err(Refusal::new(
        409,
        "ScopeLocked",
        format!(
            "The scope '{id}' cannot perform {word} operation because following scope(s) are locked: '{}'. Please remove the lock and try again.",
            locks.join(",")
        ),
    )
    .gateway())
}
