//! The signing keys on disk: made once, never replaced, kept when another takes their place.

use std::path::{Path, PathBuf};

use facts::oidc::PublicKey;

use super::{Facts, Spec, shown};
use crate::change::{Change, Content};
use crate::late::Late;
use crate::resource::kept;
use crate::secret::Secret;
use crate::{Refusal, Step, Verb};

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// A private key, with its public half beside it.
    Files(KeyFiles),
    /// A public key alone: its private half is elsewhere.
    Public(PathBuf),
}

/// A private key's file and those beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// The private key.
    pub private: PathBuf,
}

impl KeyFiles {
    /// The public half: `x.public` for `x.private`, else the whole name with `.public` behind it.
    pub fn public(&self) -> PathBuf {
        if self.private.extension().is_some_and(|extension| extension == "private") {
            return self.private.with_extension("public");
        }
        beside(&self.private, ".public")
    }

    /// The new private key of a rotation that is not over.
    pub fn next(&self) -> PathBuf {
        beside(&self.private, ".new")
    }

    /// Where a key stays whose place another took.
    pub fn old(&self, key: &PublicKey) -> PathBuf {
        beside(&self.private, &format!(".old-{}", short(&key.kid)))
    }
}

/// A key on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalKey {
    /// Its public half.
    pub public: PublicKey,
    /// The same as a PEM text.
    pub public_pem: String,
    /// Whether others than its owner may read the private half.
    pub exposed: bool,
}

/// A key that was made just now, and is nowhere yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshKey {
    /// The private half, PKCS#1 in PEM form.
    pub private: Secret,
    /// What is public of it.
    pub key: LocalKey,
}

/// What is known of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeysSeen {
    /// The key in its place.
    pub current: Option<LocalKey>,
    /// The new key of a rotation that is not over.
    pub next: Option<LocalKey>,
    /// What stands in the file of the public half, if there is one.
    pub public: Option<String>,
    /// A key to be used where one is missing; see [`KeysSeen::lacks_one`].
    pub fresh: Option<FreshKey>,
}

impl KeysSeen {
    /// Whether a key has to be made.
    pub fn lacks_one(&self, spec: &Spec) -> bool {
        match (&spec.keys, spec.rotate) {
            (Keys::Public(_), _) => false,
            (Keys::Files(_), false) => self.current.is_none(),
            (Keys::Files(_), true) => self.next.is_none(),
        }
    }

    /// The key that signs once the plan is done.
    pub fn signing(&self, spec: &Spec) -> Option<&PublicKey> {
        let held = if spec.rotate { &self.next } else { &self.current };
        let fresh = self.fresh.as_ref().map(|fresh| &fresh.key);
        held.as_ref().or(fresh).map(|key| &key.public)
    }

    /// Checks the keys, before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self, spec: &Spec) -> Result<(), Refusal> {
        let Keys::Files(files) = &spec.keys else { return Ok(()) };
        let (private, next) = (shown(&files.private), shown(&files.next()));
        match (&self.current, &self.next, spec.rotate) {
            (None, Some(_), _) => Err(Refusal::new(
                "--key-file",
                &private,
                format!("it does not exist, but {next} does: a rotation that lost its old key"),
                format!("bring the old key back, or go on with the new one: `mv {next} {private}`"),
            )),
            (None, None, true) => Err(Refusal::new(
                "--rotate",
                "",
                format!("there is no key in {private} whose place another could take"),
                "give `--key-file` with the path of the key, or leave `--rotate` out to make the first one",
            )),
            (None, None, false) if self.public.is_some() => Err(Refusal::new(
                "--key-file",
                &private,
                format!("it does not exist, but its public half {} does", shown(&files.public())),
                "give the path of the private key, or publish the public one alone with `--public-key-file`",
            )),
            _ => Ok(()),
        }
    }
}

/// What is planned for the keys.
#[derive(Debug)]
pub(super) struct KeyPlan {
    /// The keys that must be published, ours first.
    pub publish: Vec<PublicKey>,
    /// The step that puts them on disk.
    first: Step,
    /// What is done once they are published: the new key takes its place.
    swap: Option<Step>,
    public: Option<Step>,
}

impl KeyPlan {
    /// The step that must be done before anything is published.
    pub fn before(&self) -> &str {
        &self.first.id
    }

    /// All steps.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        [Some(self.first), self.swap, self.public].into_iter().flatten()
    }
}

/// The step that makes or keeps the key.
const KEY_STEP: &str = "key";

