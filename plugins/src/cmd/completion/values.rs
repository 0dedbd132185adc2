//! What the value of an argument is. Pure.

use clap::{Arg, ValueHint};

use super::line::Line;

/// Where the candidates for a value come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The values that clap accepts.
    Possible,
    /// The shell, which knows files.
    Files,
    /// The shell, folders alone.
    Folders,
    /// Contexts of the kubeconfig.
    Contexts,
    /// Clusters of the kubeconfig.
    Clusters,
    /// Users of the kubeconfig.
    Users,
    /// Namespaces of the management cluster.
    Namespaces,
    /// HostedClusters, of `-n` or of all namespaces.
    HostedClusters,
    /// HostedClusters, of `-n` or of the namespace that verbs use without it.
    OwnHostedClusters,
    /// NodePools, of `-n` or of the namespace that verbs use without it.
    NodePools,
    /// Codes and ids of checks.
    Checks,
    /// The same, and groups.
    ChecksAndGroups,
    /// Azure regions.
    Regions,
    /// These words.
    Words(&'static [&'static str]),
    /// Nobody knows: free text, or a name that is yet to be given.
    Unknown,
}

/// Flags that take text and understand these words.
const WORDS: [(&str, &[&str]); 9] = [
    ("cloud", &["AzurePublicCloud", "AzureUSGovernmentCloud", "AzureChinaCloud"]),
    ("control-plane-availability-policy", POLICIES),
    ("infra-availability-policy", POLICIES),
    ("endpoint-access", &["Public", "PublicAndPrivate", "Private"]),
    ("oauth-publishing-strategy", &["Route", "LoadBalancer"]),
    ("network-type", &["OVNKubernetes", "Calico", "OpenShiftSDN", "Other"]),
    ("arch", &["amd64", "arm64"]),
    ("node-upgrade-type", &["Replace", "InPlace"]),
    ("olm-catalog-placement", &["management", "guest"]),
];
const POLICIES: &[&str] = &["SingleReplica", "HighlyAvailable"];

/// Flags that take names or codes.
const FLAGS: [(&str, Source); 10] = [
    ("context", Source::Contexts),
    ("cluster", Source::Clusters),
    ("user", Source::Users),
    ("namespace", Source::Namespaces),
    ("only", Source::ChecksAndGroups),
    ("skip", Source::ChecksAndGroups),
    ("accept", Source::Checks),
    ("location", Source::Regions),
    ("cluster-name", Source::OwnHostedClusters),
    ("hosted-cluster", Source::HostedClusters),
];

/// Verbs, and what the name is that they take: by its position, and as `--name`.
const NAMES: [(&[&str], Source); 13] = [
    (&["doctor"], Source::HostedClusters),
    (&["status"], Source::HostedClusters),
    (&["bundle"], Source::HostedClusters),
    (&["explain"], Source::Checks),
    (&["upgrade"], Source::OwnHostedClusters),
    (&["create", "kubeconfig"], Source::OwnHostedClusters),
    (&["destroy", "cluster"], Source::OwnHostedClusters),
    (&["destroy", "iam"], Source::OwnHostedClusters),
    (&["destroy", "infra"], Source::OwnHostedClusters),
    (&["destroy", "nodepool"], Source::NodePools),
    (&["nodepool", "scale"], Source::NodePools),
    (&["nodepool", "autoscale"], Source::NodePools),
    (&["nodepool", "upgrade"], Source::NodePools),
];

/// What the value of a flag or of a positional argument is, on this line.
pub(super) fn source(line: &Line<'_>, arg: &Arg) -> Source {
    match arg.get_value_hint() {
        ValueHint::DirPath => return Source::Folders,
        ValueHint::AnyPath | ValueHint::FilePath => return Source::Files,
        _ => {}
    }
    if !arg.get_possible_values().is_empty() {
        return Source::Possible;
    }
    let Some(long) = arg.get_long() else { return word(line) };
    if let Some((_, words)) = WORDS.iter().find(|(flag, _)| *flag == long) {
        return Source::Words(words);
    }
    if let Some((_, source)) = FLAGS.iter().find(|(flag, _)| *flag == long) {
        return *source;
    }
    match long {
        "name" => of_verb(line),
        // One that is to be added has no name yet; most are to grow.
        "nodepool" => Source::NodePools,
        _ if is_file(arg) => Source::Files,
        _ => Source::Unknown,
    }
}

/// A word by its position: one name, behind an optional `azure` or `cluster`.
fn word(line: &Line<'_>) -> Source {
    let named = match line.words.as_slice() {
        ["azure" | "cluster", rest @ ..] => rest,
        words => words,
    };
    let takes_several = line.verbs == ["nodepool", "upgrade"];
    if named.is_empty() || takes_several { of_verb(line) } else { Source::Unknown }
}

fn of_verb(line: &Line<'_>) -> Source {
    NAMES.iter().find(|(verbs, _)| *verbs == line.verbs).map_or(Source::Unknown, |(_, source)| *source)
}

/// Whether a flag that takes text takes the name of a file: upstream's flags do not say it by their type.
fn is_file(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| matches!(name.as_str(), "FILE" | "PATH")))
}

