//! What is at a path: our own facts, or a tree of Kubernetes YAML; in a directory, a tar, compressed or not, or bare.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Component, Path, PathBuf};

use facts::recording::Exposed;
use flate2::bufread::MultiGzDecoder;

use super::error::BundleError;
use super::layout::{self, Located, MAX_WRAPPERS, Place};
use super::search::Search;
use super::shown;
use super::tree::{Content, MAX_ENTRY, Tree, parse_yaml};
use crate::kubernetes::logs::Scan;
use crate::kubernetes::objects;

/// The most that an archive may unpack to, in bytes.
const MAX_TOTAL: u64 = 2 * 1024 * 1024 * 1024;
/// The most entries that an archive or directory may have.
const MAX_ENTRIES: usize = 200_000;
/// How deep directories are searched: the wrappers and the deepest path of a tree below them.
const MAX_DEPTH: usize = MAX_WRAPPERS + 8;
/// How many bytes tell what a file is: a tar's magic is within its first header.
const HEADER: usize = 512;

/// What was found.
#[derive(Debug)]
pub enum Loaded {
    /// Our own bundle.
    Facts(Files),
    /// A Kubernetes dump, and the secrets in it if they were searched for.
    Tree(Tree, Option<Exposed>),
}

/// The files of our own bundle.
#[derive(Debug)]
pub struct Files {
    /// The bytes of `facts.json`.
    pub facts: Vec<u8>,
    /// The bytes of `manifest.json` beside it.
    pub manifest: Option<Vec<u8>>,
    /// The secrets in them, if they were searched for.
    pub exposed: Option<Exposed>,
}

impl Files {
    fn new(facts: Vec<u8>, manifest: Option<Vec<u8>>, search: bool) -> Self {
        let exposed = search.then(|| {
            let mut search = Search::default();
            search.content("facts.json", &facts);
            if let Some(manifest) = &manifest {
                search.content("manifest.json", manifest);
            }
            search.done()
        });
        Self { facts, manifest, exposed }
    }
}

/// Finds out what is at a path and reads what matters of it; with `search`, looks for secrets in all of it.
///
/// # Errors
/// [`BundleError`] when it is no bundle, is damaged or too large.
pub fn load(path: &Path, search: bool) -> Result<Loaded, BundleError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BundleError::Missing { path: shown(path) },
        _ => unreadable(path, &error),
    })?;
    if metadata.is_dir() {
        return load_directory(path, search);
    }
    if !metadata.is_file() {
        return Err(not_a_bundle(path, "it is neither a file nor a directory"));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let (header, file) = peek(BufReader::new(file)).map_err(|error| unreadable(path, &error))?;
    if header.is_empty() {
        return Err(BundleError::Empty { path: shown(path) });
    }
    let reader: Box<dyn Read> = if header.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(BufReader::new(file)))
    } else if header.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(zstd::Decoder::new(file).map_err(|error| damaged(path, &error))?)
    } else {
        Box::new(file)
    };
    let limited = Limited { inner: reader, left: MAX_TOTAL };
    let (header, reader) = peek(limited).map_err(|error| damaged(path, &error))?;
    load_stream(path, &header, reader, search)
}

fn load_stream(path: &Path, header: &[u8], mut reader: impl Read, search: bool) -> Result<Loaded, BundleError> {
    if is_tar(header) {
        return load_tar(path, reader, search);
    }
    if header.is_empty() {
        return Err(BundleError::Empty { path: shown(path) });
    }
    let mut bytes = Vec::new();
    if header.trim_ascii_start().starts_with(b"{") {
        let read = (&mut reader).take(MAX_ENTRY + 1).read_to_end(&mut bytes);
        read.map_err(|error| damaged(path, &error))?;
        return within_entry(path, bytes).map(|facts| Loaded::Facts(Files::new(facts, None, search)));
    }
    // Not ours, but a file that a person may well have at hand deserves its name.
    let mut text = String::new();
    let is_text = (&mut reader).take(MAX_ENTRY).read_to_string(&mut text).is_ok();
    let kind = is_text.then(|| parse_yaml(&text).ok()).flatten().and_then(|documents| {
        let kinds: Vec<String> = documents.iter().filter_map(|d| objects::text(d, "/kind")).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    });
    Err(match kind {
        Some(kind) => BundleError::WrongKind {
            path: shown(path),
            file: "the file".to_owned(),
            found: format!("Kubernetes objects ({kind})"),
            expected: "facts or an archive".to_owned(),
        },
        None if is_text => not_a_bundle(path, "it is a text file"),
        None => not_a_bundle(path, "it is neither tar, gzip, zstd nor JSON"),
    })
}

