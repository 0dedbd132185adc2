//! [`InfraOutput`]: what `create infra` wrote about a cluster's infrastructure.

use serde_json::Value;

use super::identities::{DataPlaneIdentities, ManagedIdentities};
use crate::identities::{WorkloadIdentities, kms_client_id};

/// The content of an infra file, upstream's format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InfraOutput {
    /// The public DNS zone's name.
    pub base_domain: String,
    /// The ARM id of the public DNS zone.
    pub public_zone_id: String,
    /// The ARM id of the private DNS zone.
    pub private_zone_id: String,
    /// The region.
    pub region: String,
    /// The managed resource group.
    pub resource_group_name: String,
    /// The ARM id of the VNet.
    pub vnet_id: String,
    /// The ARM id of the nodes' subnet.
    pub subnet_id: String,
    /// The ARM id of an image for nodes; empty for the release's own.
    pub boot_image_id: String,
    /// The infra id.
    pub infra_id: String,
    /// The ARM id of the network security group.
    pub security_group_id: String,
    /// The ARM id of a subnet for Private Link. Upstream writes it and does not read it.
    pub nat_subnet_id: String,
    /// The federated identities, if the cluster signs in with them.
    pub workload_identities: Option<WorkloadIdentities>,
    /// The managed identities, if the cluster signs in with them.
    pub managed_identities: Option<ManagedIdentities>,
    /// The client id of the KMS identity.
    pub kms_client_id: Option<String>,
}

impl InfraOutput {
    /// Reads the text of an infra file.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of_text(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string()).and_then(|content| Self::of(&content))
    }

    /// Reads the content of an infra file. Texts that are missing are empty; unknown keys are passed over.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(content: &Value) -> Result<Self, String> {
        let object = match content {
            Value::Object(object) if !object.is_empty() => object,
            Value::Object(_) | Value::Null => return Err("it is empty".to_owned()),
            _ => return Err("it is no object".to_owned()),
        };
        let text = |key: &str| match object.get(key) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(format!("{key} is no text")),
        };
        let workload_identities = match object.get("workloadIdentities") {
            None | Some(Value::Null) => None,
            Some(Value::Object(identities)) => {
                Some(WorkloadIdentities::of(identities).map_err(|why| format!("workloadIdentities: {why}"))?)
            }
            Some(_) => return Err("workloadIdentities is no object".to_owned()),
        };
        let managed_identities = match object.get("controlPlaneMIs") {
            None | Some(Value::Null) => None,
            Some(identities) => {
                let data_plane = DataPlaneIdentities::of(object.get("dataPlaneIdentities").unwrap_or(&Value::Null));
                let control_plane = identities.get("controlPlane").unwrap_or(&Value::Null);
                Some(
                    ManagedIdentities::of(control_plane, data_plane)
                        .map_err(|why| format!("controlPlaneMIs: {why}"))?,
                )
            }
        };
        Ok(Self {
            base_domain: text("baseDomain")?,
            public_zone_id: text("publicZoneID")?,
            private_zone_id: text("privateZoneID")?,
            region: text("region")?,
            resource_group_name: text("resourceGroupName")?,
            vnet_id: text("vnetID")?,
            subnet_id: text("subnetID")?,
            boot_image_id: text("bootImageID")?,
            infra_id: text("infraID")?,
            security_group_id: text("securityGroupID")?,
            nat_subnet_id: text("natSubnetID")?,
            workload_identities,
            managed_identities,
            kms_client_id: kms_client_id(object)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_and_null_are_empty() {
        let infra =
            InfraOutput::of(&json!({"infraID": "demo", "controlPlaneMIs": null, "workloadIdentities": null})).unwrap();
        assert_eq!(infra.infra_id, "demo");
        assert_eq!((infra.region.as_str(), infra.workload_identities), ("", None));
    }

    #[test]
    fn what_is_no_infra_file() {
        for (bad, why) in [
            (json!(null), "it is empty"),
            (json!({}), "it is empty"),
            (json!("text"), "it is no object"),
            (json!([1]), "it is no object"),
            (json!({"infraID": 3}), "infraID is no text"),
            (json!({"workloadIdentities": {"disk": {}}}), "workloadIdentities: disk has no clientID"),
            (json!({"controlPlaneMIs": {}}), "controlPlaneMIs: identity cloudProvider is missing"),
        ] {
            assert_eq!(InfraOutput::of(&bad).unwrap_err(), why);
        }
    }
}
