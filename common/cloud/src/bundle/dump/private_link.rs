//! The private way to the API server in a dump.

use facts::private_link::{OperatorSetup, PrivateLink};
use facts::{Fact, Need};

use super::{Dump, HYPERSHIFT, OPERATOR_NAMESPACE};
use crate::bundle::layout::Collection;
use crate::kubernetes::objects;

impl Dump<'_> {
    /// What Kubernetes says of it; what Azure says is in no dump. `hypershift dump` leaves the objects out.
    pub(super) fn private_link(&self) -> PrivateLink {
        if !self.wants(Need::PrivateLink) {
            return PrivateLink::default();
        }
        let control_plane = self.target.control_plane_namespace();
        let services = Collection::new(&control_plane, HYPERSHIFT, "azureprivatelinkservices");
        PrivateLink {
            services: self.listed(&services, "AzurePrivateLinkService", objects::private_link_service),
            operators: self.private_link_operators(),
            ..PrivateLink::default()
        }
    }

    fn private_link_operators(&self) -> Fact<Vec<OperatorSetup>> {
        let deployments = Collection::new(OPERATOR_NAMESPACE, "apps", "deployments");
        let found = self.listed(&deployments, "Deployment", |object| {
            objects::is_hypershift_operator(object).then(|| objects::operator_setup(object))
        });
        match found {
            // It may live in another namespace, of which a dump says nothing.
            Fact::Known(none) if none.is_empty() => {
                self.not_recorded(format!("this dump holds no operator in namespace {OPERATOR_NAMESPACE}"))
            }
            found => found,
        }
    }
}
