//! Facts that nobody foresaw: whatever a recording holds, every check judges it without a panic.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::LazyLock;

use facts::Facts;
use facts::network::{Access, Direction, NsgRule};
use proptest::prelude::*;

use crate::capacity::{Wish, capacity};
use crate::nsg::{self, Context, Flow, Peer, Protocol};
use crate::registry::FAULTS;
use crate::testkit::{break_machine, healthy, healthy_clusters, log, mutated, rule};
use crate::{Selection, Stage, decode, diff, examine, refusal, selection, status, waiver};

/// Healthy clusters, and one with the first fault of every check.
static FACTS: LazyLock<Vec<Facts>> = LazyLock::new(|| {
    let mut all = healthy_clusters();
    for (_, of_check) in FAULTS {
        for fault in of_check().into_iter().take(1) {
            let mut facts = (fault.base)();
            (fault.inject)(&mut facts);
            all.push(facts);
        }
    }
    all
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_facts_are_judged(at in any::<prop::sample::Index>(), picks in prop::collection::vec(any::<(u32, u32)>(), 1..16)) {
        let facts = mutated(at.get(&FACTS), &picks);
        let report = examine(&facts, &Selection::default().on_request(true));
        prop_assert!(!report.rows.is_empty());
        for stage in [Stage::Preflight, Stage::NodePool, Stage::Upgrade, Stage::Destroy] {
            let _ = examine(&facts, &Selection::default().of_stage(stage));
        }
        let run = diff::Run::of(&report, "before".into());
        prop_assert!(diff::diff(&run, &run).new.is_empty());
        let _ = status::of(&facts);
        for wish in [Wish::default(), Wish { replicas: Some(i32::MAX), ..Wish::default() }] {
            let _ = capacity(&facts, &wish);
        }
    }
}

/// What Azure takes for a prefix, a port or a tag, and what it does not.
const NSG_TEXTS: [&str; 22] = [
    "*",
    "",
    "-",
    "é",
    "0",
    "65536",
    "99999999999999999999",
    "443-",
    "-443",
    "65535-0",
    "0-65535",
    "1-2-3",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "0.0.0.0/0",
    "::/0",
    "ffff::/128",
    "255.255.255.255",
    "Internet",
    "VirtualNetwork",
    "Storage.EastUS",
    "AzurePlatformDNS",
];

fn nsg_texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(&NSG_TEXTS[..]).prop_map(str::to_owned), 0..3)
}

fn nsg_rules() -> impl Strategy<Value = Vec<NsgRule>> {
    let parts = (
        any::<i32>(),
        any::<[bool; 3]>(),
        prop::sample::select(&NSG_TEXTS[..]),
        [nsg_texts(), nsg_texts(), nsg_texts(), nsg_texts()],
    );
    prop::collection::vec(parts, 0..6).prop_map(|rules| {
        rules
            .into_iter()
            .map(|(priority, [outbound, allow, is_default], protocol, [from, from_ports, to, to_ports])| NsgRule {
                source_prefixes: from,
                source_ports: from_ports,
                destination_prefixes: to,
                destination_ports: to_ports,
                protocol: protocol.into(),
                is_default,
                ..rule(
                    "r",
                    priority,
                    if outbound { Direction::Outbound } else { Direction::Inbound },
                    if allow { Access::Allow } else { Access::Deny },
                    "*",
                    "*",
                )
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_rules_are_evaluated(rules in nsg_rules(), address in any::<std::net::IpAddr>(), bits in 0_u8..=128, port in any::<u16>()) {
        let bits = if address.is_ipv4() { bits.min(32) } else { bits };
        let network = ipnet::IpNet::new(address, bits).unwrap();
        let _ = nsg::representatives(&rules, network);
        for (source, destination) in [(Peer::address(address), Peer::anywhere()), (Peer::network(network), Peer::service(["Storage"]))] {
            let flow = Flow { protocol: Protocol::Tcp, source, destination, port };
            for direction in [Direction::Inbound, Direction::Outbound] {
                let _ = nsg::evaluate(&rules, direction, &flow, &Context::of_vnet([network]));
            }
        }
    }

    #[test]
    fn any_words_select(words in prop::collection::vec("(HAZ-|haz|[A-Z]{2}[0-9]{2}|é|nw|network|[,=*]|\\PC){0,6}", 0..3)) {
        let _ = Selection::parse(&words, &words);
        for word in &words {
            let _ = (selection::find(word), selection::nearest(word), waiver::Waiver::for_this_run(word, Some("r")));
        }
    }
}

/// A log line can be long, and made to be read slowly.
#[test]
fn long_texts_are_read_in_good_time() {
    let begun = std::time::Instant::now();
    for piece in [
        "AADSTS700213: ",
        "AADSTS700213 presented assertion subject '",
        "\"code\":\"",
        "{\"error\":{\"code\":\"A\",\"details\":[",
        "ERROR CODE: ",
        "SkuNotAvailable ",
        "\\\"",
        "'",
        "does not have authorization to perform action '",
        "é",
    ] {
        let text = piece.repeat(64 * 1024 / piece.len());
        let _ = refusal::find(&text);
        let mut facts = healthy();
        break_machine(&mut facts, 0, &text);
        log(&mut facts, "capi-provider", &text);
        let _ = examine(&facts, &Selection::default());
        let mut decoder = decode::Decoder::default();
        decoder.line(&text);
        let _ = decoder.finish(Some(&facts));
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}
