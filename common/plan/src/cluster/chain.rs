//! What a hosted cluster needs in Azure, as `create iam` and `create infra` would be asked for it.

use super::key_values;
use super::refusal::Refusal;
use super::spec::ClusterSpec;
use crate::identities::ClientIds;
use crate::infra::Roles;
use crate::late::Late;
use crate::{iam, infra};

impl ClusterSpec {
    /// The identities. They stand in the group that was named, else in the one for everything, else in one of their own,
    /// which outlives the cluster's others.
    pub fn iam(&self, infra_id: &str, subscription: &str) -> iam::Spec {
        let group = self.identities_resource_group_name.as_deref().or(self.resource_group_name.as_deref());
        let own = || format!("{}-iam-{infra_id}", self.name);
        iam::Spec {
            name: self.name.clone(),
            infra_id: infra_id.to_owned(),
            subscription: subscription.to_owned(),
            resource_group: group.map_or_else(own, str::to_owned),
            location: self.location.clone(),
            issuer: self.oidc_issuer_url.clone().unwrap_or_default(),
            kms: self.encryption_key_id.is_some(),
            output_file: None,
        }
    }

    /// The network, DNS, egress and roles, for these identities.
    ///
    /// # Errors
    /// A [`Refusal`] of tags that are none.
    pub fn infra(
        &self,
        infra_id: &str,
        subscription: &str,
        identities: ClientIds,
        late: Late,
    ) -> Result<infra::Spec, Refusal> {
        let assigns = self.assign_service_principal_roles;
        let roles = assigns.then(|| Roles {
            dns_zone_group: self.dns_zone_rg_name.clone().unwrap_or_default(),
            narrow: self.assign_custom_hcp_roles,
        });
        Ok(infra::Spec {
            name: self.name.clone(),
            infra_id: infra_id.to_owned(),
            subscription: subscription.to_owned(),
            location: self.location.clone(),
            base_domain: self.base_domain.clone().unwrap_or_default(),
            resource_group: self.resource_group_name.clone(),
            group_tags: key_values::pairs_of_list("--resource-group-tags", &self.resource_group_tags)?,
            vnet_id: self.vnet_id.clone(),
            subnet_id: self.subnet_id.clone(),
            nsg_id: self.network_security_group_id.clone(),
            identities,
            managed: None,
            late,
            roles,
            without_image_registry: self.disable_cluster_capabilities.iter().any(|name| name == "ImageRegistry"),
            output_file: None,
        })
    }
}
