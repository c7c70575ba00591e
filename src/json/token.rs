//! One value as it is written, whichever deserializer reads it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Asks our [reader](super::reader) for one value of any kind: a string, an array or an object, or the
/// text of any other as [`visit_some`](Visitor::visit_some).
pub(super) const VALUE: &str = "tower_webhook::value";

/// Asks our [reader](super::reader) for the text of a value.
pub(crate) const RAW: &str = "tower_webhook::raw";

/// A value that is neither an array nor an object, as it is written.
#[derive(Clone, Copy)]
pub(crate) enum Token<'a> {
    Null,
    True,
    False,
    Number(&'a str),
    String(&'a str),
}

/// The value is not what the field holds. Carries nothing of the value.
#[derive(Debug)]
pub(crate) struct Misfit;

/// What is made of the value of a field: of a token, an array or an object.
pub(crate) trait Reading<'de> {
    type Value;

    /// Ends the sentence "expected …".
    const EXPECTED: &'static str;

    fn token(token: Token<'_>) -> Result<Self::Value, Misfit>;

    fn array<A: SeqAccess<'de>>(_elements: A) -> Result<Self::Value, A::Error> {
        Err(expected(Self::EXPECTED))
    }

    fn object<A: MapAccess<'de>>(_fields: A) -> Result<Self::Value, A::Error> {
        Err(expected(Self::EXPECTED))
    }
}

/// Reads one value.
pub(crate) fn read<'de, R, D>(deserializer: D) -> Result<R::Value, D::Error>
where
    R: Reading<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_newtype_struct(VALUE, OneValue::<R>(PhantomData))
}

/// [`read`] as a seed.
pub(crate) struct OneValue<R>(pub(crate) PhantomData<R>);

impl<'de, R: Reading<'de>> DeserializeSeed<'de> for OneValue<R> {
    type Value = R::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<R::Value, D::Error> {
        read::<R, D>(deserializer)
    }
}

impl<R> OneValue<R> {
    fn token<'de, E: Error>(token: Token<'_>) -> Result<R::Value, E>
    where
        R: Reading<'de>,
    {
        R::token(token).map_err(|Misfit| expected(R::EXPECTED))
    }
}

impl<'de, R: Reading<'de>> Visitor<'de> for OneValue<R> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(R::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<R::Value, E> {
        Self::token(Token::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<R::Value, A::Error> {
        R::array(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<R::Value, A::Error> {
        R::object(fields)
    }

    /// Our reader gives the text of what is no string, no array and no object.
    fn visit_some<D: Deserializer<'de>>(self, bare: D) -> Result<R::Value, D::Error> {
        Self::token(Token::bare(<&str>::deserialize(bare)?))
    }

    /// `serde_json` would give a number as a float, or as a map, so the text of the value comes first.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<R::Value, D::Error> {
        let raw = <&RawValue>::deserialize(value)?.get();
        if !raw.starts_with(['"', '[', '{']) {
            return Self::token(Token::bare(raw));
        }
        serde_json::Deserializer::from_str(raw)
            .deserialize_any(self)
            .map_err(|_| expected(R::EXPECTED))
    }
}

impl<'a> Token<'a> {
    /// Of JSON that is no string, no array and no object.
    fn bare(text: &'a str) -> Self {
        match text {
            "null" => Self::Null,
            "true" => Self::True,
            "false" => Self::False,
            number => Self::Number(number),
        }
    }
}

/// An error that says what the field holds, and nothing of what was found.
pub(crate) fn expected<E: Error>(what: &'static str) -> E {
    E::custom(format_args!("expected {what}"))
}
