use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, Visitor},
};

/// The text in memory of its own; of a short one, in one of four sizes.
///
/// glibc has seven free pieces of each size ready for a thread, and all up to 24 bytes are of one
/// size. A client has more than a dozen such texts: those beyond the seven would be cut from larger
/// pieces and joined to them again.
pub(crate) fn own(text: &str) -> String {
    const SHORT: usize = 24;
    let room = match text.len() {
        length @ 1..=SHORT if cfg!(target_env = "gnu") => length + 16 * (length % 4),
        length => length,
    };
    let mut own = String::with_capacity(room);
    own.push_str(text);
    own
}

/// A string, borrowed where it has no escapes.
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(own(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_ones_own_is_the_same_text_and_has_little_room_to_spare() {
        let long = "ñ".repeat(40);
        for length in (0..=long.len()).step_by(2) {
            let text = own(&long[..length]);
            assert_eq!(text, &long[..length]);
            let room = text.capacity() - text.len();
            assert!(room == 0 || (room <= 48 && (1..=24).contains(&length)));
        }
    }
}
