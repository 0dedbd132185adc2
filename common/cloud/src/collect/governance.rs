//! Collecting the caller's rights, policies and locks.

use std::collections::{BTreeMap, BTreeSet};

use arm::{Arm, model};
use facts::azure::{Login, Permission};
use facts::governance::{AppSecret, DenyAssignment, Governance, Lock, PolicyAnswer, PolicyHit};
use facts::hosted::HostedCluster;
use facts::{ArmId, Fact, Gap, GapKind, Need};
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Sources;
use crate::azure::convert::{arm_id, fact, permission};
use crate::azure::{gap_of, scopes};

/// Collects what is wanted of it.
pub(super) async fn collect(sources: &Sources<'_>) -> Governance {
    let app_secrets = async {
        if sources.wants(Need::AppSecrets) {
            sources.once.app_secrets.get_or_init(|| app_secrets(sources)).await.clone()
        } else {
            Fact::default()
        }
    };
    let (arm, cluster) = match (&sources.arm, &sources.cluster) {
        (Ok(arm), Ok(cluster)) => (*arm, *cluster),
        (Err(gap), _) | (_, Err(gap)) => {
            return Governance {
                deny_assignments: Fact::Unreadable(gap.clone()),
                app_secrets: app_secrets.await,
                ..Governance::default()
            };
        }
    };
    let subscription = ArmId::new(format!("/subscriptions/{}", cluster.azure.subscription_id));
    let (caller_permissions, deny_assignments, locks, policies, app_secrets) = futures::join!(
        async {
            if sources.wants(Need::CallerPermissions) {
                caller_permissions(arm, sources, cluster, &subscription).await
            } else {
                BTreeMap::new()
            }
        },
        async {
            if sources.wants(Need::CallerPermissions) {
                deny_assignments(arm, cluster, &subscription).await
            } else {
                Fact::default()
            }
        },
        async { if sources.wants(Need::Locks) { locks(arm, cluster).await } else { BTreeMap::new() } },
        async {
            if sources.wants(Need::PolicyRestrictions) {
                policies(arm, sources, cluster, &subscription).await
            } else {
                BTreeMap::new()
            }
        },
        app_secrets,
    );
    Governance {
        caller_permissions,
        assigns_roles: sources.planned.map(|planned| planned.assigns_roles),
        identities_group: sources.planned.and_then(|planned| planned.identities_group.clone()),
        deny_assignments,
        locks,
        policies,
        app_secrets,
    }
}

async fn caller_permissions(
    arm: &Arm,
    sources: &Sources<'_>,
    cluster: &HostedCluster,
    subscription: &ArmId,
) -> BTreeMap<String, Fact<Vec<Permission>>> {
    let mut wanted = scopes(cluster);
    wanted.insert(subscription.clone());
    wanted.extend(sources.planned.and_then(|planned| planned.identities_group.clone()));
    wanted.extend(identity_groups(arm, cluster).await);
    join_all(wanted.iter().filter_map(|scope| {
        let id = arm_id(scope)?;
        Some(async move {
            let answer = arm.permissions(&id).await;
            (scope.key(), fact(answer, |list| list.into_iter().map(permission).collect()))
        })
    }))
    .await
    .into_iter()
    .collect()
}

/// The resource groups of the identities that the HostedCluster names. The list is read for other facts, too, and so costs
/// no request of its own; where it cannot be read those facts say why.
async fn identity_groups(arm: &Arm, cluster: &HostedCluster) -> BTreeSet<ArmId> {
    let client_ids = cluster.workload_identities().unwrap_or_default();
    let all = arm.identities(&cluster.azure.subscription_id).await.unwrap_or_default();
    let own = all.iter().filter(|identity| {
        identity.client_id.as_ref().is_some_and(|id| client_ids.values().any(|own| own.eq_ignore_ascii_case(id)))
    });
    own.filter_map(|identity| {
        let id = ArmId::new(identity.id.as_str());
        Some(ArmId::of_group(id.subscription()?, id.resource_group()?))
    })
    .collect()
}

