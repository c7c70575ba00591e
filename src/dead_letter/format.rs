use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::DeadLetter;
use crate::{outcome::LetterReason, record::Record};

/// A later format of another shape gets another number.
pub(crate) const VERSION: u32 = 1;

/// The serialized form.
#[derive(Serialize, Deserialize)]
struct Format<'a> {
    version: u32,
    id: Cow<'a, str>,
    reason: LetterReason,
    attempts: u32,
    acknowledged: bool,
    record: Cow<'a, Record>,
}

impl Serialize for DeadLetter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Format {
            version: VERSION,
            id: Cow::Borrowed(&self.id),
            reason: self.reason,
            attempts: self.attempts,
            acknowledged: self.acknowledged,
            record: Cow::Borrowed(&self.record),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DeadLetter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Format::deserialize(deserializer)?;
        if written.version != VERSION {
            return Err(D::Error::custom(format_args!(
                "a dead letter of version {}; this release reads version {VERSION}",
                written.version
            )));
        }
        Ok(Self {
            id: written.id.into(),
            reason: written.reason,
            attempts: written.attempts,
            acknowledged: written.acknowledged,
            record: written.record.into_owned(),
        })
    }
}
