//! `create`: what a hosted cluster needs in Azure.

pub(super) mod cluster;
mod iam;
mod infra;
mod inputs;
mod kubeconfig;
mod machines;
mod nodepool;
mod oidc_issuer;
pub(super) mod refused;
pub(super) mod run;

use clap::{Args, Subcommand};

use crate::Ended;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create oidc-issuer contosooidc --dry-run
  kubectl hcp-azure create cluster -f dev-spec.yaml --wait
  kubectl hcp-azure create kubeconfig dev > dev.kubeconfig";

/// Create what a hosted cluster needs
///
/// Each verb looks first, shows its plan, and does only what is missing or different. Interrupted or failed, it goes on
/// where it stopped when the same command is run again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArgs {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    Cluster(Box<cluster::ClusterArgs>),
    Nodepool(Box<nodepool::NodepoolArgs>),
    Iam(iam::IamArgs),
    Infra(infra::InfraArgs),
    Kubeconfig(kubeconfig::KubeconfigArgs),
    OidcIssuer(oidc_issuer::OidcIssuerArgs),
}

pub(crate) fn run(globals: &Globals, args: &CreateArgs, program: &'static str) -> Ended {
    match &args.noun {
        Noun::Cluster(args) => cluster::run(globals, (**args).clone(), program),
        Noun::Nodepool(args) => nodepool::run(globals, (**args).clone(), program),
        Noun::Iam(args) => iam::run(globals, args, program),
        Noun::Infra(args) => infra::run(globals, args, program),
        Noun::Kubeconfig(args) => kubeconfig::run(globals, args, program),
        Noun::OidcIssuer(args) => oidc_issuer::run(globals, args, program),
    }
}

/// The namespace that upstream's CLI uses unless told otherwise; a kubeconfig's own has no part in it.
pub(super) fn namespace(globals: &Globals) -> String {
    globals.namespace.clone().unwrap_or_else(|| "clusters".to_owned())
}

/// Lets a flag that is a switch take a value too, as upstream's do: `--fips`, `--fips=true`, `--fips=false`.
fn switch(arg: clap::Arg) -> clap::Arg {
    if !matches!(arg.get_action(), clap::ArgAction::SetTrue) {
        return arg;
    }
    arg.action(clap::ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
        .value_name("BOOL")
        .value_parser(clap::builder::BoolishValueParser::new())
}

/// A text unless it is empty, which is how upstream's flags say "not given".
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The name, given as `--name NAME` or behind the noun and an optional `azure`.
pub(super) fn name_of(flag: Option<String>, words: &[String]) -> Result<String, ui::Failure> {
    let words = match words {
        [platform, rest @ ..] if platform == "azure" => rest,
        words => words,
    };
    let word = match words {
        [] => None,
        [word] => Some(word.clone()),
        [_, extra, ..] => {
            return Err(ui::Failure::usage(format!("'{extra}' is one word too many"))
                .why("behind the noun stand `azure`, which may be left out, and one name")
                .hint("give the name as `--name NAME`"));
        }
    };
    match (flag, word) {
        (Some(flag), Some(word)) if flag != word => Err(ui::Failure::usage(format!("--name {flag} is refused"))
            .why(format!("another name is given without a flag: '{word}'"))
            .hint("give one name")),
        (flag, word) => Ok(given(flag).or(word).unwrap_or_default()),
    }
}

/// The same where there must be one.
fn required_name(flag: Option<String>, words: &[String]) -> Result<String, ui::Failure> {
    match name_of(flag, words)? {
        name if name.is_empty() => {
            Err(ui::Failure::usage("--name is missing").hint("give the name of the cluster: `--name dev`"))
        }
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{name_of, required_name};

    #[test]
    fn a_name_is_given_once() {
        let of = |flag: Option<&str>, words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            name_of(flag.map(Into::into), &words)
        };
        for (flag, words, want) in [
            (Some("demo"), &["azure"][..], "demo"),
            (None, &["azure", "demo"], "demo"),
            (None, &["demo"], "demo"),
            (Some("demo"), &["azure", "demo"], "demo"),
            (None, &["azure", "azure"], "azure"),
            (None, &["azure"], ""),
            (None, &[], ""),
        ] {
            assert_eq!(of(flag, words).unwrap(), want, "{flag:?} {words:?}");
        }
        for (flag, words) in
            [(Some("demo"), &["extra"][..]), (Some("demo"), &["aws"]), (None, &["azure", "demo", "extra"])]
        {
            assert!(of(flag, words).is_err(), "{flag:?} {words:?}");
        }
        assert_eq!(required_name(Some("demo".into()), &[]).unwrap(), "demo");
        assert_eq!(required_name(None, &["azure".into()]).unwrap_err().what, "--name is missing");
    }
}
