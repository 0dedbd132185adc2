//! Evaluation of network security groups: which rule decides about a flow.
//!
//! Rules are read in the order of their priority, and the first one that matches decides. What is known about a flow can
//! fall short of what a rule asks (the addresses behind a service tag, the members of an application security group), so
//! matching has three values. A rule that may or may not match leaves the flow unresolved only if it could change the
//! answer.
//!
//! Source: Azure documentation "Network security groups" and "Virtual network service tags".

use std::net::IpAddr;

use facts::ArmId;
use facts::network::{Access, Direction, NsgRule};
use ipnet::IpNet;

#[cfg(test)]
mod tests;

/// Azure's own address in every VNet: DNS, DHCP and health probes.
/// NSG rules reach its DNS only if they name the tag `AzurePlatformDNS`.
pub const PLATFORM_ADDRESS: &str = "168.63.129.16";

/// The ports from which Linux opens connections (`net.ipv4.ip_local_port_range`).
const EPHEMERAL_PORTS: (u16, u16) = (32768, 60999);

/// Finds the rule that decides about `flow`, seen from the subnet in `direction`.
///
/// Without any matching rule the answer is Deny, as Azure's last default rule gives.
pub fn evaluate<'r>(rules: &'r [NsgRule], direction: Direction, flow: &Flow, context: &Context) -> Outcome<'r> {
    let mut ordered: Vec<&NsgRule> = rules.iter().filter(|rule| rule.direction == direction).collect();
    ordered.sort_by_key(|rule| (rule.is_default, rule.priority));
    // `Internet` is what `VirtualNetwork` is not. Where it is not known which of them holds an end, both are tried, for
    // rules about the one and rules about the other can give the same answer.
    let mut outcomes = Vec::new();
    for source in End::cases(&flow.source, context) {
        for destination in End::cases(&flow.destination, context) {
            outcomes.push(decide(&ordered, flow, &source, &destination, context));
        }
    }
    let mut outcomes = outcomes.into_iter();
    let first = outcomes.next().unwrap_or(Outcome::Decision { rule: None, access: Access::Deny });
    outcomes.fold(first, |agreed, other| match (agreed, other) {
        (Outcome::Decision { rule, access }, Outcome::Decision { access: other, .. }) if access == other => {
            Outcome::Decision { rule, access }
        }
        (Outcome::Decision { rule: Some(rule), .. }, Outcome::Decision { .. })
        | (Outcome::Decision { .. }, Outcome::Decision { rule: Some(rule), .. }) => {
            Outcome::Unresolved { rule, why: UNKNOWN_VNET.into() }
        }
        (unresolved @ Outcome::Unresolved { .. }, _) | (_, unresolved) => unresolved,
    })
}

const UNKNOWN_VNET: &str = "whether VirtualNetwork (peerings, gateways, routes) holds the address is not known";

fn decide<'r>(
    ordered: &[&'r NsgRule],
    flow: &Flow,
    source: &End<'_>,
    destination: &End<'_>,
    context: &Context,
) -> Outcome<'r> {
    let to_platform = flow.destination.is_platform();
    let mut doubtful: Vec<(&NsgRule, String)> = Vec::new();
    let mut decided = (None, if to_platform { Access::Allow } else { Access::Deny });
    for &rule in ordered {
        if to_platform && !names_platform(rule) {
            continue;
        }
        let matched = Match::of(rule.protocol == "*" || rule.protocol.eq_ignore_ascii_case(flow.protocol.name()))
            .and(|| Match::of(rule.destination_ports.iter().any(|range| holds_port(range, flow.port))))
            .and(|| ephemeral(&rule.source_ports))
            .and(|| source.is_in(&rule.source_prefixes, &rule.source_asgs, context))
            .and(|| destination.is_in(&rule.destination_prefixes, &rule.destination_asgs, context));
        match matched {
            Match::No => {}
            Match::Maybe(why) => doubtful.push((rule, why)),
            Match::Yes => {
                decided = (Some(rule), rule.access);
                break;
            }
        }
    }
    let (rule, access) = decided;
    match doubtful.into_iter().find(|(doubted, _)| doubted.access != access) {
        Some((rule, why)) => Outcome::Unresolved { rule, why },
        None => Outcome::Decision { rule, access },
    }
}

/// What becomes of a flow.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'r> {
    /// It is let through or dropped, whatever is not known.
    Decision {
        /// The first rule that surely matches; none if no rule does.
        rule: Option<&'r NsgRule>,
        /// What happens.
        access: Access,
    },
    /// It depends on something that is not known.
    Unresolved {
        /// The first rule that would change the answer if it matches.
        rule: &'r NsgRule,
        /// What is not known.
        why: String,
    },
}

/// The protocol of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Its name as rules spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "Tcp",
            Self::Udp => "Udp",
        }
    }
}

