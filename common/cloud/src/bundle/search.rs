//! Searching foreign files for secrets, as they go by.

use std::io::{self, Read};

use facts::recording::{Exposed, Place};
use facts::redact::{self, Kind};

/// How many places are kept; all are counted.
const KEPT: usize = 100;
/// The longest line that is looked at in one piece, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How much of a recording is searched, in bytes.
const MAX_SEARCHED: u64 = 1024 * 1024 * 1024;

/// A search over the files of a recording.
#[derive(Debug, Default)]
pub struct Search {
    found: Exposed,
    bytes: u64,
}

impl Search {
    /// What was found, in the order of files and lines.
    pub fn done(mut self) -> Exposed {
        self.found.places.sort();
        self.found.unsearched.sort();
        self.found
    }

    /// Searches what is read through the reader that it gives back. Binary content is searched as far as it is text.
    pub fn through<'a, R: Read>(&'a mut self, file: &str, inner: R) -> Through<'a, R> {
        let over = self.bytes > MAX_SEARCHED;
        if over {
            self.leave_out(file);
        } else {
            self.found.files += 1;
        }
        Through { inner, lines: (!over).then(|| Lines::new(file)), search: self }
    }

    /// Notes a file that cannot be read.
    pub fn leave_out(&mut self, file: &str) {
        self.found.unsearched.push(file.to_owned());
    }

    /// Searches a whole content.
    pub fn content(&mut self, file: &str, content: &[u8]) {
        let _ = io::copy(&mut self.through(file, content), &mut io::sink());
    }
}

/// A reader whose content is searched.
pub struct Through<'a, R> {
    inner: R,
    lines: Option<Lines>,
    search: &'a mut Search,
}

impl<R: Read> Read for Through<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(lines) = &mut self.lines {
            self.search.bytes += read as u64;
            match read {
                0 => lines.end(&mut self.search.found),
                _ => lines.feed(&buffer[..read], &mut self.search.found),
            }
        }
        Ok(read)
    }
}

/// The state of a file: what stands open, line by line.
struct Lines {
    file: String,
    number: u64,
    pending: Vec<u8>,
    object: Object,
}

/// A Kubernetes object in YAML of which some lines went by. `data` comes before `kind`, so its lines wait for it.
#[derive(Default)]
struct Object {
    /// How deep the members of the object stand.
    indent: usize,
    is_secret: Option<bool>,
    in_data: bool,
    waiting: Vec<u64>,
}

impl Lines {
    fn new(file: &str) -> Self {
        Self { file: file.to_owned(), number: 0, pending: Vec::new(), object: Object::default() }
    }

    fn feed(&mut self, mut bytes: &[u8], found: &mut Exposed) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(&bytes[..end]);
            self.line(found);
            bytes = &bytes[end + 1..];
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > LONGEST {
            self.line(found);
            // The rest of it is the same line.
            self.number -= 1;
        }
    }

    fn end(&mut self, found: &mut Exposed) {
        if !self.pending.is_empty() {
            self.line(found);
        }
    }

    fn line(&mut self, found: &mut Exposed) {
        self.number += 1;
        let bytes = std::mem::take(&mut self.pending);
        if may_hold_secret(&bytes) {
            for kind in redact::kinds(&String::from_utf8_lossy(&bytes)) {
                self.note(self.number, kind, found);
            }
        }
        for number in self.object.line(&bytes, self.number) {
            self.note(number, Kind::SecretData, found);
        }
    }

    fn note(&self, line: u64, kind: Kind, found: &mut Exposed) {
        found.count += 1;
        if found.places.len() < KEPT {
            found.places.push(Place { file: self.file.clone(), line, kind });
        }
    }
}

