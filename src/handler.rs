//! The handler's task: once begun it runs to its end, whoever still waits for it.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tokio::{
    task::{JoinError, JoinHandle, coop},
    time::{Instant, Sleep, sleep, timeout_at},
};
use tower::Service;

use crate::{
    background::{STORE_TIME, Slot},
    clock,
    dead_letter::{Confirmation, LetterReason},
    delivery::Delivery,
    journal::End,
    panic::{Panicked, caught},
    provider::Event,
    record::Record,
    request::body::RequestBody,
    response::rejection::RejectionKind,
    trace::Span,
};

/// Why a handler gave no answer.
#[derive(Debug)]
pub(crate) enum Broken<E> {
    Error(E),
    Panicked,
    Interrupted,
    /// There was an answer, or was none, that nobody needs to hear: the store has the delivery.
    Stored,
}

/// The task itself did not end well: it was dropped by a runtime that stops, or what the handler
/// left behind panicked when it was dropped.
impl<E> From<JoinError> for Broken<E> {
    fn from(error: JoinError) -> Self {
        if error.is_panic() {
            Self::Panicked
        } else {
            Self::Interrupted
        }
    }
}

/// The handler's answer, or why there is none.
pub(crate) type Ended<R, E> = Result<R, Broken<E>>;

/// What becomes of a handler that does not succeed, where there is a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) failure: Failure,
    /// What is answered once a failure is stored.
    pub(crate) success: StatusCode,
    /// When a request that still waits has waited long enough for the store.
    pub(crate) until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Is a success, once it is stored.
    Accept,
    /// Is what it is, and goes out at once.
    Refuse,
    /// Of a replay: is what it is, and goes out once the store knows.
    Replayed,
}

/// Runs the handler in a task of its own. `inner` has to be ready.
///
/// hyper drops the futures of a connection whose client hung up, wherever they stand; a task is
/// out of its reach. `call()` itself runs in there too, since it may panic or block.
pub(crate) fn spawn<S, E, R>(
    inner: S,
    request: Request<RequestBody>,
    delivery: Delivery<E>,
    mut slot: Slot,
    limit: Option<Duration>,
    policy: Policy,
) -> JoinHandle<Ended<Response<R>, S::Error>>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    if delivery.journal().has_store() {
        slot.hold(delivery.left_over());
    }
    tokio::spawn(Handler {
        state: State::Call {
            call: Some((inner, request)),
        },
        limit: limit.map(|limit| Box::pin(sleep(limit))),
        ended: None,
        task: Task {
            delivery: Some(delivery),
            end: None,
            policy,
            slot: Some(slot),
        },
        span: Span::current(),
    })
}

pin_project! {
    struct Handler<S, E, R>
    where
        S: Service<Request<RequestBody>>,
        E: Event,
    {
        #[pin]
        state: State<S, S::Future>,
        limit: Option<Pin<Box<Sleep>>>,
        // The handler's end, while the store is asked.
        ended: Option<(Ended<Response<R>, S::Error>, Asked)>,
        // After the state: what is the user's goes first, also when the runtime drops the task.
        task: Task<E>,
        span: Span,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F> {
        Call { call: Option<(S, Request<RequestBody>)> },
        Run { #[pin] future: F },
        Ended,
    }
}

/// The store's answer, or that it took too long for one. Boxed: few handlers fail.
type Asked = Pin<Box<dyn Future<Output = bool> + Send>>;

impl<S, E, R> Future for Handler<S, E, R>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    type Output = Ended<Response<R>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        let _entered = this.span.enter();

        if this.ended.is_none() {
            let ended = ready!(run(this.state.as_mut(), this.limit, cx));
            match this.task.end(&ended) {
                None => return Poll::Ready(ended),
                Some(asked) => *this.ended = Some((ended, asked)),
            }
        }
        let (_, asked) = this.ended.as_mut().expect("set above");
        let is_stored = ready!(asked.as_mut().poll(cx));
        let (ended, _) = this.ended.take().expect("set above");
        Poll::Ready(if this.task.asked(is_stored) {
            Err(Broken::Stored)
        } else {
            ended
        })
    }
}

