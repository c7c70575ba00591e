//! The feature `metrics`. Without it nothing is measured.

#[cfg(feature = "metrics")]
pub(crate) use on::*;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::*;

#[cfg(feature = "metrics")]
mod on {
    use metrics::{counter, gauge, histogram};

    use crate::{
        dead_letter::LetterReason,
        outcome::{Outcome, OutcomeKind},
    };

    pub(crate) const ON: bool = true;

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
            "event" => outcome.event().unwrap_or("none"),
            "outcome" => outcome.kind().as_str(),
        )
        .increment(1);
        if outcome.kind() == OutcomeKind::Late {
            counter!("webhook_late_total", "provider" => provider).increment(1);
        }
        histogram!("webhook_response_seconds", "provider" => provider).record(outcome.duration());
        if let Some(bytes) = outcome.body_size() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "bodies have limits far below 2^52"
            )]
            histogram!("webhook_body_bytes", "provider" => provider).record(bytes as f64);
        }
    }

    pub(crate) fn consecutive_failures(provider: &'static str, event: &'static str, count: u32) {
        gauge!("webhook_consecutive_failures", "provider" => provider, "event" => event).set(count);
    }

    pub(crate) fn handler_begins(provider: &'static str) {
        gauge!("webhook_handlers_in_flight", "provider" => provider).increment(1);
    }

    pub(crate) fn handler_ends(provider: &'static str) {
        gauge!("webhook_handlers_in_flight", "provider" => provider).decrement(1);
    }

    pub(crate) fn dead_letter(provider: &'static str, reason: LetterReason) {
        counter!(
            "webhook_dead_letters_total",
            "provider" => provider,
            "reason" => reason.as_str(),
        )
        .increment(1);
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    use crate::{dead_letter::LetterReason, outcome::Outcome};

    pub(crate) const ON: bool = false;

    pub(crate) fn outcome(_outcome: &Outcome) {}

    pub(crate) fn consecutive_failures(_provider: &str, _event: &str, _count: u32) {}

    pub(crate) fn handler_begins(_provider: &str) {}

    pub(crate) fn handler_ends(_provider: &str) {}

    pub(crate) fn dead_letter(_provider: &str, _reason: LetterReason) {}
}
