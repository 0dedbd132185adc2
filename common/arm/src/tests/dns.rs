//! DNS zones, record sets and links, from the examples of Microsoft's published API descriptions.

use std::path::PathBuf;

use serde_json::Value;

use super::{Fake, arm, reply};
use crate::{Arm, ArmId};

/// A client whose every answer is a published example; none where the examples are not at hand.
fn of_example(file: &str) -> Option<Arm> {
    let shared = std::env::var_os("HCP_AZURE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("arm-examples");
    if !folder.is_dir() {
        println!("skipped: no published examples at {}", folder.display());
        return None;
    }
    let example: Value = serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap();
    let mut body = example["responses"]["200"]["body"].clone();
    body.as_object_mut().unwrap().remove("nextLink");
    let sent = body.to_string();
    Some(arm(&Fake::new(move |_, _| reply(200, sent.clone()))))
}

fn zone(kind: &str) -> ArmId {
    ArmId::parse(&format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/{kind}/zone1")).unwrap()
}

#[tokio::test]
async fn public_zones_and_their_records() {
    let Some(arm) = of_example("Microsoft.Network-dns/Zones_List.json") else { return };
    let zones = arm.dns_zones("s").await.unwrap();
    assert_eq!(zones[0].name_servers[0], "ns1-01.azure-dns.com");
    let Some(arm) = of_example("Microsoft.Network-dns/RecordSets_ListByDnsZone.json") else { return };
    let records = arm.dns_records(&zone("dnsZones")).await.unwrap();
    let found: Vec<_> =
        records.iter().map(|one| (one.kind.as_str(), one.name.as_str(), one.ttl, one.values.join(","))).collect();
    assert_eq!(
        found,
        [
            ("CAA", "record1", Some(3600), String::new()),
            ("A", "record1", Some(3600), "127.0.0.1".into()),
            ("CNAME", "record2", Some(3600), "contoso.com".into()),
        ]
    );
}

#[tokio::test]
async fn private_zones_their_records_and_links() {
    let Some(arm) = of_example("Microsoft.Network-privatedns/PrivateZones_List.json") else { return };
    assert!(!arm.private_dns_zones("s").await.unwrap()[0].name.is_empty());
    let Some(arm) = of_example("Microsoft.Network-privatedns/RecordSets_List.json") else { return };
    let records = arm.private_dns_records(&zone("privateDnsZones")).await.unwrap();
    let a = records.iter().find(|record| record.kind == "A").unwrap();
    assert_eq!((a.ttl, a.values[0].as_str()), (Some(3600), "1.2.3.4"));
    let Some(arm) = of_example("Microsoft.Network-privatedns/VirtualNetworkLinks_List.json") else { return };
    let links = arm.virtual_network_links(&zone("privateDnsZones")).await.unwrap();
    assert_eq!(links[0].state.as_deref(), Some("Completed"));
    assert!(links[0].virtual_network.as_deref().unwrap().ends_with("/virtualNetworks/virtualNetworkName"));
}

#[tokio::test]
async fn a_zone_of_the_other_kind_is_refused() {
    let arm = arm(&Fake::new(|_, _| reply(200, "{}")));
    assert!(matches!(arm.dns_records(&zone("privateDnsZones")).await.unwrap_err().kind, crate::Kind::InvalidId));
    assert!(matches!(arm.virtual_network_links(&zone("dnsZones")).await.unwrap_err().kind, crate::Kind::InvalidId));
}
