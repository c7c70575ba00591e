mod decode;
mod failure;
mod handover;
mod overdue;
mod state;

use std::{
    fmt,
    future::Future,
    ops::ControlFlow,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use http::{Request, Response, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::{task::JoinError, time::Instant};
use tower::Service;

use self::{
    decode::decode,
    failure::Failure,
    overdue::overdue,
    state::{State, StateProj, Step},
};
use crate::{
    deadline::Deadline,
    handler::Ended,
    journal::End,
    outcome::LetterReason,
    panic::{caught, let_go},
    provider::Provider,
    rejection::RejectionKind,
    reporter::Reporter,
    request::{body::RequestBody, collect::Collect},
    response::body::ResponseBody,
};

pin_project! {
    /// The answer to one request, from [`Webhook`](crate::Webhook).
    ///
    /// Dropping it before the handler has begun ends the request. Dropping it later takes nothing
    /// from the handler, which runs in a task of its own.
    #[project = FutureProj]
    pub struct ResponseFuture<S, P, B>
    where
        S: Service<Request<RequestBody>>,
        P: Provider,
    {
        #[pin]
        state: State<B, S::Response, S::Error>,
        // What is called, and with what. They stand still here until then: no state moves them.
        inner: Option<S>,
        head: Option<Parts>,
        #[pin]
        deadline: Deadline,
        reporter: Reporter<P>,
    }
}

impl<S, P, B> ResponseFuture<S, P, B>
where
    S: Service<Request<RequestBody>>,
    P: Provider,
    B: Body,
{
    pub(crate) fn receive(
        inner: S,
        head: Parts,
        body: B,
        deadline: Instant,
        reporter: Reporter<P>,
    ) -> Self {
        let body = Collect::new(body, reporter.config().body_limit);
        Self {
            state: State::Collect { body },
            inner: Some(inner),
            head: Some(head),
            deadline: Deadline::new(deadline),
            reporter,
        }
    }

    pub(crate) fn reject(kind: RejectionKind, deadline: Instant, reporter: Reporter<P>) -> Self {
        Self {
            state: State::Refuse { kind },
            inner: None,
            head: None,
            deadline: Deadline::new(deadline),
            reporter,
        }
    }
}

impl<S, P, B, R> Future for ResponseFuture<S, P, B>
where
    P: Provider,
    B: Body,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Output = Result<Response<ResponseBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.as_mut().drive(cx);
        if answer.is_ready() {
            // A server may keep this future until the answer is written; what it holds goes now.
            let this = self.project();
            this.state.enter(State::Done);
            vacate(this.inner);
            vacate(this.head);
            this.reporter.close();
        }
        answer
    }
}

