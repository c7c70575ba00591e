use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower::Service;

use super::{Failure, FutureProj, State, Step, TAKEN_ONCE};
use crate::{
    background::{NoSlot, Slot},
    handler,
    outcome::LetterReason,
    panic::{Panicked, caught},
    provider::Provider,
    rejection::RejectionKind,
    request::body::RequestBody,
};

/// The delivery's way to its handler. A state is entered only where there is something to wait for,
/// and most often there is not.
impl<S, P, B, R> FutureProj<'_, S, P, B>
where
    P: Provider,
    B: Body,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    /// It needs a slot first. What is left of the request's body goes when a state is entered, after
    /// this.
    pub(super) fn admit(&mut self, cx: &mut Context<'_>) -> Step<B, R, S::Error> {
        let config = self.reporter.config();
        match config.background.try_slot() {
            Err(NoSlot::Draining) => Step::fail(RejectionKind::Draining, LetterReason::Draining),
            Err(NoSlot::Busy) => Step::Next(State::Admit {
                waiting: config.background.slot(),
            }),
            Ok(slot) => {
                config.pace.keep(self.deadline.instant());
                let slot = self.reporter.hold(slot);
                self.hand_over(slot, cx)
            }
        }
    }

    /// Then the handler has to be ready.
    pub(super) fn hand_over(&mut self, slot: Slot, cx: &mut Context<'_>) -> Step<B, R, S::Error> {
        let failure = match self.poll_ready(cx) {
            Poll::Pending => return Step::Wait(State::Ready { slot: Some(slot) }),
            Poll::Ready(Ok(())) => return self.begin(slot),
            Poll::Ready(Err(failure)) => failure,
        };
        Step::Fail {
            failure,
            raw: None,
            slot: Some(slot),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure<S::Error>>> {
        let busy = || Failure::rejected(RejectionKind::Busy, LetterReason::Busy);
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(busy()));
        }
        let inner = self.inner.as_mut().expect(TAKEN_ONCE);
        match caught(|| inner.poll_ready(cx)) {
            // tokio hears of a timer's time when it next looks around, and until then something may
            // have blocked this thread.
            Ok(Poll::Ready(Ok(()))) if Instant::now() >= self.deadline.instant() => {
                Poll::Ready(Err(busy()))
            }
            Ok(ready) => ready.map_err(Failure::Error),
            Err(Panicked) => Poll::Ready(Err(Failure::rejected(
                RejectionKind::Panicked,
                LetterReason::Panicked,
            ))),
        }
    }

    fn begin(&mut self, slot: Slot) -> Step<B, R, S::Error> {
        let delivery = self.reporter.hand_over();
        delivery.attach(self.head.as_mut().expect(TAKEN_ONCE));
        let head = self.head.take().expect(TAKEN_ONCE);
        let inner = self.inner.take().expect(TAKEN_ONCE);
        let config = self.reporter.config();
        let policy = config.policy(self.deadline.instant());
        let limit = config.handler_limit;
        Step::Begun(handler::spawn(inner, head, delivery, slot, limit, policy))
    }
}
