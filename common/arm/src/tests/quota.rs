//! Quotas, sizes, and counts.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Fake, arm, reply};
use crate::{ArmId, Kind};

#[tokio::test]
async fn sizes_of_a_region_without_what_is_no_machine() {
    let fake = Fake::new(|_, _| {
        reply(
            200,
            json!({"value": [
                {"resourceType": "disks", "name": "Premium_LRS", "locations": ["eastus"]},
                {"resourceType": "virtualMachines", "name": "Standard_D4s_v5", "family": "standardDSv5Family",
                    "locationInfo": [{"location": "EastUS", "zones": ["3", "1"], "zoneDetails": []}],
                    "capabilities": [{"name": "vCPUs", "value": "4"}],
                    "restrictions": [
                        {"type": "Zone", "values": ["eastus"], "reasonCode": "NotAvailableForSubscription",
                            "restrictionInfo": {"locations": ["eastus"], "zones": ["3"]}},
                        {"type": "Location", "values": ["eastus"], "reasonCode": "QuotaId", "restrictionInfo": {"locations": ["eastus"]}},
                    ]},
            ]})
            .to_string(),
        )
    });
    let arm = arm(&fake);
    let sizes = arm.vm_skus("s1", "eastus").await.unwrap();
    assert_eq!(sizes.len(), 1);
    assert_eq!((sizes[0].zones.join(""), sizes[0].capabilities["vCPUs"].as_str()), ("13".to_owned(), "4"));
    assert_eq!(sizes[0].restrictions[0].zones, ["3"]);
    assert_eq!(
        (sizes[0].restrictions[1].kind.as_str(), sizes[0].restrictions[1].reason_code.as_str()),
        ("Location", "QuotaId")
    );
    arm.vm_skus("s1", "eastus").await.unwrap();
    assert_eq!(fake.asked().len(), 1);
    assert_eq!(arm.vm_skus("s1", "east us/x").await.unwrap_err().kind, Kind::InvalidId);
}

#[tokio::test]
async fn the_published_list_of_sizes_is_read() {
    let shared = std::env::var_os("HCP_AZURE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join("arm-examples/Microsoft.Compute/ResourceSkus_List.filter.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no published example at {}", path.display());
        return;
    };
    let example: Value = serde_json::from_str(&text).unwrap();
    let body = example["responses"]["200"]["body"].clone();
    let machines: Vec<Value> = body["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|sku| sku["resourceType"] == "virtualMachines")
        .cloned()
        .collect();
    let sent = json!({"value": body["value"]}).to_string();
    let fake = Fake::new(move |_, _| reply(200, sent.clone()));
    let read = arm(&fake).vm_skus("s1", "westus").await.unwrap();
    assert_eq!(read.len(), machines.len());
    for (read, sent) in read.iter().zip(&machines) {
        assert_eq!(json!(read.name), sent["name"]);
        assert_eq!(json!(read.family), sent["family"]);
        assert_eq!(read.capabilities.len(), sent["capabilities"].as_array().unwrap().len());
        assert_eq!(read.zones.len(), sent["locationInfo"][0]["zones"].as_array().map_or(0, Vec::len));
    }
}

#[tokio::test]
async fn counts_are_whole_numbers_however_they_are_written() {
    let fake = Fake::new(|_, _| {
        reply(
            200,
            r#"{"value":[{"currentValue":2.0,"limit":251.0,"id":"/s","name":{"value":"SubnetSpace","localizedValue":"x"}}]}"#,
        )
    });
    let id = ArmId::parse("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v").unwrap();
    let usages = arm(&fake).vnet_usages(&id).await.unwrap().unwrap();
    assert_eq!((usages[0].current_value, usages[0].limit), (2, 251));
    let subnet = ArmId::parse(&format!("{id}/subnets/n")).unwrap();
    assert_eq!(arm(&fake).vnet_usages(&subnet).await.unwrap_err().kind, Kind::InvalidId);
}

#[tokio::test]
async fn a_count_is_asked_for_once_and_may_be_missing() {
    let fake = Fake::new(|_, number| match number {
        0 => {
            reply(200, r#"{"totalRecords":1,"count":1,"data":[{"Count":3871}],"facets":[],"resultTruncated":"false"}"#)
        }
        _ => reply(200, r#"{"data":[]}"#),
    });
    let arm = arm(&fake);
    assert_eq!(arm.role_assignment_count("s1").await.unwrap(), 3871);
    assert_eq!(arm.role_assignment_count("s1").await.unwrap(), 3871);
    assert_eq!(fake.paths(), ["POST /providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"]);
    assert_eq!(arm.role_assignment_count("s2").await.unwrap_err().kind, Kind::Decode);
    assert_eq!(arm.role_assignment_count("s' or 1").await.unwrap_err().kind, Kind::InvalidId);
}
