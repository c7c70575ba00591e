use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::rejection::{Rejection, RejectionKind};

/// How a request ended, or how a handler ended after the answer was out.
///
/// [`on_outcome`](crate::WebhookLayer::on_outcome) gets exactly one for each request. If a handler has
/// started, and the deadline passes or the client hangs up before it ends, it gets a second one, whose
/// [`is_late_end`](Self::is_late_end) is true.
///
/// It holds no text of an error or a panic.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub(crate) provider: &'static str,
    /// Whether the request is no stranger's: a credential was right, the signature held, or, with
    /// neither, it is an event that the application takes from anybody.
    pub(crate) is_trusted: bool,
    /// Whether a delivery, or a probe, can come by its method.
    pub(crate) may_be_delivery: bool,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) event: Option<Arc<str>>,
    pub(crate) end: End,
    pub(crate) late_end: bool,
    pub(crate) duration: Duration,
    pub(crate) body_size: Option<usize>,
    pub(crate) received_at: Option<SystemTime>,
}

/// The kinds of [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutcomeKind {
    /// A probe was answered.
    Probe,
    /// The handler answered with a 2xx of its own.
    Handled,
    /// The deadline passed while the handler was running.
    Late,
    /// The delivery failed, and the [store](crate::WebhookLayer::dead_letters) has confirmed that
    /// it has it; [`Outcome::stored`] says why.
    Stored,
    /// The request was refused and no handler ran.
    Rejected,
    /// The handler answered with another status, returned an error, panicked or was cut off; or
    /// the inner service failed to become ready, the request could not be verified, or other code of
    /// the application's panicked.
    Failed,
    /// The client hung up before there was an answer.
    GivenUp,
}

/// Why there is a [`DeadLetter`](crate::DeadLetter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LetterReason {
    /// The handler is late and still has the delivery. The letter is
    /// [done](crate::DeadLetters::done) when the handler succeeds, and is stored again with another
    /// reason when it fails. It stays pending if the process dies first.
    Pending,
    /// The handler answered with a status that is no 2xx.
    Status,
    /// The service returned an error, from the call or from becoming ready.
    Error,
    /// The handler panicked, or other code of the application's.
    Panicked,
    /// The handler was cut off by its [`handler_limit`](crate::WebhookLayer::handler_limit).
    Interrupted,
    /// No slot was free, or the inner service was not ready, by the deadline. No handler ran.
    Busy,
    /// The application was shutting down. No handler ran.
    Draining,
    /// The body could not be read as one of the provider's. No handler ran.
    Malformed,
    /// The handler was running, or about to run, when
    /// [`Background::drain`](crate::Background::drain) stopped waiting. Like a pending letter, it is
    /// done when the handler still succeeds.
    Shutdown,
    /// A reason that this release does not know, written by a later one.
    #[serde(other)]
    Other,
}

impl OutcomeKind {
    /// A short name for logs and metrics: `"handled"`, `"given_up"`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Handled => "handled",
            Self::Late => "late",
            Self::Stored => "stored",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}

impl LetterReason {
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

impl Outcome {
    /// Of a request that has just arrived.
    pub(crate) fn new(provider: &'static str) -> Self {
        Self {
            provider,
            is_trusted: false,
            may_be_delivery: false,
            tenant: None,
            event: None,
            end: End::given_up(),
            late_end: false,
            duration: Duration::ZERO,
            body_size: None,
            received_at: None,
        }
    }

    /// The provider's name, as its [`Rules`](crate::Rules) give it.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// The delivery's [tenant](crate::Delivery::tenant), as far as it is known. `None` for a wrong
    /// credential.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The kind of event, one of the provider's known names or `"other"`. `None` when it was no
    /// event, or was not read that far.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// How it ended.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        self.end.kind
    }

