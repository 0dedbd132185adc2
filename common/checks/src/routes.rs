//! User-defined routes: which one decides.

use std::net::IpAddr;

use facts::network::{Route, RouteTable};
use ipnet::{IpNet, Ipv4Net};

use crate::nsg;

/// The routes that decide about every address: those of one kind of next hop that together cover all of IPv4, as
/// `0.0.0.0/1` and `128.0.0.0/1` do, else the one for `0.0.0.0/0`. A longer prefix goes before a shorter one.
pub(crate) fn for_everything(table: &RouteTable) -> Vec<&Route> {
    let prefix = |route: &Route| match nsg::parse(&route.address_prefix) {
        Some(IpNet::V4(net)) => Some(net),
        _ => None,
    };
    for hop in ["VirtualAppliance", "VirtualNetworkGateway", "None", "Internet"] {
        let parts: Vec<&Route> = table
            .routes
            .iter()
            .filter(|route| route.next_hop_type == hop && prefix(route).is_some_and(|net| net.prefix_len() > 0))
            .collect();
        let nets: Vec<Ipv4Net> = parts.iter().filter_map(|route| prefix(route)).collect();
        if Ipv4Net::aggregate(&nets).iter().any(|net| net.prefix_len() == 0) {
            return parts;
        }
    }
    let whole = |route: &&Route| prefix(route).is_some_and(|net| net.prefix_len() == 0);
    table.routes.iter().find(whole).into_iter().collect()
}

/// The route that decides about an address: the one with the longest prefix.
pub(crate) fn for_address(table: &RouteTable, address: IpAddr) -> Option<&Route> {
    let prefix = |route: &Route| nsg::parse(&route.address_prefix).filter(|net| net.contains(&address));
    table
        .routes
        .iter()
        .filter_map(|route| Some((prefix(route)?.prefix_len(), route)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, route)| route)
}

/// The names of routes, joined.
pub(crate) fn names_of(routes: &[&Route]) -> String {
    let names: Vec<&str> = routes.iter().map(|route| route.name.as_str()).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let route = |prefix: &str| Route {
            name: prefix.into(),
            address_prefix: prefix.into(),
            next_hop_type: "None".into(),
            next_hop_ip: None,
        };
        let table = RouteTable {
            id: "/t".into(),
            routes: ["0.0.0.0/0", "20.0.0.0/8", "20.81.0.0/16", "AzureCloud", "fd00::/8"].map(route).to_vec(),
        };
        let decides = |address: &str| for_address(&table, address.parse().unwrap()).map(|route| route.name.as_str());
        assert_eq!(decides("20.81.4.17"), Some("20.81.0.0/16"));
        assert_eq!(decides("20.82.4.17"), Some("20.0.0.0/8"));
        assert_eq!(decides("1.1.1.1"), Some("0.0.0.0/0"));
        assert_eq!(decides("fd00::1"), Some("fd00::/8"));
        assert_eq!(decides("fe80::1"), None);
    }
}
