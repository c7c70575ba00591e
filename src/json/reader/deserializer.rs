use serde::{
    Deserializer,
    de::{Visitor, value::BorrowedStrDeserializer},
    forward_to_deserialize_any,
};

use super::{
    Bail, RAW, VALUE,
    access::Access,
    lexer::{Lexer, Str},
};

impl<'de> Lexer<'de> {
    /// The value is handed on as it came: it may be large, and each `?` would move it.
    #[inline]
    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Bail> {
        self.enter()?;
        let value = visitor.visit_map(Access::new(self, b'}'));
        if value.is_ok() {
            self.leave(b'}')?;
        }
        value
    }
}

/// The lexer stands before a value.
impl<'de> Deserializer<'de> for &mut Lexer<'de> {
    type Error = Bail;

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        match self.peek() {
            Some(b'{') => self.object(visitor),
            _ => Err(Bail),
        }
    }

    /// Numbers have no type here: nobody asks for one but by [`VALUE`].
    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        match self.peek() {
            Some(b'"') => match self.string()? {
                Str::Plain(text) => visitor.visit_borrowed_str(text),
                Str::Unescaped => self.visit_unescaped(visitor),
            },
            Some(b'{') => self.object(visitor),
            Some(b'[') => {
                self.enter()?;
                let value = visitor.visit_seq(Access::new(self, b']'));
                if value.is_ok() {
                    self.leave(b']')?;
                }
                value
            }
            _ => Err(Bail),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Bail> {
        if name == VALUE {
            return match self.peek() {
                Some(b'"' | b'{' | b'[') => self.deserialize_any(visitor),
                _ => visitor.visit_some(BorrowedStrDeserializer::new(self.bare()?)),
            };
        }
        if name == RAW {
            return visitor.visit_some(BorrowedStrDeserializer::new(self.raw()?));
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        if self.peek() == Some(b'n') {
            self.literal("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bail> {
        self.skip_value()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct struct enum identifier
    }
}
