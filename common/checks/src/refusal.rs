//! Decoding of Entra's and Azure Resource Manager's refusals in free text: log lines, condition messages, error bodies.
//!
//! Nothing here judges. [`find`] says which refusals a text quotes, with the values that the service named in them.
//!
//! Source: the error bodies of Microsoft Entra ID and Azure Resource Manager as public issue threads quote them
//! (Azure/azure-workload-identity#616, #1200, #1232; Azure/ARO-RP#66; kubernetes-sigs/cloud-provider-azure#1999), and
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.

mod read;

/// A refusal that a text quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Entra issued no token.
    Entra(Entra),
    /// Azure Resource Manager, or a resource provider behind it, did not do what was asked.
    Arm(Arm),
}

/// A refusal by Entra.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entra {
    /// The number after `AADSTS`.
    pub aadsts: u32,
    /// What Entra said, without the number and without the ids.
    pub message: String,
    /// The subject of the token that was presented.
    pub subject: Option<String>,
    /// The issuer of the token that was presented.
    pub issuer: Option<String>,
    /// The audience of the token that was presented.
    pub audience: Option<String>,
    /// The application (client) id that was asked for.
    pub app_id: Option<String>,
    /// The tenant that was asked.
    pub tenant: Option<String>,
    /// The id of the key that signed the token, where Entra names it.
    pub key_id: Option<String>,
    /// Entra's trace id.
    pub trace_id: Option<String>,
    /// Entra's correlation id.
    pub correlation_id: Option<String>,
}

/// A refusal by Azure Resource Manager.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arm {
    /// The error code, as `SkuNotAvailable`.
    pub code: String,
    /// What the service said, if anything.
    pub message: String,
    /// The action that the caller may not do; for a linked refusal the one on the linked scope.
    pub action: Option<String>,
    /// The scope of that action.
    pub scope: Option<String>,
    /// The object id of the caller.
    pub object_id: Option<String>,
}

impl Refusal {
    /// Its code as users search for it: `AADSTS700213` or `SkuNotAvailable`.
    pub fn code(&self) -> String {
        match self {
            Self::Entra(entra) => entra.code(),
            Self::Arm(arm) => arm.code.clone(),
        }
    }

    /// What the service said.
    pub fn message(&self) -> &str {
        match self {
            Self::Entra(entra) => &entra.message,
            Self::Arm(arm) => &arm.message,
        }
    }

    /// Whether the way out is an identity's: Entra gave no token, or a role is missing.
    pub fn is_about_identity(&self) -> bool {
        match self {
            Self::Entra(_) => true,
            Self::Arm(arm) => arm.is_authorization(),
        }
    }
}

impl Entra {
    /// `AADSTS700213`.
    pub fn code(&self) -> String {
        format!("AADSTS{}", self.aadsts)
    }

    /// Whether both refuse the same thing, at whatever moment.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let presented = |entra: &Self| {
            let Self { aadsts, subject, issuer, audience, app_id, tenant, key_id, .. } = entra.clone();
            (aadsts, subject, issuer, audience, app_id, tenant, key_id)
        };
        presented(self) == presented(other)
    }
}

impl Arm {
    /// Whether a role is missing: `AuthorizationFailed` or `LinkedAuthorizationFailed`.
    pub fn is_authorization(&self) -> bool {
        matches!(self.code.as_str(), "AuthorizationFailed" | "LinkedAuthorizationFailed")
    }
}

/// The refusals that `text` quotes, Entra's first, each in the order of their first mention; none twice.
///
/// It reads log lines, condition messages and JSON bodies, escaped or not. Of ARM it knows `ERROR CODE: X`, the members
/// `code` and `message` of JSON errors at any depth, `Code="X" Message="…"` of older clients, and the plain words
/// of [`ARM_CODES`].
pub fn find(text: &str) -> Vec<Refusal> {
    let text = read::unescape(text);
    let mut refusals: Vec<Refusal> = Vec::new();
    for entra in read::entra(&text) {
        let same = |known: &Refusal| matches!(known, Refusal::Entra(known) if known.says_the_same_as(&entra));
        if !refusals.iter().any(same) {
            refusals.push(Refusal::Entra(entra));
        }
    }
    refusals.extend(read::arm(&text).into_iter().map(Refusal::Arm));
    refusals
}

