//! The management cluster: its version, its API resources, its operators and what they support.

use std::collections::BTreeSet;

use facts::management::{ApiResource, Management, Operator, SupportedVersions};
use facts::{Fact, Gap, GapKind, Need, Target};
use kube::api::ListParams;

use super::{OPERATOR_NAMESPACE, asked, got};
use crate::kubernetes::connection::{Connection, path, request, segment};
use crate::kubernetes::error::KubeError;
use crate::kubernetes::objects;
use crate::kubernetes::shared::Shared;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// Aggregated discovery: all groups, versions and resources in one document. v2 since Kubernetes 1.30.
const DISCOVERY: &str = concat!(
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,",
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
);

impl Connection {
    /// Collects what `needs` names of the management cluster.
    pub(super) async fn management(&self, target: &Target, needs: &BTreeSet<Need>) -> Management {
        let wants = |need| needs.contains(&need);
        let shared = self.shared();
        let version = shared.version.or(Box::pin(async { got(self.kubernetes_version().await, "/version", None) }));
        let (kubernetes_version, operators, api_resources, access, supported_versions) = futures::join!(
            asked(wants(Need::Operator) || wants(Need::ApiResources), version),
            asked(wants(Need::Operator), shared.operators.or(Box::pin(self.operators()))),
            asked(wants(Need::ApiResources), shared.api_resources.or(Box::pin(self.api_resources()))),
            asked(wants(Need::Access), self.access(target)),
            asked(
                wants(Need::SupportedVersions),
                shared.supported_versions.or(Box::pin(self.published_versions(&shared)))
            ),
        );
        Management { kubernetes_version, operators, api_resources, access, supported_versions, ..Management::default() }
    }

    async fn operators(&self) -> Fact<Vec<Operator>> {
        let everywhere = match self.operators_in(None).await {
            Ok(found) => {
                return if found.is_empty() { Fact::Absent } else { Fact::Known(found) };
            }
            Err(error @ KubeError::Denied { .. }) => error,
            Err(error) => return Fact::Unreadable(error.gap("list", "deployments.apps", None)),
        };
        match self.operators_in(Some(OPERATOR_NAMESPACE)).await {
            Ok(found) if !found.is_empty() => Fact::Known(found),
            // Nothing here says nothing of the other namespaces.
            Ok(_) => Fact::Unreadable(everywhere.gap("list", "deployments.apps", None)),
            Err(error) => Fact::Unreadable(error.gap("list", "deployments.apps", Some(OPERATOR_NAMESPACE))),
        }
    }

    async fn operators_in(&self, namespace: Option<&str>) -> Result<Vec<Operator>, KubeError> {
        let params = ListParams::default().fields("metadata.name=operator");
        let deployments = self.list(&path("/apis/apps/v1", namespace, "deployments")?, params).await?;
        let mut operators: Vec<Operator> = deployments
            .iter()
            .filter(|object| objects::is_hypershift_operator(object))
            .filter_map(objects::operator)
            .collect();
        operators.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        Ok(operators)
    }

    /// What is defined and what is served. The definitions' schemas are megabytes each: their metadata is enough, since
    /// discovery lists exactly the established ones.
    async fn api_resources(&self) -> Fact<Vec<ApiResource>> {
        let discovery = async {
            let mut request = request("/apis")?;
            let accept = http::HeaderValue::from_static(DISCOVERY);
            request.headers_mut().insert(http::header::ACCEPT, accept);
            self.json(request).await
        };
        let (definitions, discovery) = futures::join!(self.list_metadata(DEFINITIONS), discovery);
        let discovery = match discovery {
            Ok(document) if document.get("items").is_some() => document,
            Ok(_) => {
                let why = "the API server is older than Kubernetes 1.26: it does not aggregate its discovery";
                return Fact::Unreadable(Gap::new(GapKind::Failed, why));
            }
            Err(error) => return Fact::Unreadable(error.gap("get", "/apis", None)),
        };
        let definitions = match definitions {
            Ok(definitions) => definitions,
            // Every authenticated caller may discover; that is enough, it only cannot show what is defined and broken.
            Err(KubeError::Denied { .. }) => Vec::new(),
            Err(error) => return Fact::Unreadable(error.gap("list", "customresourcedefinitions", None)),
        };
        let definitions: Vec<_> = definitions.iter().filter_map(objects::custom_resource).collect();
        Fact::Known(objects::api_resources(&definitions, Some(&discovery)))
    }

    /// What the operator publishes, wherever it is.
    async fn published_versions(&self, shared: &Shared) -> Fact<SupportedVersions> {
        let (usual, operators) = futures::join!(
            self.supported_versions(OPERATOR_NAMESPACE),
            shared.operators.or(Box::pin(self.operators()))
        );
        // An operator elsewhere keeps its ConfigMap elsewhere.
        let elsewhere = match (&usual, &operators) {
            (Fact::Absent, Fact::Known(operators)) => operators.first().map(|operator| operator.namespace.as_str()),
            _ => None,
        };
        match elsewhere {
            Some(namespace) if namespace != OPERATOR_NAMESPACE => self.supported_versions(namespace).await,
            _ => usual,
        }
    }

    async fn supported_versions(&self, namespace: &str) -> Fact<SupportedVersions> {
        let read = async {
            let namespace = segment(namespace)?;
            self.get(&format!("/api/v1/namespaces/{namespace}/configmaps/supported-versions")).await
        };
        match got(read.await, "configmaps", Some(namespace)) {
            Fact::Known(object) => match objects::supported_versions(&object) {
                Some(versions) => Fact::Known(versions),
                None => {
                    let why = format!("ConfigMap {namespace}/supported-versions holds no list of versions");
                    Fact::Unreadable(Gap::new(GapKind::Failed, why))
                }
            },
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(gap) => Fact::Unreadable(gap),
        }
    }
}
