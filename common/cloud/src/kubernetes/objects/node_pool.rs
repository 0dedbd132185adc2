//! NodePool, `hypershift.openshift.io/v1beta1`.

use facts::hosted::{Image, MarketplaceImage, NodePool, VmOptions};
use facts::{ArmId, Target};
use serde_json::Value;

use super::json::{conditions, int32, int64, str_at, string, text, time};

/// Reads a NodePool; none without a name.
pub fn node_pool(object: &Value) -> Option<NodePool> {
    let azure = object.pointer("/spec/platform/azure").unwrap_or(&Value::Null);
    Some(NodePool {
        namespace: string(object, "/metadata/namespace"),
        name: text(object, "/metadata/name")?,
        created_at: time(object, "/metadata/creationTimestamp"),
        deleted_at: time(object, "/metadata/deletionTimestamp"),
        generation: int64(object, "/metadata/generation"),
        release_image: string(object, "/spec/release/image"),
        arch: text(object, "/spec/arch"),
        replicas: int32(object, "/spec/replicas"),
        auto_scaling: int32(object, "/spec/autoScaling/max")
            .map(|max| (int32(object, "/spec/autoScaling/min").unwrap_or(0), max)),
        paused_until: text(object, "/spec/pausedUntil"),
        vm_size: string(azure, "/vmSize"),
        subnet_id: text(azure, "/subnetID").map(ArmId::new),
        zone: text(azure, "/availabilityZone"),
        vm: vm_options(object, azure),
        ready_replicas: int32(object, "/status/replicas"),
        version: text(object, "/status/version"),
        conditions: conditions(object, "/status/conditions"),
    })
}

fn vm_options(object: &Value, azure: &Value) -> VmOptions {
    VmOptions {
        encryption_at_host: text(azure, "/encryptionAtHost"),
        disk_gib: int32(azure, "/osDisk/sizeGiB"),
        disk_type: text(azure, "/osDisk/diskStorageAccountType"),
        disk_persistence: text(azure, "/osDisk/persistence"),
        disk_encryption_set: text(azure, "/osDisk/encryptionSetID").map(ArmId::new),
        image: image(azure),
        boot_diagnostics: text(azure, "/diagnostics/storageAccountType"),
        upgrade_type: text(object, "/spec/management/upgradeType"),
        replace_strategy: text(object, "/spec/management/replace/strategy"),
        max_surge: object.pointer("/spec/management/replace/rollingUpdate/maxSurge").and_then(|surge| match surge {
            Value::String(share) => Some(share.clone()),
            Value::Number(count) => Some(count.to_string()),
            _ => None,
        }),
    }
}

fn image(azure: &Value) -> Option<Image> {
    if let Some(id) = text(azure, "/image/imageID") {
        return Some(Image::Id { id: ArmId::new(id) });
    }
    str_at(azure, "/image/type").filter(|kind| *kind == "AzureMarketplace")?;
    let of = |field: &str| text(azure, &format!("/image/azureMarketplace/{field}"));
    Some(match (of("publisher"), of("offer"), of("sku"), of("version")) {
        (Some(publisher), Some(offer), Some(sku), Some(version)) => {
            Image::Marketplace(MarketplaceImage { publisher, offer, sku, version })
        }
        _ => Image::OfRelease { generation: of("imageGeneration") },
    })
}

/// Whether a NodePool belongs to a HostedCluster: the same namespace, and `spec.clusterName`.
pub fn belongs_to(object: &Value, target: &Target) -> bool {
    str_at(object, "/spec/clusterName") == Some(target.name.as_str())
        && str_at(object, "/metadata/namespace").is_none_or(|namespace| namespace == target.namespace)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_or_autoscaling() {
        let object = json!({"metadata": {"name": "a", "namespace": "c"}, "spec": {"clusterName": "demo",
            "autoScaling": {"min": 0, "max": 3}, "platform": {"azure": {"vmSize": "Standard_D4s_v5",
            "availabilityZone": "2", "subnetID": "/subscriptions/s"}}}, "status": {"replicas": 2}});
        let pool = node_pool(&object).unwrap();
        assert_eq!((pool.replicas, pool.auto_scaling, pool.ready_replicas), (None, Some((0, 3)), Some(2)));
        assert_eq!(pool.zone.as_deref(), Some("2"));
        let target = |name: &str| Target { namespace: "c".into(), name: name.into() };
        assert!(belongs_to(&object, &target("demo")));
        assert!(!belongs_to(&object, &target("demo2")));
    }

    #[test]
    fn what_machines_are_made_of() {
        let pool = |azure: Value, management: Value| {
            let object =
                json!({"metadata": {"name": "a"}, "spec": {"management": management, "platform": {"azure": azure}}});
            node_pool(&object).unwrap().vm
        };
        assert_eq!(pool(json!({}), json!({})), VmOptions::default());
        let vm = pool(
            json!({"encryptionAtHost": "Disabled", "osDisk": {"sizeGiB": 120, "persistence": "Ephemeral"},
                "image": {"type": "AzureMarketplace", "azureMarketplace": {"publisher": "p", "offer": "o", "sku": "s", "version": "latest"}}}),
            json!({"upgradeType": "Replace", "replace": {"strategy": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}}),
        );
        assert!(vm.is_ephemeral() && !vm.wants_encryption_at_host());
        assert_eq!((vm.surge(2), vm.surge(5), vm.surge(0)), (1, 2, 0));
        let Some(Image::Marketplace(image)) = &vm.image else { panic!("{vm:?}") };
        assert_eq!(image.urn(), "p:o:s:latest");
        let by_id = pool(json!({"image": {"type": "ImageID", "imageID": "/i"}}), json!({"upgradeType": "InPlace"}));
        assert_eq!(
            (by_id.image, by_id.upgrade_type.as_deref()),
            (Some(Image::Id { id: "/i".into() }), Some("InPlace"))
        );
        let counted = json!({"replace": {"rollingUpdate": {"maxSurge": 3}}});
        let gen1 = pool(
            json!({"image": {"type": "AzureMarketplace", "azureMarketplace": {"imageGeneration": "Gen1"}}}),
            counted,
        );
        assert_eq!(gen1.surge(9), 3);
        assert_eq!(gen1.image, Some(Image::OfRelease { generation: Some("Gen1".into()) }));
    }
}
