//! Reads JSON text into the typed events: the hot path.
//!
//! It takes a text or bails out, and never says why: whoever bails is read again by `serde_json`,
//! slowly, which finds out what is wrong and where. So this one may be strict where `serde_json` is
//! not, but what it takes is what `serde_json` would have taken, and means the same.
//!
//! It knows from the start what the readers of [`lenient`](super::lenient) ask for: a scalar as the
//! text that it was written in, so that nothing is read twice and numbers keep their digits.

mod access;
mod deserializer;
mod lexer;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::DeserializeSeed;

use self::lexer::Lexer;

/// Asks for one value of any kind: a string as `visit_str` and its kin, an array, an object; all
/// else as [`visit_some`](serde::de::Visitor::visit_some) with the text that it was written in.
pub(crate) const VALUE: &str = "tower_webhook::value";

/// Asks for the text that a value was written in, unread. It comes as `visit_some` as well: many a
/// deserializer gives a string of its own, which need not be JSON, as `visit_borrowed_str`.
pub(crate) const RAW: &str = "tower_webhook::raw";

/// The text is not what was asked for, or not JSON.
#[derive(Debug)]
pub(crate) struct Bail;

/// A whole text, with nothing but white space around it. The value is handed on as it came: it may be
/// large, and each `?` would move it.
pub(crate) fn read<'de, T>(text: &'de str, seed: T) -> Result<T::Value, Bail>
where
    T: DeserializeSeed<'de>,
{
    let mut reader = Lexer::new(text);
    reader.skip_space();
    let value = seed.deserialize(&mut reader);
    if value.is_ok() {
        reader.end()?;
    }
    value
}

impl fmt::Display for Bail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not what was expected")
    }
}

impl std::error::Error for Bail {}

impl serde::de::Error for Bail {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}
