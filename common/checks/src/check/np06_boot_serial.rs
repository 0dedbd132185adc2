//! NP06: the serial console of machines that never became nodes tells why.

use facts::Fact;
use facts::compute::BootLog;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The serial console of machines that run and never became nodes: what ignition says of name resolution, connections,
    /// certificates, HTTP answers and the disk. At most three machines are read, and of each the last 20 lines that matter.
    ///
    /// ## Why it matters
    /// A worker fetches its ignition before it has a login, an agent or a node object. Its console is the only place that
    /// names the stage at which it stands: RHCOS has no agent, so that `az vm run-command` does not work.
    ///
    /// ## How to fix
    /// By the stage that is named. Where boot diagnostics are off, enable them for the machine, restart it and look again;
    /// for new machines set `diagnostics.storageAccountType: Managed` in the NodePool.
    ///
    /// Source: coreos/ignition internal/resource (messages of the fetcher); learn.microsoft.com, boot diagnostics.
    pub static BOOT_SERIAL = {
        code: "NP06",
        id: "boot-serial",
        group: NodePools,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Machines, VirtualMachines, BootLogs],
        caused_by: ["NW01", "NW02", "NW03", "HC03"],
        judge: judge,
    };
}

/// The stage at which a boot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Dns,
    Tls,
    Refused,
    Timeout,
    Server,
    DiskFull,
    Config,
}

impl Stage {
    /// The stage that a line of the console speaks of. The order matters: the more exact word counts.
    fn of(line: &str) -> Option<Self> {
        let line = line.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
        let fetches = has(&["ignition", "get http", "get \"http", "get result", "dial tcp", "machine-config"]);
        if has(&["no such host", "server misbehaving", "temporary failure in name resolution"]) {
            Some(Self::Dns)
        } else if has(&["x509:", "tls: ", "certificate has expired", "certificate is not yet valid"]) {
            Some(Self::Tls)
        } else if has(&["no space left on device"]) {
            Some(Self::DiskFull)
        } else if has(&["connection refused", "no route to host", "network is unreachable"]) && fetches {
            Some(Self::Refused)
        } else if has(&["i/o timeout", "context deadline exceeded", "client.timeout", "request canceled"]) && fetches {
            Some(Self::Timeout)
        } else if ["500", "502", "503", "504"].iter().any(|code| line.contains(&format!("get result: {code}")))
            || has(&["internal server error", "service unavailable", "bad gateway", "gateway timeout"])
        {
            Some(Self::Server)
        } else if has(&["failed to parse config", "config is not valid", "error parsing config"]) {
            Some(Self::Config)
        } else {
            None
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Dns => "the name of the ignition server does not resolve",
            Self::Tls => "the certificate of the ignition server is refused",
            Self::Refused => "the ignition server refuses the connection or cannot be routed to",
            Self::Timeout => "the connection to the ignition server times out",
            Self::Server => "the ignition server answers with an error",
            Self::DiskFull => "the disk is full",
            Self::Config => "the ignition that it got cannot be read",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Dns => "the VNet's DNS servers do not know the public or private name of the ignition endpoint",
            Self::Tls => "a proxy intercepts TLS, the machine's clock is wrong, or the ignition CA was changed",
            Self::Refused | Self::Timeout => "a network security group, a route or a missing way out stands between",
            Self::Server => "the ignition server has no payload for this NodePool's token, or does not run",
            Self::DiskFull => "the OS disk is too small for the image and its containers",
            Self::Config => "the NodePool's configuration is not what ignition takes",
        }
    }

    fn key(self) -> Option<Key> {
        match self {
            Self::Timeout | Self::Refused => Some(Key::Egress),
            Self::Server | Self::Config => Some(Key::Workload("ignition-server".into())),
            Self::Dns | Self::Tls | Self::DiskFull => None,
        }
    }
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    // Both lead to the machines whose console was read; why they could not be read is the reason that the logs have, too.
    let machines = view.machines().ok().flatten().map_or(&[][..], Vec::as_slice);
    let vms = view.virtual_machines().ok().flatten().map_or(&[][..], Vec::as_slice);
    let logs = view.boot_logs()?;
    let (mut findings, mut read) = (Vec::new(), 0);
    for (name, log) in logs {
        let machine = machines.iter().find(|machine| machine.name == *name);
        let vm_name = machine.and_then(|machine| machine.azure_machine.as_ref()).unwrap_or(name);
        let vm = vms.iter().find(|vm| vm.name.eq_ignore_ascii_case(vm_name));
        let id = vm.map_or_else(|| "VM_ID".to_owned(), |vm| vm.id.to_string());
        let subject = format!("Machine {name}");
        let lines = match log {
            Fact::Known(BootLog::Read { lines, .. }) => lines,
            Fact::Known(BootLog::Off) => {
                let gap = Gap::new(GapKind::Blocked, "boot diagnostics of its virtual machine are off")
                    .with_remedy(command!("az vm boot-diagnostics enable --ids {}", id));
                findings.push(Finding::unknown(subject, gap));
                continue;
            }
            Fact::Absent => continue,
            Fact::Unreadable(gap) => {
                findings.push(Finding::unknown(subject, gap.clone()));
                continue;
            }
        };
        read += 1;
        // The last line decides: what came before was overcome.
        let Some((stage, _)) = lines.iter().rev().find_map(|line| Some((Stage::of(line)?, line))) else { continue };
        let mut finding =
            Finding::fail(subject, format!("Machine {name} does not boot to a node: {}", stage.what()), stage.why());
        for line in lines {
            finding = finding.see("console", line.as_str());
        }
        finding = finding.touches(Key::Machine(name.clone()));
        if let Some(pool) = machine.and_then(|machine| machine.node_pool.as_ref()) {
            finding = finding.touches(Key::NodePool(pool.clone()));
        }
        match stage.key() {
            Some(key) => finding = finding.touches(key),
            None => finding = finding.explaining_itself(),
        }
        findings.push(finding.fix(fix(view, cluster, stage, &id)));
    }
    let passed = match read {
        0 => "every machine became a node".to_owned(),
        some => format!("{some} serial consoles name no failure"),
    };
    Ok(Judgement::new(passed, findings))
}

