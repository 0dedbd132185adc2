//! How the user calls us.

use clap::CommandFactory as _;

use crate::cmd::Cli;

/// `oc hcp-azure` when we were started as oc's plugin, else `kubectl hcp-azure`.
///
/// kubectl and oc both start `kubectl-hcp_azure` by that name, so that only a binary called `oc-…` tells them apart.
pub(crate) fn name(argv0: &str) -> &'static str {
    if file(argv0).starts_with("oc-") { "oc hcp-azure" } else { "kubectl hcp-azure" }
}

/// The verb that the name of the program gives: a link or a copy called `kubectl-hcp_azure-doctor` is `doctor`.
///
/// Any other ending is part of somebody's name for the whole program, such as `kubectl-hcp_azure-0.1.0`.
pub(crate) fn verb(argv0: &str) -> Option<String> {
    let file = file(argv0);
    let stem = file.strip_suffix(".exe").unwrap_or(file);
    let verb = ["kubectl-hcp_azure-", "oc-hcp_azure-"].iter().find_map(|prefix| stem.strip_prefix(prefix))?;
    visible_verbs().into_iter().find(|known| known == verb)
}

/// The verbs that help lists.
fn visible_verbs() -> Vec<String> {
    let command = Cli::command();
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect()
}

fn file(argv0: &str) -> &str {
    argv0.rsplit(['/', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn names() {
        assert_eq!(name("/usr/bin/kubectl-hcp_azure"), "kubectl hcp-azure");
        assert_eq!(name("oc-hcp_azure"), "oc hcp-azure");
        assert_eq!(name(r"C:\oc-hcp_azure.exe"), "oc hcp-azure");
        assert_eq!(name(""), "kubectl hcp-azure");
    }

    #[test]
    fn a_name_that_ends_in_a_verb_is_that_verb() {
        assert_eq!(verb("/usr/bin/kubectl-hcp_azure-doctor").as_deref(), Some("doctor"));
        assert_eq!(verb("oc-hcp_azure-status").as_deref(), Some("status"));
        assert_eq!(verb(r"C:\bin\kubectl-hcp_azure-version.exe").as_deref(), Some("version"));
        for whole in
            ["", "doctor", "kubectl-hcp_azure", "oc-hcp_azure.exe", "kubectl-hcp_azure-0.1.0", "kubectl-hcp_azure-"]
        {
            assert_eq!(verb(whole), None, "{whole}");
        }
    }

    #[test]
    fn every_verb_has_a_launcher() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
        let launchers: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                Some(name.strip_prefix("kubectl-hcp_azure-")?.strip_suffix(".rs")?.to_owned())
            })
            .collect();
        let verbs: BTreeSet<String> = visible_verbs().into_iter().collect();
        assert_eq!(
            launchers, verbs,
            "a verb needs plugins/src/bin/kubectl-hcp_azure-VERB.rs, a copy of any beside it: left are the launchers, right the verbs"
        );
    }
}
