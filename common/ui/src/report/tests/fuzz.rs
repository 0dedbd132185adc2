//! Facts that nobody foresaw: every form of the report and of the status is written without a panic, and well-formed.

use super::*;

#[path = "../../../../checks/src/testkit/mutation.rs"]
mod mutation;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_facts_are_shown(name in prop_oneof![Just("healthy"), Just("three-root-causes")], picks in prop::collection::vec(any::<(u32, u32)>(), 1..24), width in 80_usize..=120) {
        let facts = mutation::mutated(&recorded(name), &picks);
        let report = report(&facts, &[("NW02", "2030-01-01")]);
        let shown = [shown(&facts, &report)];
        for terminal in [crate::Terminal::plain(width), crate::Terminal::plain(width).ascii()] {
            let _ = (table(&shown[0], &terminal), wide(&shown[0], &terminal), fleet(&shown, &terminal));
            let status = checks::status::of(&facts);
            let _ = crate::status::screen(&status, "kubectl hcp-azure", &terminal);
            let _ = crate::status::fleet(&[status], "kubectl hcp-azure", &terminal);
        }
        let document = DoctorReport::of(&report);
        serde_json::from_str::<serde_json::Value>(&json(&document).unwrap()).unwrap();
        serde_saphyr::from_str::<serde_json::Value>(&yaml(&document).unwrap()).unwrap();
        xml(&html(&shown));
        xml(&junit(&shown, Bar::default()));
        prop_assert!(markdown(&shown).lines().count() <= 60);
        let _ = super::super::name(&[&report], false);
    }
}
