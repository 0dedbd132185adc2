//! Whose a resource is: what can be proven to be of one cluster, and by what.

use serde_json::Value;

use crate::compare::text;
use crate::tags;

/// Tags by which disk drivers mark what they made for a volume of the cluster.
const VOLUME_TAGS: [&str; 2] = ["k8s-azure-created-by", "kubernetes.io-created-for-pvc-name"];

/// What proves that a resource is of the cluster with this infra id; none when nothing does.
///
/// A resource that bears another cluster's infra id in our tag is never of this one.
pub(super) fn proof(infra_id: &str, body: &Value) -> Option<String> {
    if body["tags"].get(tags::INFRA_ID).is_some_and(Value::is_string) {
        return proof_by_mark(infra_id, body);
    }
    proof_by_mark(infra_id, body).or_else(|| {
        let name = text(body, &["name"]).unwrap_or_default();
        bears(name, infra_id).then(|| format!("its name bears the infra id {infra_id}"))
    })
}

/// The same by tags alone.
pub(super) fn proof_by_mark(infra_id: &str, body: &Value) -> Option<String> {
    match body["tags"][tags::INFRA_ID].as_str() {
        Some(own) if own == infra_id => return Some(format!("tag {} is {infra_id}", tags::INFRA_ID)),
        Some(_) => return None,
        None => {}
    }
    // Cluster API, the cloud controller and the image registry mark theirs so.
    let owned = body["tags"].as_object().into_iter().flatten().find(|(key, value)| {
        bears(key, infra_id) && value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("owned"))
    });
    owned.map(|(key, _)| format!("tag {key} is owned"))
}

/// What proves that a resource without a mark of its own goes with one that is ours: it is attached to it or was made for a
/// volume of the cluster, in the group that holds nothing but what the cluster makes.
pub(super) fn proof_by_company(body: &Value, ours: &[&Value]) -> Option<String> {
    let id = |body: &Value| text(body, &["id"]).unwrap_or_default().to_ascii_lowercase();
    let name = |body: &Value| text(body, &["name"]).unwrap_or_default().to_ascii_lowercase();
    let is_machine = |body: &&&Value| {
        text(body, &["type"]).unwrap_or_default().eq_ignore_ascii_case("Microsoft.Compute/virtualMachines")
    };
    let kind = text(body, &["type"]).unwrap_or_default().to_ascii_lowercase();
    let holder = text(body, &["managedBy"]).unwrap_or_default().to_ascii_lowercase();
    if let Some(holder) = ours.iter().find(|other| !holder.is_empty() && id(other) == holder) {
        return Some(format!("{} holds it", name(holder)));
    }
    if ["microsoft.network/networkinterfaces", "microsoft.compute/disks"].contains(&kind.as_str())
        && let Some(machine) = ours.iter().filter(is_machine).find(|machine| {
            name(body).starts_with(&format!("{}-", name(machine)))
                || name(body).starts_with(&format!("{}_", name(machine)))
        })
    {
        return Some(format!("made for virtual machine {}", name(machine)));
    }
    let is_volume = ["microsoft.compute/disks", "microsoft.compute/snapshots"].contains(&kind.as_str());
    let tag = VOLUME_TAGS.iter().find(|tag| body["tags"].get(**tag).is_some());
    tag.filter(|_| is_volume).map(|tag| format!("made for a volume (tag {tag})"))
}

/// Whether a text holds the infra id as a word of its own: `dev-x7k2p` is not in `dev-x7k2p3`, nor in `mydev-x7k2p`.
pub(super) fn bears(text: &str, infra_id: &str) -> bool {
    let (text, infra_id) = (text.to_ascii_lowercase(), infra_id.to_ascii_lowercase());
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(&infra_id).any(|(at, found)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + found.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    const ID: &str = "dev-x7k2p";

    #[test]
    fn what_is_ours_and_what_is_not() {
        for (body, ours) in [
            (json!({"name": "x", "tags": {tags::INFRA_ID: ID}}), true),
            (json!({"name": "dev-x7k2p", "tags": {tags::INFRA_ID: "dev-zzzzz"}}), false),
            (json!({"name": "dev-x7k2p"}), true),
            (json!({"name": "dev-DEV-x7k2p-nsg"}), true),
            (json!({"name": "dev-x7k2p3"}), false),
            (json!({"name": "mydev-x7k2p"}), false),
            (
                json!({"name": "vm", "tags": {"sigs.k8s.io_cluster-api-provider-azure_cluster_dev-x7k2p": "owned"}}),
                true,
            ),
            (
                json!({"name": "vm", "tags": {"sigs.k8s.io_cluster-api-provider-azure_cluster_dev-x7k2p": "shared"}}),
                false,
            ),
            (json!({"name": "jumpbox"}), false),
        ] {
            assert_eq!(proof(ID, &body).is_some(), ours, "{body}");
        }
    }

    #[test]
    fn what_goes_with_a_machine_of_ours() {
        let vm = json!({"id": "/s/vm/Np-1", "name": "np-1", "type": "Microsoft.Compute/virtualMachines"});
        let ours = [&vm];
        let of = |body: Value| proof_by_company(&body, &ours).is_some();
        assert!(of(json!({"name": "np-1-nic", "type": "Microsoft.Network/networkInterfaces"})));
        assert!(of(json!({"name": "np-1_OSDisk", "type": "Microsoft.Compute/disks"})));
        assert!(of(json!({"name": "x", "type": "Microsoft.Compute/disks", "managedBy": "/s/vm/np-1"})));
        assert!(of(json!({"name": "pvc-1", "type": "Microsoft.Compute/disks", "tags": {"k8s-azure-created-by": "x"}})));
        assert!(!of(json!({"name": "np-10-nic", "type": "Microsoft.Network/networkInterfaces"})));
        assert!(!of(json!({"name": "jumpbox", "type": "Microsoft.Compute/virtualMachines"})));
    }
}
