//! The metrics. Without the feature `metrics` there are none.
#![cfg_attr(not(feature = "metrics"), allow(unused_variables))]

use std::sync::Arc;

#[cfg(feature = "metrics")]
use metrics::{SharedString, counter, gauge, histogram};

use crate::outcome::{LetterReason, Outcome};
#[cfg(feature = "metrics")]
use crate::{outcome::OutcomeKind, panic::caught};

/// The label of a request whose event was not read.
#[cfg(feature = "metrics")]
const NO_EVENT: &str = "none";

#[cfg(feature = "metrics")]
fn label(event: Option<&Arc<str>>) -> SharedString {
    event.map_or(NO_EVENT.into(), |event| Arc::clone(event).into())
}

pub(crate) fn outcome(outcome: &Outcome) {
    #[cfg(feature = "metrics")]
    {
        let provider = outcome.provider();
        if outcome.is_stranger() {
            counter!("webhook_access_refused_total", "provider" => provider).increment(1);
        }
        if outcome.is_late_end() {
            return;
        }
        counter!(
            "webhook_requests_total",
            "provider" => provider,
            "event" => label(outcome.event.as_ref()),
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
}

pub(crate) fn consecutive_failures(provider: &'static str, event: Option<&Arc<str>>, count: u32) {
    #[cfg(feature = "metrics")]
    {
        let event = label(event);
        gauge!("webhook_consecutive_failures", "provider" => provider, "event" => event).set(count);
    }
}

// Where these are called, a panic of the user's recorder would cost a slot or a letter.

/// A slot was taken, or given back.
pub(crate) fn slot(provider: &'static str, is_taken: bool) {
    #[cfg(feature = "metrics")]
    let _ = caught(|| {
        let in_flight = gauge!("webhook_handlers_in_flight", "provider" => provider);
        if is_taken {
            in_flight.increment(1);
        } else {
            in_flight.decrement(1);
        }
    });
}

pub(crate) fn dead_letter(provider: &'static str, reason: LetterReason) {
    #[cfg(feature = "metrics")]
    let _ = caught(|| {
        counter!(
            "webhook_dead_letters_total",
            "provider" => provider,
            "reason" => reason.as_str(),
        )
        .increment(1);
    });
}
