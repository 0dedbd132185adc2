//! Creating a hosted cluster: from what is asked for to one plan over Azure and the management cluster.

use std::collections::BTreeSet;
use std::time::Duration;

use checks::Selection;
use cloud::apply::{Hands, Stop};
use cloud::create::{self, FactsError};
use cloud::live::{Live, Rehearsal};
use cloud::releases::{self, LookupError};
use cloud::session::AzureSession;
use facts::version::Version;
use facts::{Need, Target};
use futures::future::{OptionFuture, try_join};
use plan::cluster::{Cluster, ClusterSpec, InfraOutput, Inputs, Purpose, validate};
use plan::identities::ClientIds;
use plan::late::Late;
use plan::manifest::Manifest;
use plan::objects::{self, Wanted};
use plan::{Refusal, Step, iam, infra_id};
use serde_json::Value;
use ui::{Failure, Outcome};

use super::super::run::{self, Job};
use super::super::{inputs, refused};
use super::{CreateOptions, Judged, preflight, wait};
use crate::Ended;
use crate::cmd::{block_on, block_on_until, source};
use crate::globals::{self, Globals};

pub(super) fn run(globals: &Globals, spec: &ClusterSpec, options: &CreateOptions, program: &'static str) -> Ended {
    let (cluster, fresh) = settle(globals, spec)?;
    run::consent(globals, &options.plan)?;
    let limit = limit(spec)?;
    let stop = Stop::default();
    let order = Order { globals, spec, stop: &stop };
    let work = Box::pin(order.create(cluster, fresh, options, program));
    block_on_until(&stop, run::within(limit, &stop, work))
}

/// Judges the cluster that would be created.
pub(super) fn judged(
    globals: &Globals,
    spec: &ClusterSpec,
    choice: &Selection,
    rehearsal: Option<Rehearsal>,
) -> Result<Judged, Failure> {
    let (cluster, fresh) = settle(globals, spec)?;
    let stop = Stop::default();
    let order = Order { globals, spec, stop: &stop };
    block_on(Box::pin(async {
        let mut prepared = order.prepare(cluster, fresh).await?;
        if let Some(rehearsal) = rehearsal {
            prepared.live = prepared.live.with_rehearsal(prepared.given.rehearsal(rehearsal));
        }
        preflight::judge(&prepared.live, &prepared.wanted, &prepared.spec, prepared.given, choice).await
    }))
}

/// What follows from the flags and the files alone; the fresh infra id is for infrastructure that is to be made.
fn settle(globals: &Globals, spec: &ClusterSpec) -> Result<(Cluster, String), Failure> {
    spec.check(Purpose::Create).map_err(|refusals| refused::failure(&refusals))?;
    let mut inputs = inputs::read(globals, spec).map_err(|refusals| refused::failure(&refusals))?;
    let fresh = infra_id::new(&spec.name, inputs::random()?);
    if spec.infra_json.is_none() {
        inputs.infra = trial(spec, &inputs, &fresh)?;
    }
    let cluster = validate(spec, Purpose::Create, inputs).map_err(|refusals| refused::failure(&refusals))?;
    Ok((cluster, fresh))
}

/// New infrastructure as far as it follows from the flags alone, so that all can be judged before anything is asked.
fn trial(spec: &ClusterSpec, inputs: &Inputs, fresh: &str) -> Result<InfraOutput, Failure> {
    let id = spec.infra_id.as_deref().unwrap_or(fresh);
    let refused = |refusal: Refusal| refused::failure(&[refusal]);
    let subscription = &inputs.account.subscription_id;
    let ids = match &inputs.identities {
        Some(file) => file.client_ids(),
        None => {
            let iam = spec.iam(id, subscription);
            iam.check().map_err(refused)?;
            iam::client_ids(&iam, &iam::Facts::default()).0
        }
    };
    let infra = spec.infra(id, subscription, ids, Late::default()).map_err(refused)?;
    infra.check().map_err(refused)?;
    let text = infra.trial_output().map_err(refused)?;
    InfraOutput::of_text(&text).map_err(undescribed)
}

fn undescribed(why: String) -> Failure {
    Failure::usage("the infrastructure cannot be described, which is our own mistake").why(why)
}

