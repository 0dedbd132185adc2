//! Shapes that ARM's bodies share.

use serde::{Deserialize, Deserializer};

use super::Tags;

/// The envelope of a resource around its properties.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<P> {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub location: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tags: Tags,
    pub kind: Option<String>,
    pub sku: Option<Named>,
    #[serde(default)]
    pub properties: P,
}

/// An object of which only the name counts, such as a SKU.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub name: Option<String>,
}

/// Takes `null` for "nothing in it": ARM writes empty lists and maps either way.
pub(crate) fn null_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
