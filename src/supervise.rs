//! From the handler's start to its end: deadline, limit, hang-up, store.
//!
//! The handler runs in a task of its own, so it is not cancelled when the request is. One future
//! supervises it and owns the [`Job`]. The answering future polls that one while the client waits. If
//! the handler outlasts the answer or the client, the supervising future moves to a task.

use std::{
    future::{Future, pending},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use http::{Request, Response};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{JoinError, JoinHandle},
    time::{Instant, timeout, timeout_at},
};
use tower::Service;

use crate::{
    answer::{Late, Unmarked},
    background::STORE_TIME,
    body::{RequestBody, ResponseBody},
    clock,
    dead_letter::Confirmation,
    job::{Failure, Job},
    outcome::LetterReason,
    panic::{caught, discard},
    provider::Event,
    rejection::{Rejection, RejectionKind},
    report::End,
    trace,
};

type Answer<R, E> = Result<Response<ResponseBody<R>>, E>;

/// Where the answer goes; `None` once it is out or the client has hung up.
type Client<R, E> = Option<oneshot::Sender<Answer<R, E>>>;

/// The handler's task. It returns `None` if the handler was cut off at its limit.
type Handler<R, E> = JoinHandle<Option<Result<Response<R>, E>>>;

type HandlerEnd<R, E> = Result<Option<Result<Response<R>, E>>, JoinError>;

/// The answer to a delivery whose handler has started.
pub(crate) struct Supervised<R, E> {
    answer: oneshot::Receiver<Answer<R, E>>,
    /// What is left to do; `None` when all is done.
    rest: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Taken at the start: the future may be dropped outside of any runtime.
    runtime: Handle,
}

/// Starts the handler.
pub(crate) fn start<S, V, R>(
    mut job: Job<V>,
    mut inner: S,
    request: Request<RequestBody>,
) -> Supervised<R, S::Error>
where
    V: Event,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    job.has_handler = true;
    job.report.handler_starts();
    let limit = job.config.handler_limit;
    let handler = tokio::spawn(trace::in_current_span(async move {
        let answer = inner.call(request);
        drop(inner);
        match limit {
            Some(limit) => timeout(limit, answer).await.ok(),
            None => Some(answer.await),
        }
    }));
    let (client, answer) = oneshot::channel();
    // Borrowed, since an `async fn` would hold each argument twice.
    let rest = async move { supervise(&mut job, handler, Some(client)).await };
    Supervised {
        answer,
        rest: Some(Box::pin(rest)),
        runtime: Handle::current(),
    }
}

impl<R, E> Future for Supervised<R, E> {
    type Output = Answer<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out first: a future that panicked must not be polled again, by the `Drop` below.
        if let Some(mut rest) = self.rest.take() {
            if rest.as_mut().poll(cx).is_pending() {
                self.rest = Some(rest);
            }
        }
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(answer.expect("the rest answers before it ends"))
    }
}

impl<R, E> Drop for Supervised<R, E> {
    /// The answer is out, or the client has hung up: moves the rest to a task.
    fn drop(&mut self) {
        let Some(mut rest) = self.rest.take() else {
            return;
        };
        let _entered = self.runtime.enter();
        // First it looks whether the handler has ended, then it hears of the hang-up, at once.
        let mut cx = Context::from_waker(Waker::noop());
        let polled = caught(|| {
            let is_ready = rest.as_mut().poll(&mut cx).is_ready();
            self.answer.close();
            is_ready || rest.as_mut().poll(&mut cx).is_ready()
        });
        if let Ok(false) = polled {
            self.runtime.spawn(rest);
        }
    }
}

/// Step 6 of the manual's table.
async fn supervise<V, R, E>(job: &mut Job<V>, mut handler: Handler<R, E>, mut client: Client<R, E>)
where
    V: Event,
{
    let ended = match job.deadline {
        Some(deadline) => {
            job.answer_in_time(deadline, &mut handler, &mut client)
                .await
        }
        None => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => job.handler_end(&mut handler).await,
    };
    let interrupted = || Failure::broken_off(RejectionKind::Interrupted, LetterReason::Interrupted);
    let failure = match ended {
        Ok(Some(Ok(response))) if response.status().is_success() => {
            return job.succeed(response, client).await;
        }
        Ok(Some(Ok(response))) => Failure::status(response),
        Ok(Some(Err(error))) => Failure::error(error),
        Ok(None) => interrupted(),
        Err(error) if error.is_panic() => {
            discard(error);
            Failure::broken_off(RejectionKind::Panicked, LetterReason::Panicked)
        }
        // The runtime stops.
        Err(_) => interrupted(),
    };
    job.fail(failure, client).await;
}

