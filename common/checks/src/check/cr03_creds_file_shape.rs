//! CR03: the Azure credentials file is complete and kept private.

use facts::arm_id::is_guid;
use facts::local::{CredsFile, SecretState};

use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The file given with `--azure-creds` is readable JSON or YAML with `subscriptionId`, `tenantId` and `clientId`, each
    /// a UUID, and a `clientSecret` that is not empty; and only its owner may read it.
    ///
    /// Whether its subscription and tenant are those of the HostedCluster is CR01's matter.
    ///
    /// ## Why it matters
    /// Upstream's command line reads the file without asking for any key. Where the secret is missing or empty it falls
    /// through, silently, to the login of `az` on that machine: another identity then makes the resources, perhaps in
    /// another tenant.
    ///
    /// ## How to fix
    /// Write all four keys, and let nobody else read the file.
    ///
    /// Source: openshift/hypershift cmd/util/azure.go.
    pub static CREDS_FILE_SHAPE = {
        code: "CR03",
        id: "creds-file-shape",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [CredsFile],
        caused_by: [],
        judge: judge,
    };
}

const WHY: &str = "upstream's command line does not stop at this: it falls through to the login of az on this machine, and another identity acts";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let Some(file) = view.creds_file()? else {
        return Ok(Judgement::NotApplicable("no credentials file was given".into()));
    };
    let mut findings = Vec::new();
    if let Some(problem) = &file.problem {
        findings.push(
            Finding::fail(subject(file), "the credentials file could not be understood", WHY)
                .see("problem", problem)
                .fix(Fix::azure([sample(file)]).note("that is the shape of the file; fill in the values")),
        );
    } else if let Some(finding) = incomplete(file) {
        findings.push(finding);
    }
    if let Some(mode) = file.mode.filter(|mode| mode & 0o077 != 0) {
        findings.push(
            Finding::warn(
                subject(file),
                format!("others than its owner have rights on the credentials file (mode {:04o})", mode & 0o7777),
                "whoever reads it can act in the subscription as this application",
            )
            .compare("0600", format!("{:04o}", mode & 0o7777))
            .fix(Fix::azure([format!("chmod 600 {}", quote(&file.path))])),
        );
    }
    Ok(Judgement::new(format!("{} has all four keys", file.path), findings))
}

fn subject(file: &CredsFile) -> String {
    format!("file {}", file.path)
}

fn incomplete(file: &CredsFile) -> Option<Finding> {
    let mut problems = Vec::new();
    let mut seen = Vec::new();
    for (key, value) in
        [("subscriptionId", &file.subscription_id), ("tenantId", &file.tenant_id), ("clientId", &file.client_id)]
    {
        match value.as_deref() {
            None => problems.push(format!("{key} is missing")),
            Some("") => problems.push(format!("{key} is empty")),
            Some(value) if !is_guid(value) => {
                problems.push(format!("{key} is not a UUID"));
                seen.push((key, value));
            }
            Some(_) => {}
        }
    }
    match file.client_secret {
        SecretState::Present => {}
        SecretState::Empty => problems.push("clientSecret is empty".into()),
        SecretState::Missing => problems.push("clientSecret is missing".into()),
    }
    if problems.is_empty() {
        return None;
    }
    let mut finding = Finding::fail(subject(file), problems.join(", "), WHY);
    for (key, value) in seen {
        finding = finding.see(key, value);
    }
    if !file.unknown_keys.is_empty() {
        finding = finding.see("keys that nothing reads", file.unknown_keys.join(", "));
    }
    let mut commands = Vec::new();
    if file.client_secret != SecretState::Present {
        let id = file.client_id.as_deref().filter(|id| is_guid(id)).unwrap_or("CLIENT_ID");
        commands.push(format!("az ad app credential reset --id {id} --append --query password -o tsv"));
    }
    commands.push(sample(file));
    Some(finding.fix(Fix::azure(commands).note("the last command writes the file anew; fill in what is in capitals")))
}

