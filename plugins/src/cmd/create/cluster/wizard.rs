//! `create cluster --interactive`: asks only what cannot be found out, and judges each answer at once.
//!
//! [`interview`] decides what to ask and whether an answer can be taken; here is what it needs from outside: the facts, the
//! terminal, and the files and the issuer that answers name.

mod command;
mod interview;
mod issuer;
mod items;
mod known;
mod survey;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cloud::apply::Stop;
use cloud::files;
use plan::Refusal;
use plan::cluster::{ClusterSpec, Purpose, document, validate};
use ui::ask::{self, Completion, Console, NoAnswer, Question};
use ui::{Failure, FailureKind, Terminal};

use self::interview::{Interview, Next};
use self::items::Item;
use super::super::{inputs, refused};
use super::spec_file;
use crate::cmd::{block_on_until, command_line};
use crate::globals::Globals;

/// What an interview leaves.
pub(super) struct Answered {
    /// What is asked for.
    pub spec: ClusterSpec,
    /// The same as a command line and as a file, to be said once the plan was shown.
    pub closing: String,
    /// The words of the command line, behind the program's name.
    pub words: Vec<String>,
}

/// Asks for what flags and spec file do not say.
///
/// # Errors
/// Flags that are refused; nobody to ask, with the flags that are missing; an interview that was left.
pub(super) fn run(
    globals: &Globals,
    spec: ClusterSpec,
    given: BTreeSet<String>,
    program: &'static str,
) -> Result<Answered, Failure> {
    somebody_to_ask(globals, &spec)?;
    let refusals = interview::refused(&spec);
    if !refusals.is_empty() {
        return Err(refused::failure(&refusals));
    }
    let terminal = Terminal::of_stderr(globals.color_choice());
    let console = Console::open(terminal.clone())
        .map_err(|error| Failure::usage("cannot use the terminal").why(error.to_string()))?;
    let stop = Stop::default();
    let talk = Talk { globals, terminal, console: Arc::new(Mutex::new(console)), stop: &stop, program };
    block_on_until(&stop, Box::pin(talk.all(spec, given)))
}

/// Refuses an interview without a terminal, naming what is to be given instead.
fn somebody_to_ask(globals: &Globals, spec: &ClusterSpec) -> Result<(), Failure> {
    let why = match (globals.no_input, ui::plan::can_ask()) {
        (true, _) => "--no-input forbids to ask",
        (false, false) => "there is no terminal to ask on",
        (false, true) => return Ok(()),
    };
    let mut missing = interview::missing(spec);
    if inputs::account(&spec_file::globals(globals, spec)).is_err_and(|refusal| refusal.value.is_empty()) {
        missing.push(items::CREDS.flag);
    }
    let hint = match missing.as_slice() {
        [] => "leave `--interactive` out: no flag is missing".to_owned(),
        flags => format!("leave `--interactive` out and give what is missing: {}", flags.join(", ")),
    };
    Err(Failure::usage("--interactive cannot ask").why(why).hint(hint))
}

/// One conversation.
struct Talk<'a> {
    globals: &'a Globals,
    terminal: Terminal,
    console: Arc<Mutex<Console>>,
    stop: &'a Stop,
    program: &'static str,
}

