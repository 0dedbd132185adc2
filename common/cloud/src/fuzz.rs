//! Texts and documents that nobody foresaw, for the tests of parsers.

use proptest::prelude::*;
use serde_json::Value;

/// What YAML is made of.
const PIECES: [&str; 40] = [
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    ": ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "#",
    "---\n",
    "...",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "|\n",
    ">-\n",
    "\t",
    "~",
    "null",
    "true",
    "0x7fffffffffffffff",
    "1e999",
    "-.inf",
    "é",
    "\u{feff}",
    "code",
    "reason: ",
    "expires: ",
    "kind: List",
    "items:",
    "metadata:",
    "name: ",
    "current-context: ",
    "clusters:",
];

/// Text that may be YAML.
pub(crate) fn yaml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "\\PC{0,5}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// JSON whose objects mostly have these keys.
pub(crate) fn json(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let key = prop_oneof![8 => proptest::sample::select(keys).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Documents whose aliases grow beyond all bounds, or that are nested without end.
pub(crate) fn bombs() -> Vec<String> {
    let mut aliases = vec!["a0: &a0 [x, x]".to_owned()];
    for at in 1..40 {
        aliases.push(format!("a{at}: &a{at} [*a{0}, *a{0}, *a{0}]", at - 1));
    }
    let deep = 20_000;
    vec![aliases.join("\n"), "[".repeat(deep), "{a: ".repeat(deep), "- ".repeat(deep)]
}
