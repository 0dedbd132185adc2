//! The machines of a NodePool: judged, and as `spec.platform.azure`.

use regex::Regex;
use serde_json::{Map, Value, json};

use super::azure_ids;
use super::refusal::Refusals;
use super::spec::MachineSpec;

/// The zones that a region can have.
pub(super) const ZONES: [&str; 3] = ["1", "2", "3"];

/// The architectures that NodePools on Azure have, and the VM size of each unless another is given.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "Standard_D4s_v5"), ("arm64", "Standard_D4ps_v5")];

/// VM sizes that the NodePool's CRD takes. It knows no size whose letters include `e` or `r`.
const VM_SIZE: &str = "^(Standard_|Basic_)?[A-Z]+[0-9]+(-[0-9]+)?[abdilmptsCNP]*(_[A-Z]*[0-9]+[A-Z]*)?(_v[0-9]+)?$";

/// Judges the flags that describe machines.
pub(super) fn check(spec: &MachineSpec, arch: &str, refusals: &mut Refusals) {
    let architectures: Vec<&str> = ARCHITECTURES.iter().map(|(name, _)| *name).collect();
    refusals.choice("--arch", arch, &architectures);
    let size = spec.instance_type.trim();
    if !size.is_empty() && (size.len() > 255 || !matches(VM_SIZE, size)) {
        refusals.add(
            "--instance-type",
            size,
            "the NodePool API takes no VM size of this form: a family in capitals, a number, letters of a, b, d, i, l, m, p, t, s, and a version",
            "choose another size, such as Standard_D4s_v5; `az vm list-sizes -l LOCATION` lists them",
        );
    }
    if !(16..=32767).contains(&spec.root_disk_size) {
        refusals.add(
            "--root-disk-size",
            spec.root_disk_size.to_string(),
            "it is not between 16 and 32767 GiB",
            "give 120",
        );
    }
    if !spec.availability_zone.is_empty() {
        refusals.choice("--availability-zone", &spec.availability_zone, &ZONES);
    }
    refusals.choice(
        "--disk-storage-account-type",
        &spec.disk_storage_account_type,
        &["", "Premium_LRS", "PremiumV2_LRS", "Standard_LRS", "StandardSSD_LRS"],
    );
    if let Some(id) = spec.disk_encryption_set_id.as_deref()
        && let Some(problem) = azure_ids::disk_encryption_set_problem(id)
    {
        refusals.add(
            "--disk-encryption-set-id",
            id,
            problem,
            "`az disk-encryption-set show -g GROUP -n NAME --query id` prints it",
        );
    }
    refusals.choice("--encryption-at-host", &spec.encryption_at_host, &["", "Enabled", "Disabled"]);
    refusals.choice("--image-generation", &spec.image_generation, &["", "Gen1", "Gen2"]);
    marketplace(spec, refusals);
    diagnostics(spec, refusals);
}

fn marketplace(spec: &MachineSpec, refusals: &mut Refusals) {
    let parts = [
        ("--marketplace-publisher", &spec.marketplace_publisher, "^[a-z0-9][a-z0-9_-]{2,49}$"),
        ("--marketplace-offer", &spec.marketplace_offer, "^.{1,255}$"),
        ("--marketplace-sku", &spec.marketplace_sku, "^[a-z0-9_-]{1,255}$"),
        ("--marketplace-version", &spec.marketplace_version, "^([0-9]+\\.[0-9]+\\.[0-9]+|latest)$"),
    ];
    if parts.iter().all(|(_, value, _)| value.is_empty()) {
        return;
    }
    for (flag, value, pattern) in parts {
        if value.is_empty() {
            refusals.add(
                flag,
                "",
                "a Marketplace image needs publisher, offer, SKU and version, and this one is missing",
                "give all four --marketplace- flags or none; `az vm image list --all` lists images",
            );
        } else if !matches(pattern, value) || value.len() > 255 || flag.ends_with("version") && value.len() > 32 {
            refusals.add(
                flag,
                value,
                format!("the NodePool API does not take it: it is not of the form {pattern}"),
                "copy it from `az vm image list --all --publisher PUBLISHER`",
            );
        }
    }
}

