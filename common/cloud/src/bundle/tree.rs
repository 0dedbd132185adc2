//! [`Tree`]: the files of a Kubernetes dump that matter, wherever they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use super::layout::{self, Collection, Located, Place};
use crate::kubernetes::logs::Scan;
use crate::kubernetes::objects;

/// The largest YAML or JSON file that is read, in bytes.
pub const MAX_ENTRY: u64 = 64 * 1024 * 1024;

/// A file that matters.
#[derive(Debug)]
pub enum Content {
    /// It is on disk and read when asked for.
    OnDisk(PathBuf),
    /// It came out of an archive.
    Bytes(Vec<u8>),
    /// A log that came out of an archive, read as it went by.
    Log(Scan),
}

/// The files of a Kubernetes dump that matter, by path, and what else the paths show.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, (Located, Content)>,
    dumped: BTreeSet<(String, Collection)>,
    /// Whether anything at all belongs to a tree: `namespaces/` or `cluster-scoped-resources/`.
    is_tree: bool,
    /// The hosted cluster's own objects, set apart from those of the management cluster.
    guest: Option<Box<Tree>>,
}

/// A parsed object, with the file it was in.
pub struct Object {
    /// The path within the bundle.
    pub file: String,
    /// The object.
    pub value: Value,
}

impl Tree {
    /// Notes that a path exists.
    pub fn note(&mut self, located: &Located) {
        if let Some(collection) = &located.collection {
            self.is_tree = true;
            self.dumped.insert((located.root.clone(), collection.clone()));
        }
    }

    /// Adds a file that matters.
    pub fn add(&mut self, path: String, located: Located, content: Content) {
        self.note(&located);
        if matches!(located.place, Some(Place::JoinedLog { .. } | Place::NestedLog { .. })) {
            self.is_tree = true;
        }
        self.files.insert(path, (located, content));
    }

    /// Whether there is a tree at all.
    pub fn is_tree(&self) -> bool {
        self.is_tree
    }

    /// The hosted cluster's own objects, where they were set apart.
    pub fn guest(&self) -> Option<&Self> {
        self.guest.as_deref()
    }

    /// Sets the hosted cluster's own objects apart, unless there is nothing else.
    #[must_use]
    pub fn of_management_cluster(mut self) -> Self {
        let has_management = self.dumped.iter().any(|(root, _)| !layout::is_guest(root));
        if has_management {
            let files = std::mem::take(&mut self.files).into_iter();
            let (of_guest, own) = files.partition(|(_, (located, _))| layout::is_guest(&located.root));
            self.files = own;
            let guest = Self {
                files: of_guest,
                dumped: self.dumped.iter().filter(|(root, _)| layout::is_guest(root)).cloned().collect(),
                is_tree: true,
                guest: None,
            };
            self.dumped.retain(|(root, _)| !layout::is_guest(root));
            self.guest = (!guest.dumped.is_empty()).then(|| Box::new(guest));
        }
        self
    }

    /// Whether the dump covers a collection, be it empty.
    pub fn covers(&self, collection: &Collection) -> bool {
        self.dumped.iter().any(|(_, dumped)| dumped == collection)
    }

    /// The namespaces of which a collection was dumped.
    pub fn namespaces_of(&self, group: &str, resource: &str) -> BTreeSet<String> {
        self.dumped
            .iter()
            .filter(|(_, c)| c.group == group && c.resource == resource)
            .map(|(_, c)| c.namespace.clone())
            .collect()
    }

    /// The objects of a collection by name, the last of those of one name.
    ///
    /// # Errors
    /// The file that could not be read or parsed, or that holds another kind, and what is wrong with it.
    pub fn objects(&self, collection: &Collection, kind: &str) -> Result<Vec<Object>, FileError> {
        let mut by_name: BTreeMap<String, Object> = BTreeMap::new();
        for (path, content) in self.of_place(|place| matches!(place, Place::Objects(c) if c == collection)) {
            let bytes = read(path, content)?;
            for value in documents(path, &bytes)? {
                let found = objects::str_at(&value, "/kind").unwrap_or(kind);
                if found != kind {
                    return Err(FileError::OtherKind { file: path.to_owned(), found: found.to_owned() });
                }
                let name = objects::text(&value, "/metadata/name").unwrap_or_default();
                let file = path.to_owned();
                by_name.insert(name, Object { file, value });
            }
        }
        Ok(by_name.into_values().collect())
    }

