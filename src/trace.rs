//! The log: one event for each outcome, and the span of the request around its handler. Without
//! the feature `tracing` there is neither.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, clippy::all))]

use std::{fmt::Display, future::Future};

use crate::{
    outcome::{LetterReason, Outcome, OutcomeKind},
    record::Record,
    rejection::{Rejection, RejectionKind},
};

#[cfg(feature = "tracing")]
macro_rules! log {
    ($level:ident, $($what:tt)*) => {
        tracing::event!(target: "tower_webhook", tracing::Level::$level, $($what)*)
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! log {
    ($($what:tt)*) => {
        ()
    };
}

/// The span in which a request arrived.
pub(crate) struct Span {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Span {
    pub(crate) fn current() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::Span::current(),
        }
    }

    pub(crate) fn enter(&self) -> impl Sized {
        #[cfg(feature = "tracing")]
        self.span.enter()
    }

    /// The future, polled in this span.
    pub(crate) fn instrument<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        #[cfg(feature = "tracing")]
        let future = tracing::Instrument::instrument(future, self.span.clone());
        future
    }
}

pub(crate) fn outcome(outcome: &Outcome) {
    macro_rules! event {
        ($level:ident, $message:literal) => {
            log!(
                $level,
                provider = outcome.provider(),
                tenant = outcome.tenant(),
                event = outcome.event(),
                outcome = outcome.kind().as_str(),
                status = outcome.status().map(|status| status.as_u16()),
                stored = outcome.stored().map(LetterReason::as_str),
                handler_status = outcome
                    .stored()
                    .and(outcome.handler_status())
                    .map(|status| status.as_u16()),
                rejection = outcome
                    .rejection()
                    .map(|rejection| rejection.kind().as_str()),
                reason = outcome.reason().map(tracing::field::display),
                elapsed_ms = u64::try_from(outcome.duration().as_millis()).unwrap_or(u64::MAX),
                body_bytes = outcome.body_size(),
                $message
            )
        };
    }
    if outcome.is_late_end() {
        return match outcome.kind() {
            OutcomeKind::Handled => event!(WARN, "webhook handler succeeded after the answer"),
            OutcomeKind::Stored => {
                event!(
                    ERROR,
                    "webhook handler failed after the answer; the delivery is stored"
                )
            }
            _ => event!(ERROR, "webhook handler failed after the answer"),
        };
    }
    match outcome.kind() {
        OutcomeKind::Probe => event!(INFO, "webhook probe answered"),
        OutcomeKind::Handled => event!(DEBUG, "webhook delivery handled"),
        OutcomeKind::Late => event!(WARN, "webhook handler is late"),
        // Strangers must not fill the log: only a proven request gets a WARN.
        OutcomeKind::Rejected if !outcome.is_trusted => {
            match outcome.rejection().map(Rejection::kind) {
                Some(RejectionKind::NotFound) => {
                    event!(DEBUG, "webhook credential missing or wrong")
                }
                _ => event!(DEBUG, "webhook request of a stranger refused"),
            }
        }
        OutcomeKind::GivenUp if !outcome.is_trusted => event!(DEBUG, "webhook client hung up"),
        OutcomeKind::Rejected => event!(WARN, "webhook request refused"),
        OutcomeKind::Stored => match outcome.stored() {
            Some(LetterReason::Busy | LetterReason::Draining | LetterReason::Malformed) => {
                event!(WARN, "webhook request not handled; the delivery is stored")
            }
            _ => event!(ERROR, "webhook request failed; the delivery is stored"),
        },
        OutcomeKind::Failed => event!(ERROR, "webhook request failed"),
        OutcomeKind::GivenUp => event!(WARN, "webhook client hung up"),
    }
}

pub(crate) fn observer_panicked(outcome: &Outcome) {
    log!(
        ERROR,
        provider = outcome.provider(),
        "the observer of webhook outcomes panicked"
    );
}

/// `what` is the reason of the letter, or `"done"`.
pub(crate) fn store_error(record: &Record, what: &str, error: &dyn Display) {
    log!(
        ERROR,
        provider = record.provider(),
        tenant = record.tenant(),
        event = record.event(),
        what,
        error = %error,
        "the store of dead letters failed"
    );
}

/// `count` has just reached 30 %, 70 % or all of `limit`.
pub(crate) fn strikes(
    provider: &'static str,
    tenant: Option<&str>,
    event: Option<&str>,
    count: u32,
    limit: u32,
) {
    macro_rules! event {
        ($level:ident, $message:literal) => {
            log!(
                $level,
                provider,
                tenant,
                event,
                strikes = count,
                limit,
                $message
            )
        };
    }
    match u64::from(count) * 100 / u64::from(limit) {
        100.. => event!(ERROR, "webhook subscription may be deleted by now"),
        70.. => event!(ERROR, "webhook subscription is in danger"),
        _ => event!(WARN, "webhook deliveries fail in a row"),
    }
}
