//! What names and addresses may look like, and what is said of those that may not.

use facts::ArmId;

use crate::Refusal;

/// The longest names that Azure takes, for those that are derived from the cluster's name and the infra id.
pub(crate) const IDENTITY_NAME: usize = 128;
pub(crate) const GROUP_NAME: usize = 90;
pub(crate) const VNET_NAME: usize = 64;
pub(crate) const NETWORK_NAME: usize = 80;
const DNS_NAME: usize = 253;
const LABEL: usize = 63;

/// The name of a cluster: a DNS label.
pub(crate) fn cluster_name(name: &str) -> Result<(), Refusal> {
    if is_label(name) && !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Refusal::new(
        "--name",
        name,
        "not a name: lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit",
        "give a name such as `dev`",
    ))
}

/// The infra id, which becomes part of names in Azure.
pub(crate) fn infra_id(id: &str) -> Result<(), Refusal> {
    if is_label(id) {
        return Ok(());
    }
    Err(Refusal::new(
        "--infra-id",
        id,
        "not an infra id: letters, digits and dashes, beginning and ending with a letter or digit",
        "give the id that the cluster has or will have, such as `dev-x7k2p`",
    ))
}

/// The name of a region, as Azure's commands take it.
pub(crate) fn location(location: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !location.is_empty() && location.chars().all(plain) {
        return Ok(());
    }
    let guess: String = location.to_ascii_lowercase().chars().filter(|c| plain(*c)).collect();
    let fix = if guess.is_empty() {
        "`az account list-locations -o table` lists the regions".to_owned()
    } else {
        format!("did you mean `{guess}`? `az account list-locations -o table` lists the regions")
    };
    Err(Refusal::new("--location", location, "not the name of a region", fix))
}

/// The name of a resource group.
pub(crate) fn group(flag: &'static str, name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    if !name.is_empty() && name.chars().count() <= GROUP_NAME && name.chars().all(allowed) && !name.ends_with('.') {
        return Ok(());
    }
    Err(Refusal::new(
        flag,
        name,
        "not the name of a resource group",
        "give the name alone, not its id; `az group list -o table` lists the groups",
    ))
}

/// A DNS zone's name.
pub(crate) fn domain(flag: &'static str, name: &str) -> Result<(), Refusal> {
    let labels: Vec<&str> = name.split('.').collect();
    if name.len() <= DNS_NAME && labels.len() > 1 && labels.iter().all(|label| is_label(label)) {
        return Ok(());
    }
    Err(Refusal::new(
        flag,
        name,
        "not a DNS domain",
        "give the name of a public DNS zone of the subscription, such as `hcp.example.com`",
    ))
}

/// The issuer's address. It must equal the tokens' `iss` byte for byte, so it is checked and never changed.
pub(crate) fn issuer(address: &str) -> Result<(), Refusal> {
    let parsed = url::Url::parse(address).ok();
    let fine = parsed.is_some_and(|url| {
        url.scheme() == "https" && url.host_str().is_some() && url.query().is_none() && url.fragment().is_none()
    });
    if fine && !address.contains(char::is_whitespace) && address.starts_with("https://") {
        return Ok(());
    }
    Err(Refusal::new(
        "--oidc-issuer-url",
        address,
        "not an https address without query",
        "give the issuer exactly as the cluster's tokens name it, such as `https://<account>.blob.core.windows.net/<container>`",
    ))
}

/// A derived name that may be too long.
pub(crate) fn length(what: &str, name: &str, most: usize, cluster: &str) -> Result<(), Refusal> {
    let long = name.chars().count();
    if long <= most {
        return Ok(());
    }
    Err(Refusal::new(
        "--name",
        cluster,
        format!("too long: the name of the {what} would be `{name}`, {long} characters where Azure takes {most}"),
        "choose a shorter name or infra id",
    ))
}

/// The id of an existing resource, of the cluster's subscription if that is known yet.
pub(crate) fn resource_id(flag: &'static str, text: &str, kind: &str, subscription: &str) -> Result<ArmId, Refusal> {
    let id = ArmId::new(text);
    let is_kind = id.provider().is_some_and(|provider| provider.eq_ignore_ascii_case("Microsoft.Network"))
        && id.resource_type().is_some_and(|own| own.eq_ignore_ascii_case(kind));
    if !id.is_resource() || !is_kind {
        return Err(Refusal::new(
            flag,
            text,
            format!("not the id of a resource of type Microsoft.Network/{kind}"),
            format!(
                "give it as `/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Network/{}`",
                kind.split('/').map(|part| format!("{part}/<name>")).collect::<Vec<_>>().join("/")
            ),
        ));
    }
    // As long as nobody has signed in, the subscription is not known.
    if !subscription.is_empty() && !id.subscription().is_some_and(|own| own.eq_ignore_ascii_case(subscription)) {
        return Err(Refusal::new(
            flag,
            text,
            format!("in another subscription than the cluster's, {subscription}"),
            "give one of the cluster's own subscription, or the credentials of the other",
        ));
    }
    Ok(id)
}

fn is_label(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= LABEL
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_taken_and_what_is_refused() {
        assert!(cluster_name("dev-1").is_ok());
        for bad in ["", "Dev", "-a", "a-", "a.b", &"a".repeat(64)] {
            assert_eq!(cluster_name(bad).unwrap_err().flag, "--name", "{bad}");
        }
        assert!(infra_id("Dev-x7k2p").is_ok() && infra_id("a_b").is_err());
        assert!(location("East US").unwrap_err().fix.contains("`eastus`"));
        assert!(group("--x", "a/b").is_err() && group("--x", "os4-common").is_ok());
        assert!(
            domain("--x", "hcp.example.com").is_ok() && domain("--x", "com").is_err() && domain("--x", "a..b").is_err()
        );
        assert!(issuer("https://a.blob.core.windows.net/a").is_ok());
        for bad in ["http://a/", "https://a/?x", "a", "HTTPS://a/", " https://a/"] {
            assert!(issuer(bad).is_err(), "{bad}");
        }
        let vnet = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
        assert!(resource_id("--vnet-id", vnet, "virtualNetworks", "S").is_ok());
        assert!(resource_id("--vnet-id", vnet, "virtualNetworks", "t").is_err());
        assert!(resource_id("--subnet-id", vnet, "virtualNetworks/subnets", "s").is_err());
    }
}
