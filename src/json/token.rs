//! One value as it is written, whichever deserializer reads it.

use std::{borrow::Cow, fmt, iter, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{CowStrDeserializer, MapAccessDeserializer, MapDeserializer},
    },
};
use serde_json::value::RawValue;

use super::reader::{MAX_CONTAINERS, VALUE};

/// A value that is neither an array nor an object, as it is written.
pub(crate) enum Token<'de> {
    Null,
    Bool(bool),
    Number(&'de str),
    String(Cow<'de, str>),
}

/// A value of any kind, with its objects read as `T`.
pub(super) enum Value<'de, T> {
    Token(Token<'de>),
    Array(Vec<T>),
    /// An object without keys.
    Empty,
    Object(T),
}

/// A type that is written as an object, or, in its place, as a bare value.
pub(crate) trait Object<'de>: Deserialize<'de> {
    /// Ends the sentence "expected …".
    const EXPECTED: &'static str = "an object";

    /// How many a list of them may have.
    const MOST: usize = MAX_CONTAINERS;

    /// What a bare string or number in the object's place is.
    fn bare(_token: Token<'de>) -> Option<Self> {
        None
    }

    /// Reads the object itself.
    fn object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        Self::deserialize(object)
    }

    /// Reads an object without keys.
    fn empty<E: Error>() -> Result<Self, E> {
        Self::object(MapDeserializer::new(iter::empty::<((), ())>()))
    }
}

impl<'de, T: Object<'de>> Value<'de, T> {
    /// The `T` that is written without a list around it.
    pub(super) fn exactly<E: Error>(self) -> Result<T, E> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Empty => T::empty(),
            Self::Token(token) => T::bare(token).ok_or_else(|| expected(T::EXPECTED)),
            Self::Array(_) => Err(expected(T::EXPECTED)),
        }
    }
}

impl<'de> Token<'de> {
    /// Of JSON that is no string, no array and no object.
    fn bare(text: &'de str) -> Self {
        match text {
            "null" => Self::Null,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            number => Self::Number(number),
        }
    }

    /// Text, or the digits of a number.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::String(text) => Some(text.into_owned()),
            Self::Number(digits) => Some(digits.to_owned()),
            Self::Null | Self::Bool(_) => None,
        }
    }

    /// Text, and nothing else.
    pub(crate) fn string(self) -> Option<Cow<'de, str>> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// PHP's ways to say that there is nothing.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Null) || matches!(self, Self::String(text) if text.is_empty())
    }
}

/// Reads one value. An array may have `most` elements. If that is more than one, so may PHP's object
/// for an array with holes.
pub(super) fn read<'de, T: Object<'de>, D: Deserializer<'de>>(
    deserializer: D,
    most: usize,
    expected: &'static str,
) -> Result<Value<'de, T>, D::Error> {
    let visitor = ValueVisitor {
        most,
        expected,
        of: PhantomData,
    };
    deserializer.deserialize_newtype_struct(VALUE, visitor)
}

struct ValueVisitor<T> {
    most: usize,
    expected: &'static str,
    of: PhantomData<T>,
}

impl<'de, T: Object<'de>> Visitor<'de> for ValueVisitor<T> {
    type Value = Value<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Token(Token::String(Cow::Borrowed(text))))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Value::Token(Token::String(Cow::Owned(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < self.most {
            match elements.next_element()? {
                Some(Exactly(element)) => push(&mut list, element),
                None => return Ok(Value::Array(list)),
            }
        }
        match elements.next_element::<IgnoredAny>()? {
            Some(_) => Err(expected(self.expected)),
            None => Ok(Value::Array(list)),
        }
    }

    /// Fails for an object without any key of `T`.
    fn visit_map<A: MapAccess<'de>>(self, mut rest: A) -> Result<Self::Value, A::Error> {
        let Some(Key(first)) = rest.next_key()? else {
            return Ok(Value::Empty);
        };
        let is_list = self.most > 1 && is_index(&first);
        let mut fields = Fields {
            first: Some(first),
            rest,
            has_known: false,
        };
        if !is_list {
            return match T::object(MapAccessDeserializer::new(&mut fields)) {
                Ok(_) if !fields.has_known => Err(expected(T::EXPECTED)),
                read => read.map(Value::Object),
            };
        }
        let mut list = Vec::new();
        while let Some(Key(index)) = fields.next_key()? {
            if !is_index(&index) || list.len() == self.most {
                return Err(expected(self.expected));
            }
            let Exactly(element) = fields.next_value()?;
            push(&mut list, element);
        }
        Ok(Value::Array(list))
    }

    /// Our reader gives the text of what is no string, no array and no object.
    fn visit_some<D: Deserializer<'de>>(self, bare: D) -> Result<Self::Value, D::Error> {
        <&str>::deserialize(bare).map(|bare| Value::Token(Token::bare(bare)))
    }

    /// `serde_json` would give a number as a float, or as a map, so the text of the value comes first.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        let raw = <&RawValue>::deserialize(value)?.get();
        if !raw.starts_with(['"', '[', '{']) {
            return Ok(Value::Token(Token::bare(raw)));
        }
        let expects = self.expected;
        serde_json::Deserializer::from_str(raw)
            .deserialize_any(self)
            .map_err(|_| expected(expects))
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
fn is_index(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// A `T` that has to be there. It must be an object or a bare `T`: a derived struct would also accept
/// an array of its fields by position.
pub(crate) struct Exactly<T>(pub(crate) T);

impl<'de, T: Object<'de>> Deserialize<'de> for Exactly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, 0, T::EXPECTED)?.exactly().map(Self)
    }
}

/// The fields of an object, of which the first key was read.
struct Fields<'de, A> {
    first: Option<Cow<'de, str>>,
    rest: A,
    has_known: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    /// A derived struct reads an unknown field as [`IgnoredAny`], and only that type has no size.
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.has_known |= size_of::<V::Value>() > size_of::<IgnoredAny>();
        self.rest.next_value_seed(seed)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// An error that says what the field holds, and nothing of what was found.
pub(super) fn expected<E: Error>(what: &'static str) -> E {
    E::custom(format_args!("expected {what}"))
}
