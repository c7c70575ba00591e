use bytes::Bytes;
use http::Response;

use crate::{
    config::Config,
    dead_letter::Confirmation,
    journal::End,
    outcome::LetterReason,
    provider::Provider,
    rejection::{Rejection, RejectionKind},
    reporter::Reporter,
    response::{body::ResponseBody, failed::Failed},
};

/// Why a delivery gets to no handler.
pub(super) enum Failure<E> {
    Rejected(Rejection, LetterReason),
    /// The inner service's, from becoming ready.
    Error(E),
}

impl<E> Failure<E> {
    pub(super) fn rejected(kind: RejectionKind, reason: LetterReason) -> Self {
        Self::Rejected(Rejection::new(kind), reason)
    }

    /// Has the delivery stored, or the body of what was none; what to wait for before the answer.
    pub(super) fn keep<P: Provider>(
        &self,
        raw: Option<Bytes>,
        reporter: &Reporter<P>,
    ) -> Option<Confirmation> {
        let config = reporter.config();
        let accepts = config.failed == Failed::Accept;
        let kept = match raw {
            // Whoever may knock may not fill the store.
            Some(_) if config.access.is_open() => None,
            Some(raw) => reporter.store_undecoded(self.reason(), accepts, raw),
            None => reporter.store_unhandled(self.reason(), accepts),
        };
        kept.filter(|_| accepts)
    }

    pub(super) fn end(&self) -> End {
        match self {
            Self::Rejected(rejection, _) => End::rejected(rejection),
            Self::Error(_) => End::error(),
        }
    }

    pub(super) fn reason(&self) -> LetterReason {
        match self {
            Self::Rejected(_, reason) => *reason,
            Self::Error(_) => LetterReason::Error,
        }
    }

    pub(super) fn answer<P, R>(self, config: &Config<P>) -> Result<Response<ResponseBody<R>>, E> {
        match self {
            Self::Rejected(rejection, _) => Ok(config.refuse(rejection)),
            Self::Error(error) => Err(error),
        }
    }
}
