//! `create oidc-issuer`: a signing key and the public documents by which Entra verifies what it signs.

use std::path::PathBuf;

use clap::Args;
use cloud::apply::{Applied, Hands, Outcome as StepOutcome, Stop};
use cloud::issuer;
use plan::Plan;
use plan::oidc::{self, ACCOUNT_STEP, Facts, KeyFiles, Keys, Spec};
use ui::{Failure, FailureKind, Outcome};

use super::run::{self, Carried, Done, Job, PlanArgs, PlanFormat};
use super::{infra, refused, required_name};
use crate::Ended;
use crate::cmd::{block_on_until, printed};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create oidc-issuer contosooidc
  kubectl hcp-azure create oidc-issuer contosooidc --output-dir keys \\
    --resource-group-name os4-common --dry-run
  kubectl hcp-azure create oidc-issuer contosooidc --rotate \\
    --key-file keys/serviceaccount-signer.private";

/// The file of the private key, as `ccoctl` names it.
const KEY_FILE: &str = "serviceaccount-signer.private";

/// Create the OIDC issuer by which Entra trusts the tokens of clusters
///
/// An RSA key of 4096 bits that signs the tokens of service accounts, and a storage account with a public container that
/// serves its public half: the discovery document and the key set. Documents are written with an Entra token, or with the
/// account's key where the token has no role for data. What exists is kept: a private key is never written over, and keys
/// that are published already stay published. In the end both documents are fetched without any credential, to prove it.
///
/// Prints the issuer's address on stdout.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OidcIssuerArgs {
    /// Name of the issuer; a literal 'azure' before it is accepted
    #[arg(value_name = "NAME", num_args = 0..=2)]
    words: Vec<String>,
    /// Name of the issuer
    #[arg(long = "name", value_name = "NAME")]
    name: Option<String>,
    /// Azure region
    #[arg(long, value_name = "REGION", visible_alias = "region", default_value = "eastus")]
    location: String,
    /// Resource group for the storage account; created if it does not exist [default: <name>-oidc]
    #[arg(long, value_name = "GROUP", visible_alias = "oidc-resource-group-name")]
    resource_group_name: Option<String>,
    /// Storage account, unique in all of Azure [default: the name's letters and digits]
    #[arg(long, value_name = "ACCOUNT")]
    storage_account_name: Option<String>,
    /// Blob container [default: the name]
    #[arg(long, value_name = "CONTAINER")]
    blob_container_name: Option<String>,
    /// Private key: used if it exists, else made [default: serviceaccount-signer.private in --output-dir]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output_dir", "public_key_file"])]
    key_file: Option<PathBuf>,
    /// Folder of the key pair
    #[arg(long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,
    /// Publish this public key; its private half is elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "rotate")]
    public_key_file: Option<PathBuf>,
    /// Publish a new key beside the old one, then let it take the old one's place; the old one is kept as <file>.old-<id>
    #[arg(long)]
    rotate: bool,
    /// Tags for what is created: key=value,…
    #[arg(short = 't', long, value_name = "TAGS", value_delimiter = ',', value_parser = infra::tag)]
    user_tags: Vec<(String, String)>,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(globals: &Globals, args: &OidcIssuerArgs, program: &'static str) -> Ended {
    let mut spec = spec(args)?;
    spec.check().map_err(refused::one)?;
    run::consent(globals, &args.plan)?;
    let keys = issuer::keys(&spec).map_err(refused::one)?;
    let stop = Stop::default();
    block_on_until(&stop, async {
        let session = run::unless_stopped(&stop, run::session(globals)).await?;
        spec.subscription.clone_from(&session.subscription);
        let facts = run::read_as(&session, &stop, issuer::facts(&session, &spec, keys)).await?;
        let (steps, notes) = oidc::plan(&spec, &facts).map_err(refused::one)?;
        let plan = run::plan_of(steps)?;
        let job = Job {
            globals,
            args: &args.plan,
            plan: &plan,
            notes: &notes,
            title: format!("OIDC issuer {} (storage account {})", spec.name, spec.account),
            by: run::by(&session),
            hands: Hands { arm: Some(&session.arm), storage: Some(&session.storage), ..Hands::default() },
            stop: &stop,
            name_to_type: None,
            next: String::new(),
        };
        let done = match run::carry_out(&job).await? {
            Carried::Shown(outcome) => return Ok(outcome),
            Carried::Out(done) => done,
        };
        let address = address(&spec, &facts, &plan, done.applied.as_ref()).ok_or_else(|| {
            Failure::new(FailureKind::Operation, "Azure names no blob endpoint of the storage account")
        })?;
        let proven = match facts.keys.signing(&spec) {
            Some(key) => issuer::prove(&session.storage, &address, key, done.applied.is_some(), &stop).await,
            None => Ok(()),
        };
        if let Err(unproven) = proven {
            if args.plan.output.is_document() {
                let _ = printed(&run::document(&job, done.applied.as_ref(), Some(&address))?);
            }
            return Err(unserved(&address, &unproven, &stop, args.rotate));
        }
        end(&job, &spec, &done, &address, program)
    })
}

