//! Client ids that are known only once a step of the same plan is done: a placeholder stands for each until then.
//!
//! A placeholder looks like the client id that it stands for, so that whatever is derived from it can be judged and shown
//! as if all were known.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// The steps that leave client ids, by the placeholder that stands for what each leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Late(BTreeMap<String, String>);

impl Late {
    /// The placeholder for what a step will leave.
    pub fn stand_in(&mut self, step: &str) -> String {
        let placeholder = placeholder(step);
        self.0.insert(placeholder.clone(), step.to_owned());
        placeholder
    }

    /// Those that stand in a text.
    #[must_use]
    pub fn within(&self, text: &str) -> Self {
        Self(self.0.iter().filter(|(placeholder, _)| text.contains(placeholder.as_str())).map(owned).collect())
    }

    /// The steps that must be done before.
    pub fn steps(&self) -> BTreeSet<String> {
        self.0.values().cloned().collect()
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with what the steps left.
    ///
    /// # Errors
    /// The name of a step that left nothing.
    pub fn fill(&self, text: &str, left: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        self.0.iter().try_fold(text.to_owned(), |text, (placeholder, step)| {
            let value = left(step).ok_or_else(|| step.clone())?;
            Ok(text.replace(placeholder, &value))
        })
    }
}

fn owned((placeholder, step): (&String, &String)) -> (String, String) {
    (placeholder.clone(), step.clone())
}

/// A UUID that nobody else has: derived from a name of our own.
fn placeholder(step: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{step}.late.hcp-azure.io").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn placeholders_are_filled_with_what_steps_left() {
        let mut late = Late::default();
        let (disk, file) = (late.stand_in("identity/disk"), late.stand_in("identity/file"));
        assert_ne!(disk, file);
        let text = format!("clientID: {disk}");
        let used = late.within(&text);
        assert_eq!(used.steps(), ["identity/disk".to_owned()].into());
        assert_eq!(used.fill(&text, |step| Some(format!("<{step}>"))).unwrap(), "clientID: <identity/disk>");
        assert_eq!(used.fill(&text, |_| None), Err("identity/disk".into()));
        assert!(late.within("nothing").is_empty());
    }
}
