//! The log: one event an outcome, and the span of the request around its handler. Without the
//! feature `tracing` there is neither.

#[cfg(feature = "tracing")]
pub(crate) use on::{Span, broken_observer, outcome, store_failed, strikes};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Span, broken_observer, outcome, store_failed, strikes};

#[cfg(feature = "tracing")]
mod on {
    use std::error::Error;

    use crate::{
        outcome::{LetterReason, Outcome, OutcomeKind},
        record::Record,
        rejection::{Rejection, RejectionKind},
        strikes::EventStrikes,
    };

    /// The span in which a request arrived.
    pub(crate) struct Span(tracing::Span);

    impl Span {
        pub(crate) fn current() -> Self {
            Self(tracing::Span::current())
        }

        pub(crate) fn enter(&self) -> tracing::span::Entered<'_> {
            self.0.enter()
        }
    }

    pub(crate) fn outcome(outcome: &Outcome) {
        macro_rules! event {
            ($level:ident, $message:literal) => {
                tracing::event!(
                    target: "tower_webhook",
                    tracing::Level::$level,
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
                    rejection = outcome.rejection().map(|rejection| rejection.kind().as_str()),
                    reason = outcome.rejection().map(tracing::field::display),
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
            // Anybody can knock on a door; the operator hears of those that had the key.
            OutcomeKind::Rejected => match outcome.rejection().map(Rejection::kind) {
                Some(RejectionKind::NotFound) => {
                    event!(DEBUG, "webhook request without a credential")
                }
                _ => event!(WARN, "webhook request refused"),
            },
            OutcomeKind::Stored => match outcome.stored() {
                Some(LetterReason::Busy | LetterReason::Draining | LetterReason::Malformed) => {
                    event!(WARN, "webhook request not handled; the delivery is stored")
                }
                _ => event!(ERROR, "webhook handler failed; the delivery is stored"),
            },
            OutcomeKind::Failed => event!(ERROR, "webhook handler failed"),
            OutcomeKind::GivenUp => event!(WARN, "webhook client hung up"),
        }
    }

    pub(crate) fn broken_observer(outcome: &Outcome) {
        tracing::event!(
            target: "tower_webhook",
            tracing::Level::ERROR,
            provider = outcome.provider(),
            "the observer of webhook outcomes panicked"
        );
    }

    /// `what` is a letter's reason, or that it is done.
    pub(crate) fn store_failed(record: &Record, what: &'static str, error: &dyn Error) {
        tracing::event!(
            target: "tower_webhook",
            tracing::Level::ERROR,
            provider = record.provider(),
            tenant = record.tenant(),
            event = record.event(),
            what,
            error = %error,
            "the store of dead letters failed"
        );
    }

    /// `strikes` has just reached a count that calls for somebody.
    pub(crate) fn strikes(strikes: &EventStrikes, provider: &'static str, limit: u32, grave: bool) {
        macro_rules! event {
            ($level:ident, $message:literal) => {
                tracing::event!(
                    target: "tower_webhook",
                    tracing::Level::$level,
                    provider,
                    tenant = strikes.tenant(),
                    event = strikes.event(),
                    strikes = strikes.count(),
                    limit,
                    $message
                )
            };
        }
        if strikes.count() >= limit {
            event!(ERROR, "webhook subscription may be deleted by now");
        } else if grave {
            event!(ERROR, "webhook subscription is in danger");
        } else {
            event!(WARN, "webhook deliveries fail in a row");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::error::Error;

    use crate::{outcome::Outcome, record::Record, strikes::EventStrikes};

    pub(crate) struct Span;

    impl Span {
        pub(crate) fn current() -> Self {
            Self
        }

        pub(crate) fn enter(&self) -> impl Sized {}
    }

    pub(crate) fn outcome(_outcome: &Outcome) {}

    pub(crate) fn broken_observer(_outcome: &Outcome) {}

    pub(crate) fn store_failed(_record: &Record, _what: &'static str, _error: &dyn Error) {}

    pub(crate) fn strikes(
        _strikes: &EventStrikes,
        _provider: &'static str,
        _limit: u32,
        _grave: bool,
    ) {
    }
}
