//! Texts that nobody foresaw: versions, ids and what has to be redacted are read without a panic.

use proptest::prelude::*;

use crate::version::{Version, normalize, parse_minor, skew};
use crate::{ArmId, Facts, arm_id, redact};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_may_be_a_version(one in "(v|[0-9]{1,20}|[.+@:/-]|rc|sha256|é|\\PC){0,12}", other in "[0-9]{1,20}\\.[0-9]{1,20}(\\.[0-9]{1,20})?") {
        let _ = parse_minor(&one).map(|(major, minor)| normalize(major, minor));
        let _ = parse_minor(&other).map(|(major, minor)| normalize(major, minor));
        let both = [Version::parse(&one), Version::of_image(&one), Version::parse(&other), Version::of_image(&format!("a/b:{other}"))];
        for a in both.iter().flatten() {
            let _ = (a.major(), a.minor(), a.minor_text(), a.normalized_minor(), a.to_string());
            for b in both.iter().flatten() {
                let _ = skew(a, b);
            }
        }
    }

    #[test]
    fn any_text_may_be_an_id(text in "(/|subscriptions|resourceGroups|providers|é|[a-zA-Z.]|\\PC){0,16}", scope in "(/|subscriptions|é|[a-z]){0,8}") {
        let id = ArmId::new(text.clone());
        let _ = (id.subscription(), id.resource_group(), id.provider(), id.resource_type(), id.name(), id.key());
        let _ = (id.segment(&scope), id.is_resource(), id.is_within(&scope), arm_id::is_guid(&text));
        let mut parent = id.parent();
        for _ in 0..40 {
            parent = parent.and_then(|parent| parent.parent());
        }
        prop_assert!(parent.is_none());
    }

    #[test]
    fn any_text_is_redacted(text in "(password|secret|sig=|Bearer |eyJ|[-]{5}BEGIN|PRIVATE KEY[-]{5}|[=:\"' .&é]|\\PC){0,24}") {
        let _ = redact::text(&text);
    }

    #[test]
    fn any_bytes_may_be_facts(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = serde_json::from_slice::<Facts>(&bytes);
    }
}