/// One list for every cluster of the subscription.
async fn deny_assignments(arm: &Arm, cluster: &HostedCluster, subscription: &ArmId) -> Fact<Vec<DenyAssignment>> {
    let Some(id) = arm_id(subscription) else { return Fact::Absent };
    let own = scopes(cluster);
    fact(arm.deny_assignments(&id).await, |list| {
        let is_near = |deny: &&model::DenyAssignment| {
            let at = ArmId::new(deny.scope.as_str());
            own.iter().any(|group| group.is_within(&deny.scope) || at.is_within(group.as_str()))
        };
        let mut near: Vec<DenyAssignment> = list.iter().filter(is_near).cloned().map(deny_assignment).collect();
        near.sort_by(|a, b| a.id.cmp(&b.id));
        near
    })
}

fn deny_assignment(from: model::DenyAssignment) -> DenyAssignment {
    let ids = |list: Vec<model::DeniedPrincipal>| list.into_iter().map(|principal| principal.id).collect();
    DenyAssignment {
        id: ArmId::new(from.id),
        name: from.deny_assignment_name,
        scope: from.scope,
        not_below: from.do_not_apply_to_child_scopes,
        permissions: from.permissions.into_iter().map(permission).collect(),
        principals: ids(from.principals),
        excluded: ids(from.exclude_principals),
    }
}

/// The locks by resource group: one list for every cluster of the subscription; for a caller without rights there, one for
/// each group.
async fn locks(arm: &Arm, cluster: &HostedCluster) -> BTreeMap<String, Fact<Vec<Lock>>> {
    let groups = scopes(cluster);
    join_all(groups.iter().map(async |group| (group.key(), locks_of(arm, group).await))).await.into_iter().collect()
}

async fn locks_of(arm: &Arm, group: &ArmId) -> Fact<Vec<Lock>> {
    let subscription = group.subscription().map(|id| ArmId::new(format!("/subscriptions/{id}")));
    let (Some(whole), Some(own)) = (subscription.as_ref().and_then(arm_id), arm_id(group)) else {
        return Fact::Absent;
    };
    let answer = match arm.locks(&whole).await {
        Err(error) if error.is_denied() => arm.locks(&own).await,
        Ok(None) => {
            let why = format!("{whole} is not there, or not visible to the caller");
            return Fact::Unreadable(Gap::new(GapKind::Blocked, why));
        }
        answer => answer,
    };
    fact(answer, |list| {
        let all = list.iter().cloned().map(|lock| Lock {
            id: ArmId::new(lock.id),
            name: lock.name,
            level: lock.level,
            notes: lock.notes.filter(|notes| !notes.is_empty()),
        });
        let mut near: Vec<Lock> = all
            .filter(|lock| {
                let at = lock.scope();
                at.is_within(group.as_str()) || group.is_within(at.as_str())
            })
            .collect();
        near.sort();
        near
    })
}

/// A resource that a cluster makes, as far as policies look at it.
struct Planned {
    kind: &'static str,
    size: Option<String>,
    api_version: &'static str,
    content: Value,
}

