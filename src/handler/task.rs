use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::{Broken, Ended};
use crate::{
    background::{STORE_TIME, Slot},
    clock,
    dead_letter::Confirmation,
    deadline::Deadline,
    delivery::Delivery,
    journal::End,
    outcome::LetterReason,
    panic::let_go,
    provider::Event,
    record::Record,
    rejection::RejectionKind,
};

/// What becomes of a handler that does not succeed, where there is a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) on_failure: OnFailure,
    /// What is answered once a failure is stored.
    pub(crate) success: StatusCode,
    /// When a request that still waits has waited long enough for the store.
    pub(crate) until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// Is a success, once it is stored.
    Accept,
    /// Is what it is, and goes out at once.
    Refuse,
    /// Of a replay: is what it is, and goes out once the store knows.
    Replayed,
}

pin_project! {
    /// The store's answer, or that it took too long for one.
    pub(super) struct Asked {
        confirmation: Confirmation,
        #[pin]
        until: Deadline,
        // Whatever comes of this call, a pending letter of the same delivery may be letter enough.
        or_kept: bool,
    }
}

impl Asked {
    fn new(confirmation: Confirmation, until: Instant, or_kept: bool) -> Self {
        Self {
            confirmation,
            until: Deadline::new(until),
            or_kept,
        }
    }
}

impl Future for Asked {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.project();
        let confirmed = ready!(this.confirmation.poll_until(this.until, cx));
        Poll::Ready(confirmed || (*this.or_kept && this.confirmation.is_kept()))
    }
}

/// What the task owes to others: the handler's end to the journal and to the store, then its slot.
pub(super) struct Task<E: Event> {
    delivery: Option<Delivery<E>>,
    /// What is to be told once the store has answered.
    end: Option<(End, LetterReason)>,
    policy: Policy,
    slot: Option<Slot>,
}

impl<E: Event> Task<E> {
    pub(super) fn new(delivery: Delivery<E>, slot: Slot, policy: Policy) -> Self {
        Self {
            delivery: Some(delivery),
            end: None,
            policy,
            slot: Some(slot),
        }
    }

    /// The handler is at its end; what is to be waited for before anybody hears of it.
    pub(super) fn end<R, S>(&mut self, ended: &Ended<Response<R>, S>) -> Option<Asked> {
        let delivery = self.delivery.as_ref()?;
        let (end, reason) = match ended {
            Ok(response) if response.status().is_success() => {
                return self.succeeded(End::answered(response.status()));
            }
            Ok(response) => (End::answered(response.status()), LetterReason::Status),
            Err(Broken::Error(_)) => (End::error(), LetterReason::Error),
            Err(Broken::Panicked) => (End::broken(RejectionKind::Panicked), LetterReason::Panicked),
            Err(Broken::Interrupted | Broken::Stored) => (
                End::broken(RejectionKind::Interrupted),
                LetterReason::Interrupted,
            ),
        };
        let record = || Record::of(delivery);
        let kept = match self.policy.on_failure {
            OnFailure::Accept => delivery.journal().failed(reason, true, record),
            OnFailure::Refuse | OnFailure::Replayed => {
                delivery.journal().failed_openly(reason, record)
            }
        };
        self.end = Some((end, reason));
        let until = match (&kept, self.policy.on_failure) {
            (Some(kept), _) if kept.settled => in_store_time(),
            (Some(_), OnFailure::Accept) => self.policy.until,
            (Some(_), OnFailure::Replayed) => in_store_time(),
            (Some(_), OnFailure::Refuse) | (None, _) => {
                self.asked(false);
                return None;
            }
        };
        let replayed = self.policy.on_failure == OnFailure::Replayed;
        kept.map(|kept| Asked::new(kept.confirmation, until, !replayed))
    }

    fn succeeded(&mut self, end: End) -> Option<Asked> {
        let delivery = self.delivery.take()?;
        let done = delivery.journal().handler_succeeded(end);
        let_go(delivery);
        // Whoever replays wants to hear it when the letter is done.
        if self.policy.on_failure == OnFailure::Replayed {
            if let Some(confirmation) = done {
                return Some(Asked::new(confirmation, in_store_time(), false));
            }
        }
        self.slot = None;
        None
    }

    /// The store has answered, or will not in time; what becomes of the handler's end.
    pub(super) fn asked(&mut self, is_stored: bool) -> Verdict {
        if let (Some(delivery), Some((end, reason))) = (self.delivery.take(), self.end.take()) {
            delivery.journal().handler_ended(
                if is_stored && self.policy.on_failure != OnFailure::Replayed {
                    end.stored(reason, self.policy.success)
                } else {
                    end
                },
            );
            let_go(delivery);
        }
        self.slot = None;
        match self.policy.on_failure {
            OnFailure::Accept if is_stored => Verdict::Stored,
            OnFailure::Replayed if !is_stored => Verdict::Unmarked,
            OnFailure::Accept | OnFailure::Refuse | OnFailure::Replayed => Verdict::AsItIs,
        }
    }
}

/// What goes out of a task that asked the store.
pub(super) enum Verdict {
    AsItIs,
    /// Nothing of the handler's: the store has the delivery.
    Stored,
    /// The answer to a replay of which the store knows nothing.
    Unmarked,
}

impl<E: Event> Drop for Task<E> {
    /// Without an end until now, the runtime has stopped and drops the task.
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            let end = self.end.take().map(|(end, _)| end);
            let end = end.unwrap_or_else(|| End::broken(RejectionKind::Interrupted));
            delivery.journal().handler_ended(end);
            let_go(delivery);
        }
    }
}

fn in_store_time() -> Instant {
    clock::after(Instant::now(), STORE_TIME)
}
