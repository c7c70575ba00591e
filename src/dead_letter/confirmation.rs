use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::oneshot;

use super::Custody;
use crate::deadline::Deadline;

/// Whether the store has confirmed a call: false when it failed.
pub(crate) struct Confirmation {
    answer: Answer,
    custody: Arc<Custody>,
}

enum Answer {
    Awaited(oneshot::Receiver<()>),
    Known(bool),
}

impl Confirmation {
    pub(super) fn of(custody: &Arc<Custody>, confirmed: oneshot::Receiver<()>) -> Self {
        Self {
            answer: Answer::Awaited(confirmed),
            custody: Arc::clone(custody),
        }
    }

    pub(super) fn custody(&self) -> &Custody {
        &self.custody
    }

    /// Whether the store has confirmed an earlier letter of the delivery that is as good.
    pub(crate) fn is_kept(&self) -> bool {
        self.custody.is_kept()
    }

    /// Whether the store has the delivery, by its answer or when the clock has run out.
    pub(crate) fn poll_kept(
        &mut self,
        deadline: Pin<&mut Deadline>,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        let confirmed = ready!(self.poll_until(deadline, cx));
        Poll::Ready(confirmed || self.is_kept())
    }

    /// Whether the store has confirmed this call before the clock has run out.
    pub(crate) fn poll_until(
        &mut self,
        deadline: Pin<&mut Deadline>,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        match Pin::new(self).poll(cx) {
            Poll::Ready(confirmed) => Poll::Ready(confirmed),
            Poll::Pending => deadline.poll(cx).map(|()| false),
        }
    }
}

impl Future for Confirmation {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let confirmed = match &mut self.answer {
            Answer::Known(confirmed) => *confirmed,
            Answer::Awaited(confirmed) => ready!(Pin::new(confirmed).poll(cx)).is_ok(),
        };
        self.answer = Answer::Known(confirmed);
        Poll::Ready(confirmed)
    }
}
