//! The objects of a healthy hosted cluster, as the operators leave them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use facts::catalogue::{COMPONENTS, Required};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{INFRA_ID, NAME, Scene, azure, plane};

/// The release of the healthy cluster.
pub(super) const VERSION: &str = "4.22.3";

fn image(version: &str) -> String {
    format!("quay.io/openshift-release-dev/ocp-release:{version}-multi")
}

fn two_days_ago() -> String {
    let then = Timestamp::now() - SignedDuration::from_hours(48);
    then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Conditions of one status, two days old.
pub fn conditions(status: &str, kinds: &[&str]) -> Vec<Value> {
    kinds.iter().map(|kind| condition(kind, status, "AsExpected", "")).collect()
}

/// One condition, two days old.
pub fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": two_days_ago(), "observedGeneration": 1,
    })
}

/// Documents of JSON, which is YAML.
fn documents(objects: &[Value]) -> String {
    objects.iter().fold(String::new(), |mut text, object| {
        let _ = writeln!(text, "---\n{object}");
        text
    })
}

/// The operator of the management cluster.
pub(super) fn management() -> String {
    let versions = json!({"versions": ["5.1", "5.0", "4.23", "4.22", "4.21", "4.20", "4.19", "4.18", "4.17", "4.16", "4.15", "4.14"]});
    let mut all = host();
    all.extend([
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "hypershift"}}),
        deployment("hypershift", "operator", 2, 2, "quay.io/hypershift/hypershift-operator:latest"),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "supported-versions", "namespace": "hypershift",
                "labels": {"hypershift.openshift.io/supported-versions": "true"},
            },
            "data": {"supported-versions": versions.to_string(), "server-version": "3ee9615567acffaf3e3ee25c2ca2942d650565cf"},
        }),
    ]);
    documents(&all)
}

/// Three nodes in three zones with room for control planes, and a StorageClass for etcd.
fn host() -> Vec<Value> {
    let mut all = vec![json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "managed-csi", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "disk.csi.azure.com", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
    })];
    for zone in 1..=3 {
        let name = format!("mgmt-worker-{zone}");
        all.push(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": format!("eastus-{zone}"),
            }},
            "spec": {"taints": [], "unschedulable": false},
            "status": {
                "allocatable": {"cpu": "15500m", "memory": "62Gi", "pods": "250"},
                "capacity": {"cpu": "16", "memory": "64Gi", "pods": "250"},
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is ready",
                    "lastHeartbeatTime": two_days_ago(), "lastTransitionTime": two_days_ago(),
                }],
                "nodeInfo": {
                    "architecture": "amd64", "bootID": "b", "containerRuntimeVersion": "cri-o://1.33", "kernelVersion": "5.14",
                    "kubeProxyVersion": "v1.33.2", "kubeletVersion": "v1.33.2", "machineID": "m", "operatingSystem": "linux",
                    "osImage": "RHCOS", "systemUUID": "s",
                },
            },
        }));
        all.push(json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": name},
            "spec": {"drivers": [{"name": "disk.csi.azure.com", "nodeID": name, "topologyKeys": [], "allocatable": {"count": 32}}]},
        }));
    }
    all
}

/// ExternalDNS, as `hypershift install` makes it, and its credentials.
pub fn external_dns() -> Vec<Value> {
    let credentials = json!({
        "tenantId": azure_sim::seed::TENANT, "subscriptionId": azure_sim::seed::SUBSCRIPTION,
        "resourceGroup": azure::COMMON_GROUP, "aadClientId": azure_sim::seed::CLIENT_ID,
        "aadClientSecret": super::CLIENT_SECRET,
    });
    let mut deployment = deployment("hypershift", "external-dns", 1, 1, "img");
    let pod = &mut deployment["spec"]["template"]["spec"];
    pod["containers"][0]["args"] = json!([
        "--source=service",
        "--source=openshift-route",
        format!("--domain-filter={}", azure::BASE_DOMAIN),
        "--provider=azure",
        "--registry=txt",
        "--txt-suffix=-external-dns",
        format!("--txt-owner-id={}", azure::DNS_OWNER),
        "--interval=1m",
        "--azure-config-file=/etc/provider/credentials",
    ]);
    pod["volumes"] = json!([{"name": "credentials", "secret": {"secretName": "external-dns-credentials"}}]);
    vec![
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "external-dns-credentials", "namespace": "hypershift"},
            "data": {"credentials": BASE64_STANDARD.encode(credentials.to_string())},
        }),
        deployment,
    ]
}

