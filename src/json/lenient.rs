//! One reader for each way in which scalars are written; fields name the one that they need.

use std::marker::PhantomData;

use serde::{
    Deserializer,
    de::{MapAccess, SeqAccess},
};

use super::{
    object::is_index,
    token::{Misfit, Reading, Token, expected, read},
};

/// A value that is written as a string or as a number.
pub(crate) trait Scalar: Sized {
    /// Ends the sentence "expected …".
    const EXPECTED: &'static str;

    fn read(token: Token<'_>) -> Result<Self, Misfit>;
}

/// A scalar that has to be there.
pub(crate) fn scalar<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar,
{
    read::<Exact<T>, D>(deserializer)
}

/// A scalar; or none, as `null` or as the empty string, which is PHP's other way to say so.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar,
{
    read::<Optional<T>, D>(deserializer)
}

/// Text: a string, a number (its digits), or `null`.
pub(crate) fn text<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    read::<Text, D>(deserializer)
}

/// Yes or no, in one of many ways; or none, as `null` or `""`.
pub(crate) fn flag<'de, D>(deserializer: D) -> Result<Option<bool>, D::Error>
where
    D: Deserializer<'de>,
{
    read::<Flag, D>(deserializer)
}

/// A list of strings, or a single one; or none, as `null`, `""` or `{}`.
pub(crate) fn texts<'de, D>(deserializer: D) -> Result<Vec<String>, D::Error>
where
    D: Deserializer<'de>,
{
    read::<Texts, D>(deserializer)
}

struct Exact<T>(PhantomData<T>);

impl<T: Scalar> Reading<'_> for Exact<T> {
    type Value = T;
    const EXPECTED: &'static str = T::EXPECTED;

    fn token(token: Token<'_>) -> Result<T, Misfit> {
        T::read(token)
    }
}

struct Optional<T>(PhantomData<T>);

impl<T: Scalar> Reading<'_> for Optional<T> {
    type Value = Option<T>;
    const EXPECTED: &'static str = T::EXPECTED;

    fn token(token: Token<'_>) -> Result<Option<T>, Misfit> {
        match token {
            Token::Null | Token::String("") => Ok(None),
            token => T::read(token).map(Some),
        }
    }
}

struct Text;

impl Reading<'_> for Text {
    type Value = Option<String>;
    const EXPECTED: &'static str = String::EXPECTED;

    fn token(token: Token<'_>) -> Result<Option<String>, Misfit> {
        match token {
            Token::Null => Ok(None),
            token => String::read(token).map(Some),
        }
    }
}

impl Scalar for String {
    const EXPECTED: &'static str = "text: a string";

    fn read(token: Token<'_>) -> Result<Self, Misfit> {
        match token {
            Token::String(text) | Token::Number(text) => Ok(text.to_owned()),
            Token::Null | Token::True | Token::False => Err(Misfit),
        }
    }
}

struct Flag;

impl Reading<'_> for Flag {
    type Value = Option<bool>;
    const EXPECTED: &'static str = "true or false";

    fn token(token: Token<'_>) -> Result<Option<bool>, Misfit> {
        let text = match token {
            Token::Null | Token::String("") => return Ok(None),
            Token::True => return Ok(Some(true)),
            Token::False => return Ok(Some(false)),
            Token::Number(text) | Token::String(text) => text,
        };
        let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_one_of(&["1", "true", "yes", "y", "si", "sí", "s"]) {
            Ok(Some(true))
        } else if is_one_of(&["0", "false", "no", "n"]) {
            Ok(Some(false))
        } else {
            Err(Misfit)
        }
    }
}

/// Strings are no containers, so the bound on containers does not hold for a list of them; the known
/// ones have two.
const MAX_TEXTS: usize = 100;

struct Texts;

impl Texts {
    fn push<E: serde::de::Error>(texts: &mut Vec<String>, text: String) -> Result<(), E> {
        if texts.len() == MAX_TEXTS {
            return Err(expected(<Self as Reading<'_>>::EXPECTED));
        }
        texts.push(text);
        Ok(())
    }
}

impl<'de> Reading<'de> for Texts {
    type Value = Vec<String>;
    const EXPECTED: &'static str = "a short list of strings, or a single one";

    fn token(token: Token<'_>) -> Result<Vec<String>, Misfit> {
        match token {
            Token::Null | Token::String("") => Ok(Vec::new()),
            Token::String(text) => Ok(vec![text.to_owned()]),
            _ => Err(Misfit),
        }
    }

    fn array<A: SeqAccess<'de>>(mut elements: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = elements.next_element()? {
            Self::push(&mut texts, text)?;
        }
        Ok(texts)
    }

    fn object<A: MapAccess<'de>>(mut fields: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(key) = fields.next_key::<String>()? {
            if !is_index(&key) {
                return Err(expected(Self::EXPECTED));
            }
            Self::push(&mut texts, fields.next_value()?)?;
        }
        Ok(texts)
    }
}
