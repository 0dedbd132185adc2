//! Quotas, virtual machine sizes, marketplace terms, and counts of the Resource Graph.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::resources::{segment, subscription_id};
use crate::bridge::wrong_type;
use crate::client::{Arm, decode};
use crate::error::{ArmError, Found, Kind, Result};
use crate::id::ArmId;
use crate::model::quota::{AgreementWire, SkuWire};
use crate::model::{MarketplaceAgreement, Usage, VmSku};

const COMPUTE: &str = "2024-07-01";
const SKUS: &str = "2021-07-01";
const NETWORK: &str = "2024-03-01";
const MARKETPLACE: &str = "2021-01-01";
const RESOURCE_GRAPH: &str = "2021-03-01";

impl Arm {
    /// The virtual machine sizes that a region (by name, as `eastus`) lists for a subscription, restricted ones included.
    ///
    /// The answer of Azure has megabytes; what is asked twice is asked once.
    ///
    /// # Errors
    /// Any [`ArmError`].
    pub async fn vm_skus(&self, subscription: &str, location: &str) -> Result<Arc<Vec<VmSku>>> {
        let id = subscription_id(subscription)?;
        segment(location)?;
        let filter = format!("location eq '{location}'");
        let url = self.url(&id, "/providers/Microsoft.Compute/skus", SKUS, &[("$filter", &filter)]);
        let address = url.to_string();
        let read = async {
            let all = self.read_all::<SkuWire>(url).await?;
            Ok(all.into_iter().filter_map(|sku| sku.vm(location)).collect())
        };
        self.listed(&address, read).await
    }

    /// The quotas of Microsoft.Compute in a region, with what is used.
    ///
    /// # Errors
    /// Any [`ArmError`].
    pub async fn compute_usages(&self, subscription: &str, location: &str) -> Result<Vec<Usage>> {
        self.usages(subscription, "Microsoft.Compute", location, COMPUTE).await
    }

    /// The quotas of Microsoft.Network in a region, with what is used.
    ///
    /// # Errors
    /// Any [`ArmError`].
    pub async fn network_usages(&self, subscription: &str, location: &str) -> Result<Vec<Usage>> {
        self.usages(subscription, "Microsoft.Network", location, NETWORK).await
    }

    async fn usages(&self, subscription: &str, provider: &str, location: &str, version: &str) -> Result<Vec<Usage>> {
        let id = subscription_id(subscription)?;
        segment(location)?;
        let path = format!("/providers/{provider}/locations/{location}/usages");
        self.read_all(self.url(&id, &path, version, &[])).await
    }

    /// The addresses of each subnet of a virtual network, with what is used. None when the network is not there.
    ///
    /// # Errors
    /// [`Kind::InvalidId`] when the id is of another type; else [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn vnet_usages(&self, id: &ArmId) -> Result<Option<Vec<Usage>>> {
        const VNETS: &str = "Microsoft.Network/virtualNetworks";
        if !id.is_type(VNETS) {
            return Err(wrong_type(id, VNETS));
        }
        self.read_all(self.url(id, "/usages", NETWORK, &[])).await.found()
    }

    /// The terms of a plan of the marketplace. None when the offer has no terms.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn marketplace_agreement(
        &self,
        subscription: &str,
        publisher: &str,
        offer: &str,
        plan: &str,
    ) -> Result<Option<MarketplaceAgreement>> {
        let id = subscription_id(subscription)?;
        for part in [publisher, offer, plan] {
            segment(part)?;
        }
        let path = format!(
            "/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/{publisher}/offers/{offer}/plans/{plan}/agreements/current"
        );
        self.resource::<AgreementWire, _>(self.url(&id, &path, MARKETPLACE, &[])).await
    }

    /// The role assignments at a subscription and below it, as far as the caller may read them: the Resource Graph leaves
    /// out what a caller may not read, and is some minutes behind.
    ///
    /// # Errors
    /// Any [`ArmError`].
    pub async fn role_assignment_count(&self, subscription: &str) -> Result<u64> {
        // It becomes a part of the query.
        if !subscription.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let message = format!("`{subscription}` is no subscription");
            return Err(ArmError::new(Kind::InvalidId, "POST", "", message));
        }
        let query = format!(
            "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | where properties.scope startswith '/subscriptions/{subscription}' | count"
        );
        let url = self.url_of("/providers/Microsoft.ResourceGraph/resources", RESOURCE_GRAPH, &[]);
        let reply = self.ask(url.clone(), &json!({"subscriptions": [subscription], "query": query})).await?;
        let answer: Table = decode(&url, &reply)?;
        let count = answer.data.first().and_then(|row| row.as_object()?.values().find_map(Value::as_u64));
        count.ok_or_else(|| ArmError::new(Kind::Decode, "POST", url.path(), "the answer holds no count"))
    }
}

#[derive(Deserialize)]
struct Table {
    data: Vec<Value>,
}
