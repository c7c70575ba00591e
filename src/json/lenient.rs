//! One reader for each way in which fields are written or left out; fields name the one that they need.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::token::{Object, Token, Value, expected, read};

/// A value that is written as a string or as a number.
pub(crate) trait Scalar: Sized {
    /// Ends the sentence "expected …".
    const EXPECTED: &'static str;

    fn read(token: Token<'_>) -> Option<Self>;
}

/// A scalar that has to be there.
pub(crate) fn scalar<'de, D: Deserializer<'de>, T: Scalar>(deserializer: D) -> Result<T, D::Error> {
    let token = token(deserializer, T::EXPECTED)?;
    T::read(token).ok_or_else(|| expected(T::EXPECTED))
}

/// A scalar; or none, as `null` or as the empty string, which is PHP's other way to say so.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: Scalar>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    match token(deserializer, T::EXPECTED)? {
        token if token.is_none() => Ok(None),
        token => T::read(token)
            .map(Some)
            .ok_or_else(|| expected(T::EXPECTED)),
    }
}

/// Text: a string, a number (its digits), or `null`.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    const EXPECTED: &str = "text: a string";
    match token(deserializer, EXPECTED)? {
        Token::Bool(_) => Err(expected(EXPECTED)),
        token => Ok(token.text()),
    }
}

/// Yes or no, in one of many ways; or none, as `null` or `""`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    const EXPECTED: &str = "true or false";
    let text = match token(deserializer, EXPECTED)? {
        token if token.is_none() => return Ok(None),
        Token::Bool(flag) => return Ok(Some(flag)),
        token => token.text().unwrap_or_default(),
    };
    match &*text.to_lowercase() {
        "1" | "true" | "yes" | "y" | "si" | "sí" | "s" => Ok(Some(true)),
        "0" | "false" | "no" | "n" => Ok(Some(false)),
        _ => Err(expected(EXPECTED)),
    }
}

/// An object; or none, as `null`, `""` or PHP's empty object `[]`; or a list of that one object. `{}`
/// is an object if the type requires no field, else it is none.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Object<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    match read::<T, D>(deserializer, 1, T::EXPECTED)? {
        Value::Array(mut only) => Ok(only.pop()),
        Value::Token(token) if token.is_none() => Ok(None),
        Value::Empty => Ok(T::empty::<D::Error>().ok()),
        only => only.exactly().map(Some),
    }
}

/// The same for an object that is large beside what holds it.
pub(crate) fn boxed<'de, D: Deserializer<'de>, T: Object<'de>>(
    deserializer: D,
) -> Result<Option<Box<T>>, D::Error> {
    object(deserializer).map(|found| found.map(Box::new))
}

/// Text, a number (its digits), or an object in its place; or none, as `null` or `[]`.
pub(crate) fn text_or_object<'de, D: Deserializer<'de>, T: Object<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    match read::<T, D>(deserializer, 0, T::EXPECTED)? {
        Value::Array(_) | Value::Token(Token::Null) => Ok(None),
        only => only.exactly().map(Some),
    }
}

/// A list; or none, as `null`, `""` or `{}`; or a single element without its list. An object whose keys
/// are whole numbers is the list of its values: PHP writes a list with holes like that.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Object<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    match read::<T, D>(deserializer, T::MOST, T::EXPECTED)? {
        Value::Array(list) => Ok(list),
        Value::Token(token) if token.is_none() => Ok(Vec::new()),
        Value::Empty => Ok(Vec::new()),
        only => only.exactly().map(|only| vec![only]),
    }
}

/// A string as the element of a list. The cap on containers does not count strings, so a list of them
/// has its own limit; the known lists have two.
impl<'de> Object<'de> for String {
    const EXPECTED: &'static str = "a short list of strings, or a single one";
    const MOST: usize = 100;

    fn bare(token: Token<'de>) -> Option<Self> {
        token.string().map(Cow::into_owned)
    }
}

/// An object in the place of a scalar. Its keys have to be text, like those of any object.
#[derive(Deserialize)]
struct NoScalar {}

impl Object<'_> for NoScalar {}

/// A value that is neither an array nor an object.
fn token<'de, D: Deserializer<'de>>(
    deserializer: D,
    expects: &'static str,
) -> Result<Token<'de>, D::Error> {
    match read::<NoScalar, D>(deserializer, 0, expects)? {
        Value::Token(token) => Ok(token),
        _ => Err(expected(expects)),
    }
}
