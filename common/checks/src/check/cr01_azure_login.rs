//! CR01: the caller signs in, in the right tenant, and sees the subscription.

use facts::arm_id::is_guid;
use facts::azure::{Login, Subscription};
use facts::hosted::HostedCluster;
use facts::local::CredsFile;

use crate::prelude::*;
use crate::refusal;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// Entra issues a token for the one credential that was selected, the subscription of the HostedCluster is visible with
    /// it and enabled, and tenant and subscription are the same everywhere: in the token, in the HostedCluster, in the
    /// subscription, and in the credentials file if one was given.
    ///
    /// ## Why it matters
    /// Nothing can be made or seen in Azure without a sign-in. A token of another tenant shows other identities, or none,
    /// and a wrong subscription makes resources where the cluster does not look for them (AADSTS700016 later on).
    ///
    /// ## How to fix
    /// Sign in to the tenant of the HostedCluster, or give the credentials file that belongs to it.
    ///
    /// Source: openshift/hypershift cmd/util/azure.go; Azure/azure-workload-identity troubleshooting;
    /// <https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states>.
    pub static AZURE_LOGIN = {
        code: "CR01",
        id: "azure-login",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, NodePool, Destroy, Support],
        needs: [HostedCluster, CredsFile, Login, Subscription],
        caused_by: ["CR03"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let login = view.login()?;
    let cluster_read = view.cluster();
    let cluster = cluster_read.as_ref().ok().copied();
    // An unreadable file is CR03's matter.
    let file = view.creds_file().unwrap_or_default();
    let subscription = view.subscription();
    let caller = match login {
        Login::SignedIn(caller) => caller,
        Login::Refused { via, tenant_id, aadsts, message } => {
            let finding = refused(via, tenant_id.as_deref(), *aadsts, message, cluster, file);
            return Ok(Judgement::new("", vec![finding]));
        }
    };
    let mut findings = Vec::new();
    let wanted = cluster.map_or("the subscription", |cluster| cluster.azure.subscription_id.as_str());
    let subscription = match subscription {
        Ok(Some(subscription)) => {
            findings.extend(state(subscription));
            Some(subscription)
        }
        Ok(None) => {
            findings.push(invisible(wanted, &caller.via, &caller.tenant_id, cluster));
            None
        }
        Err(gap) => {
            findings.push(Finding::unknown(format!("subscription {wanted}"), gap));
            None
        }
    };
    if let Err(gap) = cluster_read {
        findings.push(Finding::unknown("tenant and subscription of the HostedCluster", gap));
    }
    let tenants = [
        ("HostedCluster", cluster.map(|cluster| cluster.azure.tenant_id.as_str())),
        ("token", Some(caller.tenant_id.as_str())),
        ("subscription", subscription.and_then(|subscription| subscription.tenant_id.as_deref())),
        ("credentials file", file.and_then(|file| file.tenant_id.as_deref())),
    ];
    let subscriptions = [
        ("HostedCluster", cluster.map(|cluster| cluster.azure.subscription_id.as_str())),
        ("credentials file", file.and_then(|file| file.subscription_id.as_deref())),
    ];
    findings.extend(differing("tenant", &tenants, cluster));
    findings.extend(differing("subscription", &subscriptions, cluster));
    let name = subscription.map_or(wanted, |subscription| subscription.name.as_str());
    Ok(Judgement::new(
        format!("signed in by {} to tenant {}, subscription {name} is enabled", caller.via, caller.tenant_id),
        findings,
    ))
}

fn refused(
    via: &str,
    tenant: Option<&str>,
    aadsts: Option<u32>,
    message: &str,
    cluster: Option<&HostedCluster>,
    file: Option<&CredsFile>,
) -> Finding {
    let code = aadsts.map(|aadsts| format!("AADSTS{aadsts}"));
    let what = match (&code, aadsts) {
        (Some(code), Some(aadsts)) => format!("Entra issued no token: {code}: {}", refusal::meaning(aadsts)),
        _ => "no token could be had".to_owned(),
    };
    let mut finding =
        Finding::fail(format!("sign-in by {via}"), what, "nothing in Azure can be read or made with this credential");
    if let Some(code) = code {
        finding = finding.see("code", code);
    }
    let cluster_tenant = cluster.map(|cluster| cluster.azure.tenant_id.as_str());
    if let Some(tenant) = tenant {
        finding = finding.see("tenant asked", tenant);
    }
    if let Some(tenant) = cluster_tenant {
        finding = finding.see("tenant of the HostedCluster", tenant);
    }
    finding = finding.see("message", message);
    let tenant = cluster_tenant.or(tenant).unwrap_or("TENANT_ID");
    let app = file.and_then(|file| file.client_id.as_deref()).filter(|id| is_guid(id)).unwrap_or("CLIENT_ID");
    let fix = match aadsts {
        Some(7_000_215 | 7_000_222) => {
            Fix::azure([format!("az ad app credential reset --id {app} --append --query password -o tsv")])
                .note("write the new secret into the credentials file; the old one stays valid beside it")
        }
        Some(700_016) => Fix::azure([
            format!("az login --tenant {}", quote(tenant)),
            format!("az ad sp show --id {app} --query \"{{name:displayName,tenant:appOwnerOrganizationId}}\""),
        ])
        .note("an application of another tenant has to be given a service principal in this one"),
        Some(90002) => {
            Fix::azure(["az account list --query \"[].{subscription:id,tenant:tenantId}\" -o table".to_owned()])
        }
        _ => Fix::azure([
            format!("az login --tenant {}", quote(tenant)),
            "az account get-access-token --query \"{tenant:tenant,subscription:subscription}\"".to_owned(),
        ]),
    };
    finding.fix(fix)
}

