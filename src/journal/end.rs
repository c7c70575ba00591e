use http::StatusCode;

use crate::{
    outcome::{LetterReason, OutcomeKind},
    rejection::{Rejection, RejectionKind},
};

/// What an outcome says beyond what the journal knows.
#[derive(Debug)]
pub(crate) struct End {
    pub(super) kind: OutcomeKind,
    pub(super) status: Option<StatusCode>,
    pub(super) rejection: Option<Rejection>,
    pub(super) handler_status: Option<StatusCode>,
    /// Why the store has it, and what is answered for that.
    pub(super) stored: Option<(LetterReason, StatusCode)>,
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
        Self {
            handler_status: Some(status),
            ..Self::new(kind, Some(status))
        }
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

    /// Ended like this, and the store has it.
    pub(crate) fn stored(self, reason: LetterReason, answer: StatusCode) -> Self {
        Self {
            kind: OutcomeKind::Stored,
            stored: Some((reason, answer)),
            ..self
        }
    }

    /// Nobody is left to hear an answer.
    pub(crate) fn given_up() -> Self {
        Self::new(OutcomeKind::GivenUp, None)
    }

    fn new(kind: OutcomeKind, status: Option<StatusCode>) -> Self {
        Self {
            kind,
            status,
            rejection: None,
            handler_status: None,
            stored: None,
        }
    }

    /// What goes out.
    pub(super) fn answer(&self) -> Option<StatusCode> {
        self.stored.map(|(_, answer)| answer).or(self.status)
    }
}
