use serde::{Deserialize, Deserializer, Serialize};

use crate::json::{
    lenient::text,
    token::{Exactly, Object, Token},
};

/// A contact's identity document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Identification {
    /// An object, as in Alegra's REST API.
    Document(IdentityDocument),
    /// The number alone, as documented for webhooks.
    Text(String),
}

/// An identity document: the parts of an [`Identification`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdentityDocument {
    /// The kind of document. The field is `type`.
    #[serde(rename = "type")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The number.
    #[doc(alias = "número")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The check digit.
    #[doc(alias = "dígito de verificación")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub dv: Option<String>,
}

impl Identification {
    /// The number, however it is written.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Document(document) => document.number.as_deref(),
        }
    }
}

impl<'de> Object<'de> for Identification {
    const EXPECTED: &'static str = "text, or an object of texts";

    fn bare(token: Token<'de>) -> Option<Self> {
        token.text().map(Self::Text)
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        IdentityDocument::deserialize(object).map(Self::Document)
    }
}

impl<'de> Deserialize<'de> for Identification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Exactly::deserialize(deserializer).map(|Exactly(value)| value)
    }
}
