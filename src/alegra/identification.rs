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

impl<'de> Object<'de> for Identification {
    const EXPECTED: &'static str = "text, or an object of texts";

    fn bare(token: Token<'de>) -> Option<Self> {
        token.text().map(Self::Text)
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let Document { kind, number, dv } = Document::deserialize(object)?;
        Ok(Self::Document { kind, number, dv })
    }
}

impl<'de> Deserialize<'de> for Identification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Exactly::deserialize(deserializer).map(|Exactly(value)| value)
    }
}
