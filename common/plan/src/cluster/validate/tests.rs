//! Flags and files together.
#![allow(clippy::unwrap_used)]

use secrecy::{SecretBox, SecretString};
use serde_json::{Value, json};

use super::super::{AzureAccount, Entropy, ImageContentSource, InfraOutput, Inputs, SshKey};
use super::*;

const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";
const CLIENT: &str = "00000001-aaaa-bbbb-cccc-dddddddddddd";

fn infra() -> InfraOutput {
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network");
    let identity = json!({"clientID": CLIENT});
    InfraOutput::of(&json!({
        "baseDomain": "hcp.example.com",
        "publicZoneID": format!("{group}/dnsZones/hcp.example.com"),
        "privateZoneID": format!("{group}/privateDnsZones/demo.hcp.example.com"),
        "region": "eastus",
        "resourceGroupName": "rg",
        "vnetID": format!("{group}/virtualNetworks/vnet"),
        "subnetID": format!("{group}/virtualNetworks/vnet/subnets/default"),
        "infraID": "demo-x7k2p",
        "securityGroupID": format!("{group}/networkSecurityGroups/nsg"),
        "workloadIdentities": {"imageRegistry": identity, "ingress": identity, "file": identity, "disk": identity,
            "nodePoolManagement": identity, "cloudProvider": identity, "network": identity},
    }))
    .unwrap()
}

fn spec() -> ClusterSpec {
    ClusterSpec {
        name: "demo".into(),
        release_image: Some("quay.io/ocp/release:4.22.3-multi".into()),
        pull_secret: Some("pull-secret.json".into()),
        infra_json: Some("infra.json".into()),
        ..ClusterSpec::default()
    }
}

