use std::{
    future, mem,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::{Sleep, sleep};
use tower::Service;
use tower_webhook::RequestBody;

use super::{PANIC, reply};

/// The inner services of these tests answer with this.
pub type Reply = Response<Full<Bytes>>;

/// The error of an inner service. It is neither `Clone` nor an `Error`, since the layer asks for
/// neither.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken;

/// What a handler does when it is called.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    Answer(u16),
    AnswerAfter(Duration, u16),
    Never,
    Fail,
    FailAfter(Duration),
    PanicInCall,
    PanicAfter(Duration),
}

impl Does {
    pub async fn run(self) -> Result<Reply, Broken> {
        match self {
            Self::Answer(_) | Self::Fail => {}
            Self::AnswerAfter(delay, _) | Self::FailAfter(delay) | Self::PanicAfter(delay) => {
                pass(delay).await;
            }
            Self::Never => future::pending().await,
            Self::PanicInCall => unreachable!("it panicked before"),
        }
        match self {
            Self::Answer(status) | Self::AnswerAfter(_, status) => {
                Ok(reply(StatusCode::from_u16(status).expect("a status")))
            }
            Self::PanicAfter(_) => panic!("{PANIC}"),
            _ => Err(Broken),
        }
    }
}

/// Sleeps, without a timer if the time is zero.
pub async fn pass(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

/// An inner service that counts how often it was called and how often it came to an end.
#[derive(Clone)]
pub struct Handler {
    pub does: Does,
    /// Becomes ready after that long; `None` for never.
    ready_after: Option<Duration>,
    panics_when_asked: bool,
    pub called: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
    ready: Ready,
}

#[derive(Default)]
struct Ready {
    sleep: Option<Pin<Box<Sleep>>>,
    ready: bool,
}

/// Readiness belongs to one clone, as in tower's own services.
impl Clone for Ready {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Handler {
    pub fn new(does: Does) -> Self {
        Self {
            does,
            ready_after: Some(Duration::ZERO),
            panics_when_asked: false,
            called: Arc::default(),
            finished: Arc::default(),
            ready: Ready::default(),
        }
    }

    /// One that answers at once.
    pub fn answers(status: u16) -> Self {
        Self::new(Does::Answer(status))
    }

    pub fn ready_after(mut self, delay: Option<Duration>) -> Self {
        self.ready_after = delay;
        self
    }

    /// One whose `poll_ready` panics.
    pub fn panics_when_asked(mut self) -> Self {
        self.panics_when_asked = true;
        self
    }

    pub fn called(&self) -> usize {
        self.called.load(Ordering::SeqCst)
    }

    pub fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }
}

impl Service<Request<RequestBody>> for Handler {
    type Response = Reply;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        assert!(!self.panics_when_asked, "{PANIC}");
        match self.ready_after {
            None => return Poll::Pending,
            Some(Duration::ZERO) => {}
            Some(delay) => {
                let waiting = &mut self.ready.sleep;
                let sleep = waiting.get_or_insert_with(|| Box::pin(sleep(delay)));
                ready!(sleep.as_mut().poll(cx));
            }
        }
        self.ready.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        let is_ready = mem::take(&mut self.ready.ready);
        assert!(is_ready, "called without being ready");
        self.ready.sleep = None;
        self.called.fetch_add(1, Ordering::SeqCst);
        let does = self.does;
        assert!(!matches!(does, Does::PanicInCall), "{PANIC}");
        let finished = Arc::clone(&self.finished);
        Box::pin(async move {
            let result = AssertUnwindSafe(does.run()).catch_unwind().await;
            finished.fetch_add(1, Ordering::SeqCst);
            result.unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}

/// An inner service whose readiness fails, with the error that the closure makes.
#[derive(Clone)]
pub struct Unready<F>(pub F);

impl<E, F: Fn() -> E> Service<Request<RequestBody>> for Unready<F> {
    type Response = Reply;
    type Error = E;
    type Future = future::Ready<Result<Reply, E>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Err((self.0)()))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        unreachable!("called without being ready")
    }
}
