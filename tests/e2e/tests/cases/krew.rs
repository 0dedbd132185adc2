//! The packed plugin, installed by the real krew and called by the real kubectl.

use std::path::Path;
use std::process::Command;

use e2e::assets::Assets;
use e2e::scene::run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

#[tokio::test]
async fn krew_installs_the_archive_and_kubectl_runs_it() {
    let assets = Assets::shared().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = e2e::workspace::root();
    let programs = Path::new(PROGRAM).parent().unwrap();
    let packed = |programs: &Path, name: &str| {
        let out = folder.path().join(name);
        let mut pack = Command::new(root.join("krew/pack"));
        pack.arg(&out).arg(programs);
        let ran = run::ran(pack).unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        out
    };
    let out = packed(programs, "packed");
    // That equal programs give equal bytes is seen on small ones.
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    for name in ["kubectl-hcp_azure", "kubectl-hcp_azure-create", "kubectl-hcp_azure-doctor"] {
        let path = small.join(name);
        std::fs::write(&path, "#!/bin/sh\necho '  \"version\": \"1.2.3\"'\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let bytes = |folder: &Path| std::fs::read(folder.join("hcp-azure.tar.gz")).unwrap();
    assert!(bytes(&packed(&small, "one")) == bytes(&packed(&small, "two")), "packing twice gives other bytes");
    let krew_root = folder.path().join("krew");
    let in_home = |program: &Path| {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap();
        command
            .env("HOME", folder.path())
            .env("KREW_ROOT", &krew_root)
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env("PATH", format!("{}:{path}", krew_root.join("bin").display()));
        command
    };
    let mut install = in_home(&assets.krew);
    install
        .arg("install")
        .arg(format!("--manifest={}", out.join("hcp-azure.yaml").display()))
        .arg(format!("--archive={}", out.join("hcp-azure.tar.gz").display()));
    let ran = run::ran(install).unwrap();
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let mut version = in_home(&assets.kubectl);
    version.args(["hcp-azure", "version"]);
    let ran = run::ran(version).unwrap();
    assert!(ran.code == Some(0) && ran.stdout.starts_with("hcp-azure "), "{ran:?}");
    let mut doctor = in_home(&assets.kubectl);
    doctor.args(["hcp-azure", "doctor", "--bundle"]).arg(root.join("tests/bundles/healthy"));
    let ran = run::ran(doctor).unwrap();
    assert!(ran.code == Some(0) && ran.stdout.contains("healthy: "), "{ran:?}");
}