impl Object {
    /// Takes in a line; the numbers of the lines that turn out to be values of a Secret.
    fn line(&mut self, line: &[u8], number: u64) -> Vec<u64> {
        let Ok(text) = std::str::from_utf8(line) else { return Vec::new() };
        let mut text = text.trim_end();
        if text.starts_with("---") {
            *self = Self::default();
            return Vec::new();
        }
        let mut indent = text.len() - text.trim_start().len();
        text = text.trim_start();
        if let Some(item) = text
            .strip_prefix("- ")
            .filter(|item| item.starts_with("apiVersion:") || item.starts_with("kind:") || item.starts_with("data:"))
        {
            // The next object of a list.
            indent += 2;
            *self = Self { indent, ..Self::default() };
            text = item;
        }
        if indent <= self.indent {
            self.in_data = false;
        }
        if indent == self.indent {
            if let Some(kind) = text.strip_prefix("kind:") {
                let is_secret = kind.trim().trim_matches('"') == "Secret";
                self.is_secret = Some(is_secret);
                let waiting = std::mem::take(&mut self.waiting);
                return if is_secret { waiting } else { Vec::new() };
            }
            self.in_data = matches!(text, "data:" | "stringData:");
            return Vec::new();
        }
        let value = text.split_once(": ").map_or("", |(_, value)| value.trim().trim_matches('"'));
        let empty =
            value.is_empty() || value == "null" || value.contains(redact::MARK) || value.starts_with("REDACTED");
        if !self.in_data || empty {
            return Vec::new();
        }
        match self.is_secret {
            Some(true) => vec![number],
            Some(false) => Vec::new(),
            None => {
                self.waiting.push(number);
                Vec::new()
            }
        }
    }
}

/// Whether a line has anything that redaction looks for: most have not, and this is quick.
fn may_hold_secret(line: &[u8]) -> bool {
    static SIGNS: std::sync::LazyLock<Option<regex::bytes::Regex>> = std::sync::LazyLock::new(|| {
        let signs = r"PRIVATE KEY|eyJ|Q~|==|AKIA|ASIA|(?i-u)secret|assertion|passw|access[-_]?token|refresh[-_]?token|id[-_]?token|access[-_]?key|account[-_]?key|sig=|bearer|authorization|auth";
        regex::bytes::Regex::new(&format!("(?-u){signs}")).ok()
    });
    SIGNS.as_ref().is_none_or(|signs| signs.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(u64, Kind)> {
        let mut search = Search::default();
        search.content("f", text.as_bytes());
        search.done().places.into_iter().map(|place| (place.line, place.kind)).collect()
    }

    #[test]
    fn secrets_are_told_by_line_and_kind() {
        let text = "a: 1\nkey: |\n  -----BEGIN RSA PRIVATE KEY-----\nurl: https://a/c?sig=AbCdEfGhIjKlMnOpQr%3D\n";
        assert_eq!(places(text), [(3, Kind::PrivateKey), (4, Kind::SasSignature)]);
        assert_eq!(places("password: changed\nauthorization: webhook\n"), []);
        assert_eq!(places("-----BEGIN PUBLIC KEY-----\nMIIB\n"), []);
    }

    #[test]
    fn values_of_secrets_are_told_and_those_of_config_maps_are_not() {
        let secret = "apiVersion: v1\ndata:\n  a: Zm9v\n  b: \"\"\nkind: Secret\nmetadata:\n  name: x\n";
        assert_eq!(places(secret), [(3, Kind::SecretData)]);
        assert_eq!(places(&secret.replace("Secret", "ConfigMap")), []);
        assert_eq!(places("kind: Secret\nstringData:\n  a: foo\ntype: Opaque\n"), [(3, Kind::SecretData)]);
        let list = "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    a: Zm9v\n  kind: ConfigMap\n- apiVersion: v1\n  data:\n    \
                    a: Zm9v\n  kind: Secret\n  metadata:\n    name: x\nkind: List\n";
        assert_eq!(places(list), [(9, Kind::SecretData)]);
        let reference = "kind: Pod\nspec:\n  volumes:\n  - secret:\n      secretName: x\n";
        assert_eq!(places(reference), []);
        let two = "kind: Secret\n---\nkind: ConfigMap\ndata:\n  a: b\n";
        assert_eq!(places(two), []);
    }

    #[test]
    fn a_line_without_end_costs_no_memory_without_end() {
        let mut search = Search::default();
        let line = io::repeat(b'x').take(8 * LONGEST as u64);
        let mut through = search.through("f", line);
        let _ = io::copy(&mut through, &mut io::sink());
        assert!(through.lines.is_some_and(|lines| lines.pending.capacity() <= 2 * LONGEST));
        assert_eq!(search.done().count, 0);
    }
}
