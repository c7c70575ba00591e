//! How dead letters are printed.

use std::{fmt, time::SystemTime};

use tower_webhook::{DeadLetter, Record};

/// The columns of [`row`].
pub(crate) fn header() -> String {
    columns("id", "reason", "tried", "age", "delivery")
}

/// A letter in one line.
pub(crate) fn row(letter: &DeadLetter) -> String {
    let record = letter.record();
    columns(
        &Shown(letter.id()).to_string(),
        letter.reason().as_str(),
        &letter.attempts().to_string(),
        &age(record.received_at()),
        &delivery(record),
    )
}

fn columns(id: &str, reason: &str, tried: &str, age: &str, delivery: &str) -> String {
    format!("  {id:<32} {reason:<11} {tried:>5} {age:>4}  {delivery}")
}

/// What was delivered: provider, event, id and tenant.
pub(crate) fn delivery(record: &Record) -> String {
    let mut text = format!("{} {}", Shown(record.provider()), Shown(record.event()));
    if let Some(id) = record.id() {
        text += &format!(" id={}", Shown(id));
    }
    if let Some(tenant) = record.tenant() {
        text += &format!(" tenant={}", Shown(tenant));
    }
    text
}

/// `45s`, `12m`, `3h` or `2d`; `0s` for a time to come.
fn age(since: SystemTime) -> String {
    let seconds = since.elapsed().map_or(0, |age| age.as_secs());
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

const LONGEST: usize = 64;

/// Text of a sender or of a file, safe to print: quoted unless it is a plain word, with control
/// characters escaped, cut at 64 characters.
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
