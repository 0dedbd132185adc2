//! How the user calls us.

/// `oc hcp-azure` when we were started as oc's plugin, else `kubectl hcp-azure`.
///
/// kubectl and oc both start `kubectl-hcp_azure` by that name, so that only a binary called `oc-…` tells them apart.
pub(crate) fn name(argv0: &str) -> &'static str {
    let file = argv0.rsplit(['/', '\\']).next().unwrap_or_default();
    if file.starts_with("oc-") { "oc hcp-azure" } else { "kubectl hcp-azure" }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names() {
        assert_eq!(name("/usr/bin/kubectl-hcp_azure"), "kubectl hcp-azure");
        assert_eq!(name("oc-hcp_azure"), "oc hcp-azure");
        assert_eq!(name(r"C:\oc-hcp_azure.exe"), "oc hcp-azure");
        assert_eq!(name(""), "kubectl hcp-azure");
    }
}
