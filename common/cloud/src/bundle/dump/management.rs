//! The management cluster in a dump.

use facts::fleet::{Fleet, SecretProviderClass};
use facts::management::{ApiResource, Management, Operator, SupportedVersions};
use facts::{Fact, Gap, GapKind, Need};

use super::{Dump, OPERATOR_NAMESPACE};
use crate::bundle::layout::Collection;
use crate::kubernetes::objects;

impl Dump<'_> {
    pub(super) fn management(&self) -> Management {
        let operators = match self.wants(Need::Operator) || self.wants(Need::SupportedVersions) {
            true => self.operators(),
            false => Fact::default(),
        };
        Management {
            kubernetes_version: self.not_recorded("a Kubernetes dump does not hold the API server's version"),
            api_resources: match self.wants(Need::ApiResources) {
                true => self.api_resources(),
                false => Fact::default(),
            },
            access: self.not_recorded("a Kubernetes dump does not hold what the caller may do"),
            supported_versions: match self.wants(Need::SupportedVersions) {
                true => self.supported_versions(&operators),
                false => Fact::default(),
            },
            operators: if self.wants(Need::Operator) { operators } else { Fact::default() },
            fleet: Fleet {
                secret_providers: match self.wants(Need::SecretProviders) {
                    true => self.secret_providers(),
                    false => Fact::default(),
                },
                ..Fleet::default()
            },
        }
    }

    fn secret_providers(&self) -> Fact<Vec<SecretProviderClass>> {
        let control_plane = self.target.control_plane_namespace();
        let classes = Collection::new(&control_plane, "secrets-store.csi.x-k8s.io", "secretproviderclasses");
        self.listed(&classes, "SecretProviderClass", objects::secret_provider_class)
    }

    fn operators(&self) -> Fact<Vec<Operator>> {
        let control_plane = self.target.control_plane_namespace();
        let mut operators = Vec::new();
        for namespace in self.tree.namespaces_of("apps", "deployments") {
            if namespace == control_plane {
                continue;
            }
            let deployments = Collection::new(&namespace, "apps", "deployments");
            let found = self.listed(&deployments, "Deployment", |object| {
                objects::is_hypershift_operator(object).then(|| objects::operator(object)).flatten()
            });
            match found {
                Fact::Known(found) => operators.extend(found),
                Fact::Absent => {}
                // Elsewhere a damaged file takes nothing away from what is known of the usual namespace.
                Fact::Unreadable(gap) if namespace == OPERATOR_NAMESPACE => return Fact::Unreadable(gap),
                Fact::Unreadable(_) => {}
            }
        }
        let usual = Collection::new(OPERATOR_NAMESPACE, "apps", "deployments");
        match operators.is_empty() {
            false => Fact::Known(operators),
            true if self.tree.covers(&usual) => Fact::Absent,
            true => self.not_recorded(format!("this dump holds no deployments.apps of namespace {OPERATOR_NAMESPACE}")),
        }
    }

    fn supported_versions(&self, operators: &Fact<Vec<Operator>>) -> Fact<SupportedVersions> {
        let elsewhere = operators.get().into_iter().flatten().map(|operator| operator.namespace.as_str());
        let mut namespaces: Vec<&str> = std::iter::once(OPERATOR_NAMESPACE).chain(elsewhere).collect();
        namespaces.dedup();
        let mut outcome = None;
        for namespace in namespaces {
            let maps = Collection::new(namespace, "", "configmaps");
            let found = self.listed(&maps, "ConfigMap", |object| {
                (objects::str_at(object, "/metadata/name") == Some("supported-versions"))
                    .then(|| objects::supported_versions(object))
            });
            let fact = match found {
                Fact::Known(mut found) => match found.pop() {
                    Some(Some(versions)) => return Fact::Known(versions),
                    Some(None) => {
                        let why = format!("ConfigMap {namespace}/supported-versions holds no list of versions");
                        Fact::Unreadable(Gap::new(GapKind::Failed, why))
                    }
                    None => Fact::Absent,
                },
                Fact::Absent => Fact::Absent,
                Fact::Unreadable(gap) => Fact::Unreadable(gap),
            };
            outcome = outcome.or(Some(fact));
        }
        outcome.unwrap_or_default()
    }

    fn api_resources(&self) -> Fact<Vec<ApiResource>> {
        let definitions = Collection::new("", "apiextensions.k8s.io", "customresourcedefinitions");
        let covered = self.tree.covers(&definitions);
        let read = self.tree.discovery().and_then(|discovery| {
            let definitions = self.tree.objects(&definitions, "CustomResourceDefinition")?;
            Ok((definitions, discovery))
        });
        match read {
            Ok((_, None)) if !covered => {
                self.not_recorded("this dump holds neither API discovery nor CustomResourceDefinitions")
            }
            Ok((definitions, discovery)) => {
                let definitions: Vec<_> =
                    definitions.iter().filter_map(|object| objects::custom_resource(&object.value)).collect();
                Fact::Known(objects::api_resources(&definitions, discovery.as_ref()))
            }
            Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
        }
    }
}
