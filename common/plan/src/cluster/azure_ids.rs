//! Azure resource ids and GUIDs as the CRDs take them. ARM ignores case; the CRDs do not.

pub(super) use facts::arm_id::is_guid;

/// The longest id of a subnet.
const SUBNET_ID: usize = 355;
/// The longest id of a disk encryption set.
const DISK_ENCRYPTION_SET_ID: usize = 285;

/// Why the CRDs refuse a text as the id of a subnet for machines.
pub(super) fn subnet_problem(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.split('/').collect();
    let [
        "",
        "subscriptions",
        subscription,
        "resourceGroups",
        group,
        "providers",
        provider,
        "virtualNetworks",
        vnet,
        "subnets",
        subnet,
    ] = parts.as_slice()
    else {
        return Some(
            "it is no id /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…/subnets/…, \
             in exactly these letters"
                .to_owned(),
        );
    };
    if *provider != "Microsoft.Network" {
        return Some(format!("its provider is '{provider}', not 'Microsoft.Network'"));
    }
    if !is_guid(subscription) {
        return Some(format!("its subscription '{subscription}' is no GUID"));
    }
    if id.len() > SUBNET_ID {
        return Some(format!("it is longer than {SUBNET_ID} characters"));
    }
    group_problem(group).or_else(|| {
        if vnet.len() < 2 || !ends_well(vnet) {
            Some(format!("its VNet name '{vnet}' is too short, or ends with a dot or a dash"))
        } else if !subnet.starts_with(|c: char| c.is_ascii_alphanumeric()) || !ends_well(subnet) {
            Some(format!(
                "its subnet name '{subnet}' does not begin with a letter or digit, or ends with a dot or a dash"
            ))
        } else {
            None
        }
    })
}

/// Why a text is no id of a subnet for a Private Link service. The resource names are not looked at more closely.
pub(super) fn nat_subnet_problem(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.split('/').collect();
    let fixed = [
        (1, "subscriptions"),
        (3, "resourceGroups"),
        (5, "providers"),
        (6, "Microsoft.Network"),
        (7, "virtualNetworks"),
        (9, "subnets"),
    ];
    let fits = parts.len() == 11
        && parts[0].is_empty()
        && parts.iter().skip(1).all(|part| !part.is_empty())
        && fixed.iter().all(|(at, word)| parts[*at] == *word)
        && id.len() <= SUBNET_ID;
    (!fits).then(|| {
        "it is no id /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…/subnets/…, \
         in exactly these letters"
            .to_owned()
    })
}

/// Why the CRDs refuse a text as the id of a disk encryption set.
pub(super) fn disk_encryption_set_problem(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.split('/').collect();
    let [
        "",
        "subscriptions",
        subscription,
        "resourceGroups",
        group,
        "providers",
        "Microsoft.Compute",
        "diskEncryptionSets",
        name,
    ] = parts.as_slice()
    else {
        return Some(
            "it is no id /subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/diskEncryptionSets/…, \
             in exactly these letters"
                .to_owned(),
        );
    };
    if !is_guid(subscription) {
        return Some(format!("its subscription '{subscription}' is no GUID"));
    }
    if id.len() > DISK_ENCRYPTION_SET_ID || !name.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        return Some("it is too long, or names no set".to_owned());
    }
    group_problem(group)
}

/// Whether the HostedCluster's CRD takes a text as the name of a resource group.
pub(super) fn is_group_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_()-.".contains(c);
    (2..=90).contains(&name.len()) && name.chars().all(fits) && !name.ends_with('.')
}

fn group_problem(group: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_()-.".contains(c);
    (group.is_empty() || !group.contains(fits) || group.ends_with('.'))
        .then(|| format!("its resource group '{group}' is no name, or ends with a dot"))
}

fn ends_well(name: &str) -> bool {
    !name.is_empty() && !name.ends_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBNET: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/default";

    #[test]
    fn subnets() {
        assert_eq!(subnet_problem(SUBNET), None);
        assert_eq!(nat_subnet_problem(SUBNET), None);
        for (from, to, word) in [
            ("/subnets/default", "", "/subnets/…"),
            ("resourceGroups", "resourcegroups", "exactly these letters"),
            ("00000000-1111", "0000000-1111", "no GUID"),
            ("Microsoft.Network", "microsoft.network", "provider"),
            ("/rg/", "/rg./", "resource group"),
            ("/vnet/", "/v/", "VNet"),
            ("/vnet/", "/vnet-/", "VNet"),
            ("/default", "/_default", "subnet name"),
            ("/default", "/default.", "subnet name"),
        ] {
            let problem = subnet_problem(&SUBNET.replace(from, to)).unwrap_or_default();
            assert!(problem.contains(word), "{to}: {problem}");
        }
        let vnet = SUBNET.replace("/subnets/default", "");
        for bad in [
            "",
            "nat",
            vnet.as_str(),
            "/subscriptions//resourceGroups/a/providers/Microsoft.Network/virtualNetworks/v/subnets/s",
        ] {
            assert!(nat_subnet_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn other_ids() {
        let set = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/des/providers/Microsoft.Compute/diskEncryptionSets/des1";
        assert_eq!(disk_encryption_set_problem(set), None);
        for bad in
            [set.replace("Compute", "compute"), set.replace("00000000-", ""), set.replace("/des1", "/"), SUBNET.into()]
        {
            assert!(disk_encryption_set_problem(&bad).is_some(), "{bad}");
        }
        assert!(is_group_name("my_rg-(1).x") && !is_group_name("rg.") && !is_group_name("r") && !is_group_name("a b"));
        assert!(is_guid("00000000-1111-2222-3333-44444444444F") && !is_guid("sub-1"));
    }
}