fn invisible(id: &str, via: &str, tenant: &str, cluster: Option<&HostedCluster>) -> Finding {
    let login = cluster.map_or(tenant, |cluster| cluster.azure.tenant_id.as_str());
    Finding::fail(
        format!("subscription {id}"),
        format!("subscription {id} does not exist, or is not visible to the principal that signed in by {via}"),
        "Azure answers alike in both cases; nothing of the cluster can be read or made there",
    )
    .see("tenant of the token", tenant)
    .fix(Fix::azure([
        format!("az login --tenant {}", quote(login)),
        format!("az account set --subscription {}", quote(id)),
        format!(
            "az role assignment create --assignee-object-id OBJECT_ID --assignee-principal-type ServicePrincipal --role Reader --scope /subscriptions/{}",
            quote(id)
        ),
    ])
    .note("the last command is for an owner of the subscription, if the principal has no role there at all"))
}

fn state(subscription: &Subscription) -> Option<Finding> {
    let (id, state) = (&subscription.id, subscription.state.as_str());
    let subject = format!("subscription {id}");
    let what = format!("subscription {} is in state {state}", subscription.name);
    let finding = match state {
        "Enabled" => return None,
        "Disabled" | "Deleted" => Finding::fail(
            subject,
            what,
            "its resources are read-only or gone (ReadOnlyDisabledSubscription): nothing can be made",
        ),
        _ => Finding::warn(subject, what, "Azure disables a subscription in this state after a while"),
    };
    Some(
        finding.compare("Enabled", state).fix(
            Fix::azure([format!(
                "az account list --refresh --all --query \"[?id=='{}'].{{name:name,state:state}}\" -o table",
                quote(id)
            )])
            .note("the owner of the billing account makes it active again, in the portal under Subscriptions"),
        ),
    )
}

