//! What Azure's refusals of worker VMs mean, and what to do about them.
//!
//! Source: Azure documentation "Troubleshoot common Azure deployment errors"; kubernetes-sigs/cluster-api-provider-azure
//! #519 and #4964; openshift/hypershift#4701; kubernetes-sigs/cluster-api-provider-azure#4156.

use facts::catalogue;
use facts::hosted::{HostedCluster, NodePool};

use crate::judgement::{Fix, Supply};
use crate::refusal::Refusal;
use crate::shell::{Quoted, command};

/// What was asked of Azure, and how it was refused.
pub(crate) struct Asked<'a> {
    pub(crate) cluster: &'a HostedCluster,
    pub(crate) pool: &'a NodePool,
    pub(crate) place: &'a Place,
    /// The whole message.
    pub(crate) message: &'a str,
    pub(crate) refusal: Option<&'a Refusal>,
    /// The control plane namespace.
    pub(crate) plane: String,
    pub(crate) machines: Vec<&'a str>,
    pub(crate) azure_machine: &'a str,
}

/// Where a VM was asked for.
pub(crate) struct Place {
    pub(crate) size: String,
    pub(crate) location: String,
    pub(crate) zone: Option<String>,
}

impl Place {
    /// `Standard_D4s_v5 in eastus, zone 2`.
    pub(crate) fn describe(&self) -> String {
        let zone = self.zone.as_ref().map(|zone| format!(", zone {zone}")).unwrap_or_default();
        format!("{} in {}{zone}", self.size, self.location)
    }
}

/// What Azure did not give, by the code with which it refused a VM; none where the code is not about a supply.
pub(crate) fn supply(code: &str, message: &str) -> Option<Supply> {
    match code {
        "SkuNotAvailable"
        | "AllocationFailed"
        | "ZonalAllocationFailed"
        | "OverconstrainedAllocationRequest"
        | "OverconstrainedZonalAllocationRequest" => Some(Supply::Size),
        "QuotaExceeded" | "OperationNotAllowed" => Some(Supply::Vcpus),
        "SubnetIsFull" => Some(Supply::Addresses),
        "PublicIPCountLimitReached" | "PublicIPCountLimitExceeded" => Some(Supply::PublicIps),
        "MarketplacePurchaseEligibilityFailed" | "VMMarketplaceInvalidInput" | "ResourcePurchaseValidationFailed" => {
            Some(Supply::Image)
        }
        _ => message.to_ascii_lowercase().contains("encryptionathost").then_some(Supply::EncryptionAtHost),
    }
}

