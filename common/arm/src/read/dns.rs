//! Public and private DNS zones.

use std::sync::Arc;

use crate::bridge::wrong_type;
use crate::client::Arm;
use crate::error::Result;
use crate::id::ArmId;
use crate::model::dns::{DnsRecordSetWire, DnsZoneWire};
use crate::model::private_link::PrivateDnsZoneWire;
use crate::model::{DnsRecordSet, DnsZone, PrivateDnsZone};
use crate::read::resources::subscription_id;

const DNS: &str = "2018-05-01";
const PRIVATE_DNS: &str = "2024-06-01";
const ZONES: &str = "Microsoft.Network/dnsZones";
const PRIVATE_ZONES: &str = "Microsoft.Network/privateDnsZones";

impl Arm {
    /// All public DNS zones of a subscription that the caller may see.
    ///
    /// # Errors
    /// Any [`ArmError`](crate::ArmError).
    pub async fn dns_zones(&self, subscription: &str) -> Result<Arc<Vec<DnsZone>>> {
        let url = self.url(&subscription_id(subscription)?, "/providers/Microsoft.Network/dnszones", DNS, &[]);
        self.shared::<DnsZoneWire, _>(url).await
    }

    /// All record sets of a public DNS zone.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else any
    /// [`ArmError`](crate::ArmError).
    pub async fn dns_records(&self, zone: &ArmId) -> Result<Arc<Vec<DnsRecordSet>>> {
        let url = self.url(of_type(zone, ZONES)?, "/recordsets", DNS, &[]);
        self.shared::<DnsRecordSetWire, _>(url).await
    }

    /// All private DNS zones of a subscription that the caller may see.
    ///
    /// # Errors
    /// Any [`ArmError`](crate::ArmError).
    pub async fn private_dns_zones(&self, subscription: &str) -> Result<Arc<Vec<PrivateDnsZone>>> {
        let url = self.url(&subscription_id(subscription)?, &format!("/providers/{PRIVATE_ZONES}"), PRIVATE_DNS, &[]);
        self.shared::<PrivateDnsZoneWire, _>(url).await
    }

    /// All record sets of a private DNS zone.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else any
    /// [`ArmError`](crate::ArmError).
    pub async fn private_dns_records(&self, zone: &ArmId) -> Result<Arc<Vec<DnsRecordSet>>> {
        let url = self.url(of_type(zone, PRIVATE_ZONES)?, "/ALL", PRIVATE_DNS, &[]);
        self.shared::<DnsRecordSetWire, _>(url).await
    }
}

fn of_type<'a>(id: &'a ArmId, kind: &str) -> Result<&'a ArmId> {
    if id.is_type(kind) { Ok(id) } else { Err(wrong_type(id, kind)) }
}
