//! Whether `NO_PROXY` exempts a host.
//!
//! kube 5.0 matches `NO_PROXY` against the address of the proxy instead of that of the cluster, so an exempted cluster
//! would still be asked through the proxy.

use std::net::IpAddr;

/// Whether a host is asked without the proxy of the environment, by the rules of Go's `httpproxy`, which kubectl follows:
/// loopback always; else an entry that is `*`, the host, a suffix of it at a dot, an address or a CIDR.
pub fn is_exempt(no_proxy: &str, host: &str, port: u16) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(&entry, &host, address, port))
}

fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(network) = entry.parse::<ipnet::IpNet>() {
        return address.is_some_and(|address| network.contains(&address));
    }
    if let Ok(exempt) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(exempt);
    }
    let entry = match entry.rsplit_once(':') {
        Some((name, wanted)) if wanted.parse() == Ok(port) => name.trim_matches(['[', ']']),
        Some(_) => return false,
        None => entry,
    };
    if let (Ok(exempt), Some(address)) = (entry.parse::<IpAddr>(), address) {
        return address == exempt;
    }
    // ".example.com" and "*.example.com" mean names below it; "example.com" means itself too.
    let below = entry.trim_start_matches('*');
    let domain = below.trim_start_matches('.');
    let is_below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
    is_below || (below == domain && host == domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_hosts() {
        let table = [
            ("", "api.example.com", false),
            ("", "127.0.0.1", true),
            ("", "[::1]", true),
            ("*", "api.example.com", true),
            ("example.com", "api.example.com", true),
            ("example.com", "example.com", true),
            ("example.com", "notexample.com", false),
            (".example.com", "example.com", false),
            ("*.example.com", "API.example.com", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:6443", "10.1.2.3", true),
            ("api.example.com:443", "api.example.com", false),
            (" , api.example.com:6443", "api.example.com", true),
        ];
        for (no_proxy, host, want) in table {
            assert_eq!(is_exempt(no_proxy, host, 6443), want, "NO_PROXY={no_proxy} {host}");
        }
    }
}