/// The handler, as far as it goes now. Whatever is the user's runs in here, so that its panics are
/// the delivery's alone.
fn run<S, R>(
    mut state: Pin<&mut State<S, S::Future>>,
    limit: &mut Option<Pin<Box<Sleep>>>,
    cx: &mut Context<'_>,
) -> Poll<Ended<Response<R>, S::Error>>
where
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    let driven = state.as_mut();
    let ended = match caught(|| driven.drive(cx)) {
        Ok(Poll::Ready(Ok(response))) => Ok(response),
        Ok(Poll::Ready(Err(error))) => Err(Broken::Error(error)),
        Err(Panicked) => Err(Broken::Panicked),
        Ok(Poll::Pending) => {
            let Some(limit) = limit else {
                return Poll::Pending;
            };
            // Outside of tokio's budget, which the handler may just have used up.
            ready!(pin!(coop::unconstrained(limit.as_mut())).poll(cx));
            Err(Broken::Interrupted)
        }
    };
    Poll::Ready(match caught(|| state.set(State::Ended)) {
        Ok(()) => ended,
        Err(Panicked) => Err(Broken::Panicked),
    })
}

impl<S> State<S, S::Future>
where
    S: Service<Request<RequestBody>>,
{
    fn drive(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        loop {
            match self.as_mut().project() {
                StateProj::Call { call } => {
                    let (mut inner, request) = call.take().expect("called once");
                    let future = inner.call(request);
                    self.set(State::Run { future });
                }
                StateProj::Run { future } => return future.poll(cx),
                StateProj::Ended => panic!("polled after completion"),
            }
        }
    }
}

/// What the task owes to others: the handler's end to the journal and to the store, then its slot.
struct Task<E: Event> {
    delivery: Option<Delivery<E>>,
    /// What is to be told once the store has answered.
    end: Option<(End, LetterReason)>,
    policy: Policy,
    slot: Option<Slot>,
}

impl<E: Event> Task<E> {
    /// The handler is at its end; what is to be waited for before anybody hears of it.
    fn end<R, S>(&mut self, ended: &Ended<Response<R>, S>) -> Option<Asked> {
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
        let accepts = self.policy.failure == Failure::Accept;
        let record = || Record::of(delivery);
        let kept = delivery.journal().handler_failed(reason, accepts, record);
        self.end = Some((end, reason));
        let until = match (&kept, self.policy.failure) {
            (Some(kept), _) if kept.settled => in_store_time(),
            (Some(_), Failure::Accept) => self.policy.until,
            (Some(_), Failure::Replayed) => in_store_time(),
            (Some(_), Failure::Refuse) | (None, _) => {
                self.asked(false);
                return None;
            }
        };
        kept.map(|kept| asked(kept.confirmation, until))
    }

    fn succeeded(&mut self, end: End) -> Option<Asked> {
        let delivery = self.delivery.take()?;
        let done = delivery.journal().handler_succeeded(end);
        // Whoever replays wants to hear it when the letter is done.
        if self.policy.failure == Failure::Replayed {
            if let Some(confirmation) = done {
                return Some(asked(confirmation, in_store_time()));
            }
        }
        self.slot = None;
        None
    }

    /// The store has answered, or will not in time. Whether that makes a success of a failure.
    fn asked(&mut self, is_stored: bool) -> bool {
        let mut accepted = false;
        if let (Some(delivery), Some((end, reason))) = (self.delivery.take(), self.end.take()) {
            accepted = is_stored && self.policy.failure == Failure::Accept;
            delivery.journal().handler_ended(
                if is_stored && self.policy.failure != Failure::Replayed {
                    end.stored(reason, self.policy.success)
                } else {
                    end
                },
            );
        }
        self.slot = None;
        accepted
    }
}

impl<E: Event> Drop for Task<E> {
    /// Without an end until now, the runtime has stopped and drops the task.
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            let end = self.end.take().map(|(end, _)| end);
            let end = end.unwrap_or_else(|| End::broken(RejectionKind::Interrupted));
            delivery.journal().handler_ended(end);
        }
    }
}

fn asked(confirmation: Confirmation, until: Instant) -> Asked {
    Box::pin(async move { matches!(timeout_at(until, confirmation).await, Ok(true)) })
}

fn in_store_time() -> Instant {
    clock::after(Instant::now(), STORE_TIME)
}