/// What clusters make in their managed resource group, with the properties that Cluster API, the cloud provider, the disk
/// driver, the image registry's operator and `create infra` give it.
fn planned(sources: &Sources<'_>, cluster: &HostedCluster) -> Vec<Planned> {
    const NETWORK: &str = "2023-11-01";
    let location = &cluster.azure.location;
    let plain = |kind: &'static str, api_version: &'static str, mut content: Value| {
        content["type"] = json!(kind);
        content["location"] = json!(location);
        Planned { kind, size: None, api_version, content }
    };
    let mut all = vec![
        plain(
            "Microsoft.Compute/disks",
            "2023-04-02",
            json!({"sku": {"name": "Premium_LRS"}, "properties": {"creationData": {"createOption": "Empty"}}}),
        ),
        plain(
            "Microsoft.Network/networkInterfaces",
            NETWORK,
            json!({"properties": {"ipConfigurations": [{"name": "pipConfig", "properties": {
                "primary": true,
                "privateIPAllocationMethod": "Dynamic",
                "subnet": {"id": cluster.azure.subnet_id.as_str()},
            }}]}}),
        ),
        plain("Microsoft.Network/loadBalancers", NETWORK, json!({"sku": {"name": "Standard"}, "properties": {}})),
        plain(
            "Microsoft.Network/publicIPAddresses",
            NETWORK,
            json!({"sku": {"name": "Standard"}, "properties": {
                "publicIPAllocationMethod": "Static",
                "publicIPAddressVersion": "IPv4",
            }}),
        ),
    ];
    if !cluster.disabled_capabilities.iter().any(|name| name == "ImageRegistry") {
        all.push(plain(
            "Microsoft.Storage/storageAccounts",
            "2023-01-01",
            json!({"kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {
                "allowBlobPublicAccess": false,
                "minimumTlsVersion": "TLS1_2",
                "supportsHttpsTrafficOnly": true,
            }}),
        ));
    }
    let sizes: BTreeSet<&str> = sources.node_pools.iter().map(|pool| pool.vm_size.as_str()).collect();
    all.extend(sizes.into_iter().map(|size| {
        let content = json!({"properties": {
            "hardwareProfile": {"vmSize": size},
            "storageProfile": {"osDisk": {
                "createOption": "FromImage",
                "osType": "Linux",
                "managedDisk": {"storageAccountType": "Premium_LRS"},
            }},
        }});
        let vm = plain("Microsoft.Compute/virtualMachines", "2023-03-01", content);
        Planned { size: Some(size.to_owned()), ..vm }
    }));
    all
}

async fn policies(
    arm: &Arm,
    sources: &Sources<'_>,
    cluster: &HostedCluster,
    subscription: &ArmId,
) -> BTreeMap<String, Fact<PolicyAnswer>> {
    join_all(planned(sources, cluster).into_iter().map(async |planned| {
        let size = planned.size.as_ref().map(|size| format!(" {size}")).unwrap_or_default();
        let key = format!("{}{size}", planned.kind).to_ascii_lowercase();
        (key, policy(arm, cluster.managed_group(), subscription, planned).await)
    }))
    .await
    .into_iter()
    .collect()
}

/// Asks at the managed group, or at the subscription where the group is still to be made.
async fn policy(arm: &Arm, group: ArmId, subscription: &ArmId, planned: Planned) -> Fact<PolicyAnswer> {
    for scope in [&group, subscription] {
        let Some(id) = arm_id(scope) else { continue };
        match arm.policy_restrictions(&id, &planned.content, planned.api_version).await {
            Ok(Some(answer)) => {
                return Fact::Known(PolicyAnswer {
                    resource_type: planned.kind.to_owned(),
                    size: planned.size,
                    scope: scope.clone(),
                    evaluations: evaluations(&answer),
                    restrictions: restrictions(answer),
                });
            }
            Ok(None) => {}
            Err(error) => return Fact::Unreadable(gap_of(&error)),
        }
    }
    Fact::Absent
}

fn evaluations(answer: &model::PolicyRestrictions) -> Vec<PolicyHit> {
    let evaluated = answer.content_evaluation_result.policy_evaluations.iter();
    evaluated
        .filter(|one| one.evaluation_result.as_deref() == Some("NonCompliant"))
        .map(|one| PolicyHit {
            assignment: one.policy_info.policy_assignment_id.clone(),
            definition: one.policy_info.policy_definition_id.clone(),
            effect: one.effect_details.policy_effect.clone(),
            field: None,
            result: None,
            values: Vec::new(),
            reason: None,
        })
        .collect()
}

fn restrictions(answer: model::PolicyRestrictions) -> Vec<PolicyHit> {
    let fields = answer.field_restrictions.into_iter();
    fields
        .flat_map(|of_field| {
            let field = of_field.field;
            of_field.restrictions.into_iter().map(move |one| PolicyHit {
                assignment: one.policy.policy_assignment_id,
                definition: one.policy.policy_definition_id,
                effect: one.policy_effect,
                field: Some(field.clone()),
                result: one.result,
                values: one.values,
                reason: one.reason,
            })
        })
        .collect()
}

