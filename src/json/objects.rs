//! Readers of objects and lists of objects, in the ways in which they are written or left out.

use std::{convert::identity, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{self, MapAccessDeserializer, MapDeserializer},
    },
};

use super::{first_key::FirstKey, lenient::expected, scan::MAX_CONTAINERS};

/// An object; or none, as `null` or PHP's empty object `[]`; or a list of that one object. An
/// object without keys is one where the type has nothing that must be there, else it is none.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<OneOrNone<T>>::deserialize(deserializer).map(|found| found?.0)
}

/// The same for an object that is large beside what holds it.
pub(crate) fn boxed<'de, D, T>(deserializer: D) -> Result<Option<Box<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    object(deserializer).map(|found| found.map(Box::new))
}

/// A list of objects; or none, as `null` or `{}`; or a single one without its list.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<Objects<T>>::deserialize(deserializer)
        .map(|found| found.map_or_else(Vec::new, |objects| objects.0))
}

/// What is made of an object that has to be there, and has to be one: a derived struct would also take
/// an array of its fields by position.
///
/// A large one is best put where it belongs by `make`: whoever returned it would move it.
pub(crate) struct Object<T, F> {
    make: F,
    of: PhantomData<T>,
}

impl<T, U, F: FnOnce(T) -> U> Object<T, F> {
    pub(crate) fn new(make: F) -> Self {
        let of = PhantomData;
        Self { make, of }
    }
}

impl<'de, T: Deserialize<'de>, U, F: FnOnce(T) -> U> DeserializeSeed<'de> for Object<T, F> {
    type Value = U;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<U, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>, U, F: FnOnce(T) -> U> Visitor<'de> for Object<T, F> {
    type Value = U;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<U, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(self.make)
    }
}

struct OneOrNone<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrNone<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asking for a struct means "an object or an array": anything else is an error at once.
        deserializer
            .deserialize_struct("object", &[], OneOrNoneVisitor(PhantomData))
            .map(Self)
    }
}

struct OneOrNoneVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrNoneVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        match map.size_hint() {
            Some(0) => Ok(empty()),
            Some(_) => T::deserialize(MapAccessDeserializer::new(map)).map(Some),
            None => match FirstKey::of(map)? {
                None => Ok(empty()),
                Some(map) => T::deserialize(MapAccessDeserializer::new(map)).map(Some),
            },
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<T>, A::Error> {
        let only = list.next_element_seed(Object::new(identity))?;
        if list.next_element::<IgnoredAny>()?.is_some() {
            return Err(expected("one object, not several"));
        }
        Ok(only)
    }
}

/// What an object without keys is as a `T`, if it can be one.
fn empty<'de, T: Deserialize<'de>>() -> Option<T> {
    let nothing = std::iter::empty::<((), ())>();
    T::deserialize(MapDeserializer::<_, value::Error>::new(nothing)).ok()
}

struct Objects<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_struct("list", &[], ObjectsVisitor(PhantomData))
            .map(Self)
    }
}

struct ObjectsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectsVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut objects = Vec::new();
        while let Some(object) = list.next_element_seed(Object::new(identity))? {
            if objects.len() == objects.capacity() {
                // Doubles like any `Vec`, but never past what a body may hold.
                let more = objects.len().max(4);
                objects
                    .reserve_exact(more.min(MAX_CONTAINERS.saturating_sub(objects.len()).max(1)));
            }
            objects.push(object);
        }
        Ok(objects)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        match FirstKey::of(map)? {
            None => Ok(Vec::new()),
            Some(map) => T::deserialize(MapAccessDeserializer::new(map)).map(|only| vec![only]),
        }
    }
}