impl<V: Event> Job<V> {
    /// Waits for the handler while the client waits. `None`: the handler still runs, and the client
    /// has another answer or has hung up.
    async fn answer_in_time<R, E>(
        &mut self,
        deadline: Instant,
        handler: &mut Handler<R, E>,
        client: &mut Client<R, E>,
    ) -> Option<HandlerEnd<R, E>> {
        if let Some(ended) = self.wait(deadline, handler, client).await {
            return Some(ended);
        }
        let mut late = self.config.late;
        if late == Late::Accept && client.is_some() {
            if let Some(confirmation) = self.store_late() {
                let until = self.config.store_until(deadline);
                // If the store fails, the handler has as long as the store would have had.
                let ended = tokio::select! { biased;
                    ended = self.wait(until, handler, client) => ended,
                    Ok(()) = confirmation => None,
                };
                if ended.is_some() {
                    return ended;
                }
                if !self.is_kept() {
                    late = Late::Refuse;
                }
            }
        }
        if client.is_some() {
            let answer = match late {
                Late::Accept => self.config.success(),
                Late::Refuse => Rejection::new(RejectionKind::Late).into_response(),
            };
            self.report.tell(End::late(answer.status()));
            send(client.take(), Ok(answer));
        }
        None
    }

    /// The handler's end by that time; `None` if it still runs then, or the client hangs up before.
    async fn wait<R, E>(
        &mut self,
        until: Instant,
        handler: &mut Handler<R, E>,
        client: &mut Client<R, E>,
    ) -> Option<HandlerEnd<R, E>> {
        tokio::select! { biased;
            ended = timeout_at(until, self.handler_end(handler)) => ended.ok(),
            () = hung_up(client) => {
                self.report.tell(End::given_up());
                None
            }
        }
    }

    /// Waits for the handler's end, and stores the delivery if a drain gives up on it.
    async fn handler_end<R, E>(&mut self, handler: &mut Handler<R, E>) -> HandlerEnd<R, E> {
        tokio::select! { biased;
            ended = handler => ended,
            never = self.store_left_over() => match never {},
        }
    }

    async fn succeed<R, E>(&mut self, mut response: Response<R>, client: Client<R, E>) {
        let letter = self.letter.as_mut();
        let done = letter.and_then(|letter| letter.writer.done());
        self.report.handler_ended(End::answered(response.status()));
        discard(self.letter.take());
        if let (true, Some(done)) = (self.is_replay(), done) {
            if timeout_at(in_store_time(), done).await != Ok(Ok(())) {
                response.extensions_mut().insert(Unmarked(()));
            }
        }
        drop(self.slot.take());
        send(client, Ok(response.map(ResponseBody::handler)));
    }

    async fn fail<R, E>(&mut self, failure: Failure<R, E>, mut client: Client<R, E>) {
        let confirmation = self.store_failure(failure.reason);
        let has_store = confirmation.is_some();
        let until = match self.deadline {
            Some(deadline) if self.report.answered().is_none() => {
                // Under `Failed::Refuse` the failure goes out at once.
                self.accepts_failures()
                    .then(|| self.config.store_until(deadline))
            }
            _ => Some(in_store_time()),
        };
        let is_stored = match confirmation.zip(until) {
            Some((confirmation, until)) => self.is_stored(confirmation, until, &mut client).await,
            None => false,
        };
        let answer = if self.is_replay() {
            let (end, mut answer) = failure.settle(&self.config, false);
            self.report.handler_ended(end);
            if let (Ok(response), true, false) = (&mut answer, has_store, is_stored) {
                response.extensions_mut().insert(Unmarked(()));
            }
            answer
        } else {
            let (end, answer) = failure.settle(&self.config, is_stored);
            self.report.handler_ended(end);
            answer
        };
        discard(self.letter.take());
        drop(self.slot.take());
        send(client, answer);
    }

    /// Whether the store confirms by that time that it has the delivery. For a request an earlier
    /// letter that promised a success is enough.
    async fn is_stored<R, E>(
        &mut self,
        confirmation: Confirmation,
        until: Instant,
        client: &mut Client<R, E>,
    ) -> bool {
        let mut confirmed = pin!(timeout_at(until, confirmation));
        let confirmed = tokio::select! { biased;
            confirmed = &mut confirmed => confirmed,
            () = hung_up(client), if !self.is_replay() => {
                self.report.tell(End::given_up());
                confirmed.await
            }
        };
        matches!(confirmed, Ok(Ok(()))) || (!self.is_replay() && self.is_kept())
    }

    fn is_kept(&self) -> bool {
        let letter = self.letter.as_ref();
        letter.is_some_and(|letter| letter.writer.is_kept())
    }
}

/// Waits until the client hangs up. Never ends once the client has its answer.
async fn hung_up<R, E>(client: &mut Client<R, E>) {
    match client {
        Some(waiting) => waiting.closed().await,
        None => pending().await,
    }
    *client = None;
}

/// Sends the answer, or drops it if there is nobody left to hear it.
fn send<R, E>(client: Client<R, E>, answer: Answer<R, E>) {
    match client {
        Some(client) => discard(client.send(answer)),
        None => discard(answer),
    }
}

fn in_store_time() -> Instant {
    clock::after(Instant::now(), STORE_TIME)
}
