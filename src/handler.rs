//! The handler's task: once begun it runs to its end, whoever still waits for it.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::{
    task::{JoinError, JoinHandle, coop},
    time::{Sleep, sleep},
};
use tower::Service;

use crate::{
    background::Slot,
    delivery::Delivery,
    journal::End,
    panic::{Panicked, caught},
    provider::Event,
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

/// Runs the handler in a task of its own. `inner` has to be ready.
///
/// hyper drops the futures of a connection whose client hung up, wherever they stand; a task is
/// out of its reach. `call()` itself runs in there too, since it may panic or block.
pub(crate) fn spawn<S, E, R>(
    inner: S,
    request: Request<RequestBody>,
    delivery: Delivery<E>,
    slot: Slot,
    limit: Option<Duration>,
) -> JoinHandle<Ended<Response<R>, S::Error>>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    tokio::spawn(Handler {
        state: State::Call {
            call: Some((inner, request)),
        },
        limit: limit.map(|limit| Box::pin(sleep(limit))),
        task: Task {
            delivery: Some(delivery),
            slot: Some(slot),
        },
        span: Span::current(),
    })
}

pin_project! {
    struct Handler<S, E>
    where
        S: Service<Request<RequestBody>>,
        E: Event,
    {
        #[pin]
        state: State<S, S::Future>,
        limit: Option<Pin<Box<Sleep>>>,
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

impl<S, E, R> Future for Handler<S, E>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    type Output = Ended<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let _entered = this.span.enter();

        // Whatever is the user's runs in here, so that its panics are the delivery's alone.
        let state = this.state.as_mut();
        let mut ended = match caught(|| state.drive(cx)) {
            Ok(Poll::Ready(Ok(response))) => Some(Ok(response)),
            Ok(Poll::Ready(Err(error))) => Some(Err(Broken::Error(error))),
            Ok(Poll::Pending) => None,
            Err(Panicked) => Some(Err(Broken::Panicked)),
        };
        if ended.is_none() {
            if let Some(limit) = this.limit {
                // Outside of tokio's budget, which the handler may just have used up.
                if pin!(coop::unconstrained(limit.as_mut()))
                    .poll(cx)
                    .is_ready()
                {
                    ended = Some(Err(Broken::Interrupted));
                }
            }
        }
        let Some(mut ended) = ended else {
            return Poll::Pending;
        };
        if let Err(Panicked) = caught(|| this.state.set(State::Ended)) {
            ended = Err(Broken::Panicked);
        }
        this.task.end(match &ended {
            Ok(response) => End::answered(response.status()),
            Err(Broken::Error(_)) => End::error(),
            Err(Broken::Panicked) => End::broken(RejectionKind::Panicked),
            Err(Broken::Interrupted) => End::broken(RejectionKind::Interrupted),
        });
        Poll::Ready(ended)
    }
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

/// What the task owes to others: the handler's end to the journal, then its slot.
struct Task<E: Event> {
    delivery: Option<Delivery<E>>,
    slot: Option<Slot>,
}

impl<E: Event> Task<E> {
    fn end(&mut self, end: End) {
        if let Some(delivery) = self.delivery.take() {
            delivery.journal().handler_ended(end);
        }
        self.slot = None;
    }
}

impl<E: Event> Drop for Task<E> {
    /// Without an end until now, the runtime has stopped and drops the task.
    fn drop(&mut self) {
        self.end(End::broken(RejectionKind::Interrupted));
    }
}
