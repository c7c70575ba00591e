//! From the handler's start to its end: deadline, limit, hang-up, store.
//!
//! The handler runs in a task of its own, so it is not cancelled when the request is. One future
//! supervises it and owns the [`Job`]. The response future polls the supervising future while the
//! client waits. If the handler outlasts the answer or the client, the supervising future moves to a
//! task.

use std::{
    future::{Future, pending, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use http::{Request, Response};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{JoinHandle, coop, yield_now},
    time::{Instant, Sleep, sleep_until, timeout, timeout_at},
};
use tower::Service;

use crate::{
    background::STORE_TIME,
    body::{Answer, RequestBody},
    clock,
    dead_letter::Confirmation,
    delivery::Delivery,
    job::{Failure, HandlerEnd, Job},
    outcome::{End, LetterReason},
    panic::{Caught, Panicked, caught, discard},
    policy::Late,
    provider::Event,
    rejection::{Rejection, RejectionKind},
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

/// What supervises a delivery from the start of its handler.
struct Supervision<V, R, E> {
    job: Job<V>,
    handler: Handler<R, E>,
    /// `None` while the handler runs.
    end: Option<HandlerEnd<R, E>>,
    /// Where the answer goes; `None` once it is out or the client has hung up.
    client: Option<oneshot::Sender<Answer<R, E>>>,
    /// Resolves when the store has the letter that a late success waits for.
    late_letter: Option<Confirmation>,
}

/// The handler's task. It returns `None` if the handler was cut off at its limit.
pub(crate) type Handler<R, E> = JoinHandle<Result<Option<Result<Response<R>, E>>, Panicked>>;

/// Starts the handler.
pub(crate) fn start<S, V, R>(
    job: &mut Job<V>,
    mut inner: S,
    request: Request<RequestBody>,
    delivery: Delivery<V>,
) -> Handler<R, S::Error>
where
    V: Event,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    let (deadline, limit) = (job.deadline, job.config.handler_limit);
    let called = async move {
        let answer = pin!(inner.call(request));
        drop(inner);
        let answer = match limit {
            Some(limit) => timeout(limit, answer).await.ok(),
            None => Some(answer.await),
        };
        if clock::is_past(deadline) {
            // The deadline wins a tie, also where its timer is younger than the handler's own.
            yield_now().await;
        }
        answer
    };
    // The delivery is dropped after the handler: an event that panics while a handler's panic unwinds
    // would abort the process.
    let called = Caught::new(called, delivery);
    let handler = tokio::spawn(Span::current().instrument(called));
    job.report.has_handler = true;
    handler
}

impl<R: Send + 'static, E: Send + 'static> Supervised<R, E> {
    pub(crate) fn new<V: Event>(job: Job<V>, handler: Handler<R, E>) -> Self {
        let (client, answer) = oneshot::channel();
        let mut supervision = Supervision {
            job,
            handler,
            end: None,
            client: Some(client),
            late_letter: None,
        };
        Self {
            answer,
            // By reference, since an `async fn` reserves the space of an argument twice.
            supervision: Some(Box::pin(async move { supervision.run().await })),
            runtime: Handle::current(),
            span: Span::current(),
        }
    }
}

impl<R, E> Future for Supervised<R, E> {
    type Output = Answer<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out first: a future that panicked must not be polled again, by the `Drop` below.
        // Unconstrained, since others may have used up the budget of the task that polls this.
        if let Some(mut supervision) = self.supervision.take() {
            let polled = pin!(coop::unconstrained(&mut supervision)).poll(cx);
            if polled.is_pending() {
                self.supervision = Some(supervision);
            }
        }
        let answer = ready!(pin!(coop::unconstrained(&mut self.answer)).poll(cx));
        // Without an answer, the supervision has panicked: it was polled outside of a runtime.
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
            self.runtime.spawn(self.span.instrument(supervision));
        }
    }
}

impl<V: Event, R, E> Supervision<V, R, E> {
    /// Step 7 of the table in the manual, `src/manual.md`.
    async fn run(&mut self) {
        self.answer_in_time().await;
        if self.end.is_none() {
            // The client has another answer, or has hung up.
            self.end = Some(ended(&mut self.handler, &mut self.job).await);
        }
        let is_stored = match &self.end {
            Some(Err(failure)) => self.store_failure(failure.reason).await,
            _ => {
                self.job.mark_done();
                false
            }
        };
        let end = self.end.take().expect("just awaited");
        let answer = self.job.finish(end, is_stored);
        self.job.release();
        self.send(answer);
    }

