//! Public and private DNS zones, their record sets, and links to virtual networks.

use serde::{Deserialize, Serialize};

use super::wire::{Envelope, null_is_empty};

/// A public DNS zone (api-version 2018-05-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsZone {
    /// The resource id.
    pub id: String,
    /// The domain.
    pub name: String,
    /// Azure's name servers for it, each with a dot at its end.
    pub name_servers: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DnsZoneWire {
    #[serde(default, deserialize_with = "null_is_empty")]
    name_servers: Vec<String>,
}

impl From<Envelope<DnsZoneWire>> for DnsZone {
    fn from(wire: Envelope<DnsZoneWire>) -> Self {
        Self { id: wire.id, name: wire.name, name_servers: wire.properties.name_servers }
    }
}

/// A set of DNS records of one name and type, in a public or a private zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecordSet {
    /// The resource id.
    pub id: String,
    /// The name relative to the zone, `@` for the zone itself.
    pub name: String,
    /// The type, as the resource id has it: `A`, `CNAME`, `TXT` …
    pub kind: String,
    /// Seconds for which resolvers keep it.
    pub ttl: Option<u32>,
    /// Addresses, the canonical name, texts, or name servers; empty for other types.
    pub values: Vec<String>,
    /// The resource that an alias record stands for.
    pub target: Option<String>,
}

/// Public zones write `TTL` and `ARecords`, private ones `ttl` and `aRecords`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DnsRecordSetWire {
    #[serde(alias = "TTL")]
    ttl: Option<u32>,
    #[serde(default, alias = "ARecords", rename = "aRecords", deserialize_with = "null_is_empty")]
    a: Vec<A>,
    #[serde(default, alias = "AAAARecords", rename = "aaaaRecords", deserialize_with = "null_is_empty")]
    aaaa: Vec<Aaaa>,
    #[serde(default, alias = "CNAMERecord", rename = "cnameRecord", deserialize_with = "null_is_empty")]
    cname: Cname,
    #[serde(default, alias = "TXTRecords", rename = "txtRecords", deserialize_with = "null_is_empty")]
    txt: Vec<Txt>,
    #[serde(default, alias = "NSRecords", rename = "nsRecords", deserialize_with = "null_is_empty")]
    ns: Vec<Ns>,
    #[serde(default, rename = "targetResource", deserialize_with = "null_is_empty")]
    target: Target,
}

#[derive(Debug, Deserialize)]
struct A {
    #[serde(rename = "ipv4Address")]
    address: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Aaaa {
    #[serde(rename = "ipv6Address")]
    address: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Cname {
    cname: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Txt {
    #[serde(default)]
    value: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Ns {
    nsdname: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Target {
    id: Option<String>,
}

impl From<Envelope<DnsRecordSetWire>> for DnsRecordSet {
    fn from(wire: Envelope<DnsRecordSetWire>) -> Self {
        let properties = wire.properties;
        let kind = wire.id.rsplit('/').nth(1).unwrap_or_default().to_ascii_uppercase();
        let values = (properties.a.into_iter().filter_map(|record| record.address))
            .chain(properties.aaaa.into_iter().filter_map(|record| record.address))
            .chain(properties.cname.cname)
            // A text longer than 255 bytes is cut into several strings that belong together.
            .chain(properties.txt.into_iter().map(|record| record.value.concat()))
            .chain(properties.ns.into_iter().filter_map(|record| record.nsdname))
            .collect();
        Self { id: wire.id, name: wire.name, kind, ttl: properties.ttl, values, target: properties.target.id }
    }
}
