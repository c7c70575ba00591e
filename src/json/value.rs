use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    lenient::expected,
    reader::{self, Bail, VALUE},
};

/// One value that is written in more than one way, by a visitor that takes it as [`VALUE`] gives it.
///
/// Any other deserializer gives the text of the value, and that is read again from the start.
#[inline]
pub(crate) fn value<'de, D, V>(
    deserializer: D,
    expected: &'static str,
    visitor: V,
) -> Result<V::Value, D::Error>
where
    D: Deserializer<'de>,
    V: Visitor<'de>,
{
    deserializer.deserialize_newtype_struct(VALUE, OneValue { visitor, expected })
}

struct OneValue<V> {
    visitor: V,
    /// Ends the sentence "expected …".
    expected: &'static str,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for OneValue<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    #[inline]
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.visitor.visit_borrowed_str(text)
    }

    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.visitor.visit_str(text)
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, bare: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(bare)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(elements)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(entries)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let raw = <&RawValue>::deserialize(value)?;
        let what = self.expected;
        reader::read(raw.get(), self).map_err(|Bail| expected(what))
    }
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for OneValue<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE, self)
    }
}
