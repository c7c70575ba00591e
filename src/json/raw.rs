use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Visitor},
};
use serde_json::value::RawValue;

use super::reader::RAW;

/// The text of a value, whatever it is.
pub(crate) struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = &'de str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'de str, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, self)
    }
}

impl<'de> Visitor<'de> for Raw {
    type Value = &'de str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON text")
    }

    fn visit_some<D: Deserializer<'de>>(self, raw: D) -> Result<&'de str, D::Error> {
        <&str>::deserialize(raw)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<&'de str, D::Error> {
        <&RawValue>::deserialize(value).map(RawValue::get)
    }
}