impl Talk<'_> {
    async fn all(&self, spec: ClusterSpec, given: BTreeSet<String>) -> Result<Answered, Failure> {
        let spec = self.with_credentials(spec).await?;
        let globals = spec_file::globals(self.globals, &spec);
        let (known, found) = survey::look(&globals, &spec, self.stop).await?;
        ui::note(&self.terminal.fit(&found));
        let mut interview = Interview::new(known, spec, given);
        while let Some(next) = interview.next() {
            match next {
                Next::Gate(question) => {
                    let answer = self.ask(question, interview.spec()).await?;
                    if let Err(refusal) = interview.pass_gate(&answer) {
                        self.object(refusal);
                    }
                }
                Next::Of(item, question) => {
                    let is_file = interview::is_file(&question);
                    let answer = self.ask(question, interview.spec()).await?;
                    let judged = match interview.judged(item, &answer) {
                        Ok(spec) if is_file => self.read(item, &answer, &spec).map(|()| spec),
                        Ok(spec) => self.reached(item, &spec).await.map(|()| spec),
                        Err(refusal) => Err(refusal),
                    };
                    match judged {
                        Ok(spec) => interview.take(spec),
                        Err(refusal) => self.object(refusal),
                    }
                }
            }
        }
        let spec = interview.spec().clone();
        let file = self.spec_file(&spec).await?;
        let words = command::words(self.globals, &spec);
        let mut closing = ask::command("The same without questions:", &self.line(&words), &self.terminal);
        if let Some(file) = file {
            let short = self.line(&["create".into(), "cluster".into(), "-f".into(), file]);
            closing.push_str(&ask::command("or:", &short, &self.terminal));
        }
        closing.push('\n');
        Ok(Answered { spec, closing, words })
    }

    /// Asks for a credentials file where neither a flag nor the environment tells subscription and tenant.
    async fn with_credentials(&self, spec: ClusterSpec) -> Result<ClusterSpec, Failure> {
        let account = |spec: &ClusterSpec| inputs::account(&spec_file::globals(self.globals, spec));
        match account(&spec) {
            Ok(_) => return Ok(spec),
            Err(refusal) if !refusal.value.is_empty() => return Err(refused::failure(&[refusal])),
            Err(_) => {}
        }
        let known = survey::in_the_folder();
        loop {
            let Some(question) = (items::CREDS.question)(&known, &spec) else { return Ok(spec) };
            let answer = self.ask(question, &spec).await?;
            let judged = interview::judged(&items::CREDS, &known, &spec, &answer);
            match judged.and_then(|spec| account(&spec).map(|_| spec)) {
                Ok(spec) => return Ok(spec),
                Err(refusal) => self.object(refusal),
            }
        }
    }

    /// Offers to write the answers down.
    async fn spec_file(&self, spec: &ClusterSpec) -> Result<Option<String>, Failure> {
        const NONE: &str = "-";
        loop {
            let question = Question {
                text: "Spec file".into(),
                help: "Where to keep these answers for `-f`: paths, no secrets; `-` keeps none".into(),
                default: Some(format!("{}-spec.yaml", spec.name)),
                completion: Completion::Files,
            };
            let answer = self.ask(question, spec).await?;
            if answer == NONE {
                return Ok(None);
            }
            let path = Path::new(&answer);
            let refusal = |why: String, fix: &str| Refusal::new("--filename", &answer, why, fix);
            let written = if files::exists(path) {
                Err(refusal("it exists already, and is not written over".into(), "give another name, or `-` for none"))
            } else {
                let text = document::write(spec).map_err(|error| refusal(error.to_string(), "give `-`"));
                text.and_then(|text| {
                    files::write(path, &text, false).map_err(|error| refused::file("--filename", path, &error))
                })
            };
            match written {
                Ok(()) => return Ok(Some(answer)),
                Err(refusal) => self.object(refusal),
            }
        }
    }

    /// Reads the file that an answer names, as `create` will.
    fn read(&self, item: &Item, answer: &str, spec: &ClusterSpec) -> Result<(), Refusal> {
        let own =
            |refusals: Vec<Refusal>| refusals.into_iter().find(|refusal| refusal.flag == item.flag).map_or(Ok(()), Err);
        let mut alone = ClusterSpec { infra_json: spec.infra_json.clone(), ..ClusterSpec::default() };
        (item.set)(&mut alone, &known::Known::default(), answer)?;
        match inputs::read(&spec_file::globals(self.globals, spec), &alone) {
            Err(refusals) => own(refusals),
            Ok(inputs) => validate(&alone, Purpose::Create, inputs).map_or_else(own, |_| Ok(())),
        }
    }

    /// Asks the issuer that an answer names for its keys, as Entra will.
    async fn reached(&self, item: &Item, spec: &ClusterSpec) -> Result<(), Refusal> {
        if item.field != "oidc_issuer_url" {
            return Ok(());
        }
        let globals = spec_file::globals(self.globals, spec);
        tokio::select! {
            judged = issuer::judged(&globals, item.flag, spec) => judged,
            () = self.stop.wait() => Ok(()),
        }
    }

    /// Asks one question. Leaving says how to go on with the answers so far.
    async fn ask(&self, question: Question, so_far: &ClusterSpec) -> Result<String, Failure> {
        let console = Arc::clone(&self.console);
        let asked =
            tokio::task::spawn_blocking(move || console.lock().unwrap_or_else(PoisonError::into_inner).ask(&question));
        let answer = tokio::select! {
            answer = asked => answer.unwrap_or(Err(NoAnswer::Ended)),
            () = self.stop.wait() => Err(NoAnswer::Interrupted),
        };
        answer.map_err(|why| {
            let mut words = command::words(self.globals, so_far);
            words.push("--interactive".into());
            ui::note(&ask::command("To go on with the answers so far:", &self.line(&words), &self.terminal));
            ui::note("\n");
            let what = match why {
                NoAnswer::Interrupted => "interrupted; nothing was changed",
                NoAnswer::Ended => "the input ended; nothing was changed",
            };
            Failure::new(FailureKind::Interrupted, what)
        })
    }

    fn object(&self, refusal: Refusal) {
        ui::note("\n");
        ui::note(&refused::failure(&[refusal]).render(&self.terminal));
    }

    fn line(&self, words: &[String]) -> String {
        format!("{} {}", self.program, command_line::quoted(words))
    }
}
