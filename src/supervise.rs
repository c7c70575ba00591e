//! From the handler's start to its end: deadline, limit, hang-up, store.
//!
//! The handler runs in a task of its own, so it is not cancelled when the request is. One future
//! supervises it and owns the [`Job`]. The response future polls the supervising future while the
//! client waits. If the handler outlasts the answer or the client, the supervising future moves to a
//! task.

use std::{
    future::{Future, pending},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use http::{Request, Response};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{JoinHandle, coop},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tower::Service;

use crate::{
    answer::{Late, Unmarked},
    background::STORE_TIME,
    body::{Answer, RequestBody, ResponseBody},
    clock,
    dead_letter::Confirmation,
    delivery::Delivery,
    job::{Failure, Job},
    outcome::LetterReason,
    panic::{Caught, Panicked, caught, discard},
    provider::Event,
    rejection::{Rejection, RejectionKind},
    report::End,
    trace::Span,
};

/// The answer to a delivery whose handler has started.
pub(crate) struct Supervised<R, E> {
    answer: oneshot::Receiver<Answer<R, E>>,
    /// `None` once it has ended or has moved to a task.
    supervision: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Taken at the start, because this may be dropped outside of a runtime and of the span.
    runtime: Handle,
    span: Span,
}

struct RunningHandler<R, E> {
    task: JoinHandle<Called<R, E>>,
    end: Option<HandlerEnd<R, E>>,
}

/// Boxed, since failures are rare and larger than successes.
type HandlerEnd<R, E> = Result<Response<R>, Box<Failure<R, E>>>;

/// What the handler's task returns; `None` if the handler was cut off at its limit.
type Called<R, E> = Result<Option<Result<Response<R>, E>>, Panicked>;

impl<R, E> RunningHandler<R, E> {
    fn failure(&self) -> Option<LetterReason> {
        let failure = self.end.as_ref()?.as_ref().err()?;
        Some(failure.reason)
    }
}

/// Where the answer goes; `None` once it is out or the client has hung up.
type Client<R, E> = Option<oneshot::Sender<Answer<R, E>>>;

/// Starts the handler.
pub(crate) fn start<S, V, R>(
    mut job: Job<V>,
    mut inner: S,
    request: Request<RequestBody>,
    delivery: Delivery<V>,
) -> Supervised<R, S::Error>
where
    V: Event,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    job.report.handler_starts();
    let limit = job.config.handler_limit;
    let called = async move {
        let answer = pin!(inner.call(request));
        drop(inner);
        match limit {
            Some(limit) => timeout(limit, answer).await.ok(),
            None => Some(answer.await),
        }
    };
    // The delivery goes last: an event that panics while a handler's panic unwinds would abort the
    // process.
    let called = Caught::new(called).then_drop(delivery);
    let span = Span::current();
    let task = tokio::spawn(span.instrument(called));
    let (client, answer) = oneshot::channel();
    let is_replay = job.is_replay();
    let mut supervised = Supervised {
        answer,
        // By reference, since an `async fn` stores each argument twice.
        supervision: Some(Box::pin(async move {
            let mut handler = RunningHandler { task, end: None };
            let mut client = Some(client);
            supervise(&mut job, &mut handler, &mut client).await;
        })),
        runtime: Handle::current(),
        span,
    };
    if is_replay {
        // Nobody waits for a hang-up, and nobody may poll for the answer for a long time.
        supervised.move_to_task();
    }
    supervised
}

impl<R, E> Supervised<R, E> {
    fn move_to_task(&mut self) {
        if let Some(supervision) = self.supervision.take() {
            self.runtime.spawn(self.span.instrument(supervision));
        }
    }
}

impl<R, E> Future for Supervised<R, E> {
    type Output = Answer<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out first: a future that panicked must not be polled again, by the `Drop` below.
        // Unconstrained, since others may have used up the budget of the task that polls this.
        if let Some(mut supervision) = self.supervision.take() {
            if pin!(coop::unconstrained(&mut supervision))
                .poll(cx)
                .is_pending()
            {
                self.supervision = Some(supervision);
            }
        }
        let answer = ready!(pin!(coop::unconstrained(&mut self.answer)).poll(cx));
        // Without an answer, the runtime of the supervising task has stopped.
        Poll::Ready(answer.unwrap_or_else(|_| {
            let rejection = Rejection::new(RejectionKind::Interrupted);
            Ok(rejection.into_response())
        }))
    }
}

impl<R, E> Drop for Supervised<R, E> {
    /// The answer is out, or the client has hung up: moves the supervision to a task.
    fn drop(&mut self) {
        let Some(mut supervision) = self.supervision.take() else {
            return;
        };
        self.answer.close();
        // So that a hang-up is told at once.
        let polled = caught(|| {
            let (_runtime, _span) = (self.runtime.enter(), self.span.enter());
            let mut cx = Context::from_waker(Waker::noop());
            pin!(coop::unconstrained(&mut supervision)).poll(&mut cx)
        });
        if let Ok(Poll::Pending) = polled {
            self.supervision = Some(supervision);
            self.move_to_task();
        }
    }
}

