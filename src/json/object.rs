//! Readers of objects and lists of objects, in the ways in which they are written or left out.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::CowStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    reader::MAX_CONTAINERS,
    token::{Misfit, OneValue, Reading, Token, expected, read},
};

/// A type that is written as an object.
pub(crate) trait Object<'de>: Deserialize<'de> {
    /// Ends the sentence "expected …".
    const EXPECTED: &'static str = "an object";

    /// What a bare string or number in the object's place is.
    fn bare(_token: Token<'_>) -> Result<Self, Misfit> {
        Err(Misfit)
    }

    /// Reads the object itself.
    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Self::deserialize(object)
    }
}

/// An object; or none, as `null`, `""` or PHP's empty object `[]`; or a list of that one object. An
/// object without keys is one where the type has nothing that must be there, else it is none.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Object<'de>,
{
    read::<ObjectOrNone<T>, D>(deserializer)
}

/// The same for an object that is large beside what holds it.
pub(crate) fn boxed<'de, D, T>(deserializer: D) -> Result<Option<Box<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Object<'de>,
{
    object(deserializer).map(|found| found.map(Box::new))
}

/// Text, a number (its digits), or an object in its place; or none, as `null` or `[]`.
pub(crate) fn text_or_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Object<'de>,
{
    read::<TextOrObject<T>, D>(deserializer)
}

/// A list of objects; or none, as `null`, `""` or `{}`; or a single one without its list. An object
/// whose keys are whole numbers is the list of its values: PHP writes a list with holes like that.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Object<'de>,
{
    read::<List<T>, D>(deserializer)
}

/// An object that has to be there, and has to be one: a derived struct would also take an array of its
/// fields by position.
pub(crate) struct Exactly<T>(PhantomData<T>);

impl<T> Exactly<T> {
    pub(crate) fn seed() -> OneValue<Self> {
        OneValue(PhantomData)
    }
}

impl<'de, T: Object<'de>> Reading<'de> for Exactly<T> {
    type Value = T;
    const EXPECTED: &'static str = T::EXPECTED;

    fn token(token: Token<'_>) -> Result<T, Misfit> {
        T::bare(token)
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<T, A::Error> {
        Fields::of(fields).read()
    }
}

struct ObjectOrNone<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Reading<'de> for ObjectOrNone<T> {
    type Value = Option<T>;
    const EXPECTED: &'static str = T::EXPECTED;

    fn token(token: Token<'_>) -> Result<Option<T>, Misfit> {
        match token {
            Token::Null | Token::String("") => Ok(None),
            token => T::bare(token).map(Some),
        }
    }

    fn array<A: SeqAccess<'de>>(mut elements: A) -> Result<Option<T>, A::Error> {
        let only = elements.next_element_seed(Exactly::seed())?;
        if elements.next_element::<IgnoredAny>()?.is_some() {
            return Err(expected("one object, not several"));
        }
        Ok(only)
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<Option<T>, A::Error> {
        let mut fields = Fields::of(fields);
        match fields.read() {
            Err(_) if !fields.has_keys => Ok(None),
            read => read.map(Some),
        }
    }
}

struct TextOrObject<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Reading<'de> for TextOrObject<T> {
    type Value = Option<T>;
    const EXPECTED: &'static str = T::EXPECTED;

    fn token(token: Token<'_>) -> Result<Option<T>, Misfit> {
        match token {
            Token::Null => Ok(None),
            token => T::bare(token).map(Some),
        }
    }

    fn array<A: SeqAccess<'de>>(mut elements: A) -> Result<Option<T>, A::Error> {
        match elements.next_element::<IgnoredAny>()? {
            None => Ok(None),
            Some(_) => Err(expected(T::EXPECTED)),
        }
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<Option<T>, A::Error> {
        Fields::of(fields).read().map(Some)
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Reading<'de> for List<T> {
    type Value = Vec<T>;
    const EXPECTED: &'static str = "a list of objects";

    fn token(token: Token<'_>) -> Result<Vec<T>, Misfit> {
        match token {
            Token::Null | Token::String("") => Ok(Vec::new()),
            token => T::bare(token).map(|only| vec![only]),
        }
    }

    fn array<A: SeqAccess<'de>>(mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Exactly::seed())? {
            push(&mut list, element);
        }
        Ok(list)
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<Vec<T>, A::Error> {
        let mut fields = Fields::of(fields);
        match fields.peek()? {
            None => return Ok(Vec::new()),
            Some(key) if !is_index(key) => return fields.read().map(|only| vec![only]),
            Some(_) => {}
        }
        let mut list = Vec::new();
        while let Some(key) = fields.next_key_seed(Key)? {
            if !is_index(&key) {
                return Err(expected(Self::EXPECTED));
            }
            push(&mut list, fields.next_value_seed(Exactly::seed())?);
        }
        Ok(list)
    }
}

/// Doubles like any `Vec`, but never past what a body may hold.
fn push<T>(list: &mut Vec<T>, element: T) {
    if list.len() == list.capacity() {
        let room = MAX_CONTAINERS.saturating_sub(list.len()).max(1);
        list.reserve_exact(list.len().max(4).min(room));
    }
    list.push(element);
}

/// Whether a key is a place in a list.
pub(super) fn is_index(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// The fields of an object, for a `T` to be read from them.
struct Fields<'de, A> {
    fields: A,
    peeked: Option<Cow<'de, str>>,
    /// The names that `T` knows.
    known: &'static [&'static str],
    has_keys: bool,
    has_known: bool,
}

impl<'de, A: MapAccess<'de>> Fields<'de, A> {
    fn of(fields: A) -> Self {
        Self {
            fields,
            peeked: None,
            known: &[],
            has_keys: false,
            has_known: false,
        }
    }

    /// An object with keys of which `T` knows none is no `T`.
    fn read<T: Object<'de>>(&mut self) -> Result<T, A::Error> {
        let read = T::object(&mut *self);
        if read.is_ok() && self.has_keys && !self.has_known {
            return Err(expected(T::EXPECTED));
        }
        read
    }

    /// The first key.
    fn peek(&mut self) -> Result<Option<&str>, A::Error> {
        self.peeked = self.fields.next_key_seed(Key)?;
        Ok(self.peeked.as_deref())
    }
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for &mut Fields<'de, A> {
    type Error = A::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.known = known;
        visitor.visit_map(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error>
    where
        K: DeserializeSeed<'de>,
    {
        if self.has_known {
            return self.fields.next_key_seed(seed);
        }
        let key = match self.peeked.take() {
            Some(key) => key,
            None => match self.fields.next_key_seed(Key)? {
                Some(key) => key,
                None => return Ok(None),
            },
        };
        self.has_keys = true;
        self.has_known = self.known.contains(&&*key);
        seed.deserialize(CowStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V>(&mut self, seed: V) -> Result<V::Value, A::Error>
    where
        V: DeserializeSeed<'de>,
    {
        self.fields.next_value_seed(seed)
    }
}

/// A key, borrowed where it has no escapes.
pub(crate) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