/// The Service to which the public names lead.
fn router(control_plane: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "router", "namespace": control_plane},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "https", "port": 443}], "selector": {"app": "router"}},
        "status": {"loadBalancer": {"ingress": [{"ip": azure::ROUTER}]}},
    })
}

/// A Deployment with so many of its replicas ready.
pub fn deployment(namespace: &str, name: &str, desired: i32, ready: i32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": desired,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": name, "image": image, "args": ["run", "--namespace=hypershift"]}]},
            },
        },
        "status": {
            "observedGeneration": 1, "replicas": desired, "updatedReplicas": desired, "readyReplicas": ready,
            "availableReplicas": ready, "unavailableReplicas": desired - ready,
            "conditions": [{
                "type": "Available", "status": if ready == desired { "True" } else { "False" },
                "reason": if ready == desired { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" },
                "lastTransitionTime": two_days_ago(), "lastUpdateTime": two_days_ago(),
            }],
        },
    })
}

/// What the operator makes of a HostedCluster that somebody created: its status and its NodePool's, and the control plane.
pub(super) fn brought_up(scene: &Scene, client_ids: &[(String, String)]) -> String {
    let mut objects = control_plane(scene);
    objects.push(admin_kubeconfig(scene));
    for mut object in [hosted_cluster(scene), node_pool(&scene.namespace, NAME, VERSION)] {
        if let Some(members) = object.as_object_mut() {
            members.remove("spec");
        }
        objects.push(object);
    }
    let text = documents(&objects);
    client_ids.iter().fold(text, |text, (own, named)| text.replace(own, named))
}

/// Everything about the hosted cluster.
pub(super) fn hosted(scene: &Scene, signing_key: &str) -> String {
    let namespace = &scene.namespace;
    let mut objects = vec![
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("{NAME}sa-token-issuer-key"), "namespace": namespace},
            "data": {"key": BASE64_STANDARD.encode(signing_key)},
        }),
        admin_kubeconfig(scene),
        hosted_cluster(scene),
        node_pool(namespace, NAME, VERSION),
    ];
    objects.extend(control_plane(scene));
    if scene.named {
        objects.extend(external_dns());
        objects.push(router(&format!("{namespace}-{NAME}")));
    }
    documents(&objects)
}

/// The kubeconfig that the HostedCluster publishes.
fn admin_kubeconfig(scene: &Scene) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": format!("{NAME}-admin-kubeconfig"), "namespace": scene.namespace},
        "data": {"kubeconfig": BASE64_STANDARD.encode(scene.guest.kubeconfig())},
    })
}

/// What runs in the control plane's namespace.
fn control_plane(scene: &Scene) -> Vec<Value> {
    let namespace = &scene.namespace;
    let control_plane = format!("{namespace}-{NAME}");
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": control_plane}})];
    for name in [
        "capi-provider",
        "cloud-controller-manager",
        "cluster-image-registry-operator",
        "ingress-operator",
        "kube-apiserver",
    ] {
        objects.push(deployment(&control_plane, name, 1, 1, "img"));
        objects.push(signing_in(pod(&control_plane, name), name));
        objects.push(json!({
            "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "ControlPlaneComponent",
            "metadata": {"name": name, "namespace": control_plane},
            "spec": {},
            "status": {"version": VERSION, "conditions": conditions("True", &["Available", "RolloutComplete"])},
        }));
    }
    for name in ["demo-7xk2p-a", "demo-7xk2p-b"] {
        objects.extend(machine(&control_plane, namespace, name));
    }
    objects.extend(plane::objects(&control_plane));
    objects
}

