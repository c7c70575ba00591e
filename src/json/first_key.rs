use std::borrow::Cow;

use serde::de::{DeserializeSeed, MapAccess, value::CowStrDeserializer};

use super::text::Text;

/// An object whose first key was looked at already, to tell whether there is one.
pub(super) struct FirstKey<'de, A> {
    key: Option<Cow<'de, str>>,
    map: A,
}

impl<'de, A: MapAccess<'de>> FirstKey<'de, A> {
    /// `None` for an object without keys.
    pub(super) fn of(mut map: A) -> Result<Option<Self>, A::Error> {
        let key = map.next_key_seed(Text)?;
        Ok(key.map(|key| Self {
            key: Some(key),
            map,
        }))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for FirstKey<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error>
    where
        K: DeserializeSeed<'de>,
    {
        match self.key.take() {
            Some(key) => seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V>(&mut self, seed: V) -> Result<V::Value, A::Error>
    where
        V: DeserializeSeed<'de>,
    {
        self.map.next_value_seed(seed)
    }
}
