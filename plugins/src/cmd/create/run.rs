//! What every `create` shares: names, the session, showing the plan, asking, applying, and what is said at the end.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use cloud::apply::{self, Applied, Event, Hands, Options, Outcome as StepOutcome, Stop};
use cloud::create::FactsError;
use cloud::http;
use cloud::saved_plan::SavedPlan;
use cloud::session::{self, AzureSession, NoSession, WrongTenant};
use plan::{Plan, Step, Verb};
use ui::plan::{Detail, End, PlanDocument, Progress};
use ui::{Failure, FailureKind, Outcome, Terminal};

use super::refused;
use crate::cmd::{command_line, printed, screen};
use crate::globals::{self, Globals};

/// How a plan is shown and applied.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Plan")]
pub(crate) struct PlanArgs {
    /// Show the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 1 when there is something to do
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    /// Do not ask before applying the plan
    #[arg(short, long)]
    pub yes: bool,
    /// How many steps to apply at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: u16,
    /// Output format of the plan
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Table)]
    pub output: PlanFormat,
    /// Where the plan is saved instead of being applied.
    #[arg(skip)]
    pub save: Option<PathBuf>,
    /// Flags that a saved command needs besides, so that it makes the same plan.
    #[arg(skip)]
    pub pins: Vec<String>,
    /// What is said between the plan and the question whether to apply it.
    #[arg(skip)]
    pub closing: Option<String>,
    /// The command line behind the program's name, where another than the typed one asks for the same.
    #[arg(skip)]
    pub words: Option<Vec<String>>,
}

impl PlanArgs {
    /// Whether the plan is only shown, or saved.
    pub fn changes_nothing(&self) -> bool {
        self.dry_run || self.save.is_some()
    }
}

/// Where a plan is saved.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Plan")]
pub(crate) struct SaveArgs {
    /// Save the plan to a file and change nothing: `apply FILE` does exactly that later, or nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "yes"])]
    save_plan: Option<PathBuf>,
}

impl SaveArgs {
    /// The flags of the plan, with these.
    pub fn onto(&self, plan: &PlanArgs) -> PlanArgs {
        PlanArgs { save: self.save_plan.clone(), ..plan.clone() }
    }
}

/// How long a run may take.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Plan")]
pub(crate) struct TimeArgs {
    /// Stop cleanly when the run is not done within this time: 5m, 1h30m; 0 sets no limit. The same command goes on later
    #[arg(long, value_name = "TIME", value_parser = globals::duration)]
    pub timeout: Option<Duration>,
}

/// Formats of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Table,
    /// For people, with every step
    Wide,
    /// For programs: one document on stdout, with how each step ended once applied
    Json,
    /// For programs
    Yaml,
}

impl PlanFormat {
    /// Whether it is for programs: stdout holds the document alone.
    pub fn is_document(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }
}

/// What to apply, and what to say around it.
pub(crate) struct Job<'a> {
    pub globals: &'a Globals,
    pub args: &'a PlanArgs,
    pub plan: &'a Plan,
    pub notes: &'a [String],
    /// What the plan is about, in the line above it: `identities of dev (dev-x7k2p)`.
    pub title: String,
    /// Who applies it, in the line below the title: `as service principal x, subscription y`.
    pub by: String,
    pub hands: Hands<'a>,
    pub stop: &'a Stop,
    /// What must be typed to go on, where a yes is not enough.
    pub name_to_type: Option<String>,
    /// What to do next, once all is done.
    pub next: String,
}

/// Refuses, before anything is called, to apply a plan that nobody can be asked about.
pub(crate) fn consent(globals: &Globals, args: &PlanArgs) -> Result<(), Failure> {
    if args.changes_nothing() || args.yes || globals.saved.is_some() || (!globals.no_input && ui::plan::can_ask()) {
        return Ok(());
    }
    let why = if globals.no_input { "--no-input forbids to ask" } else { "there is no terminal to ask on" };
    Err(Failure::usage(format!("{why} before anything is changed"))
        .hint("add `--yes` to apply the plan, or `--dry-run` to see it"))
}

