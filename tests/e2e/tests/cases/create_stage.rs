//! A simulator with what must stand before `create`, and the program run against it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use azure_sim::{LogEntry, Options, Simulator};
use e2e::scene::{Ran, run};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
pub(crate) const TENANT: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const CLIENT: &str = "22222222-2222-2222-2222-222222222222";
pub(crate) const SECRET: &str = "s3cr3t-of-the-runner";

pub(crate) const IAM: &str = "create iam azure --name demo --infra-id demo-x7k2p --location eastus \
    --resource-group-name os4-common --oidc-issuer-url https://acct.blob.core.windows.net/acct \
    --output-file workload-identities.json";
pub(crate) const INFRA: &str = "create infra azure --name demo --infra-id demo-x7k2p --location eastus \
    --base-domain hcp.example.com --workload-identities-file workload-identities.json --output-file infra.yaml \
    --assign-identity-roles --dns-zone-rg-name os4-common";

/// The program under test: that of this build, or the one that a bench names.
fn program() -> std::ffi::OsString {
    std::env::var_os("HCP_AZURE_PROGRAM").unwrap_or_else(|| PROGRAM.into())
}

/// A simulator and a folder of one test.
pub(crate) struct Stage {
    pub sim: Simulator,
    dns: e2e::dns::DnsServer,
    folder: TempDir,
}

/// The id of a resource group, or with a path of what is in it.
pub(crate) fn id(group: &str, path: &str) -> String {
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}");
    if path.is_empty() { group } else { format!("{group}/providers/{path}") }
}

impl Stage {
    /// A subscription with a public DNS zone and an empty group, as when upstream's writes were recorded.
    pub(crate) fn new() -> Self {
        Self::with_retry_after(Some(0))
    }

    /// The same, whose long operations end at the first poll after so many seconds.
    pub(crate) fn with_retry_after(retry_after: Option<u64>) -> Self {
        let state = json!({
            "tenant": TENANT,
            "principals": [{
                "id": "33333333-3333-3333-3333-333333333333", "appId": CLIENT, "type": "ServicePrincipal",
                "displayName": "runner", "owner": true, "secrets": [{"value": SECRET}],
            }],
            "subscriptions": [{"subscriptionId": SUBSCRIPTION, "displayName": "test"}],
            "resources": [
                {"id": id("shared-rg", ""), "location": "eastus"},
                {"id": id("dns", ""), "location": "eastus"},
                {"id": id("dns", "Microsoft.Network/dnsZones/hcp.example.com"), "location": "global"},
            ],
        });
        Self::of(state, retry_after)
    }

    fn of(state: Value, retry_after: Option<u64>) -> Self {
        Self::with(Options { state: Some(state), retry_after, ..Options::default() }, "")
    }

    /// The same with other servers besides, which these authorities vouch for.
    pub(crate) fn with(options: Options, more_ca: &str) -> Self {
        let sim = Simulator::start_blocking(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, format!("{}\n{more_ca}", sim.ca_pem())).unwrap();
        let dns = e2e::dns::DnsServer::start().unwrap();
        let mut environment = sim.environment(&ca);
        environment["dnsServer"] = json!(dns.address());
        std::fs::write(folder.path().join("environment.json"), environment.to_string()).unwrap();
        let creds =
            json!({"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "clientId": CLIENT, "clientSecret": SECRET});
        std::fs::write(folder.path().join("azure-creds.json"), creds.to_string()).unwrap();
        Self { sim, dns, folder }
    }

    /// Another one in the same state, with the same files.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::of(self.sim.state(), Some(0));
        for name in ["workload-identities.json", "infra.yaml"] {
            if self.path(name).exists() {
                std::fs::copy(self.path(name), copy.path(name)).unwrap();
            }
        }
        copy
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn command(&self, line: &str) -> Command {
        self.dns.serve(&self.sim.state());
        let mut command = Command::new(program());
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("AZURE_ENVIRONMENT_FILEPATH", self.path("environment.json"))
            .current_dir(self.folder.path())
            .args(line.split_whitespace());
        if !line.contains("--azure-creds") {
            command.args(["--azure-creds", "azure-creds.json"]);
        }
        command
    }

    /// Runs the program to its end; neither output may hold a secret.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let ran = run::ran(self.command(line)).unwrap();
        for output in [&ran.stdout, &ran.stderr] {
            assert!(!output.contains(SECRET) && !output.contains("eyJ"), "a secret is shown:\n{output}");
            assert!(!output.contains("panicked"), "{output}");
        }
        ran
    }

    /// The same for a run that must succeed.
    pub(crate) fn done(&self, line: &str) -> Ran {
        let ran = self.run(&format!("{line} --yes"));
        assert_eq!(ran.code, Some(0), "{line}\n{}", ran.stderr);
        ran
    }

    /// Starts the program and lets it run.
    pub(crate) fn spawn(&self, line: &str) -> Child {
        let mut command = self.command(&format!("{line} --yes"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The writes to Azure so far, as they were answered.
    pub(crate) fn writes(&self) -> Vec<LogEntry> {
        let is_write = |entry: &LogEntry| entry.method != "GET" && !entry.path.contains("/oauth2/");
        self.sim.requests().into_iter().filter(is_write).collect()
    }

    /// The answered writes so far.
    pub(crate) fn written(&self) -> usize {
        self.writes().len()
    }

    /// Waits until a condition holds.
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let begun = std::time::Instant::now();
        while !condition(self) {
            assert!(begun.elapsed().as_secs() < 20, "{what} did not happen");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

/// Holds a document to the published schema of plans.
pub(crate) fn is_a_plan(document: &Value) {
    let schema: Value = serde_json::from_str(ui::plan::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// The path of a request, without the query.
pub(crate) fn path_of(entry: &LogEntry) -> String {
    entry.path.split('?').next().unwrap_or_default().to_owned()
}

/// Runs `work` for every item, on as many threads as are worth it.
pub(crate) fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
