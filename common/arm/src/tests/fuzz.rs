//! Bodies that nobody foresaw: whatever Azure or a gateway answers, it is read without a panic.

use azure_mgmt_msi::models as msi;
use azure_mgmt_network::models as network;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::error_body::{ErrorBody, aadsts, classify};
use crate::model::authorization::{RoleAssignmentWire, RoleDefinitionWire};
use crate::model::private_link::{
    PrivateARecordWire, PrivateDnsZoneWire, PrivateEndpointWire, PrivateLinkServiceWire, VirtualNetworkLinkWire,
};
use crate::model::quota::{AgreementWire, SkuWire};
use crate::model::resources::{FeatureWire, ResourceGroupWire};
use crate::model::storage::{BlobServiceWire, ContainerWire, StorageAccountWire};
use crate::model::wire::Envelope;
use crate::model::*;
use crate::{ArmId, model};

/// Names of properties that the models read, so that random objects reach deep into them.
const KEYS: [&str; 44] = [
    "error",
    "code",
    "message",
    "details",
    "target",
    "error_description",
    "innererror",
    "id",
    "name",
    "type",
    "location",
    "tags",
    "properties",
    "value",
    "provisioningState",
    "addressSpace",
    "addressPrefixes",
    "addressPrefix",
    "subnets",
    "securityRules",
    "priority",
    "direction",
    "access",
    "protocol",
    "sourcePortRange",
    "destinationPortRanges",
    "frontendIPConfigurations",
    "backendAddressPools",
    "outboundRules",
    "allocatedOutboundPorts",
    "publicIPAddress",
    "routes",
    "nextHopType",
    "principalId",
    "roleDefinitionId",
    "permissions",
    "actions",
    "createdOn",
    "capabilities",
    "restrictions",
    "limit",
    "currentValue",
    "networkAcls",
    "publicAccess",
];

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![8 => proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => ".{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec![
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
            "/subscriptions//providers/é/x",
            "2026-11-20T12:00:00.0000000Z",
            "AADSTS99999999999é",
            "{\"error\":{\"code\":\"é\"}}",
            "does not have authorization to perform action '",
            "Allow",
            "*",
        ])
        .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn read<W: DeserializeOwned, T: From<W>>(body: &Value) {
    let _ = serde_json::from_value::<W>(body.clone()).map(T::from);
}

fn read_every_model(body: &Value) {
    read::<Envelope<RoleAssignmentWire>, RoleAssignment>(body);
    read::<Envelope<RoleDefinitionWire>, RoleDefinition>(body);
    read::<Envelope<PrivateLinkServiceWire>, PrivateLinkService>(body);
    read::<Envelope<PrivateEndpointWire>, PrivateEndpoint>(body);
    read::<Envelope<PrivateDnsZoneWire>, PrivateDnsZone>(body);
    read::<Envelope<VirtualNetworkLinkWire>, VirtualNetworkLink>(body);
    read::<Envelope<PrivateARecordWire>, PrivateARecord>(body);
    read::<Envelope<AgreementWire>, MarketplaceAgreement>(body);
    read::<Envelope<FeatureWire>, Feature>(body);
    read::<Envelope<ResourceGroupWire>, ResourceGroup>(body);
    read::<Envelope<StorageAccountWire>, StorageAccount>(body);
    read::<Envelope<BlobServiceWire>, BlobService>(body);
    read::<Envelope<ContainerWire>, Container>(body);
    let _ = serde_json::from_value::<Usage>(body.clone());
    let _ = serde_json::from_value::<SkuWire>(body.clone());
    read::<msi::Identity, Identity>(body);
    read::<msi::FederatedIdentityCredential, FederatedCredential>(body);
    read::<network::NetworkSecurityGroup, NetworkSecurityGroup>(body);
    read::<network::VirtualNetwork, VirtualNetwork>(body);
    read::<network::Subnet, Subnet>(body);
    read::<network::LoadBalancer, LoadBalancer>(body);
    read::<network::PublicIpAddress, PublicIp>(body);
    read::<network::NatGateway, NatGateway>(body);
    read::<network::RouteTable, RouteTable>(body);
    let _ = serde_json::from_value::<model::Subscription>(body.clone());
    let _ = serde_json::from_value::<model::Provider>(body.clone());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_json_is_read(body in any_json(), properties in any_json()) {
        read_every_model(&body);
        // What looks like a resource gets further.
        let mut resource: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        resource.insert("id".into(), json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/x/é"));
        resource.insert("name".into(), json!("n"));
        resource.insert("location".into(), json!("eastus"));
        resource.insert("properties".into(), properties);
        read_every_model(&Value::Object(resource));
    }

    #[test]
    fn any_error_is_read(body in any_json(), status in any::<u16>(), known in any::<bool>()) {
        for body in [body.clone(), json!({"error": body}), json!(body.to_string())] {
            let read = ErrorBody::from_json(&body);
            let _ = classify(status, &read, None, known);
        }
    }

    #[test]
    fn any_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(AADSTS|[0-9é:' ]){0,20}") {
        let _ = ErrorBody::read(&bytes);
        let _ = aadsts(&text);
        let _ = ArmId::parse(&text);
    }

    #[test]
    fn any_text_may_be_an_id(text in "(/|subscriptions|resourceGroups|providers|é|[a-z.]){0,16}") {
        if let Ok(id) = ArmId::parse(&text) {
            let _ = (id.subscription(), id.resource_group(), id.provider(), id.resource_type(), id.name(), id.parent());
            prop_assert_eq!(ArmId::parse(id.as_str()).map(|again| again.to_string()), Ok(id.to_string()));
        }
    }
}

/// What is deep costs no more than what is long.
#[test]
fn a_deep_error_is_read() {
    let mut body = String::from(r#"{"code":"x"}"#);
    for _ in 0..60 {
        body = format!(r#"{{"details":[{body},{{"code":"y"}}]}}"#);
    }
    let _ = ErrorBody::read(body.as_bytes());
    let _ = ErrorBody::read("[".repeat(100_000).as_bytes());
}
