//! The identities that are assigned roles.

use facts::catalogue::{COMPONENTS, Component, Role, Scope, by_key};

use super::{Managed, Spec};
use crate::Refusal;
use crate::identities::{DATA_PLANE, MANAGED};

/// An identity that is assigned a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its part in the ids of steps.
    pub key: String,
    /// What it is called.
    pub shown: String,
    /// Its part in the derived names of its assignments.
    pub name: String,
    /// The role.
    pub role: Role,
    /// Where it is needed.
    pub scopes: &'static [Scope],
    /// Its client id, or what stands for it.
    pub client_id: String,
    /// What it acts for.
    pub plane: Plane,
}

/// What an identity acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plane {
    /// The control plane; a workload identity acts for both.
    Control,
    /// The data plane alone.
    Data,
}

/// The identities of a cluster that are assigned roles, in order.
pub(super) fn holders(spec: &Spec) -> Vec<Holder> {
    let needed = |component: &&Component| !(spec.without_image_registry && component.key == "imageRegistry");
    let control_plane = COMPONENTS.iter().filter(needed).filter_map(|component| {
        let client_id = match &spec.managed {
            None => spec.identities.get(component.key)?,
            Some(managed) => &managed.identities.control_plane.get(component.key)?.0,
        };
        Holder::of(component, client_id)
    });
    let data_plane = spec.managed.iter().flat_map(|managed| managed.identities.data_plane.by_component());
    let data_plane = data_plane
        .filter_map(|(key, client_id)| Some((by_key(key)?, client_id)))
        .filter(|(component, _)| needed(component))
        .filter_map(|(component, client_id)| Holder::of(component, client_id).map(Holder::on_data_plane));
    control_plane.chain(data_plane).collect()
}

impl Holder {
    fn of(component: &Component, client_id: &str) -> Option<Self> {
        let role = component.role?;
        Some(Self {
            key: component.key.to_owned(),
            shown: component.key.to_owned(),
            name: role.component.to_owned(),
            role,
            scopes: role.scopes,
            client_id: client_id.to_owned(),
            plane: Plane::Control,
        })
    }

    /// Its kin on the data plane has the same role, at the managed group alone, with upstream's names.
    fn on_data_plane(self) -> Self {
        Self {
            key: format!("{}-data-plane", self.key),
            shown: format!("{} of the data plane", self.shown),
            name: format!("{}WI", self.name),
            scopes: &[Scope::Managed],
            plane: Plane::Data,
            ..self
        }
    }
}

impl Managed {
    /// Checks the client ids, before anything is asked.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let refuse = |flag, file: &str| {
            let file = file.to_owned();
            move |why| {
                Refusal::new(flag, file, why, "give client ids, as `az identity show --query clientId` prints them")
            }
        };
        self.identities.check().map_err(refuse(MANAGED, &self.file))?;
        self.identities.data_plane.check().map_err(refuse(DATA_PLANE, &self.data_plane_file))
    }

    /// Checks that each identity of the control plane tells its client id, without which it can be assigned no role.
    pub(super) fn check_assignable(&self) -> Result<(), Refusal> {
        let mut ids = self.identities.control_plane.iter();
        let Some((key, _)) = ids.find(|(_, (id, _))| id.is_empty()) else { return Ok(()) };
        Err(Refusal::new(
            MANAGED,
            &self.file,
            format!("{key} has no clientID, so that it cannot be assigned a role"),
            "give its client id, or leave out `--assign-identity-roles`",
        ))
    }
}