impl<S, P, B, R> ResponseFuture<S, P, B>
where
    P: Provider,
    B: Body,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    fn drive(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<ResponseBody<R>>, S::Error>> {
        let mut this = self.project();
        loop {
            let step = match this.state.as_mut().project() {
                StateProj::Refuse { kind } => Step::reject(*kind),

                StateProj::Collect { body } => {
                    match ready!(body.poll(cx, this.deadline.as_mut())) {
                        Err(kind) => Step::reject(kind),
                        Ok(raw) => {
                            let head = this.head.as_ref().expect(TAKEN_ONCE);
                            let deadline = this.deadline.instant();
                            match decode(head, raw, this.reporter, deadline) {
                                ControlFlow::Break(step) => step,
                                ControlFlow::Continue(()) => this.admit(cx),
                            }
                        }
                    }
                }

                StateProj::Admit { .. } if this.deadline.as_mut().poll(cx).is_ready() => {
                    Step::fail(RejectionKind::Busy, LetterReason::Busy)
                }

                StateProj::Admit { waiting } => match ready!(waiting.as_mut().poll(cx)) {
                    None => Step::fail(RejectionKind::Draining, LetterReason::Draining),
                    Some(slot) => {
                        let slot = this.reporter.hold(slot);
                        this.hand_over(slot, cx)
                    }
                },

                StateProj::Ready { slot } => {
                    let slot = slot.take().expect(TAKEN_ONCE);
                    this.hand_over(slot, cx)
                }

                // What the handler did is looked at before the clock: finished work is not thrown
                // away.
                StateProj::Run { handler, pending } => match Pin::new(handler).poll(cx) {
                    Poll::Ready(ended) => Step::Ended(ended),
                    Poll::Pending => {
                        let deadline = this.deadline.as_mut();
                        let late = ready!(overdue(pending, deadline, this.reporter, cx));
                        Step::Answer(Ok(late))
                    }
                },

                StateProj::Keep {
                    failure,
                    confirmation,
                } => {
                    let stored = ready!(confirmation.poll_kept(this.deadline.as_mut(), cx));
                    let failure = failure.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let failure = failure.take().expect(TAKEN_ONCE);
                    Step::Answer(if stored {
                        let success = this.reporter.config().rules.success;
                        let end = failure.end().stored(failure.reason(), success);
                        this.reporter.settle(end);
                        let_go(failure);
                        Ok(this.reporter.config().success())
                    } else {
                        this.reporter.settle(failure.end());
                        failure.answer(this.reporter.config())
                    })
                }

                StateProj::Done => panic!("polled after completion"),
            };
            match step {
                Step::Next(state) => this.state.as_mut().enter(state),
                Step::Wait(state) => {
                    this.state.as_mut().enter(state);
                    return Poll::Pending;
                }
                Step::Answer(answer) => return Poll::Ready(answer),
                Step::Begun(mut handler) => {
                    let ended = Pin::new(&mut handler).poll(cx);
                    let pending = None;
                    this.state.as_mut().enter(State::Run { handler, pending });
                    // The timer knows of this task already: it was asked before the handler began.
                    let ended = ready!(ended);
                    return Poll::Ready(handled(ended, this.reporter));
                }
                Step::Ended(ended) => {
                    return Poll::Ready(handled(ended, this.reporter));
                }
                Step::Reject(rejection) => {
                    this.reporter.settle(End::rejected(&rejection));
                    return Poll::Ready(Ok(this.reporter.config().refuse(rejection)));
                }
                Step::Fail { failure, raw, slot } => {
                    let kept = failure.keep(raw, this.reporter);
                    if kept.is_none() {
                        this.reporter.settle(failure.end());
                    }
                    // Not before: a drain waits for the slot, and then for the store's call.
                    drop(slot);
                    let Some(confirmation) = kept else {
                        return Poll::Ready(failure.answer(this.reporter.config()));
                    };
                    let until = this.reporter.config().store_until(this.deadline.instant());
                    this.deadline.as_mut().reset(until);
                    vacate(this.inner);
                    vacate(this.head);
                    this.state.as_mut().enter(State::Keep {
                        failure: Mutex::new(Some(failure)),
                        confirmation,
                    });
                }
            }
        }
    }
}

const TAKEN_ONCE: &str = "each state gives its pieces away once";

/// Drops what is the user's too, where it stands: it may panic at that.
fn vacate<T>(place: &mut Option<T>) {
    let _ = caught(|| *place = None);
}

/// The handler's end as the answer. Its outcome was told by its task, which does so whatever becomes
/// of it.
fn handled<P: Provider, R, E>(
    ended: Result<Ended<Response<R>, E>, JoinError>,
    reporter: &mut Reporter<P>,
) -> Result<Response<ResponseBody<R>>, E> {
    reporter.let_go();
    let ended = ended.unwrap_or_else(|error| Err(error.into()));
    reporter.config().answer(ended)
}

impl<S, P, B> fmt::Debug for ResponseFuture<S, P, B>
where
    S: Service<Request<RequestBody>>,
    P: Provider,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Refuse { .. } => "refuse",
            State::Collect { .. } => "collect",
            State::Admit { .. } => "admit",
            State::Ready { .. } => "ready",
            State::Run { .. } => "run",
            State::Keep { .. } => "keep",
            State::Done => "done",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}