pub(super) fn plan(spec: &Spec, facts: &Facts, notes: &mut Vec<String>) -> Result<KeyPlan, Refusal> {
    let seen = &facts.keys;
    seen.check(spec)?;
    let files = match &spec.keys {
        Keys::Files(files) => files,
        Keys::Public(path) => {
            let key = seen.current.as_ref().ok_or_else(|| no_key("--public-key-file", path))?;
            let first = kept(KEY_STEP, format!("public key {}", shown(path)), reason_of(&key.public));
            return Ok(KeyPlan { publish: vec![key.public.clone()], first, swap: None, public: None });
        }
    };
    for (key, path) in [(&seen.current, files.private.clone()), (&seen.next, files.next())] {
        if key.as_ref().is_some_and(|key| key.exposed) {
            let path = shown(&path);
            notes.push(format!("others can read the private key {path}: `chmod 600 {path}`"));
        }
    }
    match &seen.current {
        Some(current) if spec.rotate => rotation(files, seen, current),
        Some(current) => {
            if seen.next.is_some() {
                notes.push(format!("a rotation is not over: {} waits; `--rotate` finishes it", shown(&files.next())));
            }
            let first = kept(KEY_STEP, format!("private key {}", shown(&files.private)), reason_of(&current.public));
            let public = public_half(files, seen, current, KEY_STEP);
            Ok(KeyPlan { publish: vec![current.public.clone()], first, swap: None, public: Some(public) })
        }
        None => {
            let fresh = seen.fresh.as_ref().ok_or_else(|| no_key("--key-file", &files.private))?;
            let first = made(&files.private, fresh, "signs the tokens of service accounts");
            let public = public_half(files, seen, &fresh.key, KEY_STEP);
            Ok(KeyPlan { publish: vec![fresh.key.public.clone()], first, swap: None, public: Some(public) })
        }
    }
}

/// The new key is published beside the old one, and only then takes its place.
fn rotation(files: &KeyFiles, seen: &KeysSeen, current: &LocalKey) -> Result<KeyPlan, Refusal> {
    let next = files.next();
    let (first, new) = match (&seen.next, &seen.fresh) {
        (Some(key), _) => {
            let reason = format!("{}, of a rotation that is not over", reason_of(&key.public));
            (kept(KEY_STEP, format!("private key {}", shown(&next)), reason), key)
        }
        (None, Some(fresh)) => (made(&next, fresh, "takes the place of the old one"), &fresh.key),
        (None, None) => return Err(no_key("--rotate", &next)),
    };
    let keep = files.old(&current.public);
    let swap = Step {
        id: "key/swap".into(),
        verb: Verb::Change,
        resource: format!("private key {}", shown(&files.private)),
        reason: format!("the new key takes its place; the old one stays in {}", shown(&keep)),
        depends_on: [KEY_STEP.to_owned(), super::documents::JWKS_STEP.to_owned()].into(),
        change: Some(Change::Supersede { path: files.private.clone(), by: next, keep }),
        serial: None,
    };
    let public = public_half(files, seen, new, &swap.id);
    let publish = vec![new.public.clone(), current.public.clone()];
    Ok(KeyPlan { publish, first, swap: Some(swap), public: Some(public) })
}

fn made(path: &Path, fresh: &FreshKey, reason: &str) -> Step {
    Step {
        id: KEY_STEP.into(),
        verb: Verb::Create,
        resource: format!("private key {}", shown(path)),
        reason: format!("RSA, {} bits; {reason}", fresh.key.public.bits),
        depends_on: Default::default(),
        change: Some(Change::SecretFile { path: path.to_owned(), content: fresh.private.clone() }),
        serial: None,
    }
}

fn public_half(files: &KeyFiles, seen: &KeysSeen, key: &LocalKey, after: &str) -> Step {
    let path = files.public();
    let resource = format!("public key {}", shown(&path));
    let (verb, reason) = match &seen.public {
        Some(text) if *text == key.public_pem => return kept("key/public", resource, "exists as it should be"),
        Some(_) => (Verb::Change, "exists, and is not of this key"),
        None => (Verb::Create, "its public half"),
    };
    Step {
        id: "key/public".into(),
        verb,
        resource,
        reason: reason.into(),
        depends_on: [after.to_owned()].into(),
        change: Some(Change::File { path, content: Content::Text(key.public_pem.clone(), Late::default()) }),
        serial: None,
    }
}

fn reason_of(key: &PublicKey) -> String {
    format!("exists, key id {}", short(&key.kid))
}

/// Enough of a key id to tell it from others.
pub(super) fn short(kid: &str) -> &str {
    kid.get(..8).unwrap_or(kid)
}

fn no_key(flag: &'static str, path: &Path) -> Refusal {
    Refusal::new(flag, shown(path), "there is no key", "give the path of an RSA key in PEM form")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}