/// Signs in to Azure.
pub(crate) async fn session(globals: &Globals) -> Result<AzureSession, Failure> {
    let cloud = globals.selected_cloud()?;
    let creds_file = globals.creds_file()?;
    if let Some(problem) = creds_file.as_ref().and_then(|file| file.shape.problem.as_deref()) {
        let path = creds_file.as_ref().map(|file| file.shape.path.clone()).unwrap_or_default();
        return Err(Failure::usage(format!("cannot use --azure-creds {path}"))
            .why(problem)
            .hint("it is to hold subscriptionId, tenantId, clientId and clientSecret, as JSON or YAML"));
    }
    let http = http::client(&cloud).map_err(|error| {
        Failure::usage(format!("cannot use the certificates of cloud {}", cloud.name)).why(error.to_string())
    })?;
    let opened = session::open(&cloud, &http, &globals.calls(), creds_file.as_ref(), &globals.environment()).await;
    opened.map_err(no_session)
}

/// Why there is no session with Azure, as the user sees it.
pub(crate) fn no_session(error: NoSession) -> Failure {
    match error {
        NoSession::NoSubscription { via } => Failure::usage("no Azure subscription is chosen")
            .why(format!("{via} names none"))
            .hint("give `--subscription ID`; `az account list -o table` lists them"),
        NoSession::Refused { via, message } => Failure::new(FailureKind::SignIn, format!("{via} is refused"))
            .why(message)
            .hint("check the credential, or leave it out and use `az login`"),
        NoSession::Unreadable(gap) => {
            let kind = match gap.kind {
                facts::GapKind::Unreachable => FailureKind::Usage,
                _ => FailureKind::SignIn,
            };
            let failure = Failure::new(kind, "cannot sign in to Azure").why(gap.why);
            match gap.remedy {
                Some(remedy) => failure.hint(format!("`{remedy}`")),
                None => failure.hint("sign in with `az login`, or give `--azure-creds FILE`"),
            }
        }
    }
}

/// Who a session is, for the line below a plan's title.
pub(crate) fn by(session: &AzureSession) -> String {
    format!("as {}, subscription {}", session.caller.via, session.subscription)
}

/// Waits for facts of Azure, unless the run is stopped first. A credential of another tenant than the subscription's is
/// named.
pub(crate) async fn read_as<T>(
    session: &AzureSession,
    stop: &Stop,
    facts: impl Future<Output = Result<T, FactsError>>,
) -> Result<T, Failure> {
    let explained = async {
        facts.await.map_err(|error| match &error {
            FactsError::Arm(refused) => match session::wrong_tenant(refused) {
                Some(wrong) => of_another_tenant(&session.caller.via, &wrong),
                None => unread(error),
            },
            _ => unread(error),
        })
    };
    unless_stopped(stop, explained).await
}

/// Waits for what changes nothing, unless the run is stopped first.
pub(crate) async fn unless_stopped<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = stop.wait() => Err(interrupted()),
    }
}

/// Does the work of a run, and stops it at the deadline as Ctrl-C would: what is under way is brought to its end, nothing
/// more is begun.
///
/// A run that was stopped so is a failure of its own; one that gets done, or fails by itself meanwhile, ends as it does.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    stop: &Stop,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(limit) = limit.filter(|limit| !limit.is_zero()) else { return work.await };
    let mut work = std::pin::pin!(work);
    tokio::select! {
        ended = &mut work => return ended,
        () = tokio::time::sleep(limit) => {}
    }
    // Somebody pressed Ctrl-C just before: then that is why it ends.
    let by_hand = stop.is_set();
    stop.now();
    work.await.map_err(|failure| {
        if by_hand || failure.kind != FailureKind::Interrupted {
            return failure;
        }
        let shown = jiff::SignedDuration::try_from(limit).map(|limit| format!("{limit:#}")).unwrap_or_default();
        let again = "run the same command again: it continues where it stopped; `--timeout` gives it more time";
        Failure::new(FailureKind::Operation, format!("not done within --timeout {shown}"))
            .why(failure.what)
            .hint(failure.hint.unwrap_or_else(|| again.to_owned()))
    })
}

fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, "interrupted; nothing was changed").hint("run the same command again")
}

