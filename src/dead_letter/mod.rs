//! What failed and is kept: the letter, the store's trait, and how a letter gets into a store.

mod call;
mod confirmation;
mod custody;
mod format;
mod json_lines;
mod store;

use std::fmt;

use crate::record::Record;

pub(crate) use self::{
    confirmation::Confirmation,
    custody::{Custody, Keeper, Letter},
    store::ErasedDeadLetters,
};
pub use self::{
    json_lines::{JsonLines, JsonLinesError, JsonLinesOptions, Letters},
    store::DeadLetters,
};

/// A delivery that did not end in success, or has not yet, as a [store](DeadLetters) keeps it: a
/// [`Record`] with an id, a reason, and how often a handler had it.
///
/// The layer makes them. It serializes as a versioned object; [`Debug`] prints nothing of the body.
#[doc(alias = "DLQ")]
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub(crate) id: Box<str>,
    pub(crate) reason: LetterReason,
    pub(crate) attempts: u32,
    pub(crate) acknowledged: bool,
    pub(crate) record: Record,
}

/// Why there is a [`DeadLetter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LetterReason {
    /// Nothing failed so far: the handler is late and still has the delivery. It is
    /// [done](DeadLetters::done) when the handler succeeds, and is stored again with another reason
    /// when it fails. One of a process that died is what that process took with it.
    Pending,
    /// The handler answered with a status that is no success.
    Status,
    /// The service returned an error, from the call or from becoming ready.
    Error,
    /// The handler panicked, or other code of the application's.
    Panicked,
    /// The handler was cut off by its [`handler_limit`](crate::WebhookLayer::handler_limit).
    Interrupted,
    /// There was no slot or no readiness by the deadline; no handler ran.
    Busy,
    /// The application was shutting down; no handler ran.
    Draining,
    /// The body could not be read as one of the provider's; no handler ran.
    Malformed,
    /// The handler was still running, or about to, when
    /// [`Background::drain`](crate::Background::drain) gave up waiting. Like what is pending, it is
    /// done if the handler succeeds after all.
    Shutdown,
    /// A reason of a later release, read from where that release wrote it.
    Other,
}

impl DeadLetter {
    /// What names it in its store. A letter that is stored again has the id that it had.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why it was stored, the last time.
    #[must_use]
    pub fn reason(&self) -> LetterReason {
        self.reason
    }

    /// How often a handler had it, first delivery and replays alike: 0 for one that never got to a
    /// handler.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the provider was to hear a success because of this letter, or had heard one. `false`
    /// under [`Failed::Refuse`](crate::Failed::Refuse), and where nobody was left to hear anything
    /// when it was written.
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

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .field("acknowledged", &self.acknowledged)
            .field("record", &self.record)
            .finish()
    }
}

impl LetterReason {
    const KNOWN: [Self; 9] = [
        Self::Pending,
        Self::Status,
        Self::Error,
        Self::Panicked,
        Self::Interrupted,
        Self::Busy,
        Self::Draining,
        Self::Malformed,
        Self::Shutdown,
    ];

    /// A short name for files, logs and metrics: `"pending"`, `"panicked"`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Status => "status",
            Self::Error => "error",
            Self::Panicked => "panicked",
            Self::Interrupted => "interrupted",
            Self::Busy => "busy",
            Self::Draining => "draining",
            Self::Malformed => "malformed",
            Self::Shutdown => "shutdown",
            Self::Other => "other",
        }
    }
}
