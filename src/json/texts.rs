use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{
    lenient::{expected, owned},
    text::Text,
    value::value,
};

/// Strings are no containers, so the cap on containers does not bound a list of them; the known ones
/// have two.
const MAX_TEXTS: usize = 100;

/// As in [`roomy`](super::lenient::roomy): a client has the one such list of a body.
const ROOM: usize = 88;

const EXPECTED: &str = "a short list of strings, or a single one";

/// A list of texts, a single one, or `null`.
#[inline]
pub(crate) fn texts<'de, D>(deserializer: D) -> Result<Vec<String>, D::Error>
where
    D: Deserializer<'de>,
{
    value(deserializer, EXPECTED, TextsVisitor)
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(match text {
            "" => Vec::new(),
            text => vec![owned(text, ROOM)],
        })
    }

    fn visit_some<D: Deserializer<'de>>(self, bare: D) -> Result<Vec<String>, D::Error> {
        match <&str>::deserialize(bare)? {
            "null" => Ok(Vec::new()),
            _ => Err(expected(EXPECTED)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element_seed(Text)? {
            if texts.len() == MAX_TEXTS {
                return Err(expected(EXPECTED));
            }
            texts.push(owned(&text, ROOM));
        }
        Ok(texts)
    }
}