/// Connections of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The protocol.
    pub protocol: Protocol,
    /// Who opens them.
    pub source: Peer,
    /// To whom.
    pub destination: Peer,
    /// To which port. The source port is an ephemeral one.
    pub port: u16,
}

/// One end of a flow: what is known about where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// The network in which its address lies; one address is a network of full length.
    /// Without one it is some IPv4 address.
    pub within: Option<IpNet>,
    /// The service tags that hold its address, `Internet` and `VirtualNetwork` included where `within` does not tell:
    /// for `login.microsoftonline.com` they are `AzureActiveDirectory`, `AzureCloud` and `Internet`.
    pub tags: Vec<String>,
    /// Whether other tags than those may hold its address too.
    pub open: bool,
    /// The application security groups it is a member of; none where that is not known.
    pub asgs: Option<Vec<ArmId>>,
}

impl Peer {
    /// A peer with a known address.
    pub fn address(address: IpAddr) -> Self {
        Self { within: Some(address.into()), ..Self::default() }
    }

    /// A peer somewhere in a network.
    pub fn network(network: IpNet) -> Self {
        Self { within: Some(network), ..Self::default() }
    }

    /// A public service of which nothing but its tags is known.
    pub fn service<S: Into<String>>(tags: impl IntoIterator<Item = S>) -> Self {
        Self { tags: tags.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A host of which nothing is known.
    pub fn anywhere() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Adds tags that hold its address.
    #[must_use]
    pub fn tagged<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    fn is_platform(&self) -> bool {
        self.within
            .is_some_and(|net| net.prefix_len() == net.max_prefix_len() && net.addr().to_string() == PLATFORM_ADDRESS)
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own.eq_ignore_ascii_case(tag))
    }
}

/// What surrounds the subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// What the tag `VirtualNetwork` surely holds: the address space of the VNet.
    pub virtual_network: Vec<IpNet>,
    /// What it may hold besides: peered VNets, networks on premises, and the prefixes of user-defined routes.
    pub perhaps: Vec<IpNet>,
}

impl Context {
    /// The context of a VNet whose peerings and gateways are not known: private ranges may belong to the tag.
    pub fn of_vnet(address_space: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            virtual_network: address_space.into_iter().collect(),
            perhaps: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
                .iter()
                .filter_map(|net| net.parse().ok())
                .collect(),
        }
    }
}

/// Addresses that stand for all of `network` before these rules: between two of them no rule tells addresses apart.
///
/// The four addresses at the beginning and the one at the end that Azure keeps for itself in every subnet are left out.
pub fn representatives(rules: &[NsgRule], network: IpNet) -> Vec<IpAddr> {
    let (first, last) = (number(network.network()).saturating_add(4), number(network.broadcast()).saturating_sub(1));
    if first > last {
        return vec![network.network()];
    }
    let mut starts = vec![first];
    for prefix in rules.iter().flat_map(|rule| rule.source_prefixes.iter().chain(&rule.destination_prefixes)) {
        let Some(inner) = parse(prefix).filter(|inner| is_v4(*inner) == is_v4(network)) else {
            continue;
        };
        starts.push(number(inner.network()));
        starts.push(number(inner.broadcast()).saturating_add(1));
    }
    starts.retain(|start| (first..=last).contains(start));
    starts.sort_unstable();
    starts.dedup();
    starts.into_iter().map(|start| address(start, is_v4(network))).collect()
}

/// Whether a rule matches; `Maybe` says what is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    No,
    Maybe(String),
    Yes,
}

impl Match {
    fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Maybe(why) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Maybe(_) => Self::Maybe(why),
            },
        }
    }

    fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::No => other(),
            Self::Maybe(why) => match other() {
                Self::Yes => Self::Yes,
                Self::No | Self::Maybe(_) => Self::Maybe(why),
            },
        }
    }
}

/// A peer, with what is taken for granted about `VirtualNetwork`.
struct End<'a> {
    peer: &'a Peer,
    in_vnet: bool,
}

impl<'a> End<'a> {
    /// The peer in the VNet, outside it, or both where that is not known.
    fn cases(peer: &'a Peer, context: &Context) -> Vec<Self> {
        let overlaps =
            |nets: &[IpNet], within: &IpNet| nets.iter().any(|net| net.contains(within) || within.contains(net));
        let (inside, outside) = match peer.within {
            _ if peer.has_tag("VirtualNetwork") || peer.is_platform() => (true, false),
            Some(within) if context.virtual_network.iter().any(|net| net.contains(&within)) => (true, false),
            Some(within) => (overlaps(&context.virtual_network, &within) || overlaps(&context.perhaps, &within), true),
            None => (peer.open || context.perhaps.iter().any(|net| net.prefix_len() == 0), true),
        };
        [(inside, true), (outside, false)]
            .into_iter()
            .filter(|(possible, _)| *possible)
            .map(|(_, in_vnet)| Self { peer, in_vnet })
            .collect()
    }