fn unread(error: FactsError) -> Failure {
    match error {
        FactsError::Arm(error) => {
            let failure =
                Failure::usage(format!("cannot read {}; nothing was changed", error.resource)).why(apply::why(&error));
            match apply::hint(&error) {
                Some(hint) => failure.hint(hint),
                None => failure.hint("run the same command again"),
            }
        }
        FactsError::Storage(error) => {
            let failure = Failure::usage(format!("cannot read {}; nothing was changed", error.url())).why(error.why());
            failure.hint(error.hint().unwrap_or_else(|| "run the same command again".into()))
        }
        FactsError::Randomness(error) => Failure::usage(error.to_string()).hint("run the same command again"),
        FactsError::Refused(refusal) => refused::one(refusal),
        FactsError::Id(error) => Failure::usage(error.to_string()),
        FactsError::File { path, source } => Failure::usage(format!("cannot use --output-file {path}"))
            .why(source.to_string())
            .hint("give a file in a folder that exists and can be written to"),
    }
}

/// A credential that cannot work in the subscription, whatever it is permitted.
fn of_another_tenant(via: &str, wrong: &WrongTenant) -> Failure {
    let WrongTenant { subscription, credential, tenant } = wrong;
    let failure = Failure::usage(format!("cannot use {via} in subscription {subscription}; nothing was changed"));
    match (credential, tenant) {
        (Some(own), Some(right)) => failure
            .why(format!("the credential is of tenant {own}, but the subscription belongs to tenant {right}"))
            .hint(format!("give `--azure-creds` with a service principal of tenant {right}, or another `--subscription`")),
        _ => failure.why("Azure knows no such subscription").hint(
            "check `--subscription`, or subscriptionId in the file of `--azure-creds`; `az account list -o table` lists them",
        ),
    }
}

/// The plan that steps make.
pub(crate) fn plan_of(steps: Vec<Step>) -> Result<Plan, Failure> {
    Plan::new(steps)
        .map_err(|flaw| Failure::usage("the plan is flawed, which is our own mistake").why(flaw.to_string()))
}

/// Shows the plan and, unless it is a dry run, asks and applies it; then says what to do next.
pub(crate) async fn go(job: &Job<'_>) -> Result<Outcome, Failure> {
    match carry_out(job).await? {
        Carried::Shown(outcome) => Ok(outcome),
        Carried::Out(done) => end(job, &done),
    }
}

/// How far a plan was carried out.
pub(crate) enum Carried {
    /// It was shown alone.
    Shown(Outcome),
    /// All is as it should be.
    Out(Done),
}

/// What carrying out a plan left.
pub(crate) struct Done {
    /// How the steps ended; none when there was nothing to do.
    pub applied: Option<Applied>,
    /// What to say of it.
    pub line: String,
}

/// Shows the plan and, unless it is a dry run, asks and applies it.
pub(crate) async fn carry_out(job: &Job<'_>) -> Result<Carried, Failure> {
    let Job { globals, args, plan, .. } = job;
    let stderr = Terminal::of_stderr(globals.color_choice());
    let json = args.output.is_document();
    let management_cluster = job.hands.kubernetes.map(|connection| connection.server());
    if let Some(saved) = &globals.saved {
        saved.check(plan, management_cluster)?;
    }
    if let Some(path) = &args.save {
        let saved = SavedPlan::of(plan, command(job), management_cluster, &job.title, env!("CARGO_PKG_VERSION"));
        saved.write(path).map_err(|error| refused::one(refused::file("--save-plan", path, &error)))?;
    }
    if args.changes_nothing() {
        let text = if json { document(job, None, None)? } else { shown(job, &screen(globals)) };
        let outcome = printed(&text);
        ui::note(args.closing.as_deref().unwrap_or_default());
        if !globals.quiet && outcome == Outcome::Yes {
            ui::note(&next_of_shown(job));
        }
        return Ok(Carried::Shown(match outcome {
            Outcome::Yes if args.exit_code && !plan.is_done() => Outcome::No,
            other => other,
        }));
    }
    if !globals.quiet && !json {
        ui::note(&shown(job, &stderr));
    }
    ui::note(args.closing.as_deref().unwrap_or_default());
    if plan.is_done() {
        return Ok(Carried::Out(Done { applied: None, line: "already as planned, nothing to do.".into() }));
    }
    if !args.yes && globals.saved.is_none() && !agreed(job).await? {
        return Err(Failure::new(FailureKind::Interrupted, "not applied; nothing was changed"));
    }
    let begun = Instant::now();
    let options = Options { concurrency: usize::from(args.concurrency), ..Options::new(job.stop.clone()) };
    let progress = Mutex::new(Progress::new(plan, stderr, globals.quiet || globals.verbose > 0 && json));
    let listen = |event: Event<'_>| hear(&mut progress.lock().unwrap_or_else(PoisonError::into_inner), event);
    let applied = {
        let mut work = std::pin::pin!(apply::apply(plan, job.hands, &options, &listen));
        let mut clock = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                applied = &mut work => break applied,
                _ = clock.tick() => progress.lock().unwrap_or_else(PoisonError::into_inner).tick(),
            }
        }
    };
    progress.lock().unwrap_or_else(PoisonError::into_inner).finish();
    match failure(plan, &applied) {
        Some(failure) => {
            if json {
                let _ = printed(&document(job, Some(&applied), None)?);
            }
            Err(failure)
        }
        None => {
            let line = format!("done in {:.1} s.", begun.elapsed().as_secs_f64());
            Ok(Carried::Out(Done { applied: Some(applied), line }))
        }
    }
}