/// A command that writes the file with what is known of it.
fn sample(file: &CredsFile) -> String {
    let value = |value: &Option<String>, otherwise: &str| {
        value.as_deref().filter(|value| is_guid(value)).unwrap_or(otherwise).to_owned()
    };
    format!(
        "(umask 077; printf '%s\\n' '{{\"subscriptionId\":\"{}\",\"tenantId\":\"{}\",\"clientId\":\"{}\",\"clientSecret\":\"CLIENT_SECRET\"}}' > {})",
        value(&file.subscription_id, "SUBSCRIPTION_ID"),
        value(&file.tenant_id, "TENANT_ID"),
        value(&file.client_id, "CLIENT_ID"),
        quote(&file.path),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &CREDS_FILE_SHAPE;

    fn with(change: impl FnOnce(&mut CredsFile)) -> facts::Facts {
        let mut facts = healthy();
        if let Fact::Known(file) = &mut facts.local.creds_file {
            change(file);
        }
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        fn file(facts: &mut facts::Facts, change: impl FnOnce(&mut CredsFile)) {
            if let Fact::Known(file) = &mut facts.local.creds_file {
                change(file);
            }
        }
        vec![
            Fault::new("the credentials file has no secret, so nobody signs in", |facts| {
                file(facts, |file| file.client_secret = SecretState::Missing);
                signed_out(facts, None, "clientSecret is missing");
            })
            .showing(&["CR01", "FC01", "FC02", "FC03", "ID01", "OI04", "QT01", "RA01", "RA04", "RA05", "RA06"]),
            Fault::new("the credentials file names no subscription", |facts| {
                file(facts, |file| {
                    file.subscription_id = None;
                    file.unknown_keys = vec!["subscription_id".into()];
                });
            }),
            Fault::new("everybody can read the credentials file", |facts| {
                file(facts, |file| file.mode = Some(0o644));
            }),
        ]
    }

    #[test]
    fn a_complete_private_file_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &with(|file| file.mode = None));
    }

    #[test]
    fn no_secret_is_a_failure_with_the_way_to_a_new_one() {
        for (secret, word) in [(SecretState::Empty, "empty"), (SecretState::Missing, "missing")] {
            let finding = the_failure(CHECK, &with(|file| file.client_secret = secret));
            assert_eq!(finding.what, format!("clientSecret is {word}"));
            assert!(finding.why.contains("login of az"), "{}", finding.why);
            assert_eq!(
                finding.fixes[0].commands[0],
                "az ad app credential reset --id 99999999-aaaa-bbbb-cccc-dddddddddddd --append --query password -o tsv"
            );
            assert!(finding.fixes[0].commands[1].contains(TENANT));
        }
    }

    #[test]
    fn missing_and_malformed_keys_are_one_finding() {
        let finding = the_failure(
            CHECK,
            &with(|file| {
                file.subscription_id = None;
                file.tenant_id = Some("contoso.onmicrosoft.com".into());
                file.unknown_keys = vec!["subscription_id".into()];
            }),
        );
        assert_eq!(finding.what, "subscriptionId is missing, tenantId is not a UUID");
        assert_eq!(finding.evidence.get("tenantId"), Some("contoso.onmicrosoft.com"));
        assert_eq!(finding.evidence.get("keys that nothing reads"), Some("subscription_id"));
        assert!(!finding.fixes[0].commands[0].contains("contoso"), "no value that is known to be wrong");
    }

    #[test]
    fn a_file_that_is_no_document() {
        let finding = the_failure(CHECK, &with(|file| file.problem = Some("not JSON: line 1".into())));
        assert_eq!(finding.evidence.get("problem"), Some("not JSON: line 1"));
    }

    #[test]
    fn rights_of_others_are_a_warning() {
        let finding = the_finding(CHECK, &with(|file| file.mode = Some(0o100_644)));
        assert_eq!(finding.level, Level::Warn);
        assert_eq!(finding.evidence.get("found"), Some("0644"));
        assert_eq!(finding.fixes[0].commands, ["chmod 600 azure-creds.json"]);
    }

    #[test]
    fn without_a_file_there_is_nothing_to_judge() {
        let mut facts = healthy();
        facts.local.creds_file = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
        facts.local.creds_file = Fact::Unreadable(Gap::new(GapKind::Failed, "permission denied"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Failed);
    }
}