/// A finding when one value is not the same in every place that names it.
fn differing(kind: &str, places: &[(&str, Option<&str>)], cluster: Option<&HostedCluster>) -> Option<Finding> {
    // What is not a UUID cannot be compared; CR03 says so of the credentials file.
    let named: Vec<(&str, &str)> =
        places.iter().filter_map(|(place, id)| Some((*place, id.filter(|id| is_guid(id))?))).collect();
    let (first_place, first) = named.first()?;
    let (other_place, other) = named.iter().find(|(_, id)| !id.eq_ignore_ascii_case(first))?;
    let why = if kind == "tenant" {
        "the identities of the cluster live in one tenant: with a token of another they are not found (AADSTS700016)"
    } else {
        "commands with this file work on another subscription than that of the cluster"
    };
    let mut finding = Finding::fail(
        format!("{kind} {other}"),
        format!("{first_place} and {other_place} name different {kind}s"),
        why,
    )
    .compare(*first, *other);
    for (place, id) in &named {
        finding = finding.see(place, *id);
    }
    let mut commands = Vec::new();
    if let Some(cluster) = cluster {
        commands.push(format!("az login --tenant {}", quote(&cluster.azure.tenant_id)));
        commands.push(format!("az account set --subscription {}", quote(&cluster.azure.subscription_id)));
    } else {
        commands.push("az account list --query \"[].{subscription:id,tenant:tenantId}\" -o table".to_owned());
    }
    Some(
        finding.fix(
            Fix::azure(commands).note(
                "or give --azure-creds the file that belongs to the tenant and subscription of the HostedCluster",
            ),
        ),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;
    use facts::azure::Caller;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &AZURE_LOGIN;
    const OTHER: &str = "11111111-6666-7777-8888-999999999999";

    fn refused_with(aadsts: Option<u32>, message: &str) -> facts::Facts {
        let mut facts = healthy();
        facts.azure.login = Fact::Known(Login::Refused {
            via: "--azure-creds azure-creds.json".into(),
            tenant_id: Some(TENANT.into()),
            aadsts,
            message: message.into(),
        });
        facts.azure.subscription = Fact::Unreadable(Gap::new(GapKind::Blocked, "not signed in"));
        facts
    }

    fn subscription(change: impl FnOnce(&mut Subscription)) -> facts::Facts {
        let mut facts = healthy();
        if let Fact::Known(subscription) = &mut facts.azure.subscription {
            change(subscription);
        }
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the client secret has expired", |facts| {
                let message = "AADSTS7000222: The provided client secret keys for app 'x' are expired.";
                signed_out(facts, Some(7_000_222), message);
            })
            .showing(&["FC01", "ID01", "NW01", "NW02", "OI04", "OR01", "QT01", "RA01"]),
            Fault::new("the subscription is disabled", |facts| {
                if let Fact::Known(subscription) = &mut facts.azure.subscription {
                    subscription.state = "Disabled".into();
                }
            }),
            Fault::new("a token of another tenant", |facts| {
                if let Fact::Known(Login::SignedIn(Caller { tenant_id, .. })) = &mut facts.azure.login {
                    *tenant_id = OTHER.into();
                }
            }),
        ]
    }

    #[test]
    fn a_sign_in_that_sees_its_subscription_passes() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        facts.local.creds_file = Fact::Absent;
        assert_passes(CHECK, &facts);
        cluster(&mut facts).azure.tenant_id = TENANT.to_uppercase();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_refusal_keeps_number_and_message() {
        let finding = the_failure(
            CHECK,
            &refused_with(Some(7_000_222), "AADSTS7000222: The provided client secret keys for app 'x' are expired."),
        );
        assert!(finding.what.contains("AADSTS7000222") && finding.what.contains("expired"), "{}", finding.what);
        assert!(finding.evidence.get("message").is_some_and(|message| message.contains("keys for app 'x'")));
        assert_eq!(
            finding.fixes[0].commands[0],
            "az ad app credential reset --id 99999999-aaaa-bbbb-cccc-dddddddddddd --append --query password -o tsv"
        );
        for aadsts in [Some(700_016), Some(90002), Some(1), None] {
            the_failure(CHECK, &refused_with(aadsts, "no"));
        }
    }

    #[test]
    fn a_subscription_that_is_not_seen() {
        let mut facts = healthy();
        facts.azure.subscription = Fact::Absent;
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, format!("subscription {SUBSCRIPTION}"));
        assert_eq!(finding.fixes[0].commands[1], format!("az account set --subscription {SUBSCRIPTION}"));
    }

    #[test]
    fn states_of_subscriptions() {
        for (state, level) in
            [("Disabled", Level::Fail), ("Deleted", Level::Fail), ("Warned", Level::Warn), ("PastDue", Level::Warn)]
        {
            let finding = the_finding(CHECK, &subscription(|subscription| subscription.state = state.into()));
            assert_eq!((finding.level, finding.evidence.get("found")), (level, Some(state)));
        }
    }

    #[test]
    fn a_token_of_another_tenant() {
        let mut facts = healthy();
        if let Fact::Known(Login::SignedIn(Caller { tenant_id, .. })) = &mut facts.azure.login {
            *tenant_id = OTHER.into();
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "HostedCluster and token name different tenants");
        assert_eq!((finding.evidence.get("want"), finding.evidence.get("found")), (Some(TENANT), Some(OTHER)));
        assert_eq!(finding.fixes[0].commands[0], format!("az login --tenant {TENANT}"));
    }

    #[test]
    fn a_subscription_or_file_of_another_tenant() {
        let facts = subscription(|subscription| subscription.tenant_id = Some(OTHER.into()));
        assert_eq!(the_failure(CHECK, &facts).what, "HostedCluster and subscription name different tenants");
        let mut facts = healthy();
        if let Fact::Known(file) = &mut facts.local.creds_file {
            file.tenant_id = Some(OTHER.into());
        }
        assert_eq!(the_failure(CHECK, &facts).what, "HostedCluster and credentials file name different tenants");
    }

    #[test]
    fn a_file_of_another_subscription() {
        let mut facts = healthy();
        if let Fact::Known(file) = &mut facts.local.creds_file {
            file.subscription_id = Some(OTHER.into());
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("credentials file"), Some(OTHER));
        if let Fact::Known(file) = &mut facts.local.creds_file {
            file.subscription_id = Some("not-a-uuid".into());
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.azure.subscription = Fact::Unreadable(denied("Microsoft.Resources/subscriptions/read"));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        let mut facts = healthy();
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        facts.azure.login = Fact::Unreadable(Gap::new(GapKind::Unreachable, "no route"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
    }
}