/// What may follow a plan that was only shown.
fn next_of_shown(job: &Job<'_>) -> String {
    match &job.args.save {
        Some(path) => {
            let path = command_line::quoted([path.display().to_string()]);
            let apply = format!("{} apply {path}", job.globals.program);
            format!(
                "saved to {path}, which holds no secret.\nnext: `{apply}` does exactly this, or nothing if anything has changed\n"
            )
        }
        None if job.args.output.is_document() || job.plan.is_done() => String::new(),
        None => "next: the same command without `--dry-run` applies this plan\n".to_owned(),
    }
}

/// The command that makes a job's plan, and saves nothing: neither a plan nor a token.
fn command(job: &Job<'_>) -> Vec<String> {
    let words = job.args.words.as_ref().unwrap_or(&job.globals.typed);
    let mut command = command_line::without(words, &["--save-plan", "--token"]);
    command.extend(job.args.pins.iter().cloned());
    command
}

/// What is said when all is as it should be.
fn end(job: &Job<'_>, done: &Done) -> Result<Outcome, Failure> {
    let json = job.args.output.is_document();
    let outcome = if json { printed(&document(job, done.applied.as_ref(), None)?) } else { Outcome::Yes };
    if !job.globals.quiet {
        ui::note(&format!("{}\n", format!("{} {}", done.line, job.next).trim_end()));
    }
    Ok(outcome)
}

fn shown(job: &Job<'_>, terminal: &Terminal) -> String {
    let every = job.args.changes_nothing() || job.globals.verbose > 0 || job.args.output == PlanFormat::Wide;
    let detail = if every { Detail::Full } else { Detail::Short };
    let heading = ui::plan::heading(&job.title, &job.by, terminal);
    format!("{heading}\n{}", ui::plan::table(job.plan, job.notes, detail, terminal))
}

/// The plan for programs; with the issuer that it is about, where it is about one and that is known.
pub(crate) fn document(job: &Job<'_>, applied: Option<&Applied>, issuer: Option<&str>) -> Result<String, Failure> {
    let ends: Option<Vec<End>> = applied.map(|applied| applied.outcomes.iter().map(end_of).collect());
    let document = PlanDocument::of(job.plan, job.notes, ends.as_deref());
    let document = document.with_issuer(issuer);
    let broken = |error: &dyn std::error::Error| Failure::usage("cannot write the plan").why(error.to_string());
    match job.args.output {
        PlanFormat::Yaml => ui::report::yaml(&document).map_err(|error| broken(&error)),
        _ => ui::report::json(&document).map_err(|error| broken(&error)),
    }
}

async fn agreed(job: &Job<'_>) -> Result<bool, Failure> {
    let name = job.name_to_type.clone();
    let asked = tokio::task::spawn_blocking(move || match name {
        Some(name) => ui::plan::typed(&name),
        None => ui::plan::confirm("Apply?"),
    });
    tokio::select! {
        answer = asked => Ok(answer.unwrap_or(false)),
        () = job.stop.wait() => Err(interrupted()),
    }
}

