//! The body as a whole: what is refused, and what is read of a body that does not fit.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::reader::Reader;
use crate::rejection::Rejection;

pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A body as text.
///
/// A byte order mark is no part of the text: RFC 8259 lets readers pass over it.
pub(crate) fn text(body: &[u8]) -> Result<&str, Rejection> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    std::str::from_utf8(body).map_err(|_| Rejection::malformed("the body is not UTF-8"))
}

/// Refuses what is no JSON of bearable depth; says how many objects and arrays there are.
pub(crate) fn check(text: &str) -> Result<usize, Rejection> {
    if text.trim_ascii().is_empty() {
        return Err(Rejection::malformed("the body is empty"));
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        // The error's own text quotes the body; its place does not.
        Rejection::malformed("the body is not JSON").at(error.line(), error.column())
    })?;
    let mut reader = Reader::unlimited(text);
    match reader.raw() {
        Ok(_) => Ok(reader.containers),
        Err(_) => Err(Rejection::malformed("the body is nested deeper than 127")),
    }
}

/// One field of an envelope, unread.
#[derive(Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    first: Option<&'a RawValue>,
    doubled: bool,
}

impl<'a> Field<'a> {
    /// The value of a field that occurs exactly once.
    pub(crate) fn only(self) -> Option<&'a str> {
        match self.first {
            Some(raw) if !self.doubled => Some(raw.get()),
            _ => None,
        }
    }

    /// The text of the field that says what kind of event the body is, which has to be exact:
    /// without it there is nothing to deliver to anybody.
    pub(crate) fn routing(self, sentences: &RoutingSentences) -> Result<String, Rejection> {
        if self.doubled {
            return Err(Rejection::malformed(sentences.doubled));
        }
        let raw = self.first.ok_or(Rejection::malformed(sentences.missing))?;
        serde_json::from_str(raw.get()).map_err(|_| Rejection::malformed(sentences.not_text))
    }
}

/// What is said of a routing field that cannot be used.
pub(crate) struct RoutingSentences {
    pub(crate) missing: &'static str,
    pub(crate) doubled: &'static str,
    pub(crate) not_text: &'static str,
}

/// The fields of an object, unread, each by any of its names; or why the text is no object.
pub(crate) fn fields<'a, const N: usize>(
    text: &'a str,
    names: [&[&str]; N],
) -> Result<[Field<'a>; N], Rejection> {
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Fields(names))
        .map_err(|_| Rejection::malformed("the body is not a JSON object"))
}

struct Fields<'a, const N: usize>([&'a [&'a str]; N]);

impl<'de, const N: usize> Visitor<'de> for Fields<'_, N> {
    type Value = [Field<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [Field::default(); N];
        while let Some(index) = map.next_key_seed(Key(&self.0))? {
            match index {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(index) => {
                    let value = map.next_value()?;
                    let field = &mut fields[index];
                    field.doubled = field.first.is_some();
                    field.first.get_or_insert(value);
                }
            }
        }
        Ok(fields)
    }
}

/// Which of the fields a key names, if any. Read as bytes: a key whose escapes make no text is just one
/// of the others.
struct Key<'a>(&'a [&'a [&'a str]]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        let is_key = |name: &&str| name.as_bytes() == key;
        Ok(self.0.iter().position(|names| names.iter().any(is_key)))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        self.visit_bytes(key.as_bytes())
    }
}