    /// Answers the client at the deadline, unless the handler ends or the client hangs up before. With
    /// a store, a late delivery is stored before it is accepted.
    async fn answer_in_time(&mut self) {
        let deadline = self.job.deadline.expect("only a replay has none");
        let mut timer = pin!(sleep_until(deadline));
        // A handler that only queues the delivery ends in its first turn. If the timer is first polled
        // after that, a request takes 7 % less processor time.
        next_turn().await;
        self.wait(timer.as_mut()).await;
        if !self.is_open() {
            return;
        }
        let accepts = self.job.config.late == Late::Accept;
        if accepts {
            self.late_letter = self.job.store_late();
        }
        let has_store = self.late_letter.is_some();
        if has_store {
            let until = self.job.config.store_until(timer.deadline());
            timer.as_mut().reset(until);
            self.wait(timer).await;
            if !self.is_open() {
                return;
            }
        }
        let answer = if accepts && (!has_store || self.job.is_kept()) {
            self.job.config.success()
        } else {
            Rejection::new(RejectionKind::Late).into_response()
        };
        self.job.report.tell(End::late(answer.status()));
        self.send(Ok(answer));
    }

    /// Waits until the handler ends, the client hangs up, the store confirms, or the time is up.
    async fn wait(&mut self, timer: Pin<&mut Sleep>) {
        tokio::select! { biased;
            end = ended(&mut self.handler, &mut self.job) => self.end = Some(end),
            () = hung_up(&mut self.client) => self.job.report.tell(End::given_up()),
            () = confirmed(&mut self.late_letter) => {}
            () = timer => {}
        }
    }

    /// Whether the handler runs and the client waits.
    fn is_open(&self) -> bool {
        self.end.is_none() && self.client.is_some()
    }

    /// Stores the failure of the handler. Whether the store has the delivery in time.
    async fn store_failure(&mut self, reason: LetterReason) -> bool {
        let Some(confirmation) = self.job.store_failure(reason) else {
            return false;
        };
        let until = match self.job.deadline {
            Some(deadline) if self.job.report.was_success.is_none() => {
                if !self.job.accepts_failures() {
                    // The failure goes out at once.
                    return false;
                }
                self.job.config.store_until(deadline)
            }
            _ => clock::after(Instant::now(), STORE_TIME),
        };
        let mut confirmed = pin!(timeout_at(until, confirmation));
        let confirmed = tokio::select! { biased;
            confirmed = &mut confirmed => confirmed,
            () = hung_up(&mut self.client) => {
                self.job.report.tell(End::given_up());
                confirmed.await
            }
        };
        // An earlier letter that promised a success is enough.
        confirmed == Ok(Ok(())) || self.job.is_kept()
    }

    /// Sends the answer, or drops it if there is nobody left to hear it.
    fn send(&mut self, answer: Answer<R, E>) {
        match self.client.take() {
            Some(client) => discard(client.send(answer)),
            None => discard(answer),
        }
    }
}

/// Waits for the handler's end, and stores the delivery if a drain gives up on the handler.
pub(crate) async fn ended<V: Event, R, E>(
    handler: &mut Handler<R, E>,
    job: &mut Job<V>,
) -> HandlerEnd<R, E> {
    let called = tokio::select! { biased;
        called = handler => called,
        never = job.store_left_over() => match never {},
    };
    let called = called.unwrap_or_else(|stopped| {
        // The runtime stops, and has dropped the task.
        discard(stopped);
        Ok(None)
    });
    match called {
        Ok(Some(Ok(response))) if response.status().is_success() => Ok(response),
        Ok(Some(Ok(response))) => Err(Failure::status::<V>(response)),
        Ok(Some(Err(error))) => Err(Failure::error(error)),
        Ok(None) => Err(Failure::rejected(RejectionKind::Interrupted)),
        Err(Panicked) => Err(Failure::rejected(RejectionKind::Panicked)),
    }
}

/// Waits until the task is polled again, and asks for that at once. Any worker may poll it then. tokio's
/// `yield_now` would leave it to this worker, which the handler may block.
async fn next_turn() {
    let mut was_polled = false;
    poll_fn(|cx| {
        if mem::replace(&mut was_polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits until the store confirms. Never ends if it fails: the handler may still end in time.
async fn confirmed(confirmation: &mut Option<Confirmation>) {
    if let Some(confirmation) = confirmation {
        if confirmation.await.is_ok() {
            return;
        }
    }
    pending().await
}

/// Waits until the client hangs up. Never ends once the client has its answer.
async fn hung_up<R, E>(client: &mut Option<oneshot::Sender<Answer<R, E>>>) {
    match client {
        Some(waiting) => waiting.closed().await,
        None => pending().await,
    }
    *client = None;
}
