//! What a management cluster knows of all its hosted clusters: what is not to be taken for left over.

use facts::ArmId;
use futures::future::try_join3;
use kube::api::ListParams;
use plan::destroy::orphans::Living;
use serde_json::Value;

use super::connection::{Connection, unusable};
use super::error::KubeError;
use super::objects;

const HOSTED_CLUSTERS: &str = "/apis/hypershift.openshift.io/v1beta1/hostedclusters";
const NODE_POOLS: &str = "/apis/hypershift.openshift.io/v1beta1/nodepools";
const EXTERNAL_DNS: &str = "/apis/apps/v1/namespaces/hypershift/deployments/external-dns";
const OWNER_FLAG: &str = "--txt-owner-id=";

impl Connection {
    /// The HostedClusters on Azure of all namespaces, what their NodePools use, and by what its external-dns knows its
    /// records. `context` is what the reader calls this management cluster.
    ///
    /// # Errors
    /// [`KubeError`], also when any of it may not be read, or cannot be understood: half a view would make orphans of what
    /// lives.
    pub async fn living(&self, context: &str) -> Result<Living, KubeError> {
        let external_dns = async {
            match self.get(EXTERNAL_DNS).await {
                Err(KubeError::NotFound { .. }) => Ok(None),
                found => found.map(Some),
            }
        };
        let (clusters, pools, external_dns) = try_join3(
            self.list(HOSTED_CLUSTERS, ListParams::default()),
            self.list(NODE_POOLS, ListParams::default()),
            external_dns,
        )
        .await?;
        // A NodePool may be left of a HostedCluster that is gone.
        let targets: Vec<_> = clusters.iter().filter_map(objects::target).collect();
        let lives = |pool: &&Value| targets.iter().any(|target| objects::belongs_to(pool, target));
        let on_azure = clusters.iter().filter(|object| objects::platform(object).is_none_or(|own| own == "Azure"));
        let clusters = on_azure
            .map(|object| objects::hosted_cluster(object).map_err(|error| unusable(&error.to_string())))
            .collect::<Result<_, _>>()?;
        let subnet = |pool: &Value| objects::text(pool, "/spec/platform/azure/subnetID").map(ArmId::new);
        Ok(Living {
            context: context.to_owned(),
            clusters,
            subnets: pools.iter().filter(lives).filter_map(subnet).collect(),
            dns_owner: external_dns.as_ref().and_then(owner),
        })
    }
}

/// The owner that external-dns is told to write into its records.
fn owner(deployment: &Value) -> Option<String> {
    let containers = deployment.pointer("/spec/template/spec/containers")?.as_array()?;
    let args = containers.iter().filter_map(|container| container["args"].as_array()).flatten();
    let mut owners = args.filter_map(Value::as_str).filter_map(|arg| arg.strip_prefix(OWNER_FLAG));
    owners.next().filter(|owner| !owner.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_owner_is_an_argument() {
        let of = |args: Value| {
            owner(&json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}, {"args": args}]}}}}))
        };
        assert_eq!(of(json!(["--source=service", "--txt-owner-id=abc"])).as_deref(), Some("abc"));
        assert_eq!(of(json!(["--txt-owner-id="])), None);
        assert_eq!(owner(&json!({})), None);
    }
}
