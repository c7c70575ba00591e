use serde::{Deserialize, Serialize};

use crate::{
    json::lenient::{optional, text},
    scalar::Id,
};

/// Another object of the same account, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reference {
    /// The id of the object referred to.
    pub id: Id,
}

/// The numbering that a document belongs to.
#[doc(alias = "resolución")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NumberTemplate {
    /// The id of the numbering. Bills were seen without.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Id>,

    /// The document's number. Seen in bills.
    #[doc(alias = "número")]
    #[serde(
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub number: Option<String>,
}