/// What an AADSTS number means, in one sentence.
pub fn meaning(aadsts: u32) -> &'static str {
    match aadsts {
        70021 => {
            "No federated identity credential of the identity matches the issuer, subject and audience of the token."
        }
        700_211 => "No federated identity credential of the identity has the issuer that the token says.",
        700_212 => "No federated identity credential of the identity has the audience that the token says.",
        700_213 | 7_002_138 => "No federated identity credential of the identity has the subject that the token says.",
        700_016 => "The tenant knows no application with this client id.",
        50166 | 90061 | 501_661 => "Entra could not fetch the issuer's discovery document or its keys.",
        7_000_272 => "The key that signed the token is not among the keys that the issuer publishes.",
        700_024 => "The token is not yet or no longer valid: a clock is wrong, or an old token was presented.",
        700_027 => "The signature of the token could not be verified.",
        7_000_215 => "The client secret is wrong.",
        7_000_222 => "The client secret has expired.",
        90002 => "There is no tenant of this id or name in this cloud.",
        _ => "Entra refused to issue a token.",
    }
}

/// The checks whose row fixes what an AADSTS number complains of, the likeliest first; none where no check knows it.
pub fn fixed_by(aadsts: u32) -> &'static [&'static str] {
    match aadsts {
        70021 => &["FC02", "FC01", "FC03"],
        700_211 => &["FC02"],
        700_212 => &["FC03"],
        700_213 | 7_002_138 => &["FC01"],
        700_016 => &["ID01", "CR01"],
        50166 | 90061 | 501_661 => &["OI01", "OI04"],
        7_000_272 | 700_027 => &["OI03"],
        700_024 => &["CR05"],
        7_000_215 | 7_000_222 => &["CR01", "CR04"],
        90002 => &["CR01"],
        _ => &[],
    }
}

/// Whether a refusal is about the issuer, its documents or its key, and so may have its cause there.
pub fn concerns_issuer(aadsts: u32) -> bool {
    aadsts == 70021 || fixed_by(aadsts).iter().any(|code| matches!(*code, "FC02" | "OI01" | "OI02" | "OI03" | "OI04"))
}

/// The ARM codes that are known when they stand in a text as plain words.
///
/// Words of one syllable such as `NotFound` or `Conflict` are not among them: log lines use those for other things.
pub const ARM_CODES: &[&str] = &[
    "AllocationFailed",
    "AuthorizationFailed",
    "InvalidTemplateDeployment",
    "LinkedAuthorizationFailed",
    "MarketplacePurchaseEligibilityFailed",
    "MissingSubscriptionRegistration",
    "NetworkSecurityGroupNotFound",
    "OperationNotAllowed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
    "ParentResourceNotFound",
    "PrincipalNotFound",
    "PublicIPCountLimitReached",
    "QuotaExceeded",
    "ReadOnlyDisabledSubscription",
    "RequestDisallowedByPolicy",
    "ResourceGroupNotFound",
    "ScopeLocked",
    "SkuNotAvailable",
    "SubnetIsFull",
    "SubscriptionNotFound",
    "SubscriptionNotRegistered",
    "SubscriptionRequestsThrottled",
    "VMMarketplaceInvalidInput",
    "ZonalAllocationFailed",
];

