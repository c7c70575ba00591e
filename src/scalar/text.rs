use std::fmt;

/// Short text without an allocation of its own; ids and amounts are short.
#[derive(Clone)]
pub(super) enum Text {
    Inline(Inline),
    Heap(Box<str>),
}

/// A text of at most [`INLINE`] bytes; the last one is its length. `2026-05-04 16:02:28` just fits.
///
/// Aligned so that it is stored and moved in the same whole words: a load that spans several recent
/// stores is not forwarded from them, and waits.
#[derive(Clone)]
#[repr(align(4))]
pub(super) struct Inline([u8; INLINE + 1]);

const INLINE: usize = 19;

impl Text {
    pub(super) fn as_str(&self) -> &str {
        match self {
            // Always whole: it was copied from a `str` of that length.
            Self::Inline(Inline(bytes)) => {
                let len = usize::from(bytes[INLINE]);
                std::str::from_utf8(&bytes[..len]).unwrap_or_default()
            }
            Self::Heap(text) => text,
        }
    }
}

impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Self {
        match u8::try_from(text.len()) {
            Ok(len) if text.len() <= INLINE => Self::Inline(Inline::new(text.as_bytes(), len)),
            _ => Self::Heap(text.into()),
        }
    }
}

impl Inline {
    /// Put together in the words that are moved.
    #[inline]
    fn new(text: &[u8], len: u8) -> Self {
        let (first, rest) = half_word(text);
        let (second, rest) = word(rest);
        let (third, _) = word(rest);
        let third = third | u64::from(len) << 56;
        let mut bytes = [0; INLINE + 1];
        bytes[..4].copy_from_slice(&first.to_le_bytes());
        bytes[4..12].copy_from_slice(&second.to_le_bytes());
        bytes[12..].copy_from_slice(&third.to_le_bytes());
        Self(bytes)
    }
}

/// The first eight bytes or what there is of them, the first lowest; and the rest.
#[inline]
fn word(text: &[u8]) -> (u64, &[u8]) {
    if let Some((word, rest)) = text.split_first_chunk::<8>() {
        return (u64::from_le_bytes(*word), rest);
    }
    let (low, rest) = half_word(text);
    let (high, rest) = half_word(rest);
    (u64::from(low) | u64::from(high) << 32, rest)
}

/// The same of four.
#[inline]
fn half_word(text: &[u8]) -> (u32, &[u8]) {
    match *text {
        [a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]), rest),
        [a, b, c] => (u32::from_le_bytes([a, b, c, 0]), &[]),
        [a, b] => (u32::from_le_bytes([a, b, 0, 0]), &[]),
        [a] => (u32::from(a), &[]),
        [] => (0, &[]),
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// What a text type of the public API has in common with every other.
macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name))
                    .field(&self.as_str())
                    .finish()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::lenient::scalar(deserializer)
            }
        }
    };
}

pub(super) use text_type;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_kept() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyzñ€🦀";
        for (end, _) in long.char_indices().chain([(long.len(), ' ')]) {
            for (start, _) in long[..end].char_indices().chain([(end, ' ')]) {
                let text = &long[start..end];
                assert_eq!(Text::from(text).as_str(), text);
            }
        }
    }

    #[test]
    fn short_ones_stand_inline() {
        for len in 0..=INLINE + 1 {
            let text = Text::from(&*"x".repeat(len));
            assert_eq!(matches!(text, Text::Inline(_)), len <= INLINE, "{len}");
        }
    }

    #[test]
    fn none_takes_no_more_room() {
        assert_eq!(size_of::<Text>(), 24);
        assert_eq!(size_of::<Option<Text>>(), 24);
    }
}