    /// The aggregated discovery document, if the dump holds one.
    ///
    /// # Errors
    /// The file, and what is wrong with it.
    pub fn discovery(&self) -> Result<Option<Value>, FileError> {
        match self.of_place(|place| *place == Place::Discovery).next() {
            Some((path, content)) => Ok(documents(path, &read(path, content)?)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// The newest time in a `timestamp` file at the root.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.of_place(|place| *place == Place::Timestamp)
            .filter_map(|(path, content)| read(path, content).ok())
            .filter_map(|bytes| String::from_utf8_lossy(&bytes).lines().filter_map(go_time).max())
            .max()
    }

    /// The places of the logs of a namespace.
    pub fn log_places(&self, namespace: &str) -> impl Iterator<Item = (&str, &Place)> {
        self.files.iter().filter_map(move |(path, (located, _))| {
            let place = located.place.as_ref()?;
            match place {
                Place::JoinedLog { namespace: of, .. } | Place::NestedLog { namespace: of, .. } if of == namespace => {
                    Some((path.as_str(), place))
                }
                _ => None,
            }
        })
    }

    /// A log, read.
    ///
    /// # Errors
    /// The file, and why it could not be read.
    pub fn log(&self, path: &str) -> Result<Scan, FileError> {
        match self.files.get(path) {
            Some((_, Content::Log(scan))) => Ok(scan.clone()),
            Some((_, Content::Bytes(bytes))) => scan(path, bytes.as_slice()),
            Some((_, Content::OnDisk(file))) => {
                let file = File::open(file).map_err(|error| FileError::broken(path, &error))?;
                scan(path, BufReader::new(file))
            }
            None => Err(FileError::broken(path, &"not in the dump")),
        }
    }

    fn of_place(&self, mut wanted: impl FnMut(&Place) -> bool) -> impl Iterator<Item = (&str, &Content)> {
        self.files
            .iter()
            .filter(move |(_, (located, _))| located.place.as_ref().is_some_and(&mut wanted))
            .map(|(path, (_, content))| (path.as_str(), content))
    }
}

/// What is wrong with a file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or parsed.
    #[error("{file}: {why}")]
    Broken {
        /// The path within the bundle.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// It holds another kind than its place says.
    #[error("{file} holds {found}")]
    OtherKind {
        /// The path within the bundle.
        file: String,
        /// The kind it holds.
        found: String,
    },
}

impl FileError {
    fn broken(file: &str, why: &dyn std::fmt::Display) -> Self {
        Self::Broken { file: file.to_owned(), why: why.to_string() }
    }
}

fn scan(path: &str, log: impl std::io::BufRead) -> Result<Scan, FileError> {
    let mut scan = Scan::default();
    scan.read(log).map_err(|error| FileError::broken(path, &error))?;
    Ok(scan)
}

fn read(path: &str, content: &Content) -> Result<Vec<u8>, FileError> {
    match content {
        Content::Bytes(bytes) => Ok(bytes.clone()),
        Content::OnDisk(file) => {
            let size = std::fs::metadata(file).map_err(|error| FileError::broken(path, &error))?.len();
            if size > MAX_ENTRY {
                return Err(FileError::broken(path, &"larger than 64 MiB"));
            }
            std::fs::read(file).map_err(|error| FileError::broken(path, &error))
        }
        Content::Log(_) => Err(FileError::broken(path, &"a log, not an object")),
    }
}

/// The objects in a file: one or several YAML documents, lists taken apart.
fn documents(path: &str, bytes: &[u8]) -> Result<Vec<Value>, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::broken(path, &"it is not UTF-8 text"))?;
    let parsed = parse_yaml(text).map_err(|why| FileError::broken(path, &why))?;
    let mut found = Vec::new();
    for document in parsed {
        match document {
            Value::Null => {}
            Value::Object(mut object) => {
                let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
                let is_list = kind.ends_with("List") && object.contains_key("items") && !is_discovery(kind);
                match object.get_mut("items").map(Value::take) {
                    Some(Value::Array(items)) if is_list => found.extend(items),
                    Some(items) if !is_list => {
                        object.insert("items".to_owned(), items);
                        found.push(Value::Object(object));
                    }
                    Some(_) => {}
                    None => found.push(Value::Object(object)),
                }
            }
            _ => return Err(FileError::broken(path, &"it holds no Kubernetes object")),
        }
    }
    Ok(found)
}

/// The document whose `items` belong together.
fn is_discovery(kind: &str) -> bool {
    kind == "APIGroupDiscoveryList"
}

/// Parses YAML documents. The error says where, and quotes nothing of the text.
pub fn parse_yaml(text: &str) -> Result<Vec<Value>, String> {
    // Lists of a namespace's pods have more nodes than the parser allows by default.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 50_000_000,
            max_nodes: 20_000_000,
            max_documents: 10_000,
        },
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let place = error.location().map(|location| format!("line {}", location.line()));
        format!("it is no valid YAML{}", place.map_or(String::new(), |place| format!(" ({place})")))
    })
}

/// The time in Go's format: `2026-11-20 21:59:39.952315526 +0000 UTC m=+0.162150221`.
fn go_time(line: &str) -> Option<Timestamp> {
    let mut words = line.split_ascii_whitespace();
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    format!("{date}T{time}{zone}").parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_and_several_documents_are_taken_apart() {
        let text = "---\napiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n---\nkind: Pod\n\
                    metadata: {name: c}\n---\n";
        let names: Vec<_> = documents("f", text.as_bytes())
            .unwrap()
            .iter()
            .filter_map(|object| objects::text(object, "/metadata/name"))
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(documents("f", b"{\"kind\": \"List\", \"items\": []}").unwrap().len(), 0);
    }

    #[test]
    fn broken_yaml_is_named_by_line_and_not_quoted() {
        let error = documents("x.yaml", b"a: 1\nb: [s3cr3t\n").unwrap_err().to_string();
        assert!(error.starts_with("x.yaml: it is no valid YAML") && !error.contains("s3cr3t"), "{error}");
        assert!(documents("x", b"just text").is_err());
        assert!(documents("x", &[0xff, 0xfe]).is_err());
    }

    #[test]
    fn the_time_that_inspect_writes() {
        let time = go_time("2026-11-20 22:00:10.667075502 +0000 UTC m=+0.155698594").unwrap();
        assert_eq!(time.to_string(), "2026-11-20T22:00:10.667075502Z");
        assert_eq!(go_time("garbage"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_may_be_in_a_tree(text in crate::fuzz::yaml(), path in "(/|namespaces|core|pods|logs|cluster-scoped-resources|[.]yaml|[.]log|é|[a-z]){0,10}") {
            let _ = documents("f", text.as_bytes());
            let _ = go_time(&text);
            let _ = layout::locate(&path);
        }
    }

    #[test]
    fn bombs_are_refused_in_good_time() {
        let begun = std::time::Instant::now();
        for bomb in crate::fuzz::bombs() {
            assert!(documents("f", bomb.as_bytes()).is_err());
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    }
}
