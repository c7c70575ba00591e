//! Dead letters: which file they are in, and how one is shown to an operator.

use std::{env, path::PathBuf, time::SystemTime};

use tower_webhook::{DeadLetter, Record};

use super::shown::Shown;

const DEFAULT: &str = "./dead-letters.jsonl";

/// What `DEAD_LETTERS` says.
pub(crate) enum Place {
    Unset,
    Off,
    File(PathBuf),
}

impl Place {
    pub(crate) fn from_env() -> Result<Self, String> {
        match env::var_os("DEAD_LETTERS") {
            None => Ok(Self::Unset),
            Some(value) if value.is_empty() => Err(
                "DEAD_LETTERS has to be the path of a file, or off for none; it is empty"
                    .to_owned(),
            ),
            Some(value) if value == "off" => Ok(Self::Off),
            Some(value) => Ok(Self::File(value.into())),
        }
    }

    /// The file that is meant, if any.
    pub(crate) fn path(self) -> Option<PathBuf> {
        match self {
            Self::Unset => Some(DEFAULT.into()),
            Self::Off => None,
            Self::File(path) => Some(path),
        }
    }
}

/// The columns of [`row`].
pub(crate) fn header() -> String {
    columns("id", "reason", "tried", "age", "delivery")
}

/// A letter in one line. All that a file says is escaped: it may have been edited.
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

/// What was delivered, as far as it is known without reading the body.
pub(crate) fn delivery(record: &Record) -> String {
    let provider = Shown(record.provider());
    let event = Shown(record.event());
    let mut text = format!("{provider} {event}");
    if let Some(id) = record.id() {
        text += &format!(" id={}", Shown(id));
    }
    if let Some(tenant) = record.tenant() {
        text += &format!(" tenant={}", Shown(tenant));
    }
    text
}

/// `45s`, `12m`, `3h` or `2d`; a time to come, by a clock that was set back, is `0s`.
fn age(since: SystemTime) -> String {
    let seconds = since.elapsed().map_or(0, |age| age.as_secs());
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `1 letter`, `2 letters`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
