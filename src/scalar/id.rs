use std::{borrow::Borrow, cmp::Ordering};

use serde::Serialize;

use super::text::{Text, text_type};
use crate::json::{lenient::Scalar, token::Token};

/// The id of an object at the provider: opaque text.
///
/// Arrives as a JSON string or integer and is kept as its text. Never parse it as a number: since
/// 2025 Alegra sends all ids as strings and moves one resource after the other to UUIDs. Ids are
/// ordered as text.
///
/// Reads from JSON text only, see [there](crate::alegra#as-json).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Id(Text);

text_type!(Id);

impl Scalar for Id {
    const EXPECTED: &'static str = "an id: a non-empty string or an integer";

    fn read(token: Token<'_>) -> Option<Self> {
        match token {
            Token::String(text) if !text.is_empty() => Some((*text).into()),
            Token::Number(digits) if !digits.contains(['.', 'e', 'E']) => Some(digits.into()),
            _ => None,
        }
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// So that a map with ids for keys is asked by text.
impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}