fn diagnostics(spec: &MachineSpec, refusals: &mut Refusals) {
    let kind = spec.diagnostics_storage_account_type.as_str();
    refusals.choice("--diagnostics-storage-account-type", kind, &["", "Disabled", "Managed", "UserManaged"]);
    let flag = "--diagnostics-storage-account-uri";
    match spec.diagnostics_storage_account_uri.as_deref() {
        Some(uri) if kind != "UserManaged" => refusals.add(
            flag,
            uri,
            "it is for --diagnostics-storage-account-type UserManaged",
            "give `--diagnostics-storage-account-type UserManaged`, or leave it out",
        ),
        Some(uri) if !is_https_url(uri) || uri.len() > 1024 => {
            refusals.add(flag, uri, "it is no https address", "give for example https://ACCOUNT.blob.core.windows.net/")
        }
        None if kind == "UserManaged" => refusals.add(
            flag,
            "",
            "--diagnostics-storage-account-type UserManaged needs it",
            "give for example https://ACCOUNT.blob.core.windows.net/",
        ),
        _ => {}
    }
}

/// Judges the subnet of the machines, which `flag` named.
pub(super) fn check_subnet(flag: &'static str, value: &str, id: &str, refusals: &mut Refusals) {
    if let Some(problem) = azure_ids::subnet_problem(id) {
        refusals.add(
            flag,
            value,
            if value == id { problem } else { format!("subnetID '{id}': {problem}") },
            "`az network vnet subnet show -g GROUP --vnet-name VNET -n SUBNET --query id` prints it",
        );
    }
}

/// `spec.platform` of a NodePool. `boot_image` is the ARM id of an image that was made for the cluster.
pub(super) fn platform(
    spec: &MachineSpec,
    arch: &str,
    zone: Option<&str>,
    subnet_id: &str,
    boot_image: Option<&str>,
) -> Value {
    let usual = ARCHITECTURES.iter().find(|(name, _)| *name == arch).map(|(_, size)| *size);
    let given = Some(spec.instance_type.trim()).filter(|size| !size.is_empty());
    let mut os_disk = json!({"sizeGiB": spec.root_disk_size});
    set(&mut os_disk, "diskStorageAccountType", &spec.disk_storage_account_type);
    set(&mut os_disk, "encryptionSetID", spec.disk_encryption_set_id.as_deref().unwrap_or_default());
    set(&mut os_disk, "persistence", if spec.enable_ephemeral_disk { "Ephemeral" } else { "" });
    let mut azure = json!({
        "image": image(spec, boot_image),
        "osDisk": os_disk,
        "subnetID": subnet_id,
        "vmSize": given.or(usual).unwrap_or_default(),
    });
    set(&mut azure, "availabilityZone", zone.unwrap_or_default());
    set(&mut azure, "encryptionAtHost", &spec.encryption_at_host);
    if !spec.diagnostics_storage_account_type.is_empty() {
        let mut diagnostics = json!({"storageAccountType": spec.diagnostics_storage_account_type});
        if let Some(uri) = &spec.diagnostics_storage_account_uri {
            diagnostics["userManaged"] = json!({"storageAccountURI": uri});
        }
        azure["diagnostics"] = diagnostics;
    }
    json!({"type": "Azure", "azure": azure})
}

/// A Marketplace image that was named wins over one that was made; otherwise the release's own is found later.
fn image(spec: &MachineSpec, boot_image: Option<&str>) -> Value {
    if spec.marketplace_publisher.is_empty()
        && let Some(id) = boot_image
    {
        return json!({"type": "ImageID", "imageID": id});
    }
    let mut marketplace = Value::Object(Map::new());
    for (key, value) in [
        ("imageGeneration", &spec.image_generation),
        ("offer", &spec.marketplace_offer),
        ("publisher", &spec.marketplace_publisher),
        ("sku", &spec.marketplace_sku),
        ("version", &spec.marketplace_version),
    ] {
        set(&mut marketplace, key, value);
    }
    json!({"type": "AzureMarketplace", "azureMarketplace": marketplace})
}

