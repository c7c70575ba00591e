//! Senders' text on its way to a terminal, which must not be told what to do by it.

use std::fmt::{self, Write as _};

const LONGEST: usize = 64;

/// Bare where it is a plain word, else quoted; control characters escaped; cut at 64 characters.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./[]".contains(&byte);
        if (1..=LONGEST).contains(&self.0.len()) && self.0.bytes().all(plain) {
            return f.write_str(self.0);
        }
        let mut escaped = String::new();
        let mut length = 0;
        for character in self.0.chars() {
            let escape = match character {
                '\'' => "'".to_owned(),
                _ => character.escape_debug().to_string(),
            };
            length += escape.chars().count();
            if length > LONGEST {
                return write!(f, "\"{escaped}\"…");
            }
            escaped.push_str(&escape);
        }
        write!(f, "\"{escaped}\"")
    }
}

/// JSON says the same with its invisible characters written as `\u` escapes. `serde_json` does so
/// below U+0020 only, and U+009B begins a terminal's escape sequence as well.
pub(crate) fn visible_json(json: &str) -> String {
    let mut visible = String::with_capacity(json.len());
    for character in json.chars() {
        let shows = character.is_ascii_graphic()
            || character == ' '
            || (!character.is_ascii() && character.escape_debug().len() == 1);
        if shows {
            visible.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(visible, "\\u{unit:04x}");
        }
    }
    visible
}
