//! The metrics, with the feature `metrics`.

#[cfg(feature = "metrics")]
pub(crate) use on::*;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::*;

#[cfg(feature = "metrics")]
mod on {
    use metrics::{counter, gauge, histogram};

    use crate::{
        outcome::{LetterReason, Outcome, OutcomeKind},
        panic::caught,
    };

    pub(crate) const ON: bool = true;

    /// The label of a request whose event was not read.
    const NO_EVENT: &str = "none";

    pub(crate) fn outcome(outcome: &Outcome) {
        let provider = outcome.provider();
        if !outcome.admitted {
            counter!("webhook_access_refused_total", "provider" => provider).increment(1);
        }
        if outcome.is_late_end() {
            return;
        }
        counter!(
            "webhook_requests_total",
            "provider" => provider,
            "event" => outcome.event().unwrap_or(NO_EVENT),
            "outcome" => outcome.kind().as_str(),
        )
        .increment(1);
        if outcome.kind() == OutcomeKind::Late {
            counter!("webhook_late_total", "provider" => provider).increment(1);
        }
        histogram!("webhook_response_seconds", "provider" => provider).record(outcome.duration());
        if let Some(bytes) = outcome.body_size() {
            #[expect(clippy::cast_precision_loss, reason = "bodies have limits far below 2^52")]
            histogram!("webhook_body_bytes", "provider" => provider).record(bytes as f64);
        }
    }

    pub(crate) fn consecutive_failures(
        provider: &'static str,
        event: Option<&'static str>,
        count: u32,
    ) {
        let event = event.unwrap_or(NO_EVENT);
        gauge!("webhook_consecutive_failures", "provider" => provider, "event" => event).set(count);
    }

    // Where these are called, a panic of the user's recorder would cost a slot or a letter.

    pub(crate) fn slot_taken(provider: &'static str) {
        let _ = caught(|| in_flight(provider).increment(1));
    }

    pub(crate) fn slot_returned(provider: &'static str) {
        let _ = caught(|| in_flight(provider).decrement(1));
    }

    pub(crate) fn dead_letter(provider: &'static str, reason: LetterReason) {
        let _ = caught(|| {
            counter!(
                "webhook_dead_letters_total",
                "provider" => provider,
                "reason" => reason.as_str(),
            )
            .increment(1);
        });
    }

    fn in_flight(provider: &'static str) -> metrics::Gauge {
        gauge!("webhook_handlers_in_flight", "provider" => provider)
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    use crate::outcome::{LetterReason, Outcome};

    pub(crate) const ON: bool = false;

    pub(crate) fn outcome(_outcome: &Outcome) {}

    pub(crate) fn consecutive_failures(_provider: &str, _event: Option<&'static str>, _count: u32) {
    }

    pub(crate) fn slot_taken(_provider: &str) {}

    pub(crate) fn slot_returned(_provider: &str) {}

    pub(crate) fn dead_letter(_provider: &str, _reason: LetterReason) {}
}
