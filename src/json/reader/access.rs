use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    Bail,
    lexer::{Lexer, Str},
};

/// The entries of an object, or the elements of an array, up to its bracket.
///
/// The hint of their number says no more than whether there are any left.
pub(super) struct Access<'a, 'de> {
    lexer: &'a mut Lexer<'de>,
    bracket: u8,
    is_first: bool,
}

impl<'a, 'de> Access<'a, 'de> {
    pub(super) fn new(lexer: &'a mut Lexer<'de>, bracket: u8) -> Self {
        Self {
            lexer,
            bracket,
            is_first: true,
        }
    }

    /// Whether there is another; then the lexer stands before it.
    #[inline]
    fn next(&mut self) -> Result<bool, Bail> {
        if self.is_first {
            self.is_first = false;
            return Ok(self.lexer.peek() != Some(self.bracket));
        }
        self.lexer.skip_space();
        match self.lexer.peek() {
            Some(b',') => {
                self.lexer.bump();
                self.lexer.skip_space();
                Ok(true)
            }
            Some(bracket) if bracket == self.bracket => Ok(false),
            _ => Err(Bail),
        }
    }

    /// The next key, if there is another; then the lexer stands before its value.
    ///
    /// Once for all objects: what is inlined is there again for each type, and in a server none of it
    /// is in the nearest caches when a body comes.
    #[inline(never)]
    fn key(&mut self) -> Result<Option<Str<'de>>, Bail> {
        if !self.next()? {
            return Ok(None);
        }
        let key = self.lexer.string()?;
        self.lexer.colon()?;
        Ok(Some(key))
    }

    fn hint(&self) -> Option<usize> {
        let is_empty = self.is_first && self.lexer.peek() == Some(self.bracket);
        Some(usize::from(!is_empty))
    }
}

impl<'de> MapAccess<'de> for Access<'_, 'de> {
    type Error = Bail;

    #[inline]
    fn next_key_seed<K>(&mut self, seed: K) -> Result<Option<K::Value>, Bail>
    where
        K: DeserializeSeed<'de>,
    {
        match self.key()? {
            Some(key) => seed.deserialize(Key(key, self.lexer)).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<V>(&mut self, seed: V) -> Result<V::Value, Bail>
    where
        V: DeserializeSeed<'de>,
    {
        seed.deserialize(&mut *self.lexer)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> SeqAccess<'de> for Access<'_, 'de> {
    type Error = Bail;

    #[inline]
    fn next_element_seed<T>(&mut self, seed: T) -> Result<Option<T::Value>, Bail>
    where
        T: DeserializeSeed<'de>,
    {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.lexer).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// A key is a string, whatever is asked for.
struct Key<'a, 'de>(Str<'de>, &'a mut Lexer<'de>);

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Bail;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        match self.0 {
            Str::Plain(text) => visitor.visit_borrowed_str(text),
            Str::Unescaped => self.1.visit_unescaped(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}