fn hear(progress: &mut Progress, event: Event<'_>) {
    match event {
        Event::Started(at) => progress.started(at),
        Event::Waiting(_) => progress.tick(),
        Event::Blocked(step, why) => progress.blocked(step, why),
        Event::Again { step, wait, error } => {
            let why = error.code.clone().unwrap_or_else(|| error.message.clone());
            progress.again(step, wait, &why);
        }
        Event::Ended(at, outcome) => progress.ended(at, end_of(outcome)),
    }
}

fn end_of(outcome: &StepOutcome) -> End {
    match outcome {
        StepOutcome::Kept => End::Kept,
        StepOutcome::Done(_) => End::Done,
        StepOutcome::Failed(_) => End::Failed,
        StepOutcome::Skipped(_) => End::Skipped,
        StepOutcome::Stopped => End::Stopped,
        StepOutcome::Left => End::Left,
    }
}

/// How many failures are told in full; the rest are counted.
const TOLD: usize = 3;

/// What is said of a run that did not get everything done; none when it did.
fn failure(plan: &Plan, applied: &Applied) -> Option<Failure> {
    let total = applied.outcomes.len();
    let failures: Vec<(usize, &apply::StepError)> = applied.failures().collect();
    let again = format!("run the same command again: {} of {total} steps are done and kept", applied.done());
    let Some((first, error)) = failures.first() else {
        let left = match applied.left() {
            0 => String::new(),
            1 => "; Azure is finishing 1 operation by itself".into(),
            several => format!("; Azure is finishing {several} operations by itself"),
        };
        let what = format!("stopped after {} of {total} steps{left}", applied.done());
        return applied.stopped.then(|| {
            Failure::new(FailureKind::Interrupted, what)
                .hint("run the same command again: it continues where it stopped")
        });
    };
    let step = &plan.steps()[*first];
    let verb = match step.verb {
        Verb::Create => "create",
        Verb::Change => "change",
        Verb::Delete => "delete",
        Verb::Keep => "keep",
    };
    let mut why = error.why();
    for (at, error) in failures.iter().skip(1).take(TOLD - 1) {
        why.push_str(&format!("\nalso {}: {}", plan.steps()[*at].resource, error.why()));
    }
    if failures.len() > TOLD {
        why.push_str(&format!("\nand {} more", failures.len() - TOLD));
    }
    let hint = match error.hint() {
        Some(hint) => format!("{hint}; then {again}"),
        None => again,
    };
    let kind = if error.needs_sign_in() { FailureKind::SignIn } else { FailureKind::Operation };
    Some(Failure::new(kind, format!("cannot {verb} {}", step.resource)).why(why).hint(hint))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_deadline_stops_a_run_and_changes_no_other_end() {
        let soon = Some(Duration::from_millis(5));
        let stopped = |stop: Stop| async move {
            stop.wait().await;
            Err::<(), Failure>(Failure::new(FailureKind::Interrupted, "stopped after 1 of 2 steps"))
        };
        let stop = Stop::default();
        let failure = within(soon, &stop, stopped(stop.clone())).await.unwrap_err();
        assert_eq!((failure.kind, failure.what.as_str()), (FailureKind::Operation, "not done within --timeout 5ms"));
        assert_eq!(failure.why.as_deref(), Some("stopped after 1 of 2 steps"));
        // What gets done meanwhile is done, and what fails by itself says why.
        let stop = Stop::default();
        let done = async {
            stop.wait().await;
            Ok(7)
        };
        assert_eq!(within(soon, &stop, done).await.unwrap(), 7);
        let stop = Stop::default();
        let failed = async {
            stop.wait().await;
            Err::<(), _>(Failure::new(FailureKind::Operation, "cannot create x"))
        };
        assert_eq!(within(soon, &stop, failed).await.unwrap_err().what, "cannot create x");
        // Ctrl-C came first: the step under way ends after the deadline.
        let stop = Stop::default();
        stop.now();
        let by_hand = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err::<(), _>(Failure::new(FailureKind::Interrupted, "stopped"))
        };
        assert_eq!(within(soon, &stop, by_hand).await.unwrap_err().kind, FailureKind::Interrupted);
        for none in [None, Some(Duration::ZERO)] {
            let stop = Stop::default();
            assert!(within(none, &stop, async { Ok(()) }).await.is_ok() && !stop.is_set());
        }
    }
}
