//! `upgrade`: another release for a hosted cluster, its control plane first and its NodePools after it.

mod rollout;
pub(in crate::cmd) mod standing;

use std::collections::BTreeSet;

use clap::Args;
use cloud::apply::{Applied, Hands, Outcome as StepOutcome, Stop};
use cloud::live::Live;
use facts::{Need, Target};
use plan::upgrade::{self, Judged, ReleaseImage, Wish};
use plan::{Plan, Step};
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;
use ui::{Failure, FailureKind, Outcome};

use crate::Ended;
use crate::cmd::create::run::{self, Carried, Job, PlanArgs, TimeArgs};
use crate::cmd::create::{name_of, namespace, refused};
use crate::cmd::watch::Watch;
use crate::cmd::{block_on_until, printed, source};
use crate::globals::Globals;
use rollout::{ControlPlane, NodePools};
use standing::{ReleaseArgs, Standing, Versions};

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure upgrade prod --dry-run \\
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.7-multi
  kubectl hcp-azure upgrade prod \\
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.7-multi \\
    --with-node-pools --wait --timeout 2h
  kubectl hcp-azure upgrade cluster prod --control-plane-only --yes \\
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.7-multi";

/// Give a hosted cluster another release
///
/// The control plane goes first. NodePools stay at their release unless --with-node-pools says that they follow; that takes
/// --wait, since they may only follow once the control plane has the release. What the operator would refuse is refused
/// before anything is written: minors it does not support, a way back, NodePools left more than three minors behind, a
/// cluster that says it cannot be upgraded.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "kubectl hcp-azure upgrade [cluster] NAME --release-image IMAGE [OPTIONS]"
)]
pub(crate) struct UpgradeArgs {
    /// The word `cluster`, which may be left out, and the name of the HostedCluster
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the HostedCluster
    #[arg(long)]
    name: Option<String>,
    /// Release image, by tag or digest
    #[arg(long, value_name = "IMAGE")]
    release_image: String,
    /// The NodePools follow once the control plane has the release; with --wait
    #[arg(long)]
    with_node_pools: bool,
    /// The NodePools stay as they are, which is the default
    #[arg(long, conflicts_with = "with_node_pools")]
    control_plane_only: bool,
    /// Wait until all is upgraded
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    time: TimeArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(globals: &Globals, args: &UpgradeArgs, program: &'static str) -> Ended {
    let words = match args.words.as_slice() {
        [noun, rest @ ..] if noun == "cluster" => rest,
        words => words,
    };
    let name = name_of(args.name.clone(), words)?;
    if name.is_empty() {
        return Err(Failure::usage("--name is missing").hint("give the name of the HostedCluster: `upgrade prod`"));
    }
    upgrade::check_image(&args.release_image).map_err(|refusal| refused::failure(&[refusal]))?;
    let pull_secret = args.release.read()?;
    run::consent(globals, &args.plan)?;
    let stop = Stop::default();
    let target = Target { namespace: namespace(globals), name };
    let order = Order { globals, args, pull_secret, target, program, stop: &stop };
    block_on_until(&stop, run::within(args.time.timeout, &stop, Box::pin(order.upgrade())))
}

/// One upgrade that is asked for.
struct Order<'a> {
    globals: &'a Globals,
    args: &'a UpgradeArgs,
    pull_secret: Option<SecretString>,
    target: Target,
    program: &'static str,
    stop: &'a Stop,
}

/// What was looked at and found good.
struct Ground {
    standing: Standing,
    versions: Versions,
    release: ReleaseImage,
    cluster_step: Step,
    notes: Vec<String>,
}

