//! Private link services, private endpoints, private DNS zones.

use crate::bridge::wrong_type;
use crate::client::Arm;
use crate::error::Result;
use crate::id::ArmId;
use crate::model::private_link::{
    PrivateARecordWire, PrivateDnsZoneWire, PrivateEndpointWire, PrivateLinkServiceWire, VirtualNetworkLinkWire,
};
use crate::model::{PrivateARecord, PrivateDnsZone, PrivateEndpoint, PrivateLinkService, VirtualNetworkLink};

const NETWORK: &str = "2024-03-01";
const PRIVATE_DNS: &str = "2024-06-01";
const SERVICES: &str = "Microsoft.Network/privateLinkServices";
const ENDPOINTS: &str = "Microsoft.Network/privateEndpoints";
const ZONES: &str = "Microsoft.Network/privateDnsZones";

impl Arm {
    /// A private link service with its connections.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn private_link_service(&self, id: &ArmId) -> Result<Option<PrivateLinkService>> {
        self.resource::<PrivateLinkServiceWire, _>(self.url(of_type(id, SERVICES)?, "", NETWORK, &[])).await
    }

    /// A private endpoint with its connections.
    ///
    /// # Errors
    /// As of [`private_link_service`](Self::private_link_service).
    pub async fn private_endpoint(&self, id: &ArmId) -> Result<Option<PrivateEndpoint>> {
        self.resource::<PrivateEndpointWire, _>(self.url(of_type(id, ENDPOINTS)?, "", NETWORK, &[])).await
    }

    /// A private DNS zone.
    ///
    /// # Errors
    /// As of [`private_link_service`](Self::private_link_service).
    pub async fn private_dns_zone(&self, id: &ArmId) -> Result<Option<PrivateDnsZone>> {
        self.resource::<PrivateDnsZoneWire, _>(self.url(of_type(id, ZONES)?, "", PRIVATE_DNS, &[])).await
    }

    /// The links of a private DNS zone to virtual networks.
    ///
    /// # Errors
    /// Any [`ArmError`](crate::ArmError), [`Kind::NotFound`](crate::Kind::NotFound) where there is no such zone.
    pub async fn virtual_network_links(&self, zone: &ArmId) -> Result<Vec<VirtualNetworkLink>> {
        let url = self.url(of_type(zone, ZONES)?, "/virtualNetworkLinks", PRIVATE_DNS, &[]);
        self.resources::<VirtualNetworkLinkWire, _>(url).await
    }

    /// The A records of a private DNS zone.
    ///
    /// # Errors
    /// As of [`virtual_network_links`](Self::virtual_network_links).
    pub async fn private_a_records(&self, zone: &ArmId) -> Result<Vec<PrivateARecord>> {
        self.resources::<PrivateARecordWire, _>(self.url(of_type(zone, ZONES)?, "/A", PRIVATE_DNS, &[])).await
    }
}

fn of_type<'a>(id: &'a ArmId, kind: &'static str) -> Result<&'a ArmId> {
    if id.is_type(kind) { Ok(id) } else { Err(wrong_type(id, kind)) }
}
