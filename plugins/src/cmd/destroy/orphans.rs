//! `destroy orphans`: the ledger of what dead clusters left. Deletes nothing.

use std::collections::BTreeSet;

use clap::Args;
use cloud::apply::Stop;
use cloud::kubernetes::{Connection, KubeError};
use plan::destroy::orphans::{self, Ledger, Living, Spec};
use ui::orphans::{LedgerDocument, Scope};
use ui::{Failure, Outcome};

use super::super::create::refused;
use super::super::create::run::{self};
use crate::Ended;
use crate::cmd::{DocumentFormat, block_on_until, printed, screen, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure destroy orphans --azure-creds azure-creds.json
  kubectl hcp-azure destroy orphans --also-context other-cluster \\
    --print-script > clean-up.sh
  kubectl hcp-azure destroy orphans --no-cluster --infra-id dev-x7k2p -o json";

/// Show what dead clusters left in the subscription; deletes nothing
///
/// Role assignments, resource groups, resources, identities and DNS records of infra ids that no HostedCluster has, in any
/// namespace of the management clusters that are looked at. Each line names its proof. What may be somebody else's is told
/// as unproven and never gets into the script. Name every management cluster of the subscription: `--also-context`.
///
/// Exits with 0 when nothing is left, with 1 when something is, and with 2 when that could not be found out.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OrphansArgs {
    /// Infra id of a cluster that is dead; can be repeated
    #[arg(long, value_name = "ID")]
    infra_id: Vec<String>,
    /// Look at the management cluster of this kubeconfig context too; can be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "no_cluster")]
    also_context: Vec<String>,
    /// Do not look at management clusters: the clusters of --infra-id are dead, you vouch for it
    #[arg(long, requires = "infra_id")]
    no_cluster: bool,
    /// Print a bash script that deletes what is proven, to be read and run by you
    #[arg(long, conflicts_with = "output")]
    print_script: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = DocumentFormat::Table)]
    output: DocumentFormat,
}

pub(crate) fn run(globals: &Globals, args: &OrphansArgs, program: &str) -> Ended {
    let mut spec = Spec { subscription: String::new(), vouched: args.infra_id.iter().cloned().collect() };
    spec.check().map_err(|refusal| refused::failure(&[refusal]))?;
    let stop = Stop::default();
    block_on_until(&stop, async {
        let looks = async { tokio::try_join!(run::session(globals), living(globals, args)) };
        let (session, living) = run::unless_stopped(&stop, looks).await?;
        spec.subscription.clone_from(&session.subscription);
        let read = cloud::orphans::facts(&session.arm, &spec.subscription);
        let facts = orphans::Facts { living, ..run::read_as(&session, &stop, read).await? };
        let ledger = orphans::ledger(&spec, &facts).map_err(|refusal| refused::failure(&[refusal]))?;
        let contexts: Vec<String> = facts.living.iter().map(|living| living.context.clone()).collect();
        show(globals, args, program, &ledger, &Scope { subscription: &spec.subscription, contexts: &contexts })
    })
}

fn show(globals: &Globals, args: &OrphansArgs, program: &str, ledger: &Ledger, scope: &Scope<'_>) -> Ended {
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot print the ledger").why(error.to_string());
    let mut text = match args.output {
        _ if args.print_script => ui::orphans::script(ledger, scope),
        DocumentFormat::Table => ui::orphans::table(ledger, scope, &screen(globals)),
        DocumentFormat::Json => ui::report::json(&LedgerDocument::of(ledger, scope)).map_err(|error| broken(&error))?,
        DocumentFormat::Yaml => ui::report::yaml(&LedgerDocument::of(ledger, scope)).map_err(|error| broken(&error))?,
    };
    let is_table = args.output == DocumentFormat::Table && !args.print_script;
    if is_table && ledger.proven().next().is_some() {
        let again = format!("`{program} destroy orphans … --print-script > clean-up.sh`");
        text.push_str(&format!("\nnext: {again} writes the script that deletes what is left\n"));
    }
    Ok(match printed(&text) {
        Outcome::Yes if ledger.found() => Outcome::No,
        other => other,
    })
}

/// What each management cluster knows. One that cannot be looked at ends the run: what lives there must not be taken for
/// left over.
async fn living(globals: &Globals, args: &OrphansArgs) -> Result<Vec<Living>, Failure> {
    if args.no_cluster {
        return Ok(Vec::new());
    }
    let more: BTreeSet<&String> = args.also_context.iter().collect();
    let mut all = Vec::new();
    for context in [None].into_iter().chain(more.into_iter().map(Some)) {
        let own = globals.kube_options();
        let options = match context {
            // The server and the credentials that flags name are those of the first context.
            Some(context) => own.of_context(context),
            None => own,
        };
        let connection = Connection::open(&options).await.map_err(|error| blind(context, error))?;
        let connection = connection.with_observer(source::observer(globals.calls()));
        let name = connection.context_name().map_or_else(|| connection.server().to_owned(), str::to_owned);
        let living = connection.living(&name).await.map_err(|error| blind(Some(&name), error))?;
        all.push(living);
    }
    Ok(all)
}

fn blind(context: Option<&String>, error: KubeError) -> Failure {
    let name = context.map_or_else(|| "of the current context".to_owned(), |context| format!("'{context}'"));
    let why = match &error {
        // The list itself is unknown there.
        KubeError::NotFound { .. } => "it knows no HostedClusters: HyperShift is not installed".to_owned(),
        _ => [Some(error.what()), error.why()].into_iter().flatten().collect::<Vec<_>>().join(": "),
    };
    let hint = "`--no-cluster --infra-id ID` lists what is left of clusters that you know to be dead";
    let failure = source::refused(error);
    Failure {
        what: format!("cannot tell which clusters of management cluster {name} live"),
        why: Some(why),
        hint: Some(failure.hint.map_or_else(|| hint.to_owned(), |own| format!("{own}; {hint}"))),
        ..failure
    }
}
