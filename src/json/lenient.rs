//! One reader for each way in which a provider is inexact; fields name the one that they need.
//!
//! Scalars are read from the text of their JSON, so numbers keep their digits, and the result is the
//! same whatever features of `serde_json` the rest of an application turns on.

use serde::{Deserializer, de::Error};

use super::token::{Token, with_token};

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
#[inline]
pub(crate) fn scalar<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar,
{
    with_token(deserializer, T::EXPECTED, T::read)
}

/// A scalar, or `null`, or the empty string: PHP's other way to say that there is none.
#[inline]
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar,
{
    with_token(deserializer, T::EXPECTED, |token| match token {
        Token::Null | Token::String("") => Ok(None),
        token => T::read(token).map(Some),
    })
}

/// Text: a string, a number (its digits), or `null`.
#[inline]
pub(crate) fn text<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    text_in(deserializer, 0)
}

/// The same, with room for that many bytes: an allocator has few free pieces of each size at hand, and
/// many short texts are of one size. Only for what a body has one of, or a few.
#[inline]
pub(crate) fn roomy<'de, const ROOM: usize, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    text_in(deserializer, ROOM)
}

#[inline(never)]
fn text_in<'de, D>(deserializer: D, room: usize) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    with_token(deserializer, "text: a string", |token| match token {
        Token::Null => Ok(None),
        Token::String(text) | Token::Number(text) => Ok(Some(owned(text, room))),
        _ => Err(Misfit),
    })
}

/// A text with room for that many bytes; the empty one needs none.
#[inline]
pub(crate) fn owned(text: &str, room: usize) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut owned = String::with_capacity(text.len().max(room));
    owned.push_str(text);
    owned
}

/// Yes or no, also as a number or a string, or `null`.
pub(crate) fn flag<'de, D>(deserializer: D) -> Result<Option<bool>, D::Error>
where
    D: Deserializer<'de>,
{
    with_token(deserializer, "true or false", |token| match token {
        Token::True | Token::Number("1") | Token::String("true" | "1") => Ok(Some(true)),
        Token::False | Token::Number("0") | Token::String("false" | "0") => Ok(Some(false)),
        Token::Null | Token::String("") => Ok(None),
        Token::Number(_) | Token::String(_) => Err(Misfit),
    })
}

/// An error that says what the field holds, and nothing of what was found.
pub(crate) fn expected<E: Error>(what: &'static str) -> E {
    E::custom(format_args!("expected {what}"))
}
