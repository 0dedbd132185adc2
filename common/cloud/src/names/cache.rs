//! What was read a moment ago, in a folder for its owner alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Name;
use crate::files;

/// For so long the API server is not asked again: a few presses of the same key are one question.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// For so long names serve while the API server does not answer.
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// One question's place in the cache.
pub(super) struct Cache {
    path: PathBuf,
}

/// What is kept of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub names: Vec<Name>,
    /// When the names were read.
    read: Option<Timestamp>,
    /// When they were asked for last, with or without an answer.
    asked: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct File {
    read: Option<Timestamp>,
    asked: Option<Timestamp>,
    names: Vec<(String, String)>,
}

impl Kept {
    /// Whether they were asked for so short a time ago that they are not asked for again.
    pub fn is_fresh(&self) -> bool {
        is_within(self.asked, FRESH)
    }

    /// The same, asked for now.
    pub fn asked(self) -> Self {
        Self { asked: Some(Timestamp::now()), ..self }
    }

    /// The same with the names of an answer.
    pub fn answered(self, names: Vec<Name>) -> Self {
        Self { names, read: Some(Timestamp::now()), ..self }
    }
}

/// Whether a moment lies in the past, and not longer ago. A clock that was put back makes no cache that never ends.
fn is_within(moment: Option<Timestamp>, age: SignedDuration) -> bool {
    moment.is_some_and(|moment| {
        let ago = Timestamp::now().duration_since(moment);
        !ago.is_negative() && ago < age
    })
}

impl Cache {
    /// The place of a question, which is told by all that its answer depends on. None where there is no cache folder.
    pub fn of(question: &[&str]) -> Option<Self> {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, question.join("\0").as_bytes());
        let name: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { path: folder()?.join(format!("{name}.json")) })
    }

    /// What is kept and not too old.
    pub fn read(&self) -> Option<Kept> {
        let text = files::read_text(&self.path).ok()?;
        let File { read, asked, names } = serde_json::from_str(&text).ok()?;
        let is_usable = is_within(read, STALE);
        let names = names.into_iter().filter(|_| is_usable).map(|(name, note)| Name { name, note }).collect();
        Some(Kept { names, read, asked })
    }

    /// Keeps it. A cache that cannot be written costs a question, and nobody is told.
    pub fn write(&self, kept: &Kept) {
        let names = kept.names.iter().map(|name| (name.name.clone(), name.note.clone())).collect();
        let file = File { read: kept.read, asked: kept.asked, names };
        if let (Ok(text), Some(folder)) = (serde_json::to_string(&file), self.path.parent())
            && make_private(folder).is_ok()
        {
            sweep(folder);
            let _ = files::write(&self.path, &text, true);
        }
    }
}

/// `$XDG_CACHE_HOME/hcp-azure/completion`; without the variable below the system's usual cache folder.
fn folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let usual = || {
        if cfg!(windows) {
            return variable("LOCALAPPDATA");
        }
        std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache"))
    };
    let cache = variable("XDG_CACHE_HOME").or_else(usual)?;
    Some(cache.join("hcp-azure").join("completion"))
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes what nobody asks for any more, so that the folder does not grow for ever.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"))
    {
        let age =
            fs::metadata(&path).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| SignedDuration::try_from(age).is_ok_and(|age| age > STALE)) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_kept_is_private_and_ages() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { path: folder.path().join("hcp-azure").join("completion").join("a.json") };
        assert_eq!(cache.read(), None);
        let kept = Kept::default().asked().answered(vec![Name::new("prod", "4.22.3")]);
        cache.write(&kept);
        assert!(kept.is_fresh());
        assert_eq!(cache.read().unwrap(), kept);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&cache.path), 0o600);
            assert_eq!(mode(cache.path.parent().unwrap()), 0o700);
        }
        let ago = |seconds: i64| Some(Timestamp::now() - SignedDuration::from_secs(seconds));
        let aged = |read: i64, asked: i64| Kept { read: ago(read), asked: ago(asked), ..kept.clone() };
        let after = |kept: &Kept| {
            cache.write(kept);
            let read = cache.read().unwrap();
            (read.is_fresh(), read.names.len())
        };
        assert_eq!(after(&aged(20, 20)), (false, 1), "asked again, and served until then");
        assert_eq!(after(&aged(20, 5)), (true, 1), "a server that does not answer is not asked at once again");
        assert_eq!(after(&aged(7200, 20)), (false, 0), "too old to be of use");
        assert_eq!(after(&aged(-600, -600)), (false, 0), "from the future");
        fs::write(&cache.path, "[broken").unwrap();
        assert_eq!(cache.read(), None);
    }

    #[test]
    fn questions_have_places_of_their_own() {
        let of = |question: &[&str]| Cache::of(question).map(|cache| cache.path);
        assert_ne!(of(&["a", "b"]), of(&["a", "c"]));
        assert_ne!(of(&["ab", ""]), of(&["a", "b"]));
    }
}