impl Order<'_> {
    async fn upgrade(&self) -> Ended {
        let (args, stop) = (self.args, self.stop);
        // Azure is asked only by the doctor, when waiting ends badly.
        let needs: BTreeSet<Need> = if args.wait { [Need::Login].into() } else { BTreeSet::new() };
        let live = run::unless_stopped(stop, source::open(self.globals, &needs)).await?;
        let ground = run::unless_stopped(stop, self.ground(&live)).await?;
        if args.with_node_pools && (args.wait || args.plan.dry_run) {
            return self.with_node_pools(&live, &ground).await;
        }
        let plan = run::plan_of(vec![ground.cluster_step.clone()])?;
        let mut notes = ground.notes.clone();
        if args.with_node_pools {
            notes.push(
                "without --wait the NodePools stay at their release: they follow by a command of their own".into(),
            );
        }
        let outcome = run::go(&self.job(&live, &plan, &notes, &args.plan, self.next(&ground))).await?;
        if args.plan.dry_run || !args.wait || outcome != Outcome::Yes {
            return Ok(outcome);
        }
        let watch = self.watch(&live);
        watch.until(&mut ControlPlane::of(&args.release_image)).await?;
        watch.tell(&format!("the control plane of {} has release {}", self.target, ground.release.words()));
        self.say(&match self.pools_follow(&ground) {
            follow if follow.is_empty() => self.look(),
            follow => follow,
        });
        Ok(Outcome::Yes)
    }

    /// Looks at all that the upgrade is judged by, and judges it.
    async fn ground(&self, live: &Live) -> Result<Ground, Failure> {
        let (args, kubernetes) = (self.args, &live.kubernetes);
        let image = &args.release_image;
        let standing = Standing::read(kubernetes, &self.target).await?;
        let versions = Versions::find(self.globals, kubernetes, &standing, image, self.pull_secret.as_ref()).await?;
        let supported = standing::supported(kubernetes, &self.target).await;
        let release = versions.release(image);
        let wish = Wish {
            release: &release,
            allow_unknown: args.release.allow_unknown_version,
            supported: &supported,
            program: self.program,
        };
        let runs = versions.of_cluster(&standing.cluster);
        let pools: Vec<_> = standing.pools.iter().map(|(_, pool)| versions.of_pool(pool)).collect();
        let Judged { refusals, mut notes } = upgrade::judge_cluster(&standing.cluster, runs.as_ref(), &pools, wish);
        if !refusals.is_empty() {
            return Err(refused::failure(&refusals));
        }
        if let Some(own) = standing.object.pointer("/spec/controlPlaneRelease/image").and_then(Value::as_str) {
            notes.push(format!(
                "the control plane has a release of its own (spec.controlPlaneRelease {own}), which stays"
            ));
        }
        let cluster_step = upgrade::cluster_step(&standing.object, &standing.cluster, runs.as_ref(), &release);
        standing::tried(kubernetes, std::slice::from_ref(&cluster_step), "--release-image").await?;
        Ok(Ground { standing, versions, release, cluster_step, notes })
    }

    /// The control plane, then the NodePools. They are looked at again once it has the release: much may have happened.
    async fn with_node_pools(&self, live: &Live, ground: &Ground) -> Ended {
        let (args, stop) = (self.args, self.stop);
        let pool_steps = Self::pool_steps(ground, &ground.cluster_step);
        standing::tried(&live.kubernetes, &pool_steps, "--release-image").await?;
        let whole = || run::plan_of([vec![ground.cluster_step.clone()], pool_steps.clone()].concat());
        if args.plan.dry_run {
            let plan = whole()?;
            return run::go(&self.job(live, &plan, &ground.notes, &args.plan, String::new())).await;
        }
        let first = run::plan_of(vec![ground.cluster_step.clone()])?;
        let mut notes = ground.notes.clone();
        let following: Vec<&str> = changed(&pool_steps).map(|step| step.resource.as_str()).collect();
        if !following.is_empty() {
            let to = ground.release.words();
            notes.push(format!("once the control plane has it, {} get release {to} too", following.join(", ")));
        }
        for (_, pool) in &ground.standing.pools {
            if let Some(until) = &pool.paused_until {
                notes.push(format!("NodePool {} is paused (pausedUntil {until}): it is waited for", pool.name));
            }
        }
        let job = self.job(live, &first, &notes, &args.plan, String::new());
        let control_plane = match run::carry_out(&job).await? {
            Carried::Shown(outcome) => return Ok(outcome),
            Carried::Out(done) => done,
        };
        let watch = self.watch(live);
        let waited = async {
            watch.until(&mut ControlPlane::of(&args.release_image)).await?;
            watch.tell(&format!("the control plane of {} has release {}", self.target, ground.release.words()));
            run::unless_stopped(stop, self.again(live, &pool_steps)).await
        };
        let steps = match waited.await {
            Ok(steps) => steps,
            Err(failure) => {
                let plan = whole()?;
                let mut outcomes = ends(&first, control_plane.applied);
                outcomes.extend(pool_steps.iter().map(|step| match step.change {
                    Some(_) => StepOutcome::Stopped,
                    None => StepOutcome::Kept,
                }));
                self.document(live, &plan, &notes, outcomes)?;
                return Err(failure);
            }
        };
        let second = run::plan_of(steps.clone())?;
        // The yes was to all of it, and the plan of the NodePools is what was shown.
        let agreed = PlanArgs { yes: true, ..args.plan.clone() };
        let job = self.job(live, &second, &[], &agreed, String::new());
        let pools = match run::carry_out(&job).await? {
            Carried::Shown(outcome) => return Ok(outcome),
            Carried::Out(done) => done,
        };
        let mut outcomes = ends(&first, control_plane.applied);
        outcomes.extend(ends(&second, pools.applied));
        let plan = run::plan_of([vec![ground.cluster_step.clone()], steps].concat())?;
        self.document(live, &plan, &notes, outcomes)?;
        watch.until(&mut NodePools::of(&args.release_image)).await?;
        watch.tell(&format!("{} and its NodePools have release {}", self.target, ground.release.words()));
        self.say(&self.look());
        Ok(Outcome::Yes)
    }

    /// The steps of the NodePools as they are now that the control plane has the release: of those that were shown, and no
    /// others.
    async fn again(&self, live: &Live, shown: &[Step]) -> Result<Vec<Step>, Failure> {
        let args = self.args;
        let standing = Standing::read(&live.kubernetes, &self.target).await?;
        let versions =
            Versions::find(self.globals, &live.kubernetes, &standing, &args.release_image, self.pull_secret.as_ref())
                .await?;
        let supported = standing::supported(&live.kubernetes, &self.target).await;
        let release = versions.release(&args.release_image);
        let wish = Wish {
            release: &release,
            allow_unknown: args.release.allow_unknown_version,
            supported: &supported,
            program: self.program,
        };
        let runs = versions.of_cluster(&standing.cluster);
        let mut steps = Vec::new();
        for (object, pool) in standing.pools.iter().filter(|(_, pool)| pool.deleted_at.is_none()) {
            let pool = versions.of_pool(pool);
            // The control plane is not a step of this plan any more.
            let step = upgrade::node_pool_step(object, &pool, &release, BTreeSet::new());
            if !shown.iter().any(|shown| shown.id == step.id) {
                continue;
            }
            let judged = upgrade::judge_node_pool(&standing.cluster, runs.as_ref(), &pool, wish);
            if !judged.refusals.is_empty() {
                // Something has been changed by now: it is no wrong usage any more.
                return Err(Failure { kind: FailureKind::Operation, ..refused::failure(&judged.refusals) });
            }
            steps.push(step);
        }
        Ok(steps)
    }

    fn pool_steps(ground: &Ground, after: &Step) -> Vec<Step> {
        let standing = ground.standing.pools.iter().filter(|(_, pool)| pool.deleted_at.is_none());
        let step = |(object, pool): &(Value, _)| {
            let depends_on = [after.id.clone()].into();
            upgrade::node_pool_step(object, &ground.versions.of_pool(pool), &ground.release, depends_on)
        };
        standing.map(step).collect()
    }

    fn job<'a>(
        &'a self,
        live: &'a Live,
        plan: &'a Plan,
        notes: &'a [String],
        args: &'a PlanArgs,
        next: String,
    ) -> Job<'a> {
        Job {
            globals: self.globals,
            args,
            plan,
            notes,
            title: format!("upgrade of HostedCluster {}", self.target),
            by: standing::by(&live.kubernetes),
            hands: Hands { kubernetes: Some(&live.kubernetes), ..Hands::default() },
            stop: self.stop,
            name_to_type: None,
            next,
        }
    }

    fn watch<'a>(&'a self, live: &'a Live) -> Watch<'a> {
        Watch {
            globals: self.globals,
            live,
            target: &self.target,
            stop: self.stop,
            program: self.program,
            begun: Instant::now(),
        }
    }

    /// The one document of a run in two parts, if one is asked for.
    fn document(&self, live: &Live, plan: &Plan, notes: &[String], outcomes: Vec<StepOutcome>) -> Result<(), Failure> {
        if !self.args.plan.output.is_document() {
            return Ok(());
        }
        let job = self.job(live, plan, notes, &self.args.plan, String::new());
        let applied = Applied { outcomes, stopped: false };
        printed(&run::document(&job, Some(&applied), None)?);
        Ok(())
    }

    /// What to do once the HostedCluster has been told.
    fn next(&self, ground: &Ground) -> String {
        let (program, target) = (self.program, &self.target);
        if self.args.wait {
            return "Ctrl-C is safe: the upgrade goes on without you".to_owned();
        }
        let look =
            format!("next: `{program} status {} -n {} --watch` shows how it goes", target.name, target.namespace);
        match self.pools_follow(ground) {
            follow if follow.is_empty() => look,
            follow => format!("{look}\n{follow}"),
        }
    }

    /// How the NodePools get the release, as far as they lack it.
    fn pools_follow(&self, ground: &Ground) -> String {
        let steps = Self::pool_steps(ground, &ground.cluster_step);
        let names: Vec<&str> = changed(&steps).filter_map(|step| step.id.strip_prefix("nodepool/")).collect();
        if self.args.control_plane_only || names.is_empty() {
            return String::new();
        }
        format!(
            "next, once the control plane has it: `{} nodepool upgrade {} -n {} --release-image {}`",
            self.program,
            names.join(" "),
            self.target.namespace,
            self.args.release_image
        )
    }

    /// What to do once all is over.
    fn look(&self) -> String {
        format!(
            "next: `{} doctor {} -n {}` looks whether all is well",
            self.program, self.target.name, self.target.namespace
        )
    }

    fn say(&self, line: &str) {
        if !self.globals.quiet && !line.is_empty() {
            ui::note(&format!("{line}\n"));
        }
    }
}

fn changed(steps: &[Step]) -> impl Iterator<Item = &Step> {
    steps.iter().filter(|step| step.change.is_some())
}

/// How the steps of a plan ended; all were kept when it was not applied.
fn ends(plan: &Plan, applied: Option<Applied>) -> Vec<StepOutcome> {
    applied.map_or_else(|| vec![StepOutcome::Kept; plan.steps().len()], |applied| applied.outcomes)
}
