use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
    ser::Error as _,
};
use serde_json::value::RawValue;

use crate::json::token::RAW;

/// A piece of JSON whose shape nobody documents, kept as it was written. Reads from JSON text only,
/// see [there](crate::alegra#as-json).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The piece, read into a type of your own.
    ///
    /// # Errors
    ///
    /// When it does not fit the type.
    pub fn json<'a, T>(&'a self) -> Result<T, serde_json::Error>
    where
        T: Deserialize<'a>,
    {
        serde_json::from_str(&self.0)
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = self.json().map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON text")
    }

    /// From our reader; from other deserializers it may be any text.
    fn visit_str<E: Error>(self, text: &str) -> Result<RawJson, E> {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Ok(RawJson(raw.get().into())),
            Err(_) => Err(E::custom("expected JSON text")),
        }
    }

    /// From `serde_json`.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<RawJson, D::Error> {
        <&RawValue>::deserialize(value).map(|raw| RawJson(raw.get().into()))
    }
}
