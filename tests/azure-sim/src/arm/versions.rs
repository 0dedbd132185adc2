//! The api-versions that each kind of resource accepts, oldest first.
//!
//! Source: the directories of github.com/Azure/azure-rest-api-specs; versions too old to matter are left out.

/// Versions of Microsoft.Network.
pub(crate) const NETWORK: &[&str] = &[
    "2020-11-01",
    "2021-02-01",
    "2021-05-01",
    "2021-08-01",
    "2022-01-01",
    "2022-05-01",
    "2022-07-01",
    "2022-09-01",
    "2022-11-01",
    "2023-02-01",
    "2023-04-01",
    "2023-05-01",
    "2023-06-01",
    "2023-09-01",
    "2023-11-01",
    "2024-01-01",
    "2024-03-01",
    "2024-05-01",
    "2024-07-01",
    "2024-10-01",
    "2025-01-01",
    "2025-03-01",
    "2025-05-01",
];
/// Versions of public DNS.
pub(crate) const DNS: &[&str] = &["2016-04-01", "2017-09-01", "2017-10-01", "2018-05-01"];
/// Versions of private DNS.
pub(crate) const PRIVATE_DNS: &[&str] = &["2018-09-01", "2020-01-01", "2020-06-01", "2024-06-01"];
/// Versions of managed identities.
pub(crate) const IDENTITY: &[&str] =
    &["2018-11-30", "2021-09-30-preview", "2022-01-31-preview", "2023-01-31", "2023-07-31-preview", "2024-11-30"];
/// Versions of federated identity credentials.
pub(crate) const FEDERATION: &[&str] = &["2022-01-31-preview", "2023-01-31", "2023-07-31-preview", "2024-11-30"];
/// Versions of Microsoft.Storage.
pub(crate) const STORAGE: &[&str] =
    &["2021-04-01", "2021-09-01", "2022-05-01", "2022-09-01", "2023-01-01", "2023-04-01", "2023-05-01", "2024-01-01"];
/// Versions of virtual machines and compute usages.
pub(crate) const COMPUTE: &[&str] = &[
    "2021-07-01",
    "2022-03-01",
    "2022-08-01",
    "2023-03-01",
    "2023-07-01",
    "2023-09-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
];
/// Versions of disks and disk encryption sets.
pub(crate) const DISKS: &[&str] = &["2022-03-02", "2022-07-02", "2023-01-02", "2023-04-02", "2023-10-02", "2024-03-02"];
/// Versions of Microsoft.KeyVault.
pub(crate) const VAULTS: &[&str] = &["2021-10-01", "2022-07-01", "2023-02-01", "2023-07-01", "2024-11-01"];
/// Versions of locks.
pub(crate) const LOCKS: &[&str] = &["2016-09-01", "2017-04-01", "2020-05-01"];

/// Versions of Microsoft.Resources for groups, resources and providers.
pub(crate) const RESOURCES: &[&str] = &[
    "2016-09-01",
    "2017-05-10",
    "2018-05-01",
    "2019-05-01",
    "2019-10-01",
    "2020-06-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
];
/// Versions of subscriptions, tenants and locations.
pub(crate) const SUBSCRIPTIONS: &[&str] =
    &["2016-06-01", "2018-06-01", "2019-06-01", "2019-11-01", "2020-01-01", "2021-01-01", "2021-04-01", "2022-12-01"];
/// Versions of the kinds that are not in the table.
pub(crate) const OTHERS: &[(&str, &str, &[&str])] = &[
    (
        "microsoft.authorization",
        "roleassignments",
        &[
            "2015-07-01",
            "2018-01-01-preview",
            "2018-09-01-preview",
            "2020-03-01-preview",
            "2020-04-01-preview",
            "2020-08-01-preview",
            "2020-10-01-preview",
            "2022-04-01",
        ],
    ),
    (
        "microsoft.authorization",
        "roledefinitions",
        &["2015-07-01", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview"],
    ),
    ("microsoft.authorization", "permissions", &["2015-07-01", "2018-07-01", "2022-04-01"]),
    ("microsoft.authorization", "denyassignments", &["2018-07-01-preview", "2022-04-01"]),
    ("microsoft.authorization", "locks", LOCKS),
    ("microsoft.features", "features", &["2015-12-01", "2021-07-01", "2025-03-01"]),
    ("microsoft.resourcegraph", "resources", &["2019-04-01", "2021-03-01", "2022-10-01", "2024-04-01"]),
    ("microsoft.marketplaceordering", "offertypes", &["2015-06-01", "2021-01-01"]),
    ("microsoft.policyinsights", "checkpolicyrestrictions", &["2020-07-01", "2022-03-01", "2023-03-01"]),
    ("microsoft.storage", "checknameavailability", STORAGE),
    ("microsoft.compute", "skus", &["2017-09-01", "2019-04-01", "2021-07-01"]),
    ("microsoft.compute", "locations", COMPUTE),
    ("microsoft.network", "locations", NETWORK),
    ("microsoft.storage", "locations", STORAGE),
    ("microsoft.network", "privatednsoperationstatuses", PRIVATE_DNS),
    ("microsoft.network", "privatednsoperationresults", PRIVATE_DNS),
];