/// A pod of a component with an identity: what the SDK is told, and the token minter beside it.
fn signing_in(mut pod: Value, name: &str) -> Value {
    let Some(component) = facts::catalogue::by_workload(name).filter(|component| component.role.is_some()) else {
        return pod;
    };
    let Some(credential) = component.credentials.last() else { return pod };
    let file = "/var/run/secrets/openshift/serviceaccount/token";
    let env = [
        ("AZURE_CLIENT_ID", azure::client_id(component.key)),
        ("AZURE_TENANT_ID", azure_sim::seed::TENANT.to_owned()),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_owned()),
    ]
    .map(|(name, value)| json!({"name": name, "value": value}));
    pod["spec"]["containers"][0]["env"] = json!(env);
    let minter = json!({
        "name": "cloud-token-minter", "image": "img", "command": ["/usr/bin/control-plane-operator", "token-minter"],
        "args": [
            "--token-audience=openshift",
            format!("--service-account-namespace={}", credential.namespace),
            format!("--service-account-name={}", credential.service_account),
            format!("--token-file={file}"),
        ],
    });
    let running = json!({
        "name": "cloud-token-minter", "ready": true, "restartCount": 0, "image": "img", "imageID": "img",
        "state": {"running": {"startedAt": two_days_ago()}},
    });
    for (list, entry) in [("/spec/containers", minter), ("/status/containerStatuses", running)] {
        if let Some(list) = pod.pointer_mut(list).and_then(Value::as_array_mut) {
            list.push(entry);
        }
    }
    pod
}

fn hosted_cluster(scene: &Scene) -> Value {
    let service = |name: &str, strategy: &str, label: &str| match scene.named {
        true => json!({"service": name, "servicePublishingStrategy": {
            "type": "Route", "route": {"hostname": format!("{label}-{NAME}.{}", azure::BASE_DOMAIN)}}}),
        false => json!({"service": name, "servicePublishingStrategy": {"type": strategy}}),
    };
    let identities: serde_json::Map<String, Value> = COMPONENTS
        .iter()
        .filter(|component| component.required != Required::Kms)
        .map(|component| (component.key.to_owned(), json!({"clientID": azure::client_id(component.key)})))
        .collect();
    let mut healthy = conditions(
        "True",
        &[
            "Available",
            "InfrastructureReady",
            "KubeAPIServerAvailable",
            "EtcdAvailable",
            "IgnitionEndpointAvailable",
            "ValidReleaseInfo",
            "ValidReleaseImage",
            "ValidConfiguration",
            "ValidHostedControlPlaneConfiguration",
            "SupportedHostedCluster",
            "PlatformCredentialsFound",
            "ReconciliationActive",
            "ReconciliationSucceeded",
            "ClusterVersionSucceeding",
            "ClusterVersionAvailable",
            "ClusterVersionReleaseAccepted",
            "DataPlaneConnectionAvailable",
            "ControlPlaneConnectionAvailable",
        ],
    );
    healthy.extend(conditions("False", &["Progressing", "Degraded", "ClusterVersionProgressing"]));
    healthy.extend(conditions("Unknown", &["ValidAzureKMSConfig"]));
    healthy.extend(conditions(if scene.named { "True" } else { "Unknown" }, &["ExternalDNSReachable"]));
    let private_zone =
        format!("{}/providers/Microsoft.Network/privateDnsZones/{NAME}.{}", azure::managed_group(), azure::BASE_DOMAIN);
    json!({
        "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster",
        "metadata": {"name": NAME, "namespace": scene.namespace},
        "spec": {
            "autoscaling": {}, "capabilities": {}, "configuration": {}, "controllerAvailabilityPolicy": "SingleReplica",
            "dns": {"baseDomain": azure::BASE_DOMAIN, "publicZoneID": azure::zone_id(), "privateZoneID": private_zone},
            "etcd": {"managementType": "Managed", "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}}},
            "fips": false,
            "infraID": INFRA_ID,
            "issuerURL": scene.issuer,
            "serviceAccountSigningKey": {"name": format!("{NAME}sa-token-issuer-key")},
            "networking": {
                "networkType": "OVNKubernetes",
                "clusterNetwork": [{"cidr": "10.132.0.0/14"}], "serviceNetwork": [{"cidr": "172.31.0.0/16"}],
            },
            "olmCatalogPlacement": "management",
            "platform": {"type": "Azure", "azure": {
                "azureAuthenticationConfig": {"azureAuthenticationConfigType": "WorkloadIdentities", "workloadIdentities": identities},
                "location": "eastus",
                "resourceGroup": format!("{NAME}-{INFRA_ID}"),
                "securityGroupID": azure::nsg_id(),
                "subnetID": azure::subnet_id(),
                "subscriptionID": azure_sim::seed::SUBSCRIPTION,
                "tenantID": azure_sim::seed::TENANT,
                "topology": "Public",
                "vnetID": azure::vnet_id(),
            }},
            "pullSecret": {"name": format!("{NAME}-pull-secret")},
            "release": {"image": image(VERSION)},
            "secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": format!("{NAME}-etcd-encryption-key")}}},
            "services": [
                service("APIServer", "LoadBalancer", "api"), service("Ignition", "Route", "ignition"),
                service("Konnectivity", "Route", "konnectivity"), service("OAuthServer", "Route", "oauth"),
            ],
            "sshKey": {},
        },
        "status": {
            "conditions": healthy,
            "controlPlaneEndpoint": {"host": "20.81.4.17", "port": 7443},
            "kubeconfig": {"name": format!("{NAME}-admin-kubeconfig")},
            "payloadArch": "Multi",
            "version": version_status(VERSION),
        },
    })
}

