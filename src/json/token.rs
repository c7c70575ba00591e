use std::borrow::Cow;

/// One JSON value, told apart by its first byte. Made of text that was lexed before, so the shape
/// is sound.
pub(crate) enum Token<'a> {
    Null,
    True,
    False,
    Number(&'a str),
    String(Cow<'a, str>),
    /// An array or an object, as its text.
    Container(&'a str),
    /// A string whose escapes make no text: half of a surrogate pair.
    Broken,
}

impl<'a> Token<'a> {
    pub(crate) fn of(raw: &'a str) -> Self {
        match raw.as_bytes() {
            [b'"', inner @ .., b'"'] => {
                if inner.contains(&b'\\') {
                    match serde_json::from_str(raw) {
                        Ok(text) => Self::String(Cow::Owned(text)),
                        Err(_) => Self::Broken,
                    }
                } else {
                    Self::String(Cow::Borrowed(&raw[1..raw.len() - 1]))
                }
            }
            [b'{' | b'[', ..] => Self::Container(raw),
            [b'n', ..] => Self::Null,
            [b't', ..] => Self::True,
            [b'f', ..] => Self::False,
            _ => Self::Number(raw),
        }
    }
}