/// How long the run may take.
fn limit(spec: &ClusterSpec) -> Result<Option<Duration>, Failure> {
    let limit = spec.timeout.as_deref().map(|text| {
        globals::duration(text).map_err(|why| Failure::usage(format!("cannot use --timeout {text}")).why(why))
    });
    limit.transpose()
}

/// One cluster that is to be created.
struct Order<'a> {
    globals: &'a Globals,
    spec: &'a ClusterSpec,
    stop: &'a Stop,
}

/// What is to be done in Azure, and what is known of the result before.
#[derive(Default)]
struct Azure {
    steps: Vec<Step>,
    late: Late,
    notes: Vec<String>,
    infra: Option<InfraOutput>,
}

/// A cluster of which all is known that can be known before it exists.
struct Prepared {
    live: Live,
    session: Option<AzureSession>,
    /// With the release image that was looked up.
    spec: ClusterSpec,
    /// What preflight cannot read from the management cluster yet.
    given: preflight::Given,
    /// Where the infra id comes from.
    origin: &'static str,
    azure: Azure,
    cluster: Cluster,
    wanted: Vec<Wanted>,
}

impl Order<'_> {
    async fn prepare(&self, cluster: Cluster, fresh: String) -> Result<Prepared, Failure> {
        let (globals, spec) = (self.globals, self.spec);
        let needs: BTreeSet<Need> = [Need::Login].into();
        let live = run::unless_stopped(self.stop, source::open(globals, &needs)).await?;
        let session = match live.session() {
            Ok(session) => Some(session),
            // With the infrastructure there, Azure is only looked at; preflight says what could not be seen.
            Err(_) if spec.infra_json.is_some() => None,
            Err(error) => return Err(run::no_session(error)),
        };
        let given = preflight::Given::of(cluster.inputs(), spec);
        let existing = run::unless_stopped(self.stop, self.existing(&live)).await?;
        let spec = self.with_release(&live, existing.as_ref()).await?;

        let mut origin = "of the infra file";
        let mut azure = Azure::default();
        if spec.infra_json.is_none()
            && let Some(session) = &session
        {
            let (id, from) = self.infra_id(existing.as_ref(), session, fresh).await?;
            origin = from;
            azure = self.azure(session, &id, cluster.inputs()).await?;
        }
        let settled = cluster.settled(&spec, Purpose::Create, azure.infra.take());
        let cluster = settled.map_err(|refusals| refused::failure(&refusals))?;
        let wanted = cluster.objects(&inputs::entropy()?);
        Ok(Prepared { live, session, spec, given, origin, azure, cluster, wanted })
    }

    async fn create(&self, cluster: Cluster, fresh: String, options: &CreateOptions, program: &'static str) -> Ended {
        let globals = self.globals;
        let prepared = self.prepare(cluster, fresh).await?;
        let Prepared { live, session, spec, given, origin, azure, cluster, wanted } = prepared;
        let facts = async { create::object_facts(&live.kubernetes, &wanted).await.map_err(source::refused) };
        let judged = async {
            match &options.skip_preflight {
                None => preflight::judge(&live, &wanted, &spec, given, &Selection::default()).await.map(Some),
                Some(_) => Ok(None),
            }
        };
        let (facts, judged) = run::unless_stopped(self.stop, try_join(facts, judged)).await?;
        if let Some(judged) = &judged {
            judged.tell(globals, program, options.plan.dry_run)?;
        }
        let notes = notes(&spec, options, &cluster, azure.notes);
        let infra_id = format!("infra id {} ({origin})", cluster.infra_id());
        let image = spec.release_image.as_deref().unwrap_or_default();
        let release = Version::of_image(image).map_or_else(|| image.to_owned(), |version| format!("release {version}"));
        let title = [&spec.name, &infra_id, cluster.region(), &release].join(DOT);
        let plan = run::plan_of(self.steps(azure.steps, &azure.late, wanted, &facts)?)?;
        let plan_args = run::PlanArgs { pins: self.pins(&cluster, image), ..options.plan.clone() };
        let job = Job {
            globals,
            args: &plan_args,
            plan: &plan,
            notes: &notes,
            title,
            by: self.by(&live, session.as_ref()),
            hands: Hands {
                arm: session.as_ref().map(|session| &session.arm),
                kubernetes: Some(&live.kubernetes),
                ..Hands::default()
            },
            stop: self.stop,
            name_to_type: None,
            next: self.next(program),
        };
        let outcome = run::go(&job).await?;
        if options.plan.changes_nothing() {
            let fails = judged.is_some_and(|judged| judged.fails());
            return Ok(if fails && outcome == Outcome::Yes { Outcome::No } else { outcome });
        }
        if spec.wait && outcome == Outcome::Yes {
            let target = self.target();
            return wait::until_ready(globals, &live, &target, self.stop, program).await;
        }
        Ok(outcome)
    }

    /// The spec with a release image: of the HostedCluster where there is one, else the stream's newest that the operator
    /// supports.
    async fn with_release(&self, live: &Live, existing: Option<&Value>) -> Result<ClusterSpec, Failure> {
        let mut spec = self.spec.clone();
        let (None, Some(stream)) = (&spec.release_image, &spec.release_stream) else { return Ok(spec) };
        let running = existing.and_then(|object| object.pointer("/spec/release/image")).and_then(Value::as_str);
        if let Some(image) = running {
            spec.release_image = Some(image.to_owned());
            return Ok(spec);
        }
        let refused = |refusal: Refusal| refused::failure(&[refusal]);
        let service = plan::release::service(stream).map_err(refused)?;
        let needs: BTreeSet<Need> = [Need::SupportedVersions].into();
        let lookup = async {
            let seen = live.kubernetes.collect_about(&self.target(), None, &needs).await;
            let supported = seen.management.supported_versions;
            releases::lookup(&live.http, &live.calls, &service, stream, supported.get()).await.map_err(|error| {
                match error {
                    LookupError::Refused(refusal) => refused::failure(&[refusal]),
                    LookupError::Unanswered { address, why } => {
                        Failure::usage(format!("cannot look up --release-stream {stream}"))
                            .why(format!("{address}: {why}"))
                            .hint("give `--release-image` instead")
                    }
                }
            })
        };
        spec.release_image = Some(run::unless_stopped(self.stop, lookup).await?.image);
        Ok(spec)
    }

    fn target(&self) -> Target {
        Target { namespace: self.spec.namespace.clone(), name: self.spec.name.clone() }
    }

    /// The HostedCluster of this name, if there is one.
    async fn existing(&self, live: &Live) -> Result<Option<Value>, Failure> {
        let named = Manifest::of_hypershift("HostedCluster", &self.spec.namespace, &self.spec.name);
        live.kubernetes.object(&named).await.map_err(source::refused)
    }

    /// The infra id and where it comes from. One that exists is never made anew.
    async fn infra_id(
        &self,
        existing: Option<&Value>,
        session: &AzureSession,
        fresh: String,
    ) -> Result<(String, &'static str), Failure> {
        let own = existing.and_then(|object| object.pointer("/spec/infraID")).and_then(Value::as_str);
        if let Some(own) = own {
            return match self.spec.infra_id.as_deref() {
                Some(other) if other != own => Err(refused::failure(&[Refusal::new(
                    "--infra-id",
                    other,
                    format!("HostedCluster {} exists with infra id {own}, which cannot be changed", self.target()),
                    "leave it out, or choose another name",
                )])),
                _ => Ok((own.to_owned(), "of the HostedCluster")),
            };
        }
        if let Some(given) = &self.spec.infra_id {
            return Ok((given.clone(), "given"));
        }
        let found = create::infra_ids(&session.arm, &session.subscription, &self.spec.name);
        let mut found = run::read_as(session, self.stop, found).await?;
        match (found.pop_first(), found.is_empty()) {
            (None, _) => Ok((fresh, "new")),
            (Some(id), true) => Ok((id, "found in Azure: begun before")),
            (Some(id), false) => {
                let all: Vec<String> = [id].into_iter().chain(found).collect();
                Err(refused::failure(&[Refusal::new(
                    "--infra-id",
                    "",
                    format!("resources of several clusters of this name exist, with infra ids {}", all.join(", ")),
                    "name the one that is meant, or a new one",
                )]))
            }
        }
    }

    /// What Azure lacks: identities where none are given, and the infrastructure.
    async fn azure(&self, session: &AzureSession, id: &str, inputs: &Inputs) -> Result<Azure, Failure> {
        let (spec, arm) = (self.spec, &session.arm);
        let refused = |refusal: Refusal| refused::failure(&[refusal]);
        let iam_spec = inputs.identities.is_none().then(|| spec.iam(id, &session.subscription));
        let mut infra_spec =
            spec.infra(id, &session.subscription, ClientIds::new(), Late::default()).map_err(refused)?;
        // Now that the subscription is known, ids of another one are refused.
        infra_spec.check().map_err(refused)?;
        let iam_facts = OptionFuture::from(iam_spec.as_ref().map(|spec| create::iam_facts(arm, spec)));
        let both = async {
            let (iam, infra) = futures::join!(iam_facts, create::infra_facts(arm, &infra_spec));
            Ok::<_, FactsError>((iam.transpose()?, infra?))
        };
        let (iam_facts, infra_facts) = run::read_as(session, self.stop, both).await?;
        let mut azure = Azure::default();
        match (&iam_spec, &iam_facts) {
            (Some(spec), Some(facts)) => {
                azure.steps = iam::plan(spec, facts).map_err(refused)?;
                (infra_spec.identities, azure.late) = iam::client_ids(spec, facts);
                infra_spec.late = azure.late.clone();
            }
            _ => infra_spec.identities = inputs.identities.as_ref().map(|file| file.client_ids()).unwrap_or_default(),
        }
        let planned = plan::infra::plan(&infra_spec, &infra_facts).map_err(refused)?;
        azure.steps.extend(planned.steps);
        azure.notes = planned.notes;
        azure.infra = Some(InfraOutput::of_text(&planned.output).map_err(undescribed)?);
        Ok(azure)
    }

    fn steps(
        &self,
        mut steps: Vec<Step>,
        late: &Late,
        wanted: Vec<Wanted>,
        facts: &objects::Facts,
    ) -> Result<Vec<Step>, Failure> {
        // A failure in Azure leaves nothing in the management cluster.
        let before: BTreeSet<String> = steps.iter().map(|step| step.id.clone()).collect();
        steps.extend(objects::plan(wanted, facts, &before, late).map_err(|refusal| refused::failure(&[refusal]))?);
        Ok(steps)
    }

    /// What was looked up or made anew, as flags: with them the same plan is made again.
    fn pins(&self, cluster: &Cluster, image: &str) -> Vec<String> {
        let mut pins = Vec::new();
        if self.spec.infra_json.is_none() {
            pins.extend(["--infra-id".to_owned(), cluster.infra_id().to_owned()]);
        }
        if self.spec.release_image.is_none() {
            pins.extend(["--release-image".to_owned(), image.to_owned()]);
        }
        pins
    }

    fn by(&self, live: &Live, session: Option<&AzureSession>) -> String {
        let context = live.kubernetes.context_name().unwrap_or("the current context");
        match session {
            Some(session) => format!("{}, management cluster {context}", run::by(session)),
            None => format!("management cluster {context}"),
        }
    }

    fn next(&self, program: &str) -> String {
        let target = self.target();
        if self.spec.wait {
            return format!("{target} is coming up; Ctrl-C is safe, it goes on without you");
        }
        format!(
            "{target} is coming up, which takes about 15 min.\nnext: `{program} doctor {name} -n {namespace}`, then `{program} create kubeconfig {name} -n {namespace}`",
            name = target.name,
            namespace = target.namespace,
        )
    }
}

/// What stands between the parts of a title.
const DOT: &str = " · ";

/// What the user should know of the plan as a whole.
fn notes(spec: &ClusterSpec, options: &CreateOptions, cluster: &Cluster, mut notes: Vec<String>) -> Vec<String> {
    notes.extend(cluster.notes());
    if spec.infra_json.is_none() && !spec.assign_service_principal_roles {
        notes.push(
            "no role is assigned: without the roles of each identity the cluster cannot use Azure; add `--assign-identity-roles --dns-zone-rg-name GROUP`, or have somebody assign them"
                .to_owned(),
        );
    }
    if spec.encryption_key_id.is_some() {
        notes.push(
            "the KMS identity needs the role Key Vault Crypto User on the key's vault, which is not assigned here"
                .to_owned(),
        );
    }
    if let Some(reason) = &options.skip_preflight {
        notes.push(format!("preflight is skipped: {reason}"));
    }
    notes
}