fn load_tar(path: &Path, reader: impl Read, search: bool) -> Result<Loaded, BundleError> {
    let mut ending = Ending::new(reader);
    let mut tree = Tree::default();
    let mut search = search.then(Search::default);
    let mut facts: Option<(usize, Vec<u8>)> = None;
    let mut manifests: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut archive = tar::Archive::new(&mut ending);
    let entries = archive.entries().map_err(|error| damaged(path, &error))?;
    for (count, entry) in entries.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(too_large(path, "more than 200,000 entries"));
        }
        let mut entry = entry.map_err(|error| damaged(path, &error))?;
        let name = entry_name(path, &entry)?;
        let located = layout::locate(&name);
        let (is_file, size) = (entry.header().entry_type().is_file(), entry.size());
        let mut entry: Box<dyn Read + '_> = match &mut search {
            Some(search) if is_file => Box::new(search.through(&name, &mut entry)),
            _ => Box::new(&mut entry),
        };
        let Some(located) = located else {
            io::copy(&mut entry, &mut io::sink()).map_err(|error| damaged(path, &error))?;
            continue;
        };
        // Links lead nowhere here, and other special files hold nothing.
        if !is_file {
            tree.note(&located);
            continue;
        }
        match &located.place {
            None => {
                io::copy(&mut entry, &mut io::sink()).map_err(|error| damaged(path, &error))?;
                tree.note(&located);
            }
            Some(Place::JoinedLog { .. } | Place::NestedLog { .. }) => {
                let mut counted = Counted { inner: &mut entry, read: 0 };
                let mut scan = Scan::default();
                scan.read(BufReader::new(&mut counted)).map_err(|error| damaged(path, &error))?;
                whole(path, &name, size, counted.read)?;
                tree.add(name, located, Content::Log(scan));
            }
            Some(place) => {
                if size > MAX_ENTRY {
                    return Err(too_large(path, &format!("{name} is larger than 64 MiB")));
                }
                let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(1 << 20));
                entry.read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
                whole(path, &name, size, bytes.len() as u64)?;
                if *place == Place::Facts {
                    let depth = depth(&located);
                    if facts.as_ref().is_none_or(|(known, _)| depth < *known) {
                        facts = Some((depth, bytes));
                    }
                } else if *place == Place::Manifest {
                    manifests.entry(depth(&located)).or_insert(bytes);
                } else {
                    tree.add(name, located, Content::Bytes(bytes));
                }
            }
        }
    }
    // Checksums come last, and a tar that was cut between two entries lacks nothing but its end.
    let ended = ending.drain().map_err(|error| damaged(path, &error))?;
    if !ended {
        let why = "the archive has no end".to_owned();
        return Err(BundleError::Truncated { path: shown(path), why });
    }
    match facts {
        Some((depth, bytes)) => Ok(Loaded::Facts(Files::new(bytes, manifests.remove(&depth), search.is_some()))),
        None if tree.is_tree() => Ok(Loaded::Tree(tree.of_management_cluster(), search.map(Search::done))),
        None => Err(not_a_bundle(path, "the archive holds neither facts.json nor a namespaces/ directory")),
    }
}

fn load_directory(path: &Path, search: bool) -> Result<Loaded, BundleError> {
    let mut tree = Tree::default();
    let mut facts: Option<(usize, std::path::PathBuf)> = None;
    let mut all = Vec::new();
    let mut archives = Vec::new();
    let mut count = 0_usize;
    let mut folders = vec![(path.to_path_buf(), String::new(), 0_usize)];
    while let Some((folder, prefix, level)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => return Err(unreadable(&folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            count += 1;
            if count > MAX_ENTRIES {
                return Err(too_large(path, "more than 200,000 entries"));
            }
            // A name that is no text belongs to no tree.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let relative = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            // This does not follow links.
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            if kind.is_dir() {
                if let Some(located) = layout::locate(&relative) {
                    tree.note(&located);
                }
                if level < MAX_DEPTH {
                    folders.push((entry.path(), relative, level + 1));
                }
            } else if kind.is_file() {
                if level == 0 && [".tar", ".tar.gz", ".tgz", ".tar.zst"].iter().any(|end| relative.ends_with(end)) {
                    archives.push(entry.path());
                } else if search {
                    all.push((relative.clone(), entry.path()));
                }
                let Some(located) = layout::locate(&relative) else {
                    continue;
                };
                match &located.place {
                    None => tree.note(&located),
                    Some(Place::Facts) => {
                        let depth = depth(&located);
                        if facts.as_ref().is_none_or(|(known, _)| depth < *known) {
                            facts = Some((depth, entry.path()));
                        }
                    }
                    Some(Place::Manifest) => {}
                    Some(_) => tree.add(relative, located, Content::OnDisk(entry.path())),
                }
            }
        }
    }
    if let Some((_, facts)) = facts {
        let manifest = facts.with_file_name("manifest.json");
        let manifest = if manifest.is_file() { Some(whole_file(path, &manifest)?) } else { None };
        return Ok(Loaded::Facts(Files::new(whole_file(path, &facts)?, manifest, search)));
    }
    if tree.is_tree() {
        let exposed = search.then(|| search_files(all));
        return Ok(Loaded::Tree(tree.of_management_cluster(), exposed));
    }
    match archives.as_slice() {
        [] if count == 0 => Err(BundleError::Empty { path: shown(path) }),
        // The artifact directory of a dump, of which only the archive was kept.
        [archive] => load(archive, search),
        _ => Err(not_a_bundle(path, "the directory holds neither facts.json nor a namespaces/ directory")),
    }
}

/// The content of a file of our own bundle.
fn whole_file(path: &Path, file: &Path) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
    opened.take(MAX_ENTRY + 1).read_to_end(&mut bytes).map_err(|error| unreadable(file, &error))?;
    within_entry(path, bytes)
}