fn inputs() -> Inputs {
    Inputs {
        infra: infra(),
        identities: None,
        account: AzureAccount { subscription_id: SUBSCRIPTION.into(), tenant_id: "tenant".into() },
        pull_secret: SecretString::from(r#"{"auths":{"quay.io":{}}}"#.to_owned()),
        ssh_key: None,
        signing_key: None,
        signing_key_rewritten: false,
        trust_bundle: None,
        image_content_sources: Vec::new(),
    }
}

/// The flags that are refused.
fn refused(change: impl FnOnce(&mut ClusterSpec, &mut Inputs)) -> Vec<&'static str> {
    let (mut spec, mut inputs) = (spec(), inputs());
    change(&mut spec, &mut inputs);
    match validate(&spec, Purpose::Render, inputs) {
        Ok(_) => Vec::new(),
        Err(refusals) => {
            for refusal in &refusals {
                assert!(!refusal.why.is_empty() && !refusal.fix.is_empty(), "{refusal:?}");
            }
            refusals.iter().map(|refusal| refusal.flag).collect()
        }
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn the_least_that_makes_a_cluster() {
    assert_eq!(refused(|_, _| {}), Vec::<&str>::new());
    let bare: Vec<&str> =
        ClusterSpec::default().check(Purpose::Render).unwrap_err().iter().map(|refusal| refusal.flag).collect();
    assert_eq!(bare, ["--name", "--release-image", "--pull-secret", "--infra-json"]);
}

/// A flag, and the change for which it is refused.
type Row = (&'static str, fn(&mut ClusterSpec));

#[test]
fn each_flag_is_refused_by_its_name() {
    let rows: &[Row] = &[
        ("--name", |spec| spec.name = "a".repeat(64)),
        ("--name", |spec| spec.name = "a".repeat(55)),
        ("--namespace", |spec| spec.namespace = "a.b".into()),
        ("--release-image", |spec| spec.release_image = Some("a b".into())),
        ("--release-stream", |spec| {
            spec.release_image = None;
            spec.release_stream = Some("4-stable-multi".into());
        }),
        ("--node-upgrade-type", |spec| spec.node_upgrade_type = "replace".into()),
        ("--control-plane-availability-policy", |spec| spec.control_plane_availability_policy = String::new()),
        ("--infra-availability-policy", |spec| spec.infra_availability_policy = "High".into()),
        ("--olm-catalog-placement", |spec| spec.olm_catalog_placement = "hosted".into()),
        ("--feature-set", |spec| spec.feature_set = "CustomNoUpgrade".into()),
        ("--oauth-publishing-strategy", |spec| spec.oauth_publishing_strategy = "NodePort".into()),
        ("--cloud", |spec| spec.cloud = Some("Moon".into())),
        ("--etcd-storage-size", |spec| spec.etcd_storage_size = Some("8GB".into())),
        ("--kas-dns-name", |spec| spec.kas_dns_name = Some("api.example.c1".into())),
        ("--oidc-issuer-url", |spec| spec.oidc_issuer_url = Some("http://issuer".into())),
        ("--node-drain-timeout", |spec| spec.node_drain_timeout = "-5m".into()),
        ("--node-volume-detach-timeout", |spec| spec.node_volume_detach_timeout = "5".into()),
        ("--timeout", |spec| spec.timeout = Some("soon".into())),
        ("--wait", |spec| spec.wait = true),
        ("--pausedUntil", |spec| spec.paused_until = Some("tomorrow".into())),
        ("--pausedUntil", |spec| spec.paused_until = Some("2027-01-01".into())),
        ("--availability-zones", |spec| spec.availability_zones = texts(&["1", "4"])),
        ("--availability-zones", |spec| spec.availability_zones = texts(&["1", "1"])),
        ("--enable-cluster-capabilities", |spec| {
            spec.enable_cluster_capabilities = texts(&["baremetal"]);
            spec.disable_cluster_capabilities = texts(&["baremetal"]);
        }),
        ("--disable-cluster-capabilities", |spec| spec.disable_cluster_capabilities = texts(&["Ingress"])),
        ("--network-security-group-id", |spec| spec.network_security_group_id = Some("/x".into())),
        ("--resource-group-tags", |spec| spec.resource_group_tags = texts(&["a"])),
        ("--assign-service-principal-roles", |spec| spec.assign_service_principal_roles = true),
        ("--assign-custom-hcp-roles", |spec| spec.assign_custom_hcp_roles = true),
        ("--data-plane-identities-file", |spec| spec.data_plane_identities_file = Some("d".into())),
        ("--external-dns-domain", |spec| spec.external_dns_domain = Some("Example.com".into())),
        ("--external-dns-domain", |spec| spec.external_dns_domain = Some("ext.example.net.".into())),
        ("--name", |spec| {
            spec.external_dns_domain = Some("ext.example.net".into());
            spec.name = "a".repeat(51);
        }),
        ("--encryption-key-id", |spec| {
            spec.encryption_key_id = Some("https://kv.vault.azure.net/keys/k/v".into());
        }),
        ("--toleration", |spec| spec.toleration = vec!["key=a".into(); 26]),
        ("--generate-ssh", |spec| {
            spec.generate_ssh = true;
            spec.ssh_key = Some("k".into());
        }),
    ];
    for (at, (flag, change)) in rows.iter().enumerate() {
        assert_eq!(refused(|spec, _| change(spec)), [*flag], "row {at}");
    }
}

#[test]
fn private_link_needs_a_way_in_and_an_identity() {
    let with_identity = |inputs: &mut Inputs| {
        let identities = &mut inputs.infra.workload_identities.as_mut().unwrap().0;
        identities.insert("controlPlaneOperator".into(), CLIENT.into());
    };
    let access = "--endpoint-access";
    assert_eq!(refused(|spec, _| spec.endpoint_access = "Private".into()), [access, access]);
    assert_eq!(
        refused(|spec, inputs| {
            spec.endpoint_access = "Private".into();
            with_identity(inputs);
        }),
        [access]
    );
    let subscriptions = "--endpoint-access-private-additional-allowed-subscriptions";
    for (list, want) in [
        (&[SUBSCRIPTION][..], &[][..]),
        (&["sub-1"], &[subscriptions]),
        (&[SUBSCRIPTION, SUBSCRIPTION], &[subscriptions]),
    ] {
        let found = refused(|spec, inputs| {
            spec.endpoint_access = "PublicAndPrivate".into();
            spec.endpoint_access_private_additional_allowed_subscriptions = texts(list);
            with_identity(inputs);
        });
        assert_eq!(found, want, "{list:?}");
    }
}

#[test]
fn files_are_judged() {
    let infra = "--infra-json";
    assert_eq!(refused(|_, inputs| inputs.infra.region.clear()), [infra]);
    assert_eq!(refused(|_, inputs| inputs.infra.workload_identities = None), [infra]);
    assert_eq!(refused(|_, inputs| inputs.infra.infra_id = "-x".into()), [infra]);
    assert_eq!(refused(|_, inputs| inputs.account.subscription_id = CLIENT.into()), ["--azure-creds"]);
    assert_eq!(refused(|_, inputs| inputs.account.tenant_id.clear()), ["--azure-creds"]);
    assert_eq!(refused(|_, inputs| inputs.pull_secret = SecretString::from(String::new())), ["--pull-secret"]);
    assert_eq!(refused(|_, inputs| inputs.trust_bundle = Some("x".into())), ["--additional-trust-bundle"]);
    for (mirrors, source) in [(&["m", "m"][..], "s"), (&["m"], "")] {
        let entry = ImageContentSource { mirrors: texts(mirrors), source: source.into() };
        assert_eq!(refused(|_, inputs| inputs.image_content_sources.push(entry)), ["--image-content-sources"]);
    }
    for (public, fine) in [
        ("ssh-ed25519 AAAAC3 me\n", true),
        ("# mine\nrestrict ecdsa-sha2-nistp256 AAAAE2\n", true),
        ("ssh-rsa\n", false),
        ("-----BEGIN RSA PRIVATE KEY-----\n", false),
    ] {
        let found = refused(|spec, inputs| {
            spec.ssh_key = Some("key".into());
            inputs.ssh_key = Some(SshKey { public: public.into(), private: None });
        });
        assert_eq!(found.is_empty(), fine, "{public}");
    }
}

#[test]
fn a_signing_key_that_hypershift_cannot_read_is_refused() {
    for (key, fine) in [
        ("-----BEGIN RSA PRIVATE KEY-----\n", true),
        ("Bag Attributes\n-----BEGIN RSA PRIVATE KEY-----\n", true),
        ("-----BEGIN PRIVATE KEY-----\n", false),
        ("-----BEGIN PUBLIC KEY-----\n-----BEGIN RSA PRIVATE KEY-----\n", false),
        ("no key", false),
    ] {
        let found = refused(|spec, inputs| {
            spec.sa_token_issuer_private_key_path = Some("key".into());
            inputs.signing_key = Some(SecretString::from(key.to_owned()));
        });
        assert_eq!(found.is_empty(), fine, "{key}");
    }
}

fn rendered(change: impl FnOnce(&mut ClusterSpec, &mut Inputs)) -> Vec<Value> {
    let (mut spec, mut inputs) = (spec(), inputs());
    change(&mut spec, &mut inputs);
    let entropy = Entropy { etcd_key: SecretBox::new(Box::new([7; 32])) };
    validate(&spec, Purpose::Render, inputs).unwrap().render(&entropy)
}

#[test]
fn the_order_of_objects_and_of_members() {
    let objects = rendered(|spec, inputs| {
        spec.availability_zones = texts(&["2", "1"]);
        inputs.trust_bundle = Some("-----BEGIN CERTIFICATE-----".into());
        spec.generate_ssh = true;
        inputs.ssh_key =
            Some(SshKey { public: "ssh-rsa AAAA".into(), private: Some(SecretString::from("private".to_owned())) });
        spec.sa_token_issuer_private_key_path = Some("key".into());
        inputs.signing_key = Some(SecretString::from("-----BEGIN RSA PRIVATE KEY-----".to_owned()));
    });
    let names: Vec<String> = objects
        .iter()
        .map(|object| format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        names,
        [
            "Namespace clusters",
            "ConfigMap user-ca-bundle",
            "Secret demo-pull-secret",
            "Secret demo-ssh-key",
            "Secret demo-cloud-credentials",
            "Secret demosa-token-issuer-key",
            "Secret demo-etcd-encryption-key",
            "HostedCluster demo",
            "NodePool demo-2",
            "NodePool demo-1",
        ]
    );
    for object in &objects {
        let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
        assert!(keys.is_sorted(), "{keys:?}");
    }
}

#[test]
fn a_pause_without_an_end_is_for_node_pools() {
    for (until, cluster) in [("true", Value::Null), ("2027-01-01T00:00:00Z", json!("2027-01-01T00:00:00Z"))] {
        let objects = rendered(|spec, _| spec.paused_until = Some(until.into()));
        let of =
            |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap()["spec"]["pausedUntil"].clone();
        assert_eq!((of("HostedCluster"), of("NodePool")), (cluster, json!(until)));
    }
}

#[test]
fn what_has_no_effect_is_said() {
    let mut spec = spec();
    spec.base_domain = Some("other.example.com".into());
    spec.infra_id = Some("other".into());
    spec.default_dual = true;
    spec.oidc_issuer_url = Some("https://issuer.example.com/x".into());
    let notes = validate(&spec, Purpose::Render, inputs()).unwrap().notes();
    assert_eq!(notes.len(), 3, "{notes:?}");
}
