//! One reader for each way in which a provider is inexact; fields name the one that they need.
//!
//! Scalars are read from the text of their JSON (`RawValue`), so numbers keep their digits, and the
//! result is the same whatever features of `serde_json` the rest of an application turns on.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{text::Text, token::Token};

/// A value that is written as a string or as something else.
pub(crate) trait Scalar: Sized {
    /// Ends the sentence "expected …".
    const EXPECTED: &'static str;

    fn read(token: Token<'_>) -> Result<Self, Misfit>;
}

/// The value is not what the field holds. Carries nothing of the value.
#[derive(Debug)]
pub(crate) struct Misfit;

/// A scalar that has to be there.
pub(crate) fn scalar<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    T::read(Token::of(raw.get())).map_err(|Misfit| expected(T::EXPECTED))
}

/// A scalar, or `null`, or the empty string: PHP's other way to say that there is none.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    match Token::of(raw.get()) {
        Token::Null => Ok(None),
        Token::String(text) if text.is_empty() => Ok(None),
        token => T::read(token)
            .map(Some)
            .map_err(|Misfit| expected(T::EXPECTED)),
    }
}

/// Text: a string, a number (its digits), or `null`.
pub(crate) fn text<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    match Token::of(raw.get()) {
        Token::Null => Ok(None),
        Token::String(text) => Ok(Some(text.into_owned())),
        Token::Number(digits) => Ok(Some(digits.to_owned())),
        _ => Err(expected("text: a string")),
    }
}

/// A list of texts, a single one, or `null`.
pub(crate) fn texts<'de, D>(deserializer: D) -> Result<Vec<String>, D::Error>
where
    D: Deserializer<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    match Token::of(raw.get()) {
        Token::Null => Ok(Vec::new()),
        Token::String(text) if text.is_empty() => Ok(Vec::new()),
        Token::String(text) => Ok(vec![text.into_owned()]),
        Token::Container(list) => serde_json::from_str(list)
            .map(|Texts(texts)| texts)
            .map_err(|_| expected("a short list of strings")),
        _ => Err(expected("a list of strings or a single one")),
    }
}

/// A list of texts, as short as those that are known: strings are no containers, so the cap on
/// containers does not bound them.
struct Texts(Vec<String>);

const MAX_TEXTS: usize = 100;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element_seed(Text)? {
                    if texts.len() == MAX_TEXTS {
                        return Err(expected("a short list of strings"));
                    }
                    texts.push(text.into_owned());
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_seq(TextsVisitor)
    }
}

/// Yes or no, also as a number or a string, or `null`.
pub(crate) fn flag<'de, D>(deserializer: D) -> Result<Option<bool>, D::Error>
where
    D: Deserializer<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    match raw.get() {
        "true" | "1" | r#""true""# | r#""1""# => Ok(Some(true)),
        "false" | "0" | r#""false""# | r#""0""# => Ok(Some(false)),
        "null" | r#""""# => Ok(None),
        _ => Err(expected("true or false")),
    }
}

/// What is written as text or as an object; or none, as `null` or PHP's empty object `[]`.
pub(crate) fn unless_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    let inner = raw.strip_prefix('[').and_then(|raw| raw.strip_suffix(']'));
    if raw == "null" || inner.is_some_and(|inner| inner.trim_ascii().is_empty()) {
        return Ok(None);
    }
    let found = serde_json::from_str(raw);
    found
        .map(Some)
        .map_err(|_| expected("text, or an object of texts"))
}

/// What [`text_or_object`] found.
pub(crate) enum TextOrObject<T> {
    Text(String),
    Object(T),
}

/// Text, or an object in its place.
pub(crate) fn text_or_object<'de, D, T>(deserializer: D) -> Result<TextOrObject<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    match Token::of(raw.get()) {
        Token::String(text) => Ok(TextOrObject::Text(text.into_owned())),
        Token::Number(digits) => Ok(TextOrObject::Text(digits.to_owned())),
        Token::Container(object) if object.starts_with('{') => serde_json::from_str(object)
            .map(TextOrObject::Object)
            .map_err(|_| expected("text, or an object of texts")),
        _ => Err(expected("text, or an object of texts")),
    }
}

/// An error that says what the field holds, and nothing of what was found.
pub(crate) fn expected<E: Error>(what: &'static str) -> E {
    E::custom(format_args!("expected {what}"))
}
