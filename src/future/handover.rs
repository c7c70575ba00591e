use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::{Failure, FutureProj, State, Step, TAKEN_ONCE};
use crate::{
    background::{NoSlot, Slot},
    dead_letter::LetterReason,
    handler,
    panic::{Panicked, caught},
    provider::Provider,
    request::body::RequestBody,
    response::rejection::RejectionKind,
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
    /// It needs a slot first.
    pub(super) fn admit(&mut self, cx: &mut Context<'_>) -> Step<B, R, S::Error> {
        let config = self.reporter.config();
        match config.background.try_slot() {
            Err(NoSlot::Draining) => Step::fail(RejectionKind::Draining, LetterReason::Draining),
            Err(NoSlot::Busy) => Step::Next(State::Admit {
                waiting: config.background.slot(),
            }),
            Ok(slot) => {
                config.pace.keep(self.deadline.instant(), config.deadline);
                let slot = self.reporter.hold(slot);
                self.hand_over(slot, cx)
            }
        }
    }

    /// Then the handler has to be ready.
    pub(super) fn hand_over(&mut self, slot: Slot, cx: &mut Context<'_>) -> Step<B, R, S::Error> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Step::fail(RejectionKind::Busy, LetterReason::Busy);
        }
        let inner = self.inner.as_mut().expect(TAKEN_ONCE);
        match caught(|| inner.poll_ready(cx)) {
            Err(Panicked) => Step::fail(RejectionKind::Panicked, LetterReason::Panicked),
            Ok(Poll::Pending) => Step::Wait(State::Ready { slot: Some(slot) }),
            Ok(Poll::Ready(Err(error))) => Step::Fail(Failure::Error(error), None),
            Ok(Poll::Ready(Ok(()))) => {
                let delivery = self.reporter.hand_over();
                delivery.attach(self.head.as_mut().expect(TAKEN_ONCE));
                let head = self.head.take().expect(TAKEN_ONCE);
                let inner = self.inner.take().expect(TAKEN_ONCE);
                let config = self.reporter.config();
                let (limit, policy) =
                    (config.handler_limit, config.policy(self.deadline.instant()));
                Step::Begun(handler::spawn(inner, head, delivery, slot, limit, policy))
            }
        }
    }
}
