//! Where the management cluster runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::connection::{Connection, path};
use super::error::KubeError;

/// The label by which the cloud provider names a node's region.
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesioregion>
const LABEL: &str = "/metadata/labels/topology.kubernetes.io~1region";

impl Connection {
    /// The region in which most nodes of the management cluster are; none where no node says it.
    ///
    /// # Errors
    /// [`KubeError`] when the nodes cannot be listed.
    pub async fn region(&self) -> Result<Option<String>, KubeError> {
        Ok(most(&self.list_metadata(&path("/api/v1", None, "nodes")?).await?))
    }
}

fn most(nodes: &[Value]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for region in nodes.iter().filter_map(|node| node.pointer(LABEL)?.as_str()) {
        *counts.entry(region).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(region, _)| region.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::most;

    #[test]
    fn the_region_of_most_nodes() {
        let node = |region: &str| json!({"metadata": {"labels": {"topology.kubernetes.io/region": region}}});
        assert_eq!(most(&[node("westus"), node("eastus"), node("eastus")]).as_deref(), Some("eastus"));
        assert_eq!(most(&[json!({"metadata": {"name": "kind"}})]), None);
    }
}