fn spec(args: &OidcIssuerArgs) -> Result<Spec, Failure> {
    let name = required_name(args.name.clone(), &args.words)?;
    let account = match &args.storage_account_name {
        Some(account) => account.clone(),
        None => oidc::account_of(&name).map_err(refused::one)?,
    };
    let keys = match (&args.public_key_file, &args.key_file) {
        (Some(public), _) => Keys::Public(public.clone()),
        (None, Some(private)) => Keys::Files(KeyFiles { private: private.clone() }),
        (None, None) if args.output_dir.as_os_str() == "." => Keys::Files(KeyFiles { private: KEY_FILE.into() }),
        (None, None) => Keys::Files(KeyFiles { private: args.output_dir.join(KEY_FILE) }),
    };
    Ok(Spec {
        subscription: String::new(),
        resource_group: args.resource_group_name.clone().unwrap_or_else(|| format!("{name}-oidc")),
        location: args.location.clone(),
        account,
        container: args.blob_container_name.clone().unwrap_or_else(|| name.clone()),
        tags: args.user_tags.iter().cloned().collect(),
        keys,
        rotate: args.rotate,
        name,
    })
}

/// The issuer: below the endpoint that Azure names.
fn address(spec: &Spec, facts: &Facts, plan: &Plan, applied: Option<&Applied>) -> Option<String> {
    let at = plan.steps().iter().position(|step| step.id == ACCOUNT_STEP)?;
    let left = applied.and_then(|applied| match applied.outcomes.get(at) {
        Some(StepOutcome::Done(account)) => spec.issuer(account),
        _ => None,
    });
    left.or_else(|| facts.account.as_ref().and_then(|account| spec.issuer(account)))
}

fn unserved(address: &str, unproven: &oidc::Unproven, stop: &Stop, rotate: bool) -> Failure {
    let again = if rotate {
        "run the command again without `--rotate`: the rotation is over"
    } else {
        "run the same command again"
    };
    if stop.is_set() {
        return Failure::new(
            FailureKind::Interrupted,
            format!("interrupted; all of {address} is in place, but not proven"),
        )
        .hint(again);
    }
    Failure::new(FailureKind::Operation, format!("issuer {address} does not serve its documents to everybody"))
        .why(format!("{}: {}", unproven.url, unproven.why))
        .hint(format!("see that no policy or firewall keeps anonymous readers from the storage account; then {again}"))
}

fn end(job: &Job<'_>, spec: &Spec, done: &Done, address: &str, program: &str) -> Result<Outcome, Failure> {
    let outcome = match job.args.output {
        PlanFormat::Json | PlanFormat::Yaml => printed(&run::document(job, done.applied.as_ref(), Some(address))?),
        PlanFormat::Table | PlanFormat::Wide => printed(&format!("{address}\n")),
    };
    if !job.globals.quiet {
        let mut text = format!("{} Everybody gets the documents of {address}\n", done.line);
        if let Keys::Files(files) = &spec.keys {
            text.push_str(&format!("keys: {} (secret) and {}\n", files.private.display(), files.public().display()));
        }
        text.push_str(&format!("next: `{program} create iam … --oidc-issuer-url {address}`"));
        if let Keys::Files(files) = &spec.keys {
            let path = files.private.display();
            text.push_str(&format!(",\n  then `{program} create cluster … --sa-token-issuer-private-key-path {path}`"));
        }
        text.push('\n');
        ui::note(&text);
    }
    Ok(outcome)
}
