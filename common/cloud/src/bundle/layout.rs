//! Where things are in a tree of Kubernetes YAML, by path alone.
//!
//! Three writers, two layouts: `hypershift dump cluster` writes one file per object
//! (`namespaces/NS/GROUP/RESOURCE/NAME.yaml`, logs below `core/pods/logs`), `oc adm inspect` and must-gather write lists
//! (`namespaces/NS/GROUP/RESOURCE.yaml`) and pods with their logs below `namespaces/NS/pods/POD`.

/// How many wrapper directories may be around a tree.
pub const MAX_WRAPPERS: usize = 6;

/// A collection of objects: namespace (empty for cluster scope), group (empty for core), plural resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collection {
    /// Namespace; empty for cluster scope.
    pub namespace: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
}

impl Collection {
    /// A collection in a namespace.
    pub fn new(namespace: &str, group: &str, resource: &str) -> Self {
        Self { namespace: namespace.to_owned(), group: group.to_owned(), resource: resource.to_owned() }
    }
}

/// What a file of the tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `facts.json`: our own bundle.
    Facts,
    /// `manifest.json`: what our own bundle says of itself.
    Manifest,
    /// The aggregated discovery of API groups.
    Discovery,
    /// Times of collection.
    Timestamp,
    /// An object, or a list of objects.
    Objects(Collection),
    /// A log whose name joins pod and container: `POD-CONTAINER[-previous].log`.
    JoinedLog {
        /// Namespace.
        namespace: String,
        /// `POD-CONTAINER`.
        stem: String,
        /// Of the run before.
        previous: bool,
    },
    /// A log below a directory of its container.
    NestedLog {
        /// Namespace.
        namespace: String,
        /// Pod.
        pod: String,
        /// Container.
        container: String,
        /// Of the run before.
        previous: bool,
    },
}

/// A place in a tree whose root is below so many wrapper directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The wrapper directories, joined by `/`; empty without any.
    pub root: String,
    /// The collection that the path shows to have been dumped, be it of use or not.
    pub collection: Option<Collection>,
    /// What the file is, if it is of use.
    pub place: Option<Place>,
}

