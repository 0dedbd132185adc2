//! The verbs.

mod apply;
mod bundle;
pub(crate) mod command_line;
pub(crate) mod completion;
mod create;
mod destroy;
mod doctor;
mod egress_probe;
mod explain;
mod nodepool;
mod rehearsal;
mod source;
mod status;
mod upgrade;
mod version;
mod watch;

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};
use cloud::apply::Stop;
use ui::{ColorChoice, Exit, Failure, Outcome, Terminal};

use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure doctor prod               # what is wrong, how to fix it
  kubectl hcp-azure status prod --watch
  kubectl hcp-azure doctor preflight -f dev-spec.yaml    # would it come up?
  kubectl hcp-azure create cluster -f dev-spec.yaml --wait
  kubectl hcp-azure destroy cluster dev --dry-run

`oc hcp-azure` is the same program. Each command's --help has more.

Exit codes: 0 healthy or done, 1 the answer is no, 2 wrong usage or could not
find out, 4 sign-in needed, 130 interrupted. They do not depend on -o.";

/// OpenShift hosted control planes (HyperShift) on self-managed Azure.
#[derive(Debug, Parser)]
#[command(
    name = "hcp-azure",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Box<create::CreateArgs>),
    Destroy(Box<destroy::DestroyArgs>),
    Apply(apply::ApplyArgs),
    Nodepool(nodepool::NodepoolArgs),
    Upgrade(Box<upgrade::UpgradeArgs>),
    Doctor(Box<doctor::DoctorArgs>),
    Status(status::StatusArgs),
    Explain(explain::ExplainArgs),
    Bundle(bundle::BundleArgs),
    Completion(completion::CompletionArgs),
    Version(version::VersionArgs),
}

impl Cli {
    /// Whether its verb makes a plan that can be saved.
    fn makes_a_plan(&self) -> bool {
        matches!(self.command, Command::Create(_) | Command::Destroy(_))
    }
}

pub(crate) use apply::Held;

/// Output formats of verbs that report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For people, with every row
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
    /// One name a line, as kubectl takes it
    Name,
}

/// Output formats of what is said as a table or as a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

/// `doctor --preflight …` says the same as `doctor preflight …`: the flag takes all flags of `create cluster` with it.
pub(crate) fn alias(mut args: Vec<OsString>) -> Vec<OsString> {
    let verb = args.iter().position(|arg| arg == "doctor");
    let flag = args.iter().position(|arg| arg == "--preflight");
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    if let (Some(verb), Some(flag)) = (verb, flag)
        && verb < flag
        && flag < end
    {
        args.remove(flag);
        args.insert(verb + 1, "preflight".into());
    }
    args
}

/// Runs the verb that was given.
pub(crate) fn run(cli: Cli, program: &'static str) -> Ended {
    let Cli { globals, command } = cli;
    match command {
        Command::Create(args) => create::run(&globals, &args, program),
        Command::Destroy(args) => destroy::run(&globals, &args, program),
        Command::Apply(args) => apply::run(&globals, &args, program),
        Command::Nodepool(args) => nodepool::run(&globals, &args, program),
        Command::Upgrade(args) => upgrade::run(&globals, &args, program),
        Command::Doctor(args) => doctor::run(&globals, &args, program),
        Command::Status(args) => status::run(&globals, &args, program),
        Command::Explain(args) => explain::run(&globals, &args, program),
        Command::Bundle(args) => bundle::run(&globals, &args, program),
        Command::Completion(args) => completion::run(&globals, &args, program),
        Command::Version(args) => version::run(&args),
    }
}

/// Writes a result; a reader that went away is no failure.
pub(crate) fn printed(text: &str) -> Outcome {
    let Err(error) = ui::print(text) else { return Outcome::Yes };
    let outcome = Exit::of_write_error(&error);
    if outcome != Outcome::Unread {
        let failure = Failure::usage("cannot write to stdout").why(error.to_string());
        ui::note(&failure.render(&Terminal::of_stderr(ColorChoice::Auto)));
    }
    outcome
}

/// What stdout can show.
pub(crate) fn screen(globals: &Globals) -> Terminal {
    Terminal::of_stdout(globals.color_choice())
}

/// Runs a future to its end, with what network clients need around it.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(async {
        tokio::select! {
            ended = Box::pin(work) => ended,
            () = interrupt() => Err(Failure::new(ui::FailureKind::Interrupted, "interrupted; nothing was changed")
                .hint("run the same command again")),
        }
    })
}

/// The same for work that changes something: Ctrl-C asks it to stop, and a second one leaves at once.
pub(crate) fn block_on_until<T>(stop: &Stop, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        // On the heap: what a whole run holds would fill much of a stack.
        let mut work = Box::pin(work);
        tokio::select! {
            ended = &mut work => return ended,
            () = interrupt() => stop.now(),
        }
        tokio::select! {
            ended = work => ended,
            () = interrupt() => Err(Failure::new(ui::FailureKind::Interrupted, "interrupted at once")
                .hint("run the same command again: it continues where it stopped")),
        }
    });
    // A prompt that nobody answers any more must not keep the program.
    runtime.shutdown_background();
    ended
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // Fails only when a provider is installed already, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::usage("cannot start").why(error.to_string()))
}

/// Waits for Ctrl-C or, where there is such, for the request to terminate.
async fn interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