/// An application as Graph shows it, less its secrets' first letters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(default)]
    password_credentials: Vec<PasswordCredential>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordCredential {
    key_id: String,
    display_name: Option<String>,
    end_date_time: jiff::Timestamp,
}

/// The permission that lets an application read applications in Graph, and its id.
const READ_APPLICATIONS: (&str, &str) = ("Application.Read.All", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30");
/// Graph's own application id, the same in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// Asks Graph for the client secrets of the application that signed in; absent when it signed in without one.
async fn app_secrets(sources: &Sources<'_>) -> Fact<Vec<AppSecret>> {
    let caller = match sources.login {
        Fact::Known(Login::SignedIn(caller)) => caller,
        Fact::Known(Login::Refused { .. }) | Fact::Absent => {
            return Fact::Unreadable(Gap::new(GapKind::Blocked, "Graph was not asked: signing in was refused"));
        }
        Fact::Unreadable(gap) => return Fact::Unreadable(gap.clone()),
    };
    let with_secret = caller.via.starts_with("--azure-creds") || caller.via.ends_with("AZURE_CLIENT_SECRET");
    let Some(app) = caller.app_id.as_deref().filter(|app| with_secret && facts::arm_id::is_guid(app)) else {
        return Fact::Absent;
    };
    let failed = |why: String| Fact::Unreadable(Gap::new(GapKind::Failed, facts::redact::text(&why)));
    let (Some(credential), Some(graph)) = (sources.credential, &sources.cloud.graph) else {
        return failed("the cloud's environment file names no Microsoft Graph".to_owned());
    };
    let scope = format!("{}/.default", graph.as_str().trim_end_matches('/'));
    let token = match credential.get_token(&[scope.as_str()], None).await {
        Ok(token) => token,
        Err(error) => {
            return failed(format!("Entra issued no token for Microsoft Graph: {}", arm::error_chain(&error)));
        }
    };
    let address = format!("{graph}v1.0/applications(appId='{app}')?$select=passwordCredentials");
    let started = std::time::Instant::now();
    let answer = sources.http.get(&address).bearer_auth(token.token.secret()).send().await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            sources.calls.note("GET", &address, None, started.elapsed(), None);
            let why = format!("Microsoft Graph could not be reached: {}", arm::error_chain(&error.without_url()));
            return Fact::Unreadable(Gap::new(GapKind::Unreachable, facts::redact::text(&why)));
        }
    };
    let id = answer.headers().get("request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let body = answer.bytes().await;
    sources.calls.note("GET", &address, status, started.elapsed(), id);
    match (status, body) {
        (Some(200), Ok(body)) => match serde_json::from_slice::<Application>(&body) {
            Ok(application) => Fact::Known(secrets_of(application)),
            Err(error) => failed(format!("the answer of Microsoft Graph is not of the expected form: {error}")),
        },
        (Some(403), _) => {
            let (name, id) = READ_APPLICATIONS;
            let why = format!(
                "403 Authorization_RequestDenied: the caller may not read application {app} in Microsoft Graph"
            );
            let gap = Gap::new(GapKind::Denied, why).needing(name, "Microsoft Graph");
            Fact::Unreadable(gap.with_remedy(format!(
                "az ad app permission add --id {app} --api {GRAPH} --api-permissions {id}=Role && az ad app permission admin-consent --id {app}"
            )))
        }
        (Some(404), _) => failed(format!("application {app} is registered in another tenant, where its secrets are")),
        (status, _) => failed(format!("Microsoft Graph answered {}", status.unwrap_or_default())),
    }
}

fn secrets_of(application: Application) -> Vec<AppSecret> {
    let secrets = application.password_credentials.into_iter();
    let mut secrets: Vec<AppSecret> = secrets
        .map(|one| AppSecret { key_id: one.key_id, name: one.display_name, ends_at: one.end_date_time })
        .collect();
    secrets.sort_by(|a, b| (a.ends_at, &a.key_id).cmp(&(b.ends_at, &b.key_id)));
    secrets
}
