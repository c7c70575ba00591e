//! A reader of JSON text: a tokenizer, and a [`Deserializer`] over it.
//!
//! It takes a text or fails, and hardly says why: the caller then reads the text again, step by step
//! and with `serde_json`, to find out. What it takes, `serde_json` takes and reads as the same value.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor, value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::escape::unescape;

/// `serde_json` reads no deeper into a `Value`, so a handler could not either.
pub(crate) const MAX_DEPTH: usize = 127;

/// How many objects and arrays of one body are decoded. Each takes two bytes of the body and up to 192
/// of memory. An invoice of 10,000 lines, each with a tax and a remission, has 40,000.
pub(crate) const MAX_CONTAINERS: usize = 46_000;

/// Asks for a value of any kind. What is no string, array or object is given as text, by `visit_some`.
pub(super) const VALUE: &str = "tower_webhook::value";

/// A place in a text, with the depth and the number of containers so far.
pub(crate) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
    /// How many objects and arrays were met.
    pub(crate) containers: usize,
    max_containers: usize,
}

/// The text is not what was asked for, or not JSON.
#[derive(Debug)]
pub(crate) struct Bail {
    /// The field that is missing in an object, or that occurs twice.
    #[expect(
        clippy::redundant_allocation,
        reason = "one word in every result: 2 % of an invoice"
    )]
    pub(crate) field: Option<Box<&'static str>>,
}

const BAIL: Bail = Bail { field: None };

impl<'de> Reader<'de> {
    pub(crate) fn new(text: &'de str, max_containers: usize) -> Self {
        let mut reader = Self {
            text,
            at: 0,
            depth: 0,
            containers: 0,
            max_containers,
        };
        reader.skip_space();
        reader
    }

    /// Nothing may follow but white space.
    pub(crate) fn end(&mut self) -> Result<(), Bail> {
        self.skip_space();
        self.peek().map_or(Ok(()), |_| Err(BAIL))
    }

    /// Passes over a value and gives its text.
    pub(crate) fn raw(&mut self) -> Result<&'de str, Bail> {
        let start = self.at;
        IgnoredAny::deserialize(&mut *self)?;
        self.since(start)
    }

    /// The next byte.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes that byte.
    fn take(&mut self, byte: u8) -> Result<(), Bail> {
        if self.peek() != Some(byte) {
            return Err(BAIL);
        }
        self.at += 1;
        Ok(())
    }

    fn skip_space(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
            at += 1;
        }
        self.at = at;
    }

    /// Takes a colon and the white space around it.
    fn take_colon(&mut self) -> Result<(), Bail> {
        self.skip_space();
        self.take(b':')?;
        self.skip_space();
        Ok(())
    }

    fn since(&self, start: usize) -> Result<&'de str, Bail> {
        self.text.get(start..self.at).ok_or(BAIL)
    }

    /// Takes a string.
    fn string(&mut self) -> Result<Cow<'de, str>, Bail> {
        self.take(b'"')?;
        let start = self.at;
        let has_escapes = self.skip_string()?;
        let between = self.text.get(start..self.at - 1).ok_or(BAIL)?;
        if has_escapes {
            return unescape(between).map(Cow::Owned).ok_or(BAIL);
        }
        Ok(Cow::Borrowed(between))
    }

    /// Passes over the rest of a string, its quote included, and says whether it has escapes.
    fn skip_string(&mut self) -> Result<bool, Bail> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let mut has_escapes = false;
        loop {
            let byte = *bytes.get(at).ok_or(BAIL)?;
            at += 1;
            match byte {
                // Most letters are here.
                b']'.. => {}
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    at += 1;
                }
                ..b' ' => return Err(BAIL),
                _ => {}
            }
        }
        self.at = at;
        Ok(has_escapes)
    }

    /// Takes a number or one of `null`, `true` and `false`, and gives its text.
    fn bare(&mut self) -> Result<&'de str, Bail> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        let start = self.at;
        self.at += rest.iter().position(is_end).unwrap_or(rest.len());
        let text = self.since(start)?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| BAIL)?;
        Ok(text)
    }

    /// Enters an object or an array, by its opening bracket.
    pub(crate) fn enter(&mut self, open: u8) -> Result<Entries<'_, 'de>, Bail> {
        self.take(open)?;
        self.depth += 1;
        self.containers += 1;
        if self.depth > MAX_DEPTH || self.containers > self.max_containers {
            return Err(BAIL);
        }
        Ok(Entries {
            reader: self,
            // `{` and `}`, `[` and `]` are two apart.
            close: open + 2,
            is_first: true,
        })
    }

    /// Passes over a string that nobody reads. Its escapes have to be JSON, but need not make text:
    /// half of a surrogate pair will do.
    fn skip_unread_string(&mut self) -> Result<(), Bail> {
        let start = self.at;
        self.take(b'"')?;
        let has_escapes = self.skip_string()?;
        if has_escapes && serde_json::from_str::<IgnoredAny>(self.since(start)?).is_err() {
            return Err(BAIL);
        }
        Ok(())
    }
}