    /// The status that went out; for a [late end](Self::is_late_end) the one that the handler
    /// wanted to send. `None` where there was none: an error, a panic after the answer, a client
    /// that hung up.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.end.status
    }

    /// The status of the handler's own answer, if it ended with one. If the delivery is stored,
    /// another one [went out](Self::status).
    #[must_use]
    pub fn handler_status(&self) -> Option<StatusCode> {
        self.end.handler_status
    }

    /// Why the delivery is in the store, for [`OutcomeKind::Stored`].
    #[must_use]
    pub fn stored(&self) -> Option<LetterReason> {
        self.end.stored.map(|(reason, _)| reason)
    }

    /// The layer's own rejection, if there is one.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.end.rejection.as_ref()
    }

    /// What the log says of the cause: never a text of the request's.
    #[cfg_attr(not(feature = "tracing"), expect(dead_code))]
    pub(crate) fn reason(&self) -> Option<&dyn fmt::Display> {
        match (&self.end.rejection, &self.end.note) {
            (Some(rejection), _) => Some(rejection),
            (None, Some(note)) => Some(note),
            (None, None) => None,
        }
    }

    /// Whether nothing was proven, and the failure is not the receiver's. A stranger who hangs up counts
    /// as one, too.
    pub(crate) fn is_stranger(&self) -> bool {
        let rejection = self.rejection().map(Rejection::kind);
        let is_ours = rejection == Some(RejectionKind::Unavailable);
        !self.is_trusted && !is_ours && self.kind() != OutcomeKind::Probe
    }

    /// Whether this is the end of a handler whose request had its outcome before.
    #[must_use]
    pub fn is_late_end(&self) -> bool {
        self.late_end
    }

    /// From `call()` to this outcome.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The size of the body in bytes, if it was read whole.
    #[must_use]
    pub fn body_size(&self) -> Option<usize> {
        self.body_size
    }
}

/// How a request or its handler ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) kind: OutcomeKind,
    pub(crate) status: Option<StatusCode>,
    pub(crate) rejection: Option<Rejection>,
    pub(crate) handler_status: Option<StatusCode>,
    /// What the log says of the cause, where there is no rejection.
    note: Option<Box<str>>,
    /// Why the store has the delivery, and the success that is answered for that.
    stored: Option<(LetterReason, StatusCode)>,
}

impl End {
    pub(crate) fn new(kind: OutcomeKind, status: Option<StatusCode>) -> Self {
        Self {
            kind,
            status,
            rejection: None,
            handler_status: None,
            note: None,
            stored: None,
        }
    }

    /// The handler's own answer.
    pub(crate) fn answered(status: StatusCode) -> Self {
        let kind = if status.is_success() {
            OutcomeKind::Handled
        } else {
            OutcomeKind::Failed
        };
        Self {
            handler_status: Some(status),
            ..Self::new(kind, Some(status))
        }
    }

    /// The same, from a handler that asks for other events than the layer gives it: the types of both.
    pub(crate) fn mismatched(status: StatusCode, asked: &str, given: &str) -> Self {
        let note = format!(
            "the handler asks for a Delivery<{asked}>, and this layer gives it a Delivery<{given}>"
        );
        Self {
            note: Some(note.into()),
            ..Self::answered(status)
        }
    }

    /// The deadline passed while the handler was running.
    pub(crate) fn late(status: StatusCode) -> Self {
        Self {
            rejection: (!status.is_success()).then(|| Rejection::new(RejectionKind::Late)),
            ..Self::new(OutcomeKind::Late, Some(status))
        }
    }

    /// The request was refused, or the handler was cut off, or code of the application's panicked.
    pub(crate) fn rejected(rejection: &Rejection) -> Self {
        let kind = match rejection.kind() {
            RejectionKind::Panicked | RejectionKind::Interrupted | RejectionKind::Unavailable => {
                OutcomeKind::Failed
            }
            _ => OutcomeKind::Rejected,
        };
        Self {
            rejection: Some(rejection.clone()),
            ..Self::new(kind, Some(rejection.status()))
        }
    }

    pub(crate) fn given_up() -> Self {
        Self::new(OutcomeKind::GivenUp, None)
    }

    /// The same end, of a delivery that the store has.
    pub(crate) fn stored(self, reason: LetterReason, success: StatusCode) -> Self {
        Self {
            kind: OutcomeKind::Stored,
            stored: Some((reason, success)),
            ..self
        }
    }

    /// The status that goes out.
    pub(crate) fn sent(&self) -> Option<StatusCode> {
        self.stored.map(|(_, success)| success).or(self.status)
    }
}

/// In the extensions of a handler's answer: the event type that it asked for and did not get.
#[derive(Clone)]
pub(crate) struct AskedFor(pub(crate) &'static str);
