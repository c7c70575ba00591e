use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::DeserializeSeed as _, ser::Error as _,
};
use serde_json::value::RawValue;

use crate::json::raw::Raw;

/// A piece of JSON whose shape nobody documents, kept as it was written. Reads from JSON text only,
/// see [there](crate::alegra#as-json).
#[derive(Clone, PartialEq, Eq, Hash)]
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

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawJson").field(&self.as_str()).finish()
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
        Raw.deserialize(deserializer).map(|raw| Self(raw.into()))
    }
}
