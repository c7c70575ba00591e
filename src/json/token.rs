use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

use super::{
    lenient::{Misfit, expected},
    value::value,
};

/// One scalar as it is written.
pub(crate) enum Token<'a> {
    Null,
    True,
    False,
    Number(&'a str),
    String(&'a str),
}

impl<'a> Token<'a> {
    /// Of what is no string, told apart by its first byte: the lexer has seen the rest.
    #[inline]
    fn bare(text: &'a str) -> Self {
        match text.as_bytes() {
            [b'n', ..] => Self::Null,
            [b't', ..] => Self::True,
            [b'f', ..] => Self::False,
            _ => Self::Number(text),
        }
    }
}

/// Reads a scalar; an array or an object is a misfit.
#[inline]
pub(crate) fn with_token<'de, D, F, T>(
    deserializer: D,
    expected: &'static str,
    read: F,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: FnOnce(Token<'_>) -> Result<T, Misfit>,
{
    let visitor = TokenVisitor {
        read,
        expected,
        of: PhantomData,
    };
    value(deserializer, expected, visitor)
}

struct TokenVisitor<F, T> {
    read: F,
    expected: &'static str,
    of: PhantomData<T>,
}

impl<'de, F, T> Visitor<'de> for TokenVisitor<F, T>
where
    F: FnOnce(Token<'_>) -> Result<T, Misfit>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(Token::String(text)).map_err(|Misfit| expected(self.expected))
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, bare: D) -> Result<T, D::Error> {
        let text = <&str>::deserialize(bare)?;
        (self.read)(Token::bare(text)).map_err(|Misfit| expected(self.expected))
    }
}
