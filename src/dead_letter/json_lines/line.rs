//! What a line says.

use std::{borrow::Cow, io};

use serde::{Deserialize, Serialize};
use serde_json::{Serializer, ser::Formatter};

use super::JsonLinesError;
use crate::dead_letter::{DeadLetter, VERSION};

pub(super) enum Line {
    /// The latest of its id, so far.
    Letter(Box<DeadLetter>),
    /// The end of the letter with that id.
    Done(String),
    Blank,
    /// Edited by hand, rotten, or of a later release. Not ours to delete.
    Unreadable,
}

#[derive(Serialize, Deserialize)]
struct Done<'a> {
    version: u32,
    done: Cow<'a, str>,
}

/// A line that says nothing but whose file this is: no letter has an empty id.
pub(super) const MARK: &[u8] = b"{\"version\":1,\"done\":\"\"}\n";

/// How every line begins that is written here.
pub(super) const START: &[u8] = b"{\"version\":1,\"";

pub(super) fn read(line: &[u8]) -> Line {
    if line.trim_ascii().is_empty() {
        return Line::Blank;
    }
    match serde_json::from_slice::<Box<DeadLetter>>(line) {
        Ok(letter) if letter.id().is_empty() => Line::Unreadable,
        Ok(letter) => Line::Letter(letter),
        Err(_) => match serde_json::from_slice::<Done<'_>>(line) {
            Ok(line) if line.version == VERSION => Line::Done(line.done.into_owned()),
            Ok(_) | Err(_) => Line::Unreadable,
        },
    }
}

pub(super) fn letter(letter: &DeadLetter) -> Result<Vec<u8>, JsonLinesError> {
    if letter.id().is_empty() {
        return Err(JsonLinesError::new("a letter without an id cannot be kept"));
    }
    written(letter)
}

pub(super) fn done(id: &str) -> Result<Vec<u8>, JsonLinesError> {
    written(&Done {
        version: VERSION,
        done: Cow::Borrowed(id),
    })
}

fn written(line: &impl Serialize) -> Result<Vec<u8>, JsonLinesError> {
    let mut bytes = Vec::new();
    line.serialize(&mut Serializer::with_formatter(&mut bytes, Visible))
        .map_err(|error| JsonLinesError::new(format!("a letter cannot be written: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes what cannot be seen as `\u` escapes, which mean the same. A line is read on terminals, and
/// the text in it is a sender's: it could begin an escape sequence with U+009B, or turn around what
/// follows.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut from = 0;
        for (at, character) in fragment.char_indices() {
            let is_visible = match character.is_ascii() {
                true => character != '\u{7f}',
                false => character.escape_debug().len() == 1,
            };
            if is_visible {
                continue;
            }
            writer.write_all(&fragment.as_bytes()[from..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            from = at + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_a_line_that_ends_nothing() {
        assert_eq!(done("").as_deref(), Ok(MARK));
        assert!(MARK.starts_with(START));
        assert!(matches!(read(MARK), Line::Done(id) if id.is_empty()));
    }
}
