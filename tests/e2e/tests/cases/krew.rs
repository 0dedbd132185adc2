//! The packed plugin, installed by the real krew and called by the real kubectl.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::assets::Assets;
use e2e::scene::{Ran, run};
use tempfile::TempDir;

use super::release::{PLATFORMS, can_pack, manifest, pack, packed, stand_ins};

/// A home with krew in it, and with nothing else of the caller's.
struct Home {
    folder: TempDir,
    kubectl: PathBuf,
}

impl Home {
    async fn new() -> Self {
        let assets = Assets::shared().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(&assets.kubectl, bin.join("kubectl")).unwrap();
        symlink(&assets.krew, bin.join("kubectl-krew")).unwrap();
        Self { folder, kubectl: bin.join("kubectl") }
    }

    fn krew_root(&self) -> PathBuf {
        self.folder.path().join("krew")
    }

    /// The folder into which krew unpacked the archive.
    fn store(&self) -> PathBuf {
        self.krew_root().join("store/hcp-azure").join(format!("v{}", env!("CARGO_PKG_VERSION")))
    }

    /// A command that finds kubectl, krew, and what is in these folders.
    fn command(&self, program: &Path, folders: &[&Path]) -> Command {
        let mut command = Command::new(program);
        let mut path = vec![self.folder.path().join("bin")];
        path.extend(folders.iter().map(|folder| folder.to_path_buf()));
        path.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("KREW_ROOT", self.krew_root())
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("PATH", std::env::join_paths(path).unwrap());
        command
    }

    /// Runs a client with what krew has linked on its PATH.
    fn ran(&self, client: &Path, args: &[&str]) -> Ran {
        let mut command = self.command(client, &[&self.krew_root().join("bin")]);
        command.args(args);
        run::ran(command).unwrap()
    }

    fn kubectl(&self, args: &[&str]) -> Ran {
        self.ran(&self.kubectl, args)
    }

    fn install_packed(&self) {
        let (manifest, archive) = packed();
        let ran = self.kubectl(&[
            "krew",
            "install",
            &format!("--manifest={}", manifest.display()),
            &format!("--archive={}", archive.display()),
        ]);
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    }
}

fn bundle(name: &str) -> String {
    e2e::workspace::root().join("tests/bundles").join(name).display().to_string()
}

#[tokio::test]
async fn krew_installs_the_archive_and_kubectl_runs_it() {
    if !can_pack() {
        return;
    }
    let home = Home::new().await;
    home.install_packed();
    let version = home.kubectl(&["hcp-azure", "version"]);
    assert!(version.code == Some(0) && version.stdout.starts_with("hcp-azure "), "{version:?}");
    let healthy = home.kubectl(&["hcp-azure", "doctor", "--bundle", &bundle("healthy")]);
    assert!(healthy.code == Some(0) && healthy.stdout.contains("healthy: "), "{healthy:?}");
    let broken = home.kubectl(&["hcp-azure", "doctor", "--bundle", &bundle("three-root-causes")]);
    assert!(broken.code == Some(1) && broken.stdout.contains("3 root causes"), "{broken:?}");

    // With the umbrella alone the verb was an argument; now kubectl finds the verb's own name first. What tells them apart
    // is a folder that has the launcher and nothing else.
    let links = home.folder.path().join("links");
    fs::create_dir(&links).unwrap();
    symlink(home.store().join("kubectl-hcp_azure-doctor"), links.join("kubectl-hcp_azure-doctor")).unwrap();
    for folder in [&home.store(), &links] {
        let mut command = home.command(&home.kubectl, &[folder]);
        command.args(["hcp-azure", "doctor", "--bundle", &bundle("healthy")]);
        let ran = run::ran(command).unwrap();
        assert!(ran.code == Some(0) && ran.stdout.contains("healthy: "), "{ran:?}");
    }
    let mut command = home.command(&home.kubectl, &[&links]);
    command.args(["hcp-azure", "version"]);
    assert!(run::ran(command).unwrap().stderr.contains("unknown command"), "the umbrella is found from elsewhere");
    let mut command = home.command(&home.kubectl, &[&home.store()]);
    command.args(["plugin", "list"]);
    let listed = run::ran(command).unwrap().stdout;
    for verb in super::standalone::verbs() {
        assert!(listed.contains(&format!("/kubectl-hcp_azure-{verb}\n")), "{verb}: {listed}");
    }
}

