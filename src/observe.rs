use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::time::Instant;

use crate::{
    response::rejection::{Rejection, RejectionKind},
    trace,
};

/// How a request ended, or how a handler ended after the answer was out.
///
/// [`on_outcome`](crate::WebhookLayer::on_outcome) gets exactly one for each request, and a second
/// one, of which [`is_late_end`](Self::is_late_end) is true, when the handler's end was not what
/// answered: because the deadline passed first, or because the client had hung up.
///
/// It says *that* a handler failed and never how: neither an error's nor a panic's text is in it.
#[derive(Debug, Clone)]
pub struct Outcome {
    provider: &'static str,
    tenant: Option<Arc<str>>,
    event: Option<&'static str>,
    kind: OutcomeKind,
    status: Option<StatusCode>,
    rejection: Option<Rejection>,
    late_end: bool,
    duration: Duration,
    body_size: Option<usize>,
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
    /// The request was refused and no handler ran.
    Rejected,
    /// The handler answered with another status, returned an error, panicked or was cut off; or
    /// the inner service failed to become ready.
    Failed,
    /// The client hung up before there was an answer.
    GivenUp,
}

impl OutcomeKind {
    /// A short name for logs and metrics: `"handled"`, `"given_up"`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Handled => "handled",
            Self::Late => "late",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}

impl Outcome {
    /// The provider's name, as its [`Rules`](crate::Rules) give it.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// The tenant: the label of the secret that opened the door. `None` when no label stood
    /// beside it, and for a request that was not let in.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The kind of event, one of the provider's known names or `"other"`. `None` when it was no
    /// event, or was not read that far.
    #[must_use]
    pub fn event(&self) -> Option<&'static str> {
        self.event
    }

    /// How it ended.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        self.kind
    }

    /// The status that went out; for a [late end](Self::is_late_end) the one that the handler
    /// wanted to send. `None` where there was none: an error, a panic after the answer, a client
    /// that hung up.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Why the layer itself refused or broke off, where it did.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
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

pub(crate) type Observer = Arc<dyn Fn(&Outcome) + Send + Sync>;

/// What is known of one request, growing as it travels; every outcome is formed here.
///
/// The answering future and the handler's task both report to it. Whoever comes first has the
/// request's one outcome; the handler's end is told in any case.
pub(crate) struct Journal {
    observer: Option<Observer>,
    provider: &'static str,
    started: Instant,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) event: Option<&'static str>,
    pub(crate) body_size: Option<usize>,
    settled: AtomicBool,
}

/// What an outcome says beyond what the journal knows.
pub(crate) struct End {
    kind: OutcomeKind,
    status: Option<StatusCode>,
    rejection: Option<Rejection>,
}

impl End {
    pub(crate) fn probe(status: StatusCode) -> Self {
        Self::new(OutcomeKind::Probe, Some(status))
    }

    /// The handler's own answer.
    pub(crate) fn answered(status: StatusCode) -> Self {
        let kind = if status.is_success() {
            OutcomeKind::Handled
        } else {
            OutcomeKind::Failed
        };
        Self::new(kind, Some(status))
    }

    pub(crate) fn late(status: StatusCode) -> Self {
        let rejection = (!status.is_success()).then(|| Rejection::new(RejectionKind::Late));
        Self {
            rejection,
            ..Self::new(OutcomeKind::Late, Some(status))
        }
    }

    /// Refused before any handler ran.
    pub(crate) fn rejected(rejection: &Rejection) -> Self {
        Self {
            rejection: Some(rejection.clone()),
            ..Self::new(OutcomeKind::Rejected, Some(rejection.status()))
        }
    }

    /// The service's `Err`, from the handler or from becoming ready.
    pub(crate) fn error() -> Self {
        Self::new(OutcomeKind::Failed, None)
    }

    /// The handler ended without an answer of its own.
    pub(crate) fn broken(rejection: RejectionKind) -> Self {
        Self {
            rejection: Some(Rejection::new(rejection)),
            ..Self::new(OutcomeKind::Failed, Some(rejection.status()))
        }
    }

    fn given_up() -> Self {
        Self::new(OutcomeKind::GivenUp, None)
    }

    fn new(kind: OutcomeKind, status: Option<StatusCode>) -> Self {
        Self {
            kind,
            status,
            rejection: None,
        }
    }
}

impl Journal {
    pub(crate) fn new(
        observer: Option<Observer>,
        provider: &'static str,
        started: Instant,
    ) -> Self {
        Self {
            observer,
            provider,
            started,
            tenant: None,
            event: None,
            body_size: None,
            settled: AtomicBool::new(false),
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn provider(&self) -> &'static str {
        self.provider
    }

    /// The end of the request, unless it had one already; whether this was it.
    pub(crate) fn settle(&self, end: End) -> bool {
        let first = !self.settled.swap(true, Ordering::AcqRel);
        if first {
            self.tell(end, false);
        }
        first
    }

    /// The end of the handler, which is the request's end too unless that is past.
    pub(crate) fn handler_ended(&self, end: End) {
        let late_end = self.settled.swap(true, Ordering::AcqRel);
        self.tell(end, late_end);
    }

    /// Nobody is left to hear an answer; if there was one, this says nothing.
    pub(crate) fn give_up(&self) {
        self.settle(End::given_up());
    }

    fn tell(&self, end: End, late_end: bool) {
        let nobody_heard_it = late_end && end.rejection.is_some();
        let outcome = Outcome {
            provider: self.provider,
            tenant: self.tenant.clone(),
            event: self.event,
            kind: end.kind,
            status: end.status.filter(|_| !nobody_heard_it),
            rejection: end.rejection,
            late_end,
            duration: self.started.elapsed(),
            body_size: self.body_size,
        };
        trace::outcome(&outcome);
        if let Some(observer) = &self.observer {
            // An outcome may be told while a panic unwinds, and a second panic would abort.
            let told = catch_unwind(AssertUnwindSafe(|| observer(&outcome)));
            if told.is_err() {
                trace::broken_observer(&outcome);
            }
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