/// `status.version` of a cluster that has completed a version.
pub fn version_status(version: &str) -> Value {
    json!({
        "availableUpdates": [],
        "desired": {"image": image(version), "version": version},
        "history": [{
            "state": "Completed", "version": version, "image": image(version), "verified": false,
            "startedTime": two_days_ago(), "completionTime": two_days_ago(),
        }],
        "observedGeneration": 1,
    })
}

/// A NodePool of two healthy nodes.
pub fn node_pool(namespace: &str, name: &str, version: &str) -> Value {
    let mut healthy = conditions(
        "True",
        &[
            "Ready",
            "ValidReleaseImage",
            "ValidGeneratedPayload",
            "ValidMachineConfig",
            "ValidTuningConfig",
            "ValidArchPlatform",
            "ValidPlatformImage",
            "SupportedVersionSkew",
            "AllMachinesReady",
            "AllNodesHealthy",
            "ReconciliationActive",
            "ReachedIgnitionEndpoint",
            "UpdateManagementEnabled",
        ],
    );
    healthy.extend(conditions(
        "False",
        &[
            "UpdatingVersion",
            "UpdatingConfig",
            "UpdatingPlatformMachineTemplate",
            "AutoscalingEnabled",
            "AutorepairEnabled",
        ],
    ));
    json!({
        "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "NodePool",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "arch": "amd64", "clusterName": NAME, "replicas": 2,
            "management": {"autoRepair": false, "upgradeType": "Replace"},
            "nodeDrainTimeout": "0s", "nodeVolumeDetachTimeout": "0s",
            "platform": {"type": "Azure", "azure": {
                "image": {"type": "AzureMarketplace", "azureMarketplace": {"imageGeneration": "Gen2"}},
                "osDisk": {"diskStorageAccountType": "Premium_LRS", "sizeGiB": 120},
                "subnetID": azure::subnet_id(),
                "vmSize": "Standard_D4s_v5",
            }},
            "release": {"image": image(version)},
        },
        "status": {"conditions": healthy, "replicas": 2, "version": version},
    })
}

pub(super) fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{name}-6d8f9-0"), "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"name": name, "image": "img"}]},
        "status": {
            "phase": "Running", "startTime": two_days_ago(),
            "containerStatuses": [{
                "name": name, "ready": true, "restartCount": 0, "image": "img", "imageID": "img",
                "state": {"running": {"startedAt": two_days_ago()}},
            }],
        },
    })
}

/// A Machine with its AzureMachine, both ready.
pub fn machine(control_plane: &str, namespace: &str, name: &str) -> Vec<Value> {
    let ready = |reason: &str| json!([{"type": "Ready", "status": "True", "reason": reason, "lastTransitionTime": two_days_ago()}]);
    let labels = json!({"cluster.x-k8s.io/cluster-name": INFRA_ID});
    vec![
        json!({
            "apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Machine",
            "metadata": {
                "name": name, "namespace": control_plane, "labels": labels,
                "annotations": {"hypershift.openshift.io/nodePool": format!("{namespace}/{NAME}")},
            },
            "spec": {
                "bootstrap": {"dataSecretName": format!("user-data-{NAME}")}, "clusterName": INFRA_ID,
                "infrastructureRef": {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "AzureMachine", "name": name},
            },
            "status": {"phase": "Running", "nodeRef": {"kind": "Node", "name": name, "apiVersion": "v1"}, "conditions": ready("Ready")},
        }),
        json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "AzureMachine",
            "metadata": {"name": name, "namespace": control_plane, "labels": labels},
            "spec": {"vmSize": "Standard_D4s_v5", "osDisk": {"osType": "Linux", "diskSizeGB": 120}, "sshPublicKey": ""},
            "status": {"vmState": "Succeeded", "ready": true, "conditions": ready("Succeeded")},
        }),
    ]
}