/// What a refusal of VMs means and what to do: what is wrong, what breaks, and the fix.
pub(crate) fn explain(asked: &Asked<'_>, code: &str) -> (String, String, Fix) {
    let Asked { cluster, pool, place, message, refusal, plane, machines, azure_machine } = asked;
    let azure = &cluster.azure;
    let (subscription, location) = (&azure.subscription_id, &place.location);
    let where_to = place.describe();
    // InvalidParameter says which one in its message only.
    let at_host = message.to_ascii_lowercase().contains("encryptionathost");
    match code {
        "SkuNotAvailable" | "AllocationFailed" | "ZonalAllocationFailed" | "OverconstrainedAllocationRequest" | "OverconstrainedZonalAllocationRequest" => {
            let subnet = pool.subnet_id.as_ref().unwrap_or(&azure.subnet_id);
            (
                format!("{code}: Azure has no {where_to} for this subscription now"),
                "the VM is not made until Azure has capacity, or the NodePool asks for another size or zone".into(),
                Fix::azure([
                    command!("az vm list-skus --subscription {subscription} -l {location} --size {} --all -o table", place.size; subscription, location),
                    command!("hypershift create nodepool azure --cluster-name {} --namespace {} --name {}-2 --replicas {} --instance-type SIZE --nodepool-subnet-id {subnet}", cluster.name,
                        cluster.namespace,
                        pool.name,
                        pool.replicas.unwrap_or(1); subnet),
                ])
                .note("SIZE is one without restrictions in the table; --availability-zone moves the NodePool to another zone"),
            )
        }
        "QuotaExceeded" | "OperationNotAllowed" => (
            format!("{code}: the vCPU quota of the subscription does not hold another {where_to}"),
            "the VM is not made until the quota is raised or VMs are freed".into(),
            Fix::azure([
                command!("az vm list-usage --subscription {subscription} -l {location} -o table"; subscription, location),
                command!("az quota list --scope /subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location} -o table"; subscription, location),
            ])
            .note("ask for more of the family that the message names, and of `cores`, in the portal under Quotas or with `az quota update`"),
        ),
        "RequestDisallowedByPolicy" => (
            format!("{code}: an Azure Policy forbids the VM or a part of it"),
            "every worker of this NodePool is refused in the same way".into(),
            Fix::azure([
                command!("az policy assignment list --subscription {subscription} -g {} --disable-scope-strict-match -o table", azure.resource_group; subscription),
                command!("az policy exemption create -n hcp-{} --policy-assignment POLICY_ASSIGNMENT_ID --exemption-category Waiver --scope {}", cluster.infra_id,
                    cluster.managed_group()),
            ])
            .note("POLICY_ASSIGNMENT_ID stands in the message"),
        ),
        "AuthorizationFailed" | "LinkedAuthorizationFailed" => {
            let arm = match refusal {
                Some(Refusal::Arm(arm)) => Some(arm),
                _ => None,
            };
            let action = arm.and_then(|arm| arm.action.clone()).unwrap_or_else(|| "what it asked for".into());
            let scope = arm.and_then(|arm| arm.scope.clone()).unwrap_or_else(|| cluster.managed_group().to_string());
            let client = cluster.workload_identities().and_then(|ids| ids.get("nodePoolManagement").map(|id| (*id).to_owned()));
            let client = client.unwrap_or_else(|| "CLIENT_ID".into());
            (
                format!("{code}: identity nodePoolManagement may not do {action}"),
                "Cluster API cannot make or join what the VM needs".into(),
                Fix::azure([
                    command!("az role assignment list --assignee {client} --scope {scope} --include-inherited -o table"; client, scope),
                    command!("az role assignment create --assignee {client} --role {} --scope {scope}", catalogue::CONTRIBUTOR; client, scope),
                ])
                .note("a new role takes up to 10 minutes to count; Contributor on the resource group of that scope is what create assigns"),
            )
        }
        "SubnetIsFull" => {
            let subnet = pool.subnet_id.as_ref().unwrap_or(&azure.subnet_id);
            (
                format!("{code}: subnet {} has no free address", subnet.name().unwrap_or_default()),
                "the NodePool cannot grow; updates that add a machine first cannot begin".into(),
                Fix::azure([
                    command!("az network vnet subnet create --subscription {subscription} -g {} --vnet-name {} -n workers-2 --address-prefixes FREE_CIDR --network-security-group {}", subnet.resource_group().unwrap_or("RESOURCE_GROUP"),
                        subnet.segment("virtualNetworks").unwrap_or("VNET"),
                        azure.security_group_id; subscription),
                    command!("hypershift create nodepool azure --cluster-name {} --namespace {} --name {}-2 --replicas {} --nodepool-subnet-id SUBNET_ID", cluster.name,
                        cluster.namespace,
                        pool.name,
                        pool.replicas.unwrap_or(1)),
                ])
                .note("subnetID of a NodePool is immutable: more machines need another NodePool"),
            )
        }
        "PublicIPCountLimitReached" | "PublicIPCountLimitExceeded" => (
            format!("{code}: the subscription has no public IP left in {location}"),
            "load balancers and gateways of the cluster get no address".into(),
            Fix::azure([command!("az network list-usages --subscription {subscription} -l {location} -o table"; subscription, location)])
                .note("ask for more in the portal under Quotas, or free unused public IPs"),
        ),
        "MissingSubscriptionRegistration" | "SubscriptionNotRegistered" => (
            format!("{code}: a resource provider is not registered in the subscription"),
            "Azure makes nothing of that provider".into(),
            Fix::azure(["Compute", "Network", "Storage"].map(|name| {
                command!("az provider register --subscription {subscription} -n Microsoft.{name} --wait"; subscription, name)
            })),
        ),
        _ if at_host => (
            format!("{code}: the feature EncryptionAtHost is not registered in the subscription"),
            "NodePools ask for encryption at host unless they say otherwise; Azure refuses each of their VMs".into(),
            Fix::azure([
                command!("az feature register --subscription {subscription} --namespace Microsoft.Compute --name EncryptionAtHost"; subscription),
                command!("az feature show --subscription {subscription} --namespace Microsoft.Compute --name EncryptionAtHost --query properties.state"; subscription),
                command!("az provider register --subscription {subscription} -n Microsoft.Compute"; subscription),
            ])
            .note("registration takes some minutes; register the provider once the state is Registered"),
        ),
        "MarketplacePurchaseEligibilityFailed" | "VMMarketplaceInvalidInput" | "ResourcePurchaseValidationFailed" => (
            format!("{code}: the terms of the marketplace image are not accepted, or its plan is not given"),
            "Azure makes no VM of that image".into(),
            Fix::azure([command!("az vm image terms accept --subscription {subscription} --urn PUBLISHER:OFFER:SKU:VERSION"; subscription)])
                .note("the image is named in spec.platform.azure.image of the NodePool; HyperShift sends no plan, so an image without one is safer"),
        ),
        _ if code.starts_with("AADSTS") => (
            format!("{code}: Entra gives identity nodePoolManagement no token"),
            "Cluster API can make and delete nothing in Azure".into(),
            Fix::hypershift([command!("oc -n {} logs deployment/capi-provider -c manager --tail 50", plane)])
            .note("the rows FC01, FC02, FC03 and OI03 compare what Entra compares"),
        ),
        _ => (
            format!("{code}: {}", first_line(refusal.map_or(*message, Refusal::message))),
            "Azure refuses the VM".into(),
            Fix::hypershift([
                command!("oc -n {} describe azuremachine {}", plane,
                    azure_machine),
                command!("oc -n {plane} delete machine {}", Quoted::words(machines); plane),
            ])
            .note("delete the machine once the cause is gone: its replacement is made at once"),
        ),
    }
}

/// The first line of a message, cut to a readable length.
pub(crate) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(200).collect()
}
