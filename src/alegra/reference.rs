use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    json::{
        lenient::{Scalar, object, optional, text},
        token::{Object, Token},
    },
    scalar::Id,
};

/// Another object of the same account, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reference {
    /// The id of the object referred to.
    pub id: Id,
}

impl Object<'_> for Reference {
    fn bare(token: Token<'_>) -> Option<Self> {
        Id::read(token).map(|id| Self { id })
    }
}

/// A reference; or none, as for an [`object`], or as one whose id is `null` or `""`.
pub(super) fn reference<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Reference>, D::Error> {
    let found: Option<MaybeReference> = object(deserializer)?;
    Ok(found.and_then(|it| it.id).map(|id| Reference { id }))
}

#[derive(Deserialize)]
struct MaybeReference {
    #[serde(deserialize_with = "optional")]
    id: Option<Id>,
}

impl Object<'_> for MaybeReference {
    fn bare(token: Token<'_>) -> Option<Self> {
        Id::read(token).map(|id| Self { id: Some(id) })
    }
}

/// The numbering that a document belongs to.
#[doc(alias = "resolución")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NumberTemplate {
    /// The id of the numbering. Bills were seen without.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The document's number. Seen in bills.
    #[doc(alias = "número")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

impl Object<'_> for NumberTemplate {}
