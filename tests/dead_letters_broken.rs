//! What a store, its errors or a handler's leftovers do when they panic on top of it all.

mod util;

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body::{Body, Frame};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, DeadLetter, DeadLetters, Event, LetterReason, OutcomeKind, Provider, Received,
    Rejection, RequestBody, Rules, WebhookLayer,
};

use self::util::{
    ALEGRA, Does, Handler, Outcomes, PANIC, alegra,
    letters::{Care, Letters, quiet_panics},
    ms, post, send,
};

type Failure = Box<dyn Error + Send + Sync>;

/// An error that panics when it is printed, in the log for instance.
#[derive(Debug)]
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("{PANIC}")
    }
}

impl Error for Unprintable {}

/// One that panics when it is dropped.
#[derive(Debug)]
struct Undroppable;

impl fmt::Display for Undroppable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is full")
    }
}

impl Error for Undroppable {}

impl Drop for Undroppable {
    fn drop(&mut self) {
        panic!("{PANIC}");
    }
}

/// A store's call that may panic when it is dropped.
struct Call {
    call: Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>,
    panics: bool,
}

impl Future for Call {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().poll(cx)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        assert!(!self.panics, "{PANIC}");
    }
}

/// Writes down the reasons of the letters that it was given, and fails at the first.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<Vec<LetterReason>>>);

impl Reasons {
    /// Whether it is the first.
    fn add(&self, letter: &DeadLetter) -> bool {
        let mut reasons = self.0.lock().unwrap();
        reasons.push(letter.reason());
        reasons.len() == 1
    }

    fn all(&self) -> Vec<LetterReason> {
        self.0.lock().unwrap().clone()
    }
}

struct Fails(Reasons, fn() -> Failure);

impl DeadLetters for Fails {
    async fn store(&self, letter: DeadLetter) -> Result<(), Failure> {
        let is_first = self.0.add(&letter);
        // The handler is at its end meanwhile, and its letter in line.
        sleep(ms(400)).await;
        if is_first {
            return Err(self.1());
        }
        Ok(())
    }
}

/// Its first call panics when it is dropped, whatever came of it.
struct Calls(Reasons, fn() -> Result<(), Failure>);

impl DeadLetters for Calls {
    fn store(&self, letter: DeadLetter) -> impl Future<Output = Result<(), Failure>> + Send {
        let panics = self.0.add(&letter);
        let result = self.1;
        let call = Box::pin(async move {
            sleep(ms(400)).await;
            if panics { result() } else { Ok(()) }
        });
        Call { call, panics }
    }
}

/// A handler that is late, and fails while the store is being told so.
async fn is_told_of_both(store: impl DeadLetters, reasons: &Reasons) {
    quiet_panics();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::sink)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store));
    let handler = Handler::new(Does::FailAfter(ms(3200)));
    let answer = send(&layer, &handler, post(ALEGRA)).await;
    assert_eq!(reasons.all(), [LetterReason::Pending, LetterReason::Error]);
    let status = answer.map(|answer| answer.status().as_u16());
    assert_eq!(status, Ok(202));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_when_it_is_printed_costs_no_letter() {
    let reasons = Reasons::default();
    let store = Fails(reasons.clone(), || Unprintable.into());
    is_told_of_both(store, &reasons).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_when_it_is_dropped_costs_no_letter() {
    let reasons = Reasons::default();
    let store = Fails(reasons.clone(), || Undroppable.into());
    is_told_of_both(store, &reasons).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_when_it_is_dropped_costs_no_letter() {
    for result in [|| Ok(()), || Err(Undroppable.into())] {
        let reasons = Reasons::default();
        is_told_of_both(Calls(reasons.clone(), result), &reasons).await;
    }
}

/// A body that panics when it is dropped.
struct Bomb;

impl Body for Bomb {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{PANIC}");
    }
}

/// It was told as stored, and that is what is answered.
#[tokio::test(start_paused = true)]
async fn an_answer_that_panics_when_it_is_dropped_changes_no_other() {
    quiet_panics();
    let letters = Letters::always(Care::KeepAfter(ms(10)));
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(letters.clone()));
    let inner = service_fn(async |_request: Request<RequestBody>| {
        let mut response = Response::new(Bomb);
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        Ok::<_, Infallible>(response)
    });
    let answer = layer.layer(inner).oneshot(post(ALEGRA)).await;
    let status = answer.map(|answer| answer.status().as_u16());
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
    assert_eq!(status, Ok(202));
    assert_eq!(letters.all().len(), 1);
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}

/// An event that panics when its last holder lets go.
struct Touchy;

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "{PANIC}");
    }
}

impl Event for Touchy {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

struct Touchies;

impl Provider for Touchies {
    type Event = Touchy;

    fn rules(&self) -> Rules {
        Rules::new("touchy")
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Touchy>, Rejection> {
        Ok(Received::event(Touchy))
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_panics_when_it_is_dropped_keeps_no_slot() {
    quiet_panics();
    let letters = Letters::always(Care::KeepAfter(ms(0)));
    let layer = WebhookLayer::new(Touchies, Access::open()).dead_letters(letters);
    for does in [
        Does::AnswerAfter(ms(100), StatusCode::OK),
        Does::FailAfter(ms(100)),
    ] {
        let request = layer.layer(Handler::new(does)).oneshot(post("7"));
        // Hung up, so that the handler's task is the last to hold it.
        assert!(tokio::time::timeout(ms(50), request).await.is_err());
        sleep(ms(5000)).await;
        assert_eq!(layer.background().in_flight(), 0, "{does:?}");
    }
}
