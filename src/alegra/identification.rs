use serde::{Deserialize, Deserializer, Serialize};

use crate::json::{
    lenient::text,
    text_or_object::{TextOrObject, text_or_object, unless_empty},
};

/// A contact's identity document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Identification {
    /// An object with the kind of document, its number and the check digit, as in Alegra's REST
    /// API.
    #[non_exhaustive]
    Document {
        /// The kind of document.
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// The number.
        #[serde(skip_serializing_if = "Option::is_none")]
        number: Option<String>,
        /// The check digit.
        #[doc(alias = "dígito de verificación")]
        #[serde(skip_serializing_if = "Option::is_none")]
        dv: Option<String>,
    },
    /// The number alone, as documented for webhooks.
    Text(String),
}

impl Identification {
    /// The number, however it is written.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Document { number, .. } => number.as_deref(),
        }
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "type", default, deserialize_with = "text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "text")]
    number: Option<String>,
    #[serde(default, deserialize_with = "text")]
    dv: Option<String>,
}

impl<'de> Deserialize<'de> for Identification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_object(deserializer).map(Self::from)
    }
}

/// An identity document, or none.
pub(super) fn identification<'de, D>(deserializer: D) -> Result<Option<Identification>, D::Error>
where
    D: Deserializer<'de>,
{
    unless_empty(deserializer).map(|found| found.map(Identification::from))
}

impl From<TextOrObject<Document>> for Identification {
    fn from(found: TextOrObject<Document>) -> Self {
        match found {
            TextOrObject::Text(text) => Self::Text(text),
            TextOrObject::Object(Document { kind, number, dv }) => {
                Self::Document { kind, number, dv }
            }
        }
    }
}
