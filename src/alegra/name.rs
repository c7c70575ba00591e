use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::json::{
    lenient::text,
    token::{Exactly, Object, Token},
};

/// A contact's name. [`Display`](fmt::Display) writes it out as one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Name {
    /// An object with the parts of the name.
    Parts(NameParts),
    /// Plain text.
    Text(String),
}

/// The parts of a [`Name`]: the first four, or `fullname` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NameParts {
    /// The first given name.
    #[doc(alias = "primer nombre")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The second given name.
    #[doc(alias = "segundo nombre")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub second_name: Option<String>,
    /// The first family name.
    #[doc(alias = "primer apellido")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The second family name.
    #[doc(alias = "segundo apellido")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub second_last_name: Option<String>,
    /// The whole name, instead of its parts. The field is `fullname`, in lower case.
    #[doc(alias = "nombre completo")]
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub fullname: Option<String>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = match self {
            Self::Text(text) => return f.write_str(text),
            Self::Parts(parts) => parts,
        };
        let mut words = vec![
            parts.fullname.as_deref().unwrap_or_default(),
            parts.first_name.as_deref().unwrap_or_default(),
            parts.second_name.as_deref().unwrap_or_default(),
            parts.last_name.as_deref().unwrap_or_default(),
            parts.second_last_name.as_deref().unwrap_or_default(),
        ];
        words.retain(|word| !word.is_empty());
        f.write_str(&words.join(" "))
    }
}

impl<'de> Object<'de> for Name {
    const EXPECTED: &'static str = "text, or an object of texts";

    fn bare(token: Token<'de>) -> Option<Self> {
        token.text().map(Self::Text)
    }

    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        NameParts::deserialize(object).map(Self::Parts)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Exactly::deserialize(deserializer).map(|Exactly(value)| value)
    }
}
