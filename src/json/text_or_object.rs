use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    lenient::{expected, owned},
    value::value,
};

/// What is written as text or as an object.
pub(crate) enum TextOrObject<T> {
    Text(String),
    Object(T),
}

/// As in [`roomy`](super::lenient::roomy): a body has one of a kind at most.
const ROOM: usize = 88;

const EXPECTED: &str = "text, or an object of texts";

/// Text, a number (its digits), or an object in its place.
#[inline]
pub(crate) fn text_or_object<'de, D, T>(deserializer: D) -> Result<TextOrObject<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    match unless_empty(deserializer)? {
        Some(found) => Ok(found),
        None => Err(expected(EXPECTED)),
    }
}

/// The same; or none, as `null` or PHP's empty object `[]`.
#[inline]
pub(crate) fn unless_empty<'de, D, T>(deserializer: D) -> Result<Option<TextOrObject<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    value(deserializer, EXPECTED, TextOrObjectVisitor(PhantomData))
}

struct TextOrObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrObjectVisitor<T> {
    type Value = Option<TextOrObject<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(TextOrObject::Text(owned(text, ROOM))))
    }

    fn visit_some<D: Deserializer<'de>>(self, bare: D) -> Result<Self::Value, D::Error> {
        match <&str>::deserialize(bare)? {
            "null" => Ok(None),
            "true" | "false" => Err(expected(EXPECTED)),
            digits => self.visit_str(digits),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        match list.next_element::<IgnoredAny>()? {
            None => Ok(None),
            Some(_) => Err(expected(EXPECTED)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let object = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Some(TextOrObject::Object(object)))
    }
}
