//! Clusters that sign in with managed identities: which SecretProviderClass brings which identity's credentials.

/// Why the checks of managed identities do not apply.
pub(crate) const NO_MANAGED_IDENTITIES: &str = "the cluster does not use managed identities";

/// Identity key and SecretProviderClass.
/// Source: openshift/hypershift support/config/constants.go.
pub(crate) const CLASSES: [(&str, &str); 9] = [
    ("cloudProvider", "managed-azure-cloud-provider"),
    ("controlPlaneOperator", "managed-azure-cpo"),
    ("disk", "managed-azure-disk-csi"),
    ("file", "managed-azure-file-csi"),
    ("imageRegistry", "managed-azure-image-registry"),
    ("ingress", "managed-azure-ingress"),
    ("kms", "managed-azure-kms"),
    ("network", "managed-azure-network"),
    ("nodePoolManagement", "managed-azure-nodepool-management"),
];

/// The SecretProviderClass of an identity.
pub(crate) fn class_of(key: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(known, _)| *known == key).map(|(_, class)| *class)
}