fn fix(view: &View<'_>, cluster: &facts::hosted::HostedCluster, stage: Stage, vm: &str) -> Fix {
    let plane = view.target().control_plane_namespace();
    let console = command!("az vm boot-diagnostics get-boot-log --ids {}", vm);
    let azure = &cluster.azure;
    match stage {
        Stage::Dns => Fix::azure([
            command!("oc -n {} get route ignition-server", plane),
            command!("az network vnet show --ids {} --query dhcpOptions.dnsServers", azure.vnet_id),
        ])
        .note("the VNet's DNS servers have to resolve the host of that route"),
        Stage::Tls => Fix::hypershift([
            command!("oc -n {} get route ignition-server", plane),
            command!(
                "oc -n {} get hostedcluster {} -o jsonpath={}",
                cluster.namespace,
                cluster.name,
                "{.spec.additionalTrustBundle}"
            ),
        ])
        .note(
            "ignition trusts the CA that its own configuration names: what intercepts TLS has to leave this host alone",
        ),
        Stage::Refused | Stage::Timeout => Fix::azure([
            command!("az network nsg show --ids {} --query securityRules -o table", azure.security_group_id),
            command!(
                "az network vnet subnet show --ids {} --query '{{nat:natGateway.id, routes:routeTable.id}}'",
                azure.subnet_id
            ),
        ])
        .note("the rows NW02 and NW03 judge both"),
        Stage::Server => Fix::hypershift([
            command!("oc -n {} get deployments ignition-server ignition-server-proxy", plane),
            command!("oc -n {} logs deployment/ignition-server --tail 50", plane),
        ]),
        Stage::DiskFull | Stage::Config => Fix::azure([console])
            .note("then change the NodePool, and delete the Machine: its replacement is made at once"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Facts;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &BOOT_SERIAL;
    const TIMEOUT: &str = "[   61.2] ignition[812]: GET https://ignition.example.com/ignition: attempt #5: GET error: dial tcp 20.1.2.3:443: i/o timeout";
    const NO_HOST: &str = "[   61.2] ignition[812]: GET error: Get \"https://ignition.example.com/ignition\": dial tcp: lookup ignition.example.com: no such host";

    fn log(facts: &mut Facts, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let log = BootLog::Read { lines, bytes: 40_000 };
        facts.azure.compute.boot_logs = Fact::Known([("prod-b".to_owned(), Fact::Known(log))].into());
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the name of the ignition server does not resolve", |facts| {
                nodes_are_missing(facts, "prod-b");
                log(facts, &[NO_HOST]);
            }),
            Fault::new("ignition times out on its way", |facts| {
                nodes_are_missing(facts, "prod-b");
                log(facts, &[TIMEOUT]);
            }),
        ]
    }

    #[test]
    fn silence_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        log(&mut facts, &["ignition[812]: GET result: OK", "Ignition finished successfully"]);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn the_last_stage_is_named() {
        let mut facts = healthy();
        log(&mut facts, &[NO_HOST, TIMEOUT]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.what,
            "Machine prod-b does not boot to a node: the connection to the ignition server times out"
        );
        assert!(finding.keys.contains(&Key::Egress) && finding.keys.contains(&Key::Machine("prod-b".into())));
        assert_eq!(finding.evidence.0.iter().filter(|(label, _)| label == "console").count(), 2);
    }

    #[test]
    fn every_stage_has_its_words() {
        for (line, stage) in [
            (NO_HOST, Stage::Dns),
            ("GET error: x509: certificate signed by unknown authority", Stage::Tls),
            (TIMEOUT, Stage::Timeout),
            ("ignition[8]: GET error: dial tcp 10.0.0.4:443: connect: connection refused", Stage::Refused),
            ("ignition[812]: GET result: 503 Service Unavailable", Stage::Server),
            ("coreos-installer: No space left on device", Stage::DiskFull),
            ("ignition[812]: failed to parse config: invalid", Stage::Config),
        ] {
            assert_eq!(Stage::of(line), Some(stage), "{line}");
            assert!(!stage.what().is_empty() && !stage.why().is_empty());
            let mut facts = healthy();
            log(&mut facts, &[line]);
            the_failure(CHECK, &facts);
        }
        for line in ["sshd: connection refused", "ignition[812]: GET result: OK", ""] {
            assert_eq!(Stage::of(line), None, "{line}");
        }
    }

    #[test]
    fn a_console_that_nobody_keeps_is_unknown_with_the_way_to_have_it() {
        let mut facts = healthy();
        facts.azure.compute.boot_logs = Fact::Known([("prod-b".to_owned(), Fact::Known(BootLog::Off))].into());
        let gap = the_gap(CHECK, &facts);
        assert!(gap.remedy.unwrap().starts_with("az vm boot-diagnostics enable --ids /subscriptions/"));
        facts.azure.compute.boot_logs = Fact::Unreadable(denied("Microsoft.Compute/virtualMachines/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
