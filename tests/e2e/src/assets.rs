//! Where the real programs and CRDs are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use tokio::sync::OnceCell;

use crate::Error;
use crate::workspace;

/// The programs and data that the bed works with.
#[derive(Clone, Debug)]
pub struct Assets {
    /// `kube-apiserver`.
    pub kube_apiserver: PathBuf,
    /// `etcd`.
    pub etcd: PathBuf,
    /// `kubectl`.
    pub kubectl: PathBuf,
    /// `krew`, the plugin manager for kubectl.
    pub krew: PathBuf,
    /// Azurite's blob service, a script for `node`.
    pub azurite: PathBuf,
    /// A folder of CustomResourceDefinitions, one per YAML file.
    pub crds: PathBuf,
}

impl Assets {
    /// Finds the assets once per process.
    ///
    /// Each path comes from its environment variable (`HCP_AZURE_ETCD` and so on) when that is set,
    /// else from `tests/setup`, which builds what is missing: minutes the first time, then no time.
    ///
    /// # Errors
    /// [`Error::Setup`] when the script fails, e.g. for want of `go` or `node`.
    pub async fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceCell<Assets> = OnceCell::const_new();
        SHARED
            .get_or_try_init(|| async {
                tokio::task::spawn_blocking(find).await.map_err(|error| Error::Setup(error.to_string()))?
            })
            .await
    }

    /// The CRD files, sorted by name.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read.
    pub fn crd_files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.crds).map_err(Error::file(&self.crds))? {
            let path = entry.map_err(Error::file(&self.crds))?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

const KEYS: [&str; 6] = [
    "HCP_AZURE_KUBE_APISERVER",
    "HCP_AZURE_ETCD",
    "HCP_AZURE_KUBECTL",
    "HCP_AZURE_KREW",
    "HCP_AZURE_AZURITE",
    "HCP_AZURE_CRDS",
];

fn find() -> Result<Assets, Error> {
    let mut paths: BTreeMap<&str, PathBuf> =
        KEYS.iter().filter_map(|key| env::var_os(key).map(|value| (*key, PathBuf::from(value)))).collect();
    if paths.len() < KEYS.len() {
        let printed = run_setup()?;
        for key in KEYS {
            let value = printed.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            if let Some(value) = value {
                paths.entry(key).or_insert_with(|| PathBuf::from(value));
            }
        }
    }
    let mut take = |key: &str| {
        let path = paths.remove(key).ok_or_else(|| Error::Setup(format!("it printed no {key}")))?;
        if path.exists() { Ok(path) } else { Err(Error::Setup(format!("{key}: no such file: {}", path.display()))) }
    };
    Ok(Assets {
        kube_apiserver: take(KEYS[0])?,
        etcd: take(KEYS[1])?,
        kubectl: take(KEYS[2])?,
        krew: take(KEYS[3])?,
        azurite: take(KEYS[4])?,
        crds: take(KEYS[5])?,
    })
}

fn run_setup() -> Result<String, Error> {
    let script = workspace::root().join("tests/setup");
    // Its stderr is the tests' stderr: a first build takes minutes and must be seen to move.
    let output =
        Command::new(&script).stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(Error::file(&script))?;
    if !output.status.success() {
        return Err(Error::Setup(format!("{}, see its messages above", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|error| Error::Setup(error.to_string()))
}