/// The real oc is not to be had here; how it looks for plugins is kubectl's code with a prefix of its own before kubectl's.
#[tokio::test]
async fn a_client_that_looks_for_plugins_as_oc_does_runs_it() {
    let Some(oc) = e2e::tools::tool("oc").unwrap().filter(|_| can_pack()) else { return };
    let home = Home::new().await;
    home.install_packed();
    let version = home.ran(&oc, &["hcp-azure", "version"]);
    assert!(version.code == Some(0) && version.stdout.starts_with("hcp-azure "), "{version:?}");
    let healthy = home.ran(&oc, &["hcp-azure", "doctor", "--bundle", &bundle("healthy")]);
    assert!(healthy.code == Some(0) && healthy.stdout.contains("healthy: "), "{healthy:?}");
    // oc prefers its own name, and only by that is it told from kubectl.
    let bin = home.krew_root().join("bin");
    assert!(home.ran(&oc, &["hcp-azure", "status", "--help"]).stdout.contains("kubectl hcp-azure status"));
    for (name, program) in [("oc-hcp_azure", "kubectl-hcp_azure"), ("oc-hcp_azure-doctor", "kubectl-hcp_azure-doctor")]
    {
        symlink(home.store().join(program), bin.join(name)).unwrap();
    }
    for verb in ["status", "doctor"] {
        let help = home.ran(&oc, &["hcp-azure", verb, "--help"]);
        assert!(help.code == Some(0) && help.stdout.contains(&format!("oc hcp-azure {verb}")), "{help:?}");
    }
}

/// Every platform by krew's own rules, downloads and checksums included, and then as a user of the index has it.
#[tokio::test]
async fn the_index_serves_every_platform() {
    let Some(validator) = e2e::tools::tool("validate-krew-manifest").unwrap().filter(|_| can_pack()) else { return };
    let home = Home::new().await;
    let folder = home.folder.path().join("release");
    fs::create_dir(&folder).unwrap();
    let url = serve(folder.clone());
    let programs = stand_ins(home.folder.path());
    // Each platform is packed where it was built; the manifest joins them.
    std::thread::scope(|scope| {
        for (platform, target) in PLATFORMS {
            let (programs, folder, apart) = (&programs, &folder, home.folder.path().join(target));
            scope.spawn(move || {
                pack(&apart, programs, target);
                let archive = format!("hcp-azure-{platform}.tar.gz");
                fs::rename(apart.join(&archive), folder.join(&archive)).unwrap();
            });
        }
    });
    let manifest = manifest(&folder, &["--url", &url]);
    let mut command = home.command(&validator, &[]);
    command.arg("-manifest").arg(&manifest);
    let ran = run::ran(command).unwrap();
    assert!(ran.code == Some(0) && ran.stderr.contains("all 6 spec.platforms installed fine"), "{}", ran.stderr);

    // One byte more, and no platform is installed any more.
    let archive = folder.join("hcp-azure-linux-arm64.tar.gz");
    fs::OpenOptions::new().append(true).open(&archive).unwrap().write_all(b" ").unwrap();
    let mut command = home.command(&validator, &[]);
    command.arg("-manifest").arg(&manifest);
    let ran = run::ran(command).unwrap();
    assert!(ran.code != Some(0) && ran.stderr.contains("checksum does not match"), "{}", ran.stderr);

    let index = home.folder.path().join("index");
    let git = |args: &[&str]| {
        let mut command = home.command(Path::new("git"), &[]);
        command.args(["-c", "user.name=index", "-c", "user.email=index@localhost", "-C"]).arg(&index).args(args);
        let ran = run::ran(command).unwrap();
        assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.stderr);
    };
    fs::create_dir_all(index.join("plugins")).unwrap();
    for file in fs::read_dir(e2e::workspace::root().join("krew")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.is_file() {
            fs::copy(&file, index.join(file.file_name().unwrap())).unwrap();
        }
    }
    fs::copy(&manifest, index.join("plugins/hcp-azure.yaml")).unwrap();
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "index"]);
    for args in [
        &["krew", "index", "add", "hcp", index.to_str().unwrap()][..],
        &["krew", "search", "hcp-azure"],
        &["krew", "install", "hcp/hcp-azure"],
        &["hcp-azure", "version"],
    ] {
        let mut command = home.command(&home.kubectl, &[&home.krew_root().join("bin")]);
        // The stand-ins are for this platform, whatever this machine is.
        command.args(args).env("KREW_OS", "linux").env("KREW_ARCH", "amd64");
        let ran = run::ran(command).unwrap();
        assert_eq!(ran.code, Some(0), "{args:?}: {}\n{}", ran.stdout, ran.stderr);
        match args[1] {
            "search" => assert!(ran.stdout.contains("hcp/hcp-azure"), "{}", ran.stdout),
            "version" => assert_eq!(ran.stdout, "kubectl-hcp_azure version\n"),
            _ => {}
        }
    }
}

/// Serves the files of a folder over HTTP on loopback, as long as the test process lives; gives the address.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let name = head.first().and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default();
            let file = fs::read(folder.join(name.trim_start_matches('/')));
            let (status, body) = file.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // A client that is gone has no use for the rest.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    format!("http://{address}")
}
