//! Deliveries that failed or are late: the letter, the store's trait, and how the store is told.

mod json_lines;
mod store;
mod writer;

use serde::{Deserialize, Serialize};

use crate::{
    outcome::LetterReason,
    record::{Record, VERSION, version},
};

pub use self::{
    json_lines::{JsonLines, JsonLinesError, JsonLinesOptions, Letters},
    store::DeadLetters,
};
pub(crate) use self::{
    store::ErasedDeadLetters,
    writer::{Confirmation, LetterWriter, Store},
};

/// A delivery that failed or is late, as a [store](DeadLetters) keeps it: a [`Record`] with an id, a
/// reason, and the number of attempts.
///
/// The layer makes it. It serializes as a versioned object. [`Debug`] prints nothing of the body.
#[doc(alias = "DLQ")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    #[serde(deserialize_with = "version")]
    pub(crate) version: u32,
    pub(crate) id: Box<str>,
    pub(crate) reason: LetterReason,
    pub(crate) attempts: u32,
    pub(crate) acknowledged: bool,
    pub(crate) record: Record,
}

impl DeadLetter {
    /// A letter that is to be stored for the first time.
    pub(crate) fn new(id: Box<str>, record: Record) -> Self {
        Self {
            version: VERSION,
            id,
            reason: LetterReason::Pending,
            attempts: 0,
            acknowledged: false,
            record,
        }
    }

    /// Its id in the store. A letter that is stored again keeps its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why it was last stored.
    #[must_use]
    pub fn reason(&self) -> LetterReason {
        self.reason
    }

    /// How often a handler had it, replays included: 0 if it never got to a handler.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the provider gets, or got, a success for this letter. `false` for a failure under
    /// [`Failed::Refuse`](crate::Failed::Refuse), for a late delivery under
    /// [`Late::Refuse`](crate::Late::Refuse), and if the client had hung up before the letter was
    /// stored. If the store confirmed too late, the provider got the failure instead.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// The delivery.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }
}
