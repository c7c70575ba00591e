//! The handler's task: once begun it runs to its end, whoever still waits for it.

mod task;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tokio::{
    task::{JoinError, JoinHandle},
    time::{Sleep, sleep},
};
use tower::Service;

use self::task::{Asked, Task, Verdict};
pub(crate) use self::task::{OnFailure, Policy};
use crate::{
    background::Slot,
    clock,
    delivery::Delivery,
    panic::{Panicked, caught, let_go},
    provider::Event,
    replay::Unmarked,
    request::body::RequestBody,
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
        let why = if error.is_panic() {
            Self::Panicked
        } else {
            Self::Interrupted
        };
        let_go(error);
        why
    }
}

/// The handler's answer, or why there is none.
pub(crate) type Ended<R, E> = Result<R, Broken<E>>;

/// Runs the handler in a task of its own. `inner` has to be ready, and the delivery attached to the
/// head.
///
/// hyper drops the futures of a connection whose client hung up, wherever they stand; a task is
/// out of its reach. `call()` itself runs in there too, since it may panic or block.
pub(crate) fn spawn<S, E, R>(
    inner: S,
    head: Parts,
    delivery: Delivery<E>,
    slot: Slot,
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
        delivery.journal().handler_begins();
    }
    debug_assert!(head.extensions.get::<Delivery<E>>().is_some());
    let body = delivery.body();
    // Before anything that can panic: it tells the end then.
    let task = Task::new(delivery, slot, policy);
    // Boxed, since tokio moves what it spawns again and again.
    tokio::spawn(Box::pin(Handler {
        state: State::Call { inner, head, body },
        limit: limit.map(|limit| Box::pin(sleep(limit))),
        task,
        span: Span::current(),
    }))
}

pin_project! {
    struct Handler<S, E>
    where
        S: Service<Request<RequestBody>>,
        E: Event,
    {
        #[pin]
        state: StateOf<S>,
        limit: Option<Pin<Box<Sleep>>>,
        // After the state: what is the user's goes first, also when the runtime drops the task.
        task: Task<E>,
        span: Span,
    }
}

pin_project! {
    #[project = StateProj]
    #[project_replace = StateReplaced]
    enum State<S, F, R, E> {
        // The request in pieces: to put it together early would move them once more.
        Call { inner: S, head: Parts, body: RequestBody },
        Run { #[pin] future: F },
        Ended,
        // The store is asked before anybody hears of the handler's end.
        Ask { ended: Option<Ended<R, E>>, #[pin] asked: Asked },
    }
}

type StateOf<S> = State<
    S,
    <S as Service<Request<RequestBody>>>::Future,
    <S as Service<Request<RequestBody>>>::Response,
    <S as Service<Request<RequestBody>>>::Error,
>;

impl<S, E, R> Future for Handler<S, E>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    type Output = Ended<Response<R>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        let _entered = this.span.enter();

        if !this.state.is_asking() {
            let ended = ready!(run(this.state.as_mut(), this.limit, cx));
            match this.task.end(&ended) {
                None => return Poll::Ready(ended),
                Some(asked) => this.state.set(State::Ask {
                    ended: Some(ended),
                    asked,
                }),
            }
        }
        let StateProj::Ask { ended, asked } = this.state.as_mut().project() else {
            unreachable!("set above")
        };
        let is_stored = ready!(asked.poll(cx));
        let mut ended = ended.take().expect("ends once");
        this.state.set(State::Ended);
        match this.task.asked(is_stored) {
            Verdict::AsItIs => {}
            Verdict::Stored => {
                let_go(ended);
                ended = Err(Broken::Stored);
            }
            Verdict::Unmarked => {
                if let Ok(response) = &mut ended {
                    response.extensions_mut().insert(Unmarked(()));
                }
            }
        }
        Poll::Ready(ended)
    }
}

/// The handler, as far as it goes now. Whatever is the user's runs in here, so that its panics are
/// the delivery's alone.
fn run<S, R>(
    mut state: Pin<&mut StateOf<S>>,
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
            ready!(clock::poll(limit.as_mut(), cx));
            Err(Broken::Interrupted)
        }
    };
    Poll::Ready(match caught(|| state.set(State::Ended)) {
        Ok(()) => ended,
        Err(Panicked) => {
            let_go(ended);
            Err(Broken::Panicked)
        }
    })
}

impl<S> StateOf<S>
where
    S: Service<Request<RequestBody>>,
{
    fn is_asking(&self) -> bool {
        matches!(self, Self::Ask { .. })
    }

    fn drive(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        loop {
            match self.as_mut().project() {
                StateProj::Call { .. } => {
                    let StateReplaced::Call {
                        mut inner,
                        head,
                        body,
                    } = self.as_mut().project_replace(State::Ended)
                    else {
                        unreachable!("matched above")
                    };
                    let future = inner.call(Request::from_parts(head, body));
                    self.set(State::Run { future });
                }
                StateProj::Run { future } => return future.poll(cx),
                StateProj::Ended | StateProj::Ask { .. } => panic!("polled after completion"),
            }
        }
    }
}