/// Sets a member unless the text is empty.
pub(super) fn set(object: &mut Value, key: &str, text: &str) {
    if !text.is_empty() {
        object[key] = json!(text);
    }
}

/// Whether a text is an https URL with a host.
pub(super) fn is_https_url(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !text.contains(char::is_whitespace)
    })
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(arch: &str, change: impl FnOnce(&mut MachineSpec)) -> Vec<&'static str> {
        let mut spec = MachineSpec::default();
        change(&mut spec);
        let mut refusals = Refusals::default();
        check(&spec, arch, &mut refusals);
        refusals.0.iter().map(|refusal| refusal.flag).collect()
    }

    #[test]
    fn what_the_api_server_would_refuse() {
        assert!(flags("amd64", |_| {}).is_empty());
        for arch in ["ARM64", "ppc64le", "s390x", "x86_64", ""] {
            assert_eq!(flags(arch, |_| {}), ["--arch"], "{arch}");
        }
        for size in ["Standard_DC4eds_v5", "Standard_HB120rs_v3", "standard_D4s_v5", "D4 s"] {
            assert_eq!(flags("amd64", |spec| spec.instance_type = size.into()), ["--instance-type"], "{size}");
        }
        for size in ["Standard_E8s_v5", "Standard_NC24ads_A100_v4", "Standard_E4-2s_v5", " "] {
            assert!(flags("amd64", |spec| spec.instance_type = size.into()).is_empty(), "{size}");
        }
        for size in [1, 15, 32768, -1] {
            assert_eq!(flags("amd64", |spec| spec.root_disk_size = size), ["--root-disk-size"]);
        }
        assert_eq!(
            flags("amd64", |spec| {
                spec.disk_storage_account_type = "Nonsense".into();
                spec.encryption_at_host = "true".into();
                spec.image_generation = "Gen3".into();
                spec.availability_zone = "9".into();
                spec.disk_encryption_set_id = Some("des".into());
            }),
            [
                "--availability-zone",
                "--disk-storage-account-type",
                "--disk-encryption-set-id",
                "--encryption-at-host",
                "--image-generation"
            ]
        );
    }

    #[test]
    fn a_marketplace_image_is_whole_or_not_at_all() {
        assert_eq!(
            flags("amd64", |spec| spec.marketplace_sku = "x".into()),
            ["--marketplace-publisher", "--marketplace-offer", "--marketplace-version"]
        );
        assert_eq!(
            flags("amd64", |spec| {
                spec.marketplace_publisher = "Publisher".into();
                spec.marketplace_offer = "o".into();
                spec.marketplace_sku = "s".into();
                spec.marketplace_version = "1.2".into();
            }),
            ["--marketplace-publisher", "--marketplace-version"]
        );
    }

    #[test]
    fn diagnostics_and_their_address() {
        let uri = "--diagnostics-storage-account-uri";
        let of = |kind: &str, address: Option<&str>| {
            flags("amd64", |spec| {
                spec.diagnostics_storage_account_type = kind.into();
                spec.diagnostics_storage_account_uri = address.map(Into::into);
            })
        };
        assert!(of("UserManaged", Some("https://a.blob.core.windows.net/")).is_empty());
        assert!(of("Managed", None).is_empty());
        assert_eq!(of("UserManaged", None), [uri]);
        assert_eq!(of("UserManaged", Some("http://a/")), [uri]);
        assert_eq!(of("", Some("https://a/")), [uri]);
        assert_eq!(of("managed", None), ["--diagnostics-storage-account-type"]);
    }

    #[test]
    fn the_image_that_is_used() {
        let mut spec = MachineSpec::default();
        assert_eq!(image(&spec, None), json!({"type": "AzureMarketplace", "azureMarketplace": {}}));
        spec.image_generation = "Gen1".into();
        assert_eq!(image(&spec, Some("/i")), json!({"type": "ImageID", "imageID": "/i"}));
        spec.marketplace_publisher = "p".into();
        assert_eq!(image(&spec, Some("/i"))["azureMarketplace"]["publisher"], "p");
    }
}
