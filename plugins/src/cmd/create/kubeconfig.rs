//! `create kubeconfig`: the kubeconfig of a hosted cluster, or of all of them.

use std::path::{Path, PathBuf};

use clap::Args;
use cloud::files;
use cloud::kubernetes::{Connection, KubeError, NoKubeconfig, Published, merge_kubeconfigs};
use facts::Target;
use secrecy::{ExposeSecret as _, SecretString};
use ui::{Failure, FailureKind, Outcome};

use super::{name_of, namespace};
use crate::Ended;
use crate::cmd::{block_on, printed, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create kubeconfig prod > prod.kubeconfig
  kubectl hcp-azure create kubeconfig prod -n clusters \\
    --output-file prod.kubeconfig
  kubectl hcp-azure create kubeconfig --output-file all.kubeconfig";

/// Print the kubeconfig of a hosted cluster, or of all
///
/// With a name: the kubeconfig as the HostedCluster publishes it for its administrator. Without: those of all
/// HostedClusters, in one namespace (-n) or in all, merged into one; its contexts are called <namespace>-<name>.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_override_self = true, mut_args(super::switch))]
pub(crate) struct KubeconfigArgs {
    /// Name of the HostedCluster; without one, all of them
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the HostedCluster
    #[arg(long)]
    name: Option<String>,
    /// Write to this file, replacing what is there, readable by its owner alone
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Not done: the error says how to reach a cluster through a port-forward
    #[arg(long)]
    port_forward: bool,
}

pub(crate) fn run(globals: &Globals, args: &KubeconfigArgs, program: &'static str) -> Ended {
    let name = name_of(args.name.clone(), &args.words)?;
    if args.port_forward {
        return Err(no_port_forward(globals, &name));
    }
    if let Some(path) = &args.output_file {
        files::can_write(path).map_err(|error| unwritable(path, &error.to_string()))?;
    }
    let kubeconfig = block_on(async {
        let connection = Connection::open(&globals.kube_options()).await.map_err(source::refused)?;
        let connection = connection.with_observer(source::observer(globals.calls()));
        if !globals.quiet {
            let what = if name.is_empty() { "every kubeconfig".into() } else { format!("the kubeconfig of {name}") };
            ui::note(&format!("reading {what} from {}\n", source::place_of(&connection)));
        }
        if name.is_empty() {
            all(globals, &connection, program).await
        } else {
            one(&connection, Target { namespace: namespace(globals), name }, program).await
        }
    })?;
    let Some(path) = &args.output_file else {
        let outcome = printed(kubeconfig.expose_secret());
        if !globals.quiet && outcome == Outcome::Yes {
            ui::note("next: `oc --kubeconfig FILE get nodes`, once it is in a file\n");
        }
        return Ok(outcome);
    };
    files::write(path, kubeconfig.expose_secret(), true).map_err(|error| unwritable(path, &error.to_string()))?;
    if !globals.quiet {
        ui::note(&format!("next: `oc --kubeconfig {} get nodes`\n", path.display()));
    }
    Ok(Outcome::Yes)
}

/// The kubeconfig of one, as it was published.
async fn one(connection: &Connection, target: Target, program: &str) -> Result<SecretString, Failure> {
    let found = connection.published_kubeconfig(&target).await.map_err(source::refused)?;
    let Some(published) = found else {
        return Err(Failure::usage(format!("there is no HostedCluster {target}"))
            .hint("`oc get hostedclusters -A` lists them; `-n` chooses the namespace"));
    };
    match connection.kubeconfigs_of(&[published]).await.into_iter().next() {
        Some(Ok(kubeconfig)) => Ok(kubeconfig),
        Some(Err(error)) => Err(refused(format!("there is no kubeconfig of HostedCluster {target}"), &error)
            .hint(hint(&error, &target, program))),
        None => Err(Failure::usage(format!("the kubeconfig of {target} was not read, which is our own mistake"))),
    }
}

/// Those of all as one. What is missing is told, and the rest is given.
async fn all(globals: &Globals, connection: &Connection, program: &str) -> Result<SecretString, Failure> {
    let namespace = globals.namespace.as_deref();
    let published = every(connection, namespace).await?;
    let place = namespace.map_or_else(|| "any namespace".to_owned(), |name| format!("namespace {name}"));
    let Some(first) = published.first() else {
        return Err(Failure::usage(format!("there is no HostedCluster in {place}"))
            .hint("`oc get hostedclusters -A` lists them; `-n` chooses the namespace"));
    };
    let (mut read, mut missing) = (Vec::new(), Vec::new());
    for (one, kubeconfig) in published.iter().zip(connection.kubeconfigs_of(&published).await) {
        match kubeconfig {
            Ok(kubeconfig) => read.push((one.target.clone(), kubeconfig)),
            Err(error) => missing.push((one.target.clone(), error)),
        }
    }
    let merged = merge_kubeconfigs(&read);
    let reasons = missing.iter().map(|(target, error)| (target, error.to_string()));
    let unusable = merged.unusable.iter().map(|(target, why)| (target, why.clone()));
    let lines: Vec<String> =
        reasons.chain(unusable).map(|(target, why)| format!("HostedCluster {target}: {why}")).collect();
    let Some(kubeconfig) = merged.kubeconfig else {
        // What could not be found out weighs more than what is not there.
        let worst = missing.iter().find(|(_, error)| matches!(error, NoKubeconfig::Kubernetes(..))).or(missing.first());
        let what = format!("there is no kubeconfig of any HostedCluster in {place}");
        let (target, failure, hint) = match worst {
            Some((target, error)) => (target, refused(what, error), hint(error, target, program)),
            None => {
                let hint = format!("`{program} doctor {} -n {}`", first.target.name, first.target.namespace);
                (&first.target, Failure::new(FailureKind::Operation, what), hint)
            }
        };
        let hint = if published.len() > 1 { format!("begin with {target}: {hint}") } else { hint };
        return Err(failure.why(lines.join("\n")).hint(hint));
    };
    if !globals.quiet {
        for line in lines {
            ui::note(&format!("note: left out: {line}\n"));
        }
    }
    Ok(kubeconfig)
}

/// Every HostedCluster, in one namespace or in all that the caller may see.
async fn every(connection: &Connection, namespace: Option<&str>) -> Result<Vec<Published>, Failure> {
    match connection.published_kubeconfigs(namespace).await {
        // Many may list one namespace only.
        Err(KubeError::Denied { .. }) if namespace.is_none() => {
            connection.published_kubeconfigs(Some(source::USUAL_NAMESPACE)).await.map_err(source::refused)
        }
        found => found.map_err(source::refused),
    }
}

/// That something is not there yet is an answer; that it could not be read is none.
fn refused(what: String, error: &NoKubeconfig) -> Failure {
    let kind = match error {
        NoKubeconfig::Kubernetes(error, _) if error.needs_sign_in() => FailureKind::SignIn,
        NoKubeconfig::Kubernetes(..) => FailureKind::Usage,
        _ => FailureKind::Operation,
    };
    let what = if kind == FailureKind::Operation { what } else { what.replacen("there is no", "cannot read the", 1) };
    Failure::new(kind, what).why(error.to_string())
}

fn hint(error: &NoKubeconfig, target: &Target, program: &str) -> String {
    let own = match error {
        NoKubeconfig::Kubernetes(error, _) => error.hint(),
        _ => None,
    };
    own.unwrap_or_else(|| format!("`{program} doctor {} -n {}` says why", target.name, target.namespace))
}

fn no_port_forward(globals: &Globals, name: &str) -> Failure {
    let name = if name.is_empty() { "NAME" } else { name };
    let target = Target { namespace: namespace(globals), name: name.to_owned() };
    Failure::usage("--port-forward is refused")
        .why("a kubeconfig for a port-forward works only while that runs, and this command leaves nothing running")
        .hint(format!(
            "run `oc port-forward -n {} svc/kube-apiserver 6443`, leave it running, and add `--server https://localhost:6443` to each `oc` with the kubeconfig that this command prints without the flag",
            target.control_plane_namespace()
        ))
}

fn unwritable(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("cannot use --output-file {}", path.display()))
        .why(why)
        .hint("give a file in a folder that exists and can be written to")
}
