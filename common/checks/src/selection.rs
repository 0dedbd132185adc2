//! [`Selection`]: which checks to run.

use std::collections::BTreeSet;

use facts::Need;

use crate::check::{Check, Group, Stage};
use crate::registry::CHECKS;

/// Which checks to run: those of a stage, or those named, less those excluded.
///
/// A check whose facts are collected on request only runs when it is named or when [`Selection::on_request`] says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    only: BTreeSet<&'static str>,
    skip: BTreeSet<&'static str>,
    stage: Option<Stage>,
    on_request: bool,
    without: BTreeSet<Need>,
    but: BTreeSet<&'static str>,
}

/// A word that names no check and no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// The nearest code or group name, if one is near.
    pub nearest: Option<String>,
}

impl Selection {
    /// A selection from the words of `--only` and `--skip`: codes (`FC01`, `HAZ-FC01`), ids (`fic-subjects-complete`),
    /// group letters (`FC`) or group names (`federation`), in any case.
    ///
    /// # Errors
    /// The first word that names nothing.
    pub fn parse<S: AsRef<str>>(only: &[S], skip: &[S]) -> Result<Self, UnknownWord> {
        let codes = |words: &[S]| -> Result<BTreeSet<&'static str>, UnknownWord> {
            let mut codes = BTreeSet::new();
            for word in words {
                codes.extend(codes_of(word.as_ref())?);
            }
            Ok(codes)
        };
        Ok(Self { only: codes(only)?, skip: codes(skip)?, ..Self::default() })
    }

    /// Runs the checks of one stage, unless checks are named.
    #[must_use]
    pub fn of_stage(self, stage: Stage) -> Self {
        Self { stage: Some(stage), ..self }
    }

    /// Also runs the checks whose facts are collected on request only: those that trade tokens at Entra.
    #[must_use]
    pub fn on_request(self, on_request: bool) -> Self {
        Self { on_request, ..self }
    }

    /// Leaves out the checks that need one of these facts: of things that are yet to be made. The codes in `but` stay:
    /// they judge what is not there yet.
    #[must_use]
    pub fn without(self, needs: &BTreeSet<Need>, but: &[&'static str]) -> Self {
        Self { without: needs.clone(), but: but.iter().copied().collect(), ..self }
    }

    /// Whether a check is to run.
    pub fn includes(&self, check: &Check) -> bool {
        let chosen = if self.only.is_empty() {
            self.stage.is_none_or(|stage| check.when.contains(&stage))
                && (self.on_request || !check.needs.iter().any(|need| need.is_on_request()))
        } else {
            self.only.contains(check.code)
        };
        let lacks = check.needs.iter().any(|need| self.without.contains(need)) && !self.but.contains(check.code);
        chosen && !lacks && !self.skip.contains(check.code)
    }

    /// The facts that the selected checks need.
    pub fn needs(&self) -> BTreeSet<Need> {
        CHECKS.iter().filter(|check| self.includes(check)).flat_map(|check| check.needs.iter().copied()).collect()
    }
}

/// The check with a code or id, however written.
pub fn find(word: &str) -> Option<&'static Check> {
    let word = word.trim();
    let code = word.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("HAZ-")).map_or(word, |_| &word[4..]);
    CHECKS.iter().copied().find(|check| check.code.eq_ignore_ascii_case(code) || check.id.eq_ignore_ascii_case(word))
}

fn codes_of(word: &str) -> Result<Vec<&'static str>, UnknownWord> {
    if let Some(check) = find(word) {
        return Ok(vec![check.code]);
    }
    let group = Group::ALL
        .into_iter()
        .find(|group| group.letters().eq_ignore_ascii_case(word) || group.name().eq_ignore_ascii_case(word));
    let codes: Vec<&'static str> =
        CHECKS.iter().filter(|check| Some(check.group) == group).map(|check| check.code).collect();
    if codes.is_empty() { Err(UnknownWord { word: word.to_owned(), nearest: nearest(word) }) } else { Ok(codes) }
}

/// The code, id or group name that is nearest to a mistyped word.
pub fn nearest(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    CHECKS
        .iter()
        .flat_map(|check| [check.code, check.id])
        .chain(Group::ALL.into_iter().flat_map(|group| [group.letters(), group.name()]))
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_ascii_lowercase()), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min()
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_in_every_form() {
        let codes = |only: &[&str], skip: &[&str]| -> Vec<&str> {
            let selection = Selection::parse(only, skip).unwrap();
            CHECKS.iter().filter(|check| selection.includes(check)).map(|check| check.code).collect()
        };
        assert_eq!(codes(&["fc01"], &[]), ["FC01"]);
        assert_eq!(codes(&["HAZ-FC01"], &[]), ["FC01"]);
        assert_eq!(codes(&["fic-subjects-complete"], &[]), ["FC01"]);
        assert_eq!(codes(&["FC"], &["FC01"]), codes(&["federation"], &["fic-subjects-complete"]));
        let on_request = CHECKS.iter().filter(|check| check.needs.iter().any(|need| need.is_on_request())).count();
        assert_eq!(codes(&[], &[]).len(), CHECKS.len() - on_request);
    }

    #[test]
    fn a_stage_and_what_is_collected_on_request() {
        let codes = |selection: &Selection| -> Vec<&str> {
            CHECKS.iter().filter(|check| selection.includes(check)).map(|check| check.code).collect()
        };
        let preflight = codes(&Selection::default().of_stage(Stage::Preflight));
        assert!(preflight.contains(&"QT01") && !preflight.contains(&"HC01"), "{preflight:?}");
        let all = codes(&Selection::default().on_request(true));
        assert_eq!(all.len(), CHECKS.len());
        let named = Selection::parse(&["HC01"], &[]).unwrap().of_stage(Stage::Preflight);
        assert_eq!(codes(&named), ["HC01"]);
    }

    #[test]
    fn a_mistyped_word_names_its_neighbour() {
        let error = Selection::parse(&["FC91"], &[]).unwrap_err();
        assert_eq!(error.word, "FC91");
        assert!(error.nearest.is_some_and(|near| near.starts_with("FC")));
        assert_eq!(Selection::parse(&["quantum"], &[]).unwrap_err().nearest, None);
    }
}
