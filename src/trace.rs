//! The log: one event an outcome, and the span of the request around its handler. Without the
//! feature `tracing` there is neither.

#[cfg(feature = "tracing")]
pub(crate) use on::{Span, broken_observer, outcome};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Span, broken_observer, outcome};

#[cfg(feature = "tracing")]
mod on {
    use crate::{
        outcome::{Outcome, OutcomeKind},
        response::rejection::{Rejection, RejectionKind},
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
}

#[cfg(not(feature = "tracing"))]
mod off {
    use crate::outcome::Outcome;

    pub(crate) struct Span;

    impl Span {
        pub(crate) fn current() -> Self {
            Self
        }

        pub(crate) fn enter(&self) -> impl Sized {}
    }

    pub(crate) fn outcome(_outcome: &Outcome) {}

    pub(crate) fn broken_observer(_outcome: &Outcome) {}
}