fn search_files(mut all: Vec<(String, PathBuf)>) -> Exposed {
    all.sort();
    let mut search = Search::default();
    for (name, file) in all {
        let searched = File::open(&file).and_then(|file| io::copy(&mut search.through(&name, file), &mut io::sink()));
        if searched.is_err() {
            search.leave_out(&name);
        }
    }
    search.done()
}

/// The path of an entry without `./`; one that leads out of the archive is refused.
fn entry_name(path: &Path, entry: &tar::Entry<'_, impl Read>) -> Result<String, BundleError> {
    let bytes = entry.path_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut parts = Vec::new();
    for part in Path::new(&text).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                let entry = text.chars().filter(|c| !c.is_control()).take(200).collect();
                return Err(BundleError::Unsafe { path: shown(path), entry });
            }
        }
    }
    Ok(parts.join("/"))
}

fn depth(located: &Located) -> usize {
    located.root.split('/').filter(|part| !part.is_empty()).count()
}

fn within_entry(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, BundleError> {
    if bytes.len() as u64 > MAX_ENTRY {
        return Err(too_large(path, "its facts are larger than 64 MiB"));
    }
    Ok(bytes)
}

fn whole(path: &Path, name: &str, size: u64, read: u64) -> Result<(), BundleError> {
    if read < size {
        let why = format!("{name} ends after {read} of {size} bytes");
        return Err(BundleError::Truncated { path: shown(path), why });
    }
    Ok(())
}

/// Whether a header block is that of a tar, by the magic that POSIX and GNU share.
fn is_tar(header: &[u8]) -> bool {
    header.len() >= 262 && &header[257..262] == b"ustar"
}

/// The first bytes, and then the rest.
type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// Reads the first bytes and gives them back in front of the rest.
fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut header = Vec::with_capacity(HEADER);
    (&mut reader).take(HEADER as u64).read_to_end(&mut header)?;
    Ok((header.clone(), Cursor::new(header).chain(reader)))
}

/// What [`Limited`] says when the limit is reached.
const OVER_LIMIT: &str = "it unpacks to more than 2 GiB";

/// Fails rather than unpack without end.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::new(io::ErrorKind::QuotaExceeded, OVER_LIMIT))?;
        Ok(read)
    }
}

struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

/// The size of a tar's block, in bytes.
const BLOCK: u64 = 512;

/// Remembers how a tar ends: with two blocks of zeros, of which some writers leave out one.
struct Ending<R> {
    inner: R,
    read: u64,
    zeros: u64,
}

impl<R: Read> Ending<R> {
    fn new(inner: R) -> Self {
        Self { inner, read: 0, zeros: 0 }
    }

    /// Reads to the end; whether a whole block of zeros came last.
    fn drain(&mut self) -> io::Result<bool> {
        io::copy(self, &mut io::sink())?;
        let first_block = (self.read - self.zeros).next_multiple_of(BLOCK);
        Ok(self.read >= first_block + BLOCK)
    }
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let zeros = buffer[..read].iter().rev().take_while(|byte| **byte == 0).count();
        let before = if zeros == read { self.zeros } else { 0 };
        self.zeros = before + zeros as u64;
        self.read += read as u64;
        Ok(read)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> BundleError {
    BundleError::Unreadable { path: shown(path), why: error.to_string() }
}

fn damaged(path: &Path, error: &io::Error) -> BundleError {
    let (path, why) = (shown(path), error.to_string());
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BundleError::Truncated { path, why },
        io::ErrorKind::QuotaExceeded => BundleError::TooLarge { path, why },
        // Both libraries report some ends of data by text alone.
        _ if why.contains(OVER_LIMIT) => BundleError::TooLarge { path, why: OVER_LIMIT.to_owned() },
        _ if why.contains("unexpected EOF") || why.contains("incomplete frame") => BundleError::Truncated { path, why },
        _ => BundleError::Damaged { path, why },
    }
}

fn too_large(path: &Path, why: &str) -> BundleError {
    BundleError::TooLarge { path: shown(path), why: why.to_owned() }
}

fn not_a_bundle(path: &Path, why: &str) -> BundleError {
    BundleError::NotABundle { path: shown(path), why: why.to_owned() }
}
