//! [`Manifest`]: what a bundle says of its own recording.

use std::collections::BTreeSet;

use facts::azure::Login;
use facts::inventory::{self, State};
use facts::{Facts, Gap, Need, Schema, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::privileges::{self, Privileges};
use crate::http::Call;

/// Who recorded, and how: what the facts themselves do not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorder {
    /// The kubeconfig context.
    pub context: Option<String>,
    /// The URL of the management cluster's API server.
    pub server: Option<String>,
    /// The user as that server knows it; none where it does not say.
    pub user: Option<String>,
    /// Every call that was made.
    pub calls: Vec<Call>,
}

/// What a bundle says of its own recording: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The program that wrote it, with its version.
    pub tool: String,
    /// The schema of the facts.
    pub schema: Schema,
    /// The hosted cluster that they are about.
    pub cluster: Target,
    /// The moment of collection.
    pub collected_at: Timestamp,
    /// Who read.
    #[serde(default)]
    pub reader: Reader,
    /// What was read, by unit of facts.
    #[serde(default)]
    pub read: Vec<Unit>,
    /// What could not be read, and what would let it be read.
    #[serde(default)]
    pub unread: Vec<Unread>,
    /// What was read with, and the least that allows it.
    #[serde(default)]
    pub privileges: Privileges,
    /// Every call, in the order in which it ended.
    #[serde(default)]
    pub calls: Vec<Called>,
    /// The other files, with their checksums; none in a bundle that is one JSON file.
    #[serde(default)]
    pub files: Vec<File>,
}

/// Who read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reader {
    /// Who asked Azure; none where nobody was signed in.
    pub azure: Option<AzureReader>,
    /// The subscription of the hosted cluster.
    pub subscription: Option<String>,
    /// The kubeconfig context.
    pub context: Option<String>,
    /// The URL of the management cluster's API server.
    pub server: Option<String>,
    /// The user as the management cluster knows it.
    pub user: Option<String>,
}

/// Who asked Azure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureReader {
    /// `ServicePrincipal` (managed identities included) or `User`, as role assignments call it.
    pub kind: String,
    /// Which credential it was.
    pub via: String,
    /// The tenant.
    pub tenant_id: String,
    /// The object id.
    pub object_id: Option<String>,
    /// The application (client) id; none for a person.
    pub app_id: Option<String>,
    /// A name to show.
    pub name: Option<String>,
}

/// How much was read of a unit of facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unit {
    /// The unit.
    pub need: String,
    /// What it is.
    pub what: String,
    /// `read`, `absent`, `unreadable`, `partly` or `notAsked`.
    pub state: String,
    /// How many lookups went how.
    #[serde(flatten)]
    pub counts: State,
}

/// What could not be read, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// What is missing for it.
    pub what: Vec<String>,
    /// The reason, with the missing action and its scope.
    #[serde(flatten)]
    pub gap: Gap,
    /// The smallest built-in role that would allow it; none where no small one does.
    #[serde(default)]
    pub role: Option<String>,
    /// The command that would allow it.
    #[serde(default)]
    pub command: Option<String>,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Called {
    /// The method.
    pub method: String,
    /// The address or path, with those query values only that say what is asked for.
    pub address: String,
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// Azure's request id.
    pub request_id: Option<String>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Its path within the bundle.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl File {
    /// The entry of a file with that content.
    pub fn of(path: &str, content: &[u8]) -> Self {
        Self { path: path.to_owned(), bytes: content.len() as u64, sha256: sha256(content) }
    }
}

/// The SHA-256 of bytes in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Manifest {
    /// The manifest of facts as they were recorded; without the files.
    pub fn new(facts: &Facts, recorder: &Recorder) -> Self {
        let reader = reader(facts, recorder);
        let (states, gaps) = inventory::take(facts);
        let describe = |needs: BTreeSet<Need>| needs.into_iter().map(|need| need.describe().to_owned()).collect();
        let unread = gaps.into_iter().map(|(gap, needs)| {
            let grant = privileges::grant(&gap, reader.azure.as_ref(), reader.user.as_deref());
            Unread { what: describe(needs), gap, role: grant.role, command: grant.command }
        });
        Self {
            tool: concat!("hcp-azure ", env!("CARGO_PKG_VERSION")).to_owned(),
            schema: facts.schema,
            cluster: facts.target.clone(),
            collected_at: facts.collected_at,
            read: states.into_iter().map(|(need, counts)| unit(need, counts)).collect(),
            unread: unread.collect(),
            privileges: privileges::used(&recorder.calls, reader.azure.as_ref(), &facts.target),
            calls: recorder.calls.iter().map(called).collect(),
            files: Vec::new(),
            reader,
        }
    }
}

fn unit(need: Need, counts: State) -> Unit {
    let name = serde_json::to_value(need).ok().and_then(|value| value.as_str().map(str::to_owned));
    let state = counts.word().to_owned();
    Unit { need: name.unwrap_or_default(), what: need.describe().to_owned(), state, counts }
}

fn reader(facts: &Facts, recorder: &Recorder) -> Reader {
    let azure = match facts.azure.login.get() {
        Some(Login::SignedIn(caller)) => Some(AzureReader {
            kind: if caller.app_id.is_some() { "ServicePrincipal" } else { "User" }.to_owned(),
            via: caller.via.clone(),
            tenant_id: caller.tenant_id.clone(),
            object_id: caller.object_id.clone(),
            app_id: caller.app_id.clone(),
            name: caller.name.clone(),
        }),
        _ => None,
    };
    Reader {
        azure,
        subscription: facts.hosted.cluster.get().map(|cluster| cluster.azure.subscription_id.clone()),
        context: recorder.context.clone(),
        server: recorder.server.clone(),
        user: recorder.user.clone(),
    }
}

/// Query parameters whose values say what is asked for.
const TOLD: [&str; 9] =
    ["api-version", "$filter", "$expand", "$select", "$top", "limit", "labelSelector", "fieldSelector", "container"];

fn called(call: &Call) -> Called {
    let (path, query) = call.address.split_once('?').unwrap_or((&call.address, ""));
    let told: Vec<&str> =
        query.split('&').filter(|pair| TOLD.contains(&pair.split('=').next().unwrap_or_default())).collect();
    let query = if told.is_empty() { String::new() } else { format!("?{}", told.join("&")) };
    Called {
        method: call.method.clone(),
        address: format!("{path}{query}"),
        status: call.status,
        request_id: call.request_id.clone(),
        milliseconds: u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
    }
}