    fn is_in(&self, prefixes: &[String], asgs: &[ArmId], context: &Context) -> Match {
        let by_prefix = prefixes.iter().fold(Match::No, |found, prefix| found.or(|| self.prefix(prefix, context)));
        asgs.iter().fold(by_prefix, |found, asg| found.or(|| self.member(asg)))
    }

    fn member(&self, asg: &ArmId) -> Match {
        match &self.peer.asgs {
            Some(own) => Match::of(own.contains(asg)),
            // Only network interfaces of the VNet can be members.
            None if !self.in_vnet => Match::No,
            None => Match::Maybe(format!(
                "the members of application security group {} are not known",
                asg.name().unwrap_or(asg.as_str())
            )),
        }
    }

    fn prefix(&self, prefix: &str, context: &Context) -> Match {
        match parse(prefix) {
            _ if prefix == "*" => Match::Yes,
            Some(net) => self.network(net, context),
            None if prefix.eq_ignore_ascii_case("VirtualNetwork") => Match::of(self.in_vnet),
            // A route for everything makes the two tags overlap; what is known to be public stays in `Internet`.
            None if prefix.eq_ignore_ascii_case("Internet") => {
                Match::of(!self.in_vnet || self.peer.has_tag("Internet"))
            }
            None => self.service(prefix),
        }
    }

    fn network(&self, net: IpNet, context: &Context) -> Match {
        let unknown = || Match::Maybe(format!("whether {net} holds the address is not known"));
        match self.peer.within {
            Some(within) if net.contains(&within) => Match::Yes,
            Some(within) if !within.contains(&net) => Match::No,
            Some(_) => unknown(),
            None if net.prefix_len() == 0 || !is_v4(net) => Match::of(is_v4(net)),
            // A public service is in no range of the VNet and in no private one.
            None if self.peer.has_tag("Internet") => {
                let private = |own: &IpNet| own.prefix_len() > 0 && own.contains(&net);
                let inside = context.virtual_network.iter().chain(&context.perhaps).any(private);
                if inside { Match::No } else { unknown() }
            }
            None => unknown(),
        }
    }

    /// A service tag, perhaps with a region: `Storage`, `Storage.EastUS`, `AzureFrontDoor.Backend`.
    fn service(&self, tag: &str) -> Match {
        let peer = self.peer;
        let unknown = || Match::Maybe(format!("whether service tag {tag} holds the address is not known"));
        let below = |own: &str, base: &str| {
            own.len() > base.len() && own.as_bytes()[base.len()] == b'.' && own[..base.len()].eq_ignore_ascii_case(base)
        };
        if peer.is_platform() {
            return Match::of(tag.eq_ignore_ascii_case("AzurePlatformDNS"));
        }
        if peer.has_tag(tag) || peer.tags.iter().any(|own| below(own, tag)) {
            return Match::Yes;
        }
        let base = tag.split('.').next().unwrap_or(tag);
        let other_region = peer.tags.iter().any(|own| below(own, base));
        if base.len() < tag.len() && peer.has_tag(base) && !other_region {
            return unknown();
        }
        // Addresses inside the VNet belong to no service; of an address without any tag the service is not known.
        if !self.in_vnet && (peer.open || peer.tags.is_empty()) {
            return unknown();
        }
        Match::No
    }
}

fn names_platform(rule: &NsgRule) -> bool {
    let names = |prefix: &String| prefix.eq_ignore_ascii_case("AzurePlatformDNS");
    rule.destination_prefixes.iter().any(names)
}

fn holds_port(range: &str, port: u16) -> bool {
    ports(range).is_some_and(|(low, high)| (low..=high).contains(&port))
}

fn ephemeral(ranges: &[String]) -> Match {
    let (low, high) = EPHEMERAL_PORTS;
    ranges.iter().filter_map(|range| ports(range)).fold(Match::No, |found, (from, to)| {
        found.or(|| {
            if from <= low && high <= to {
                Match::Yes
            } else if from <= high && low <= to {
                Match::Maybe(format!("the source port may or may not be in {from}-{to}"))
            } else {
                Match::No
            }
        })
    })
}

fn ports(range: &str) -> Option<(u16, u16)> {
    if range == "*" {
        return Some((0, u16::MAX));
    }
    let (low, high) = range.split_once('-').unwrap_or((range, range));
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}

/// A CIDR or a bare address; none for a tag.
pub(crate) fn parse(prefix: &str) -> Option<IpNet> {
    prefix.parse::<IpNet>().map(|net| net.trunc()).ok().or_else(|| prefix.parse::<IpAddr>().ok().map(IpNet::from))
}

fn is_v4(net: IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

fn address(number: u128, v4: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(low) if v4 => std::net::Ipv4Addr::from(low).into(),
        _ => std::net::Ipv6Addr::from(number).into(),
    }
}
