//! The dump that real programs wrote, and what reading costs.

use super::*;

/// The dump that the real `hypershift dump cluster` wrote.
fn recorded_dump() -> Option<PathBuf> {
    let shared = std::env::var_os("HCP_AZURE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join("golden/dumps/identity-and-sku");
    if !path.is_dir() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_dump_that_real_programs_wrote() {
    let Some(path) = recorded_dump() else { return };
    let facts = read(&path).unwrap();
    assert_eq!(facts.target.to_string(), "clusters/demo");
    assert_eq!(facts.collected_at.to_string(), "2026-11-20T22:00:10.667075502Z");
    let cluster = facts.hosted.cluster.get().unwrap();
    assert_eq!(cluster.conditions.len(), 21);
    assert_eq!(cluster.condition("Degraded").unwrap().reason, "UnavailableReplicas");
    let facts::hosted::Authentication::WorkloadIdentities { client_ids } = &cluster.azure.authentication else {
        panic!("workload identities");
    };
    assert_eq!(client_ids.len(), 8);
    let pools = facts.hosted.node_pools.get().unwrap();
    assert_eq!((pools.len(), pools[0].conditions.len()), (1, 14));
    let machines = facts.hosted.machines.get().unwrap();
    assert_eq!(machines.len(), 2);
    assert!(machines.iter().all(|machine| machine.node_pool.as_deref() == Some("demo")));
    let azure_machines = facts.hosted.azure_machines.get().unwrap();
    assert_eq!(azure_machines.len(), 2);
    let skus = azure_machines.iter().flat_map(|machine| &machine.conditions);
    assert_eq!(skus.filter(|condition| condition.message.contains("SkuNotAvailable")).count(), 1);
    let pods = facts.hosted.pods.get().unwrap();
    assert_eq!(pods.len(), 5);
    let minters = pods.iter().flat_map(|pod| &pod.containers).filter_map(|c| c.token_minter.as_ref());
    let subjects: Vec<_> = minters.filter_map(|minter| minter.subject.as_deref()).collect();
    assert!(subjects.contains(&"system:serviceaccount:kube-system:capi-provider"), "{subjects:?}");
    assert_eq!(facts.hosted.workloads.get().unwrap().len(), 5);
    assert_eq!(facts.hosted.warnings.get().unwrap().len(), 1);
    let logs = facts.hosted.logs.get().unwrap();
    let refusals: Vec<(&str, bool, bool)> = logs
        .iter()
        .map(|line| {
            let app = line.app.as_deref().unwrap();
            (app, line.text.contains("AADSTS700213"), line.text.contains("AADSTS700211"))
        })
        .collect();
    assert_eq!(refusals, [("capi-provider", true, false), ("cloud-controller-manager", false, true)]);
    assert_eq!(logs[0].time.unwrap().to_string(), "2026-11-20T09:31:03.402377Z");
    let operators = facts.management.operators.get().unwrap();
    assert_eq!((operators.len(), operators[0].args.len()), (1, 3));
    assert_eq!(facts.management.supported_versions.get().unwrap().versions.len(), 12);
    let served = facts.management.api_resources.get().unwrap();
    let plurals: Vec<&str> = served.iter().map(|resource| resource.plural.as_str()).collect();
    for plural in ["hostedclusters", "nodepools", "machines", "azuremachines", "controlplanecomponents"] {
        assert!(plurals.contains(&plural), "{plural} in {plurals:?}");
    }
    // What it does not hold is unknown, never absent.
    assert_eq!(facts.hosted.components.gap().unwrap().kind, GapKind::NotRecorded);
    for gap in [facts.azure.login.gap(), facts.azure.subscription.gap(), facts.azure.identities.gap()] {
        assert_eq!(gap.unwrap().why, "a Kubernetes dump holds nothing of Azure");
    }
    // What was read may be written.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.tar.zst");
    write(&facts, &Recorder::default(), &copy).unwrap();
    let back = read(&copy).unwrap();
    assert_eq!((&back.hosted, &back.management), (&facts.hosted, &facts.management));
}

/// Prints what opening costs: `cargo test --release -p cloud -- --ignored --nocapture speed`.
#[test]
#[ignore = "prints figures of an optimised build"]
fn speed() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.tar.gz");
    let mut paths = vec![own.clone()];
    match recorded_dump() {
        Some(dump) => {
            write(&read(&dump).unwrap(), &Recorder::default(), &own).unwrap();
            paths.push(dump);
        }
        None => drop(write(&some_facts(), &Recorder::default(), &own).unwrap()),
    }
    for path in paths {
        let mut times: Vec<_> = (0..9)
            .map(|_| {
                let begin = Instant::now();
                read(&path).unwrap();
                begin.elapsed()
            })
            .collect();
        times.sort();
        println!("{}: median {:?}, first {:?}", path.display(), times[4], times[8]);
    }
}