/// Whether a line of a log tells of an answer 429.
pub(crate) fn is_throttled(line: &str) -> bool {
    /// What such an answer looks like, in lower case.
    const SIGNS: [&str; 6] = [
        "subscriptionrequeststhrottled",
        "toomanyrequests",
        "too many requests",
        "response 429",
        "statuscode=429",
        "status code: 429",
    ];
    let line = line.to_ascii_lowercase();
    SIGNS.iter().any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    const SUBJECT: &str = "system:serviceaccount:kube-system:capi-provider";

    fn the_entra(text: &str) -> Entra {
        match find(text).as_slice() {
            [Refusal::Entra(entra)] => entra.clone(),
            other => panic!("{other:#?}"),
        }
    }

    fn the_arm(text: &str) -> Arm {
        match find(text).as_slice() {
            [Refusal::Arm(arm)] => arm.clone(),
            other => panic!("{other:#?}"),
        }
    }

    #[test]
    fn a_reconciler_line_with_an_escaped_body() {
        let text = r#"E1120 09:31:03.402377       1 controller.go:324] "Reconciler error" err="failed to reconcile AzureMachine: failed to get identity token: WorkloadIdentityCredential authentication failed. POST https://login.microsoftonline.com/55555555-6666-7777-8888-999999999999/oauth2/v2.0/token RESPONSE 401: 401 Unauthorized { \"error\": \"invalid_client\", \"error_description\": \"AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. Trace ID: 7d0c1f7e-2d3b-4a45-9b8e-0f3f5a2b1c00 Correlation ID: 1e7c2b9a-5a41-4c1e-8a54-5f1b2d3c4e5f Timestamp: 2026-11-20 09:31:03Z\" }" controller="azuremachine""#;
        let entra = the_entra(text);
        assert_eq!(entra.code(), "AADSTS700213");
        assert_eq!(entra.subject.as_deref(), Some(SUBJECT));
        assert_eq!(entra.issuer, None);
        assert_eq!(entra.trace_id.as_deref(), Some("7d0c1f7e-2d3b-4a45-9b8e-0f3f5a2b1c00"));
        assert_eq!(entra.correlation_id.as_deref(), Some("1e7c2b9a-5a41-4c1e-8a54-5f1b2d3c4e5f"));
        assert!(entra.message.ends_with("against the presented assertion."), "{}", entra.message);
        assert_eq!(fixed_by(entra.aadsts), ["FC01"]);
    }

    #[test]
    fn a_plain_line_with_the_issuer() {
        let entra = the_entra(
            "F1120 09:30:44.911032       1 controllermanager.go:353] Cloud provider azure could not be initialized: could not init cloud provider azure: WorkloadIdentityCredential: AADSTS700211: No matching federated identity record found for presented assertion issuer 'https://acct.blob.core.windows.net/acct/'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. Trace ID: 0a0b0c0d-1111-2222-3333-444444444444 Timestamp: 2026-11-20 09:30:44Z",
        );
        assert_eq!(entra.aadsts, 700_211);
        assert_eq!(entra.issuer.as_deref(), Some("https://acct.blob.core.windows.net/acct/"));
        assert_eq!((entra.subject, entra.correlation_id), (None, None));
    }

    #[test]
    fn the_old_form_quotes_all_three() {
        let entra = the_entra(
            r"AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'https://i/'. Assertion Subject: 'system:serviceaccount:kube-system:capi-provider'. Assertion Audience: 'openshift'. https://docs.microsoft.com/x\r\nTrace ID: 1-a\r\nCorrelation ID: 2-b\r\nTimestamp: 2022-01-20 22:54:42Z",
        );
        assert_eq!(entra.issuer.as_deref(), Some("https://i/"));
        assert_eq!(entra.subject.as_deref(), Some(SUBJECT));
        assert_eq!(entra.audience.as_deref(), Some("openshift"));
        assert_eq!(entra.trace_id.as_deref(), Some("1-a"));
        assert_eq!(entra.correlation_id.as_deref(), Some("2-b"));
    }

    #[test]
    fn other_refusals_of_entra_name_their_values() {
        let entra = the_entra("AADSTS700016: Application with identifier 'c-1' was not found in the directory 'd-1'.");
        assert_eq!((entra.app_id.as_deref(), entra.tenant.as_deref()), (Some("c-1"), Some("d-1")));
        let entra = the_entra("AADSTS7000222: The provided client secret keys for app 'c-2' are expired.");
        assert_eq!(entra.app_id.as_deref(), Some("c-2"));
        let entra = the_entra("AADSTS90002: Tenant 't' not found. Check to make sure you have the correct tenant ID");
        assert_eq!(entra.tenant.as_deref(), Some("t"));
        let entra = the_entra(
            "AADSTS7000272: The certificate with identifier kid-9 used to sign the federated credential could not be found in the metadata of identity provider https://i/c. Trace ID: t",
        );
        assert_eq!((entra.key_id.as_deref(), entra.issuer.as_deref()), (Some("kid-9"), Some("https://i/c")));
        assert_eq!(fixed_by(entra.aadsts), ["OI03"]);
    }

    #[test]
    fn a_code_that_is_repeated_counts_once_and_two_codes_count_twice() {
        let one = "AADSTS700213: assertion subject 'a'. Trace ID:";
        assert_eq!(find(&format!("{one} 1 | {one} 2")).len(), 1);
        assert_eq!(find(&format!("{one} 1 | AADSTS700213: assertion subject 'b'")).len(), 2);
        let codes: Vec<String> = find("AADSTS50166: x \" then AADSTS7000272: y").iter().map(Refusal::code).collect();
        assert_eq!(codes, ["AADSTS50166", "AADSTS7000272"]);
    }

    #[test]
    fn a_missing_role() {
        let text = r#"RESPONSE 403: 403 Forbidden ERROR CODE: AuthorizationFailed -------- { "error": { "code": "AuthorizationFailed", "message": "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid." } }"#;
        let arm = the_arm(text);
        assert!(arm.is_authorization());
        assert_eq!(arm.action.as_deref(), Some("Microsoft.Network/virtualNetworks/subnets/join/action"));
        assert_eq!(arm.scope.as_deref(), Some("/subscriptions/s/resourceGroups/g"));
        assert_eq!(arm.object_id.as_deref(), Some("o"));
        let plain = the_arm(
            "AuthorizationFailed: The client 'c' with object id 'o' does not have authorization to perform action 'a/read' over scope '/s' or the scope is invalid.",
        );
        assert_eq!((plain.action.as_deref(), plain.scope.as_deref()), (Some("a/read"), Some("/s")));
    }

    #[test]
    fn a_missing_role_on_a_linked_scope_names_the_action_that_is_missing() {
        let arm = the_arm(
            r#"Code="LinkedAuthorizationFailed" Message="The client 'c' with object id 'o' has permission to perform action 'Microsoft.Network/loadBalancers/write' on scope '/subscriptions/s/lb'; however, it does not have permission to perform action 'Microsoft.Network/networkSecurityGroups/join/action' on the linked scope(s) '/subscriptions/s/nsg' or the linked scope(s) are invalid.""#,
        );
        assert_eq!(arm.code, "LinkedAuthorizationFailed");
        assert_eq!(arm.action.as_deref(), Some("Microsoft.Network/networkSecurityGroups/join/action"));
        assert_eq!(arm.scope.as_deref(), Some("/subscriptions/s/nsg"));
    }

    #[test]
    fn a_capz_condition() {
        let arm = the_arm(
            "virtualmachine failed to create or update. err: RESPONSE 409: 409 Conflict\n  ERROR CODE: SkuNotAvailable { \"error\": { \"code\": \"SkuNotAvailable\", \"message\":\n  \"The requested VM size is currently not available in location eastus.\" } }",
        );
        assert_eq!(arm.code, "SkuNotAvailable");
        assert_eq!(arm.message, "The requested VM size is currently not available in location eastus.");
        let arm = the_arm("SkuNotAvailable: The requested VM size for resource demo is not available.");
        assert_eq!(arm.message, "The requested VM size for resource demo is not available.");
        let arm = the_arm("ERROR CODE: ImageVersionDeprecated");
        assert_eq!(arm.code, "ImageVersionDeprecated");
    }

    #[test]
    fn inner_details_follow_their_outer_error() {
        let text = r#"{"error":{"code":"DeploymentFailed","message":"At least one resource failed.","details":[{"code":"OperationNotAllowed","message":"exceeding approved standardDSv5Family Cores quota"}]}}"#;
        let found = find(text);
        let codes: Vec<String> = found.iter().map(Refusal::code).collect();
        assert_eq!(codes, ["DeploymentFailed", "OperationNotAllowed"]);
        assert_eq!(found[0].message(), "At least one resource failed.");
        assert_eq!(found[1].message(), "exceeding approved standardDSv5Family Cores quota");
        let escaped = format!("{text:?}");
        assert_eq!(find(&escaped), found);
        assert_eq!(find(&format!("{escaped:?}")), found, "escaped twice");
    }

    #[test]
    fn what_is_no_refusal() {
        for text in [
            "",
            "AADSTS",
            "AADSTS: no number",
            "the node is ready",
            r#"{"code": 403, "reason": "Forbidden"}"#,
            r#"{"code": "OK", "message": "fine"}"#,
            r#"{"barcode": "Something", "decode": "Otherwise"}"#,
            "MyAuthorizationFailedCounter=0",
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }

    #[test]
    fn every_number_with_a_row_has_a_meaning_of_its_own() {
        let unknown = meaning(1);
        for aadsts in [
            70021, 700_211, 700_212, 700_213, 700_016, 50166, 90061, 501_661, 7_000_272, 7_000_215, 7_000_222, 700_024,
            90002,
        ] {
            assert_ne!(meaning(aadsts), unknown, "{aadsts}");
            assert!(!fixed_by(aadsts).is_empty(), "{aadsts}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
            find(&text);
        }

        #[test]
        fn pieces_in_any_order_are_read_without_panic(pieces in proptest::collection::vec(
            prop_oneof![
                Just("AADSTS"), Just("700213"), Just(": "), Just("assertion subject '"), Just("'"), Just("\""), Just("\\"),
                Just("\"code\""), Just(":"), Just("ERROR CODE: "), Just("SkuNotAvailable"), Just("Message="), Just("é"), Just("{"),
            ],
            0..24,
        )) {
            find(&pieces.concat());
        }

        #[test]
        fn a_subject_is_read_back(namespace in "[a-z][a-z0-9-]{0,20}", account in "[a-z][a-z0-9-]{0,20}", deep in 0..3) {
            let subject = format!("system:serviceaccount:{namespace}:{account}");
            let mut text = format!("AADSTS700213: No match for presented assertion subject '{subject}'. Trace ID: t");
            for _ in 0..deep {
                text = format!("{{\"error_description\": {text:?}}}");
            }
            prop_assert_eq!(the_entra(&text).subject, Some(subject));
        }
    }
}
