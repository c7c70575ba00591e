use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::StatusCode;
use tokio::time::Instant;

use crate::{
    outcome::{Outcome, OutcomeKind},
    panic::caught,
    response::rejection::{Rejection, RejectionKind},
    trace,
};

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
        if rejection.kind() == RejectionKind::Panicked {
            // The code that had to decide broke down.
            return Self::broken(RejectionKind::Panicked);
        }
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
        // An outcome may be told while a panic unwinds, and a second panic would abort.
        let logged = caught(|| trace::outcome(&outcome));
        let told = caught(|| self.observer.iter().for_each(|observer| observer(&outcome)));
        if logged.is_ok() && told.is_err() {
            let _ = caught(|| trace::broken_observer(&outcome));
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