/// The collections that facts are made of, in a namespace.
const OF_USE: &[(&str, &str)] = &[
    ("hypershift.openshift.io", "hostedclusters"),
    ("hypershift.openshift.io", "nodepools"),
    ("hypershift.openshift.io", "controlplanecomponents"),
    ("hypershift.openshift.io", "azureprivatelinkservices"),
    ("cluster.x-k8s.io", "machines"),
    ("cluster.x-k8s.io", "clusters"),
    ("cluster.x-k8s.io", "machinehealthchecks"),
    ("infrastructure.cluster.x-k8s.io", "azuremachines"),
    ("secrets-store.csi.x-k8s.io", "secretproviderclasses"),
    ("infrastructure.cluster.x-k8s.io", "azureclusters"),
    ("infrastructure.cluster.x-k8s.io", "azureclusteridentities"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("", "pods"),
    ("", "persistentvolumeclaims"),
    ("", "events"),
    ("events.k8s.io", "events"),
];

/// Finds out what a path is; none when it belongs to no tree.
pub fn locate(path: &str) -> Option<Located> {
    let parts: Vec<&str> = path.split('/').collect();
    let anchor =
        parts.iter().take(MAX_WRAPPERS + 1).position(|part| matches!(*part, "namespaces" | "cluster-scoped-resources"));
    let Some(anchor) = anchor else {
        return at_root(&parts);
    };
    let root = parts[..anchor].join("/");
    let (collection, place) = match (parts[anchor], &parts[anchor + 1..]) {
        ("namespaces", [namespace, rest @ ..]) if !rest.is_empty() => in_namespace(namespace, rest),
        ("cluster-scoped-resources", [group, rest @ ..]) if !rest.is_empty() => cluster_scoped(group, rest),
        _ => (None, None),
    };
    Some(Located { root, collection, place })
}

fn at_root(parts: &[&str]) -> Option<Located> {
    let (name, wrappers) = parts.split_last()?;
    if wrappers.len() > MAX_WRAPPERS {
        return None;
    }
    let place = match *name {
        "facts.json" => Place::Facts,
        "manifest.json" => Place::Manifest,
        "aggregated-discovery-apis.yaml" => Place::Discovery,
        "timestamp" => Place::Timestamp,
        _ => return None,
    };
    Some(Located { root: wrappers.join("/"), collection: None, place: Some(place) })
}

fn in_namespace(namespace: &str, rest: &[&str]) -> (Option<Collection>, Option<Place>) {
    let log = |pod: &str, container: &str, previous| Place::NestedLog {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous,
    };
    match rest {
        ["core", "pods", "logs", file] => (None, joined_log(namespace, file)),
        ["pods", pod, container, _, "logs", "current.log"] => (None, Some(log(pod, container, false))),
        ["pods", pod, container, _, "logs", "previous.log"] => (None, Some(log(pod, container, true))),
        ["pods", pod, file] if yaml_stem(file) == Some(*pod) => {
            let pods = Collection::new(namespace, "", "pods");
            (Some(pods.clone()), Some(Place::Objects(pods)))
        }
        ["pods", ..] => (Some(Collection::new(namespace, "", "pods")), None),
        [group, file] if yaml_stem(file).is_some() => {
            let resource = yaml_stem(file).unwrap_or_default();
            objects(Collection::new(namespace, api_group(group), resource), None)
        }
        [group, resource, file] if yaml_stem(file).is_some() => {
            objects(Collection::new(namespace, api_group(group), resource), yaml_stem(file))
        }
        [group, resource, ..] => (Some(Collection::new(namespace, api_group(group), resource)), None),
        _ => (None, None),
    }
}

fn cluster_scoped(group: &str, rest: &[&str]) -> (Option<Collection>, Option<Place>) {
    let definitions = "customresourcedefinitions";
    // Whose nodes they are, the root tells.
    if let ("config.openshift.io", [file @ ("clusteroperators.yaml" | "clusteroperators"), rest @ ..])
    | ("core", [file @ ("nodes.yaml" | "nodes"), rest @ ..]) = (group, rest)
    {
        let resource = yaml_stem(file).unwrap_or(file);
        let collection = Collection::new("", api_group(group), resource);
        let is_file = rest.last().map_or(*file != resource, |name| yaml_stem(name).is_some());
        return (Some(collection.clone()), is_file.then_some(Place::Objects(collection)));
    }
    if group != "apiextensions.k8s.io" {
        return (None, None);
    }
    let collection = Collection::new("", group, definitions);
    match rest {
        [file] if yaml_stem(file) == Some(definitions) => (Some(collection.clone()), Some(Place::Objects(collection))),
        // Only those of our groups: a schema is large.
        [resource, file] if *resource == definitions => {
            let ours = yaml_stem(file)
                .is_some_and(|name| name.ends_with(".hypershift.openshift.io") || name.ends_with("cluster.x-k8s.io"));
            (Some(collection.clone()), ours.then_some(Place::Objects(collection)))
        }
        [resource, ..] if *resource == definitions => (Some(collection), None),
        _ => (None, None),
    }
}

/// A collection, and its file if facts are made of it. Of ConfigMaps only one is of use.
fn objects(collection: Collection, name: Option<&str>) -> (Option<Collection>, Option<Place>) {
    let key = (collection.group.as_str(), collection.resource.as_str());
    let config_maps = key == ("", "configmaps")
        && match name {
            Some(name) => name == "supported-versions",
            None => collection.namespace == "hypershift",
        };
    let of_use = OF_USE.contains(&key) || config_maps;
    (Some(collection.clone()), of_use.then_some(Place::Objects(collection)))
}

fn joined_log(namespace: &str, file: &str) -> Option<Place> {
    let stem = file.strip_suffix(".log")?;
    let (stem, previous) = match stem.strip_suffix("-previous") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    Some(Place::JoinedLog { namespace: namespace.to_owned(), stem: stem.to_owned(), previous })
}

/// `core` is how dumps write the group without a name.
fn api_group(folder: &str) -> &str {
    if folder == "core" { "" } else { folder }
}

fn yaml_stem(file: &str) -> Option<&str> {
    [".yaml", ".yml", ".json"].iter().find_map(|end| file.strip_suffix(end))
}

/// Whether a root belongs to the hosted cluster itself, not to the management cluster: `hypershift dump cluster` puts
/// the guest's objects below `hostedcluster-NAME`.
pub fn is_guest(root: &str) -> bool {
    root.split('/').any(|part| part.starts_with("hostedcluster-"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn place(path: &str) -> Option<Place> {
        locate(path).and_then(|located| located.place)
    }

    #[test]
    fn both_layouts() {
        let pods = || Some(Place::Objects(Collection::new("ns", "", "pods")));
        assert_eq!(place("namespaces/ns/core/pods/p.yaml"), pods());
        assert_eq!(place("a/b/namespaces/ns/core/pods.yaml"), pods());
        assert_eq!(place("namespaces/ns/pods/p/p.yaml"), pods());
        assert_eq!(place("namespaces/ns/core/secrets.yaml"), None);
        let nodes = || Some(Place::Objects(Collection::new("", "", "nodes")));
        assert_eq!(place("w/hostedcluster-demo/cluster-scoped-resources/core/nodes/a.yaml"), nodes());
        assert_eq!(place("cluster-scoped-resources/core/nodes.yaml"), nodes());
        assert_eq!(place("cluster-scoped-resources/core/nodes"), None);
        let operators = Some(Place::Objects(Collection::new("", "config.openshift.io", "clusteroperators")));
        assert_eq!(place("cluster-scoped-resources/config.openshift.io/clusteroperators/dns.yaml"), operators);
        let joined =
            |stem: &str, previous| Some(Place::JoinedLog { namespace: "ns".into(), stem: stem.into(), previous });
        assert_eq!(place("namespaces/ns/core/pods/logs/p-0-manager.log"), joined("p-0-manager", false));
        assert_eq!(place("namespaces/ns/core/pods/logs/p-0-c-previous.log"), joined("p-0-c", true));
        let nested = place("namespaces/ns/pods/p/c/c/logs/previous.log");
        assert!(matches!(nested, Some(Place::NestedLog { previous: true, .. })));
        assert_eq!(place("namespaces/ns/pods/p/c/c/logs/previous.insecure.log"), None);
        assert_eq!(place("w/timestamp"), Some(Place::Timestamp));
        assert_eq!(place("event-filter.html"), None);
    }

    #[test]
    fn a_path_shows_what_was_dumped_even_when_it_is_of_no_use() {
        let located = locate("w/namespaces/ns/core/configmaps/other.yaml").unwrap();
        assert_eq!(located.root, "w");
        assert_eq!(located.collection, Some(Collection::new("ns", "", "configmaps")));
        assert_eq!(located.place, None);
        let folder = locate("namespaces/ns/cluster.x-k8s.io/machines/x").unwrap();
        assert_eq!(folder.collection.unwrap().resource, "machines");
    }

    #[test]
    fn wrappers_have_a_limit_and_guests_are_known() {
        assert!(locate("1/2/3/4/5/6/namespaces/ns/core/pods.yaml").is_some());
        assert!(locate("1/2/3/4/5/6/7/namespaces/ns/core/pods.yaml").is_none());
        assert!(is_guest("x/hostedcluster-demo") && !is_guest("x/demo"));
    }
}