/// The entries of an object or the elements of an array. Whoever reads them has to read them all: only
/// then the closing bracket is taken.
pub(crate) struct Entries<'a, 'de> {
    reader: &'a mut Reader<'de>,
    close: u8,
    is_first: bool,
}

impl<'de> Entries<'_, 'de> {
    /// Whether another one follows; takes the comma before it, or the closing bracket.
    fn has_next(&mut self) -> Result<bool, Bail> {
        self.reader.skip_space();
        if self.reader.peek() == Some(self.close) {
            self.reader.at += 1;
            self.reader.depth -= 1;
            return Ok(false);
        }
        if !self.is_first {
            self.reader.take(b',')?;
            self.reader.skip_space();
        }
        self.is_first = false;
        Ok(true)
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Bail;

    fn next_key_seed<K>(&mut self, seed: K) -> Result<Option<K::Value>, Bail>
    where
        K: DeserializeSeed<'de>,
    {
        if !self.has_next()? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(BAIL);
        }
        let key = seed.deserialize(&mut *self.reader)?;
        self.reader.take_colon()?;
        Ok(Some(key))
    }

    fn next_value_seed<V>(&mut self, seed: V) -> Result<V::Value, Bail>
    where
        V: DeserializeSeed<'de>,
    {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> SeqAccess<'de> for Entries<'_, 'de> {
    type Error = Bail;

    fn next_element_seed<T>(&mut self, seed: T) -> Result<Option<T::Value>, Bail>
    where
        T: DeserializeSeed<'de>,
    {
        if !self.has_next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Bail;

    /// Gives a string, an object or an array; other values have no type here, see [`VALUE`].
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        match self.peek() {
            Some(b'"') => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Some(b'{') => visitor.visit_map(self.enter(b'{')?),
            Some(b'[') => visitor.visit_seq(self.enter(b'[')?),
            _ => Err(BAIL),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Bail> {
        match (name, self.peek()) {
            (VALUE, Some(b'"' | b'{' | b'[')) => self.deserialize_any(visitor),
            (VALUE, _) => visitor.visit_some(BorrowedStrDeserializer::new(self.bare()?)),
            // The one other newtype is a `RawValue`.
            _ => serde_json::Deserializer::from_str(self.raw()?)
                .deserialize_newtype_struct(name, visitor)
                .map_err(|_| BAIL),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        if self.peek() == Some(b'n') {
            self.bare()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        match self.peek() {
            Some(b'"') => self.skip_unread_string()?,
            Some(b'[' | b'{') => drop(self.deserialize_any(IgnoredAny)?),
            _ => drop(self.bare()?),
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

impl fmt::Display for Bail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not what was expected")
    }
}

impl std::error::Error for Bail {}

impl serde::de::Error for Bail {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        BAIL
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            field: Some(Box::new(field)),
        }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::missing_field(field)
    }
}