/// Step 6 of the table in the manual, `src/manual.md`.
async fn supervise<V, R, E>(
    job: &mut Job<V>,
    handler: &mut RunningHandler<R, E>,
    client: &mut Client<R, E>,
) where
    V: Event,
{
    if let Some(deadline) = job.deadline {
        job.answer_in_time(deadline, handler, client).await;
    }
    if handler.end.is_none() {
        // The client has another answer, or has hung up.
        job.handler_end(handler).await;
    }
    let is_stored = match handler.failure() {
        None => job.mark_done().await,
        Some(reason) => job.store_handler_failure(reason, client).await,
    };
    let mut answer = match handler.end.take().expect("just awaited") {
        Ok(response) => {
            job.report.delivery_ended(End::answered(response.status()));
            Ok(response.map(ResponseBody::handler))
        }
        Err(failure) => {
            let is_accepted = is_stored == Some(true) && !job.is_replay();
            failure.tell(&job.config, &mut job.report, is_accepted)
        }
    };
    if let (Ok(response), true, Some(false)) = (&mut answer, job.is_replay(), is_stored) {
        response.extensions_mut().insert(Unmarked(()));
    }
    job.release();
    send(client.take(), answer);
}

impl<V: Event> Job<V> {
    /// Answers the client at the deadline, unless the handler ends or the client hangs up before. With
    /// a store, a late delivery is stored before it is accepted.
    async fn answer_in_time<R, E>(
        &mut self,
        deadline: Instant,
        handler: &mut RunningHandler<R, E>,
        client: &mut Client<R, E>,
    ) {
        self.wait(deadline, None, handler, client).await;
        if handler.end.is_some() || client.is_none() {
            return;
        }
        let mut late = self.config.late;
        if late == Late::Accept {
            if let Some(confirmation) = self.store_late() {
                let until = self.config.store_until(deadline);
                self.wait(until, Some(confirmation), handler, client).await;
                if handler.end.is_some() || client.is_none() {
                    return;
                }
                if !self.is_kept() {
                    late = Late::Refuse;
                }
            }
        }
        let answer = match late {
            Late::Accept => self.config.success(),
            Late::Refuse => Rejection::new(RejectionKind::Late).into_response(),
        };
        self.report.tell(End::late(answer.status()));
        send(client.take(), Ok(answer));
    }

    /// Waits until the handler ends, the client hangs up, the store confirms, or the time is up.
    async fn wait<R, E>(
        &mut self,
        until: Instant,
        confirmation: Option<Confirmation>,
        handler: &mut RunningHandler<R, E>,
        client: &mut Client<R, E>,
    ) {
        tokio::select! { biased;
            () = self.handler_end(handler) => {}
            () = hung_up(client) => self.report.tell(End::given_up()),
            () = confirmed(confirmation) => {}
            () = sleep_until(until) => {}
        }
    }

    /// Waits for the handler's end, and stores the delivery if a drain gives up on the handler.
    async fn handler_end<R, E>(&mut self, handler: &mut RunningHandler<R, E>) {
        tokio::select! { biased;
            called = &mut handler.task => {
                let called = called.unwrap_or_else(|stopped| {
                    // The runtime stops, and has dropped the task.
                    discard(stopped);
                    Ok(None)
                });
                handler.end = Some(match called {
                    Ok(Some(Ok(response))) if response.status().is_success() => Ok(response),
                    Ok(Some(Ok(response))) => Err(Failure::status(response).into()),
                    Ok(Some(Err(error))) => Err(Failure::error(error).into()),
                    Ok(None) => Err(Failure::rejected(RejectionKind::Interrupted).into()),
                    Err(Panicked) => Err(Failure::rejected(RejectionKind::Panicked).into()),
                });
            }
            never = self.store_left_over() => match never {},
        }
    }

    /// Marks the letter as done, if there is one. For a replay: whether the store has confirmed that
    /// in time.
    async fn mark_done(&mut self) -> Option<bool> {
        let done = self.storage.as_mut()?.writer.done()?;
        if !self.is_replay() {
            return None;
        }
        Some(timeout_at(in_store_time(), done).await == Ok(Ok(())))
    }

    /// Stores the failure of a handler. Whether the store has confirmed in time that it has the
    /// delivery; `None` without a store.
    async fn store_handler_failure<R, E>(
        &mut self,
        reason: LetterReason,
        client: &mut Client<R, E>,
    ) -> Option<bool> {
        let confirmation = self.store_failure(reason)?;
        let until = match self.deadline {
            Some(deadline) if self.report.was_success().is_none() => {
                if !self.accepts_failures() {
                    // The failure goes out at once.
                    return Some(false);
                }
                self.config.store_until(deadline)
            }
            _ => in_store_time(),
        };
        let mut confirmed = pin!(timeout_at(until, confirmation));
        let is_replay = self.is_replay();
        let confirmed = tokio::select! { biased;
            confirmed = &mut confirmed => confirmed,
            () = hung_up(client), if !is_replay => {
                self.report.tell(End::given_up());
                confirmed.await
            }
        };
        // For a request an earlier letter that promised a success is enough.
        Some(confirmed == Ok(Ok(())) || (!is_replay && self.is_kept()))
    }

    fn is_kept(&self) -> bool {
        let storage = self.storage.as_ref();
        storage.is_some_and(|storage| storage.writer.is_kept())
    }
}

/// Waits until the store confirms. Never ends if it fails: the handler may still end in time.
async fn confirmed(confirmation: Option<Confirmation>) {
    let is_confirmed = match confirmation {
        Some(confirmation) => confirmation.await.is_ok(),
        None => false,
    };
    if !is_confirmed {
        pending().await
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