/// Azure's regions with the names that the portal shows, as `az account list-locations` gives them; those of the
/// clouds for governments and China last. A region that is missing here is accepted all the same.
pub(super) const REGIONS: [(&str, &str); 58] = [
    ("australiacentral", "Australia Central"),
    ("australiaeast", "Australia East"),
    ("australiasoutheast", "Australia Southeast"),
    ("austriaeast", "Austria East"),
    ("belgiumcentral", "Belgium Central"),
    ("brazilsouth", "Brazil South"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("centralindia", "Central India"),
    ("centralus", "Central US"),
    ("chilecentral", "Chile Central"),
    ("eastasia", "East Asia"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("francecentral", "France Central"),
    ("germanynorth", "Germany North"),
    ("germanywestcentral", "Germany West Central"),
    ("indonesiacentral", "Indonesia Central"),
    ("israelcentral", "Israel Central"),
    ("italynorth", "Italy North"),
    ("japaneast", "Japan East"),
    ("japanwest", "Japan West"),
    ("koreacentral", "Korea Central"),
    ("koreasouth", "Korea South"),
    ("malaysiawest", "Malaysia West"),
    ("mexicocentral", "Mexico Central"),
    ("newzealandnorth", "New Zealand North"),
    ("northcentralus", "North Central US"),
    ("northeurope", "North Europe"),
    ("norwayeast", "Norway East"),
    ("norwaywest", "Norway West"),
    ("polandcentral", "Poland Central"),
    ("qatarcentral", "Qatar Central"),
    ("southafricanorth", "South Africa North"),
    ("southafricawest", "South Africa West"),
    ("southcentralus", "South Central US"),
    ("southeastasia", "Southeast Asia"),
    ("southindia", "South India"),
    ("spaincentral", "Spain Central"),
    ("swedencentral", "Sweden Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("switzerlandwest", "Switzerland West"),
    ("uaecentral", "UAE Central"),
    ("uaenorth", "UAE North"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("westcentralus", "West Central US"),
    ("westeurope", "West Europe"),
    ("westindia", "West India"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
    ("chinaeast2", "China East 2"),
    ("chinanorth3", "China North 3"),
    ("usgovarizona", "US Gov Arizona"),
    ("usgovtexas", "US Gov Texas"),
    ("usgovvirginia", "US Gov Virginia"),
    ("usdodeast", "US DoD East"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory as _};

    use super::super::line::Wanted;
    use super::*;

    /// Every verb with its path.
    fn verbs<'a>(command: &'a Command, path: &[&'a str], all: &mut Vec<(Vec<&'a str>, &'a Command)>) {
        all.push((path.to_vec(), command));
        for verb in command.get_subcommands() {
            verbs(verb, &[path, &[verb.get_name()]].concat(), all);
        }
    }

    fn source_of(text: &str) -> Source {
        let mut program = crate::cmd::Cli::command();
        program.build();
        let words: Vec<String> = text.split(' ').map(|word| word.replace('_', "")).collect();
        let line = Line::read(&program, &words);
        match line.wanted {
            Wanted::Value(arg) | Wanted::Word { positional: Some(arg), .. } => source(&line, arg),
            wanted => panic!("{text}: {wanted:?}"),
        }
    }

    #[test]
    fn values_are_what_their_verbs_say() {
        for (text, want) in [
            ("doctor _", Source::HostedClusters),
            ("doctor --bundle _", Source::Files),
            ("doctor --fail-on _", Source::Possible),
            ("doctor --before nodepool --nodepool _", Source::NodePools),
            ("doctor decode --hosted-cluster _", Source::HostedClusters),
            ("doctor diff _", Source::Files),
            ("doctor preflight --infra-json _", Source::Files),
            ("explain _", Source::Checks),
            ("create cluster _", Source::Unknown),
            ("create cluster --cloud=_", Source::Words(WORDS[0].1)),
            ("create infra --location _", Source::Regions),
            ("create nodepool --cluster-name _", Source::OwnHostedClusters),
            ("destroy cluster azure _", Source::OwnHostedClusters),
            ("destroy cluster dev _", Source::Unknown),
            ("upgrade cluster _", Source::OwnHostedClusters),
            ("nodepool scale --name _", Source::NodePools),
            ("nodepool upgrade one _", Source::NodePools),
        ] {
            assert_eq!(source_of(text), want, "{text}");
        }
    }

    #[test]
    fn every_verb_and_flag_of_the_tables_exists() {
        let mut program = crate::cmd::Cli::command();
        program.build();
        let mut all = Vec::new();
        verbs(&program, &[], &mut all);
        let longs: BTreeSet<&str> =
            all.iter().flat_map(|(_, verb)| verb.get_arguments()).filter_map(Arg::get_long).collect();
        for flag in WORDS.iter().map(|(flag, _)| flag).chain(FLAGS.iter().map(|(flag, _)| flag)) {
            assert!(longs.contains(flag), "no verb has --{flag}");
        }
        for (path, _) in NAMES {
            assert!(all.iter().any(|(known, _)| known == path), "there is no verb {path:?}");
        }
        let sorted: BTreeSet<&str> = REGIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(sorted.len(), REGIONS.len());
        for (name, shown) in REGIONS {
            assert_eq!(shown.replace(' ', "").to_lowercase(), name);
        }
    }
}
