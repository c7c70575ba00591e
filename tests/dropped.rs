//! When things are dropped; and what panics then changes nothing of an answer that is known. A
//! handler's is known once all that it leaves is gone.

mod util;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    mem,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures::poll;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body::{Body, Frame};
use http_body_util::Full;
use tokio::runtime::Builder;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, Event, OutcomeKind, Provider, Received, Record, Rejection, RejectionKind, RequestBody,
    Rules, WebhookLayer,
};

use util::{
    ALEGRA, Broken, Does, Handler, Outcomes, Reply, alegra, ms, post, post_body, rejection, reply,
    send, store::Store, with_method,
};

/// Panics when it is dropped, unless that would be the second panic at once.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "{}", util::PANIC);
    }
}

/// An event that holds what is to be dropped with it.
struct Holds<T>(T);

impl<T: Send + Sync + 'static> Event for Holds<T> {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

/// A provider that takes each body for such an event.
struct Props<F>(F);

impl<T, F> Provider for Props<F>
where
    T: Send + Sync + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    type Event = Holds<T>;

    fn rules(&self) -> Rules {
        Rules::new("props").probe_method(Method::GET)
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Holds<T>>, Rejection> {
        Ok(Received::event(Holds(self.0())))
    }
}

fn open<T, F>(prop: F) -> WebhookLayer<Props<F>>
where
    T: Send + Sync + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    WebhookLayer::new(Props(prop), Access::open())
}

#[tokio::test(start_paused = true)]
async fn an_event_that_its_handler_drops() {
    let (layer, outcomes) = Outcomes::of(open(|| Bomb));
    let handler = Handler::new(Does::Answer(StatusCode::CREATED));
    let response = send(&layer, &handler, post("body")).await;
    let kind = rejection(&response.expect("an answer"));
    assert_eq!(kind, Some(RejectionKind::Panicked));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(500), false)]);
    assert_eq!(layer.background().in_flight(), 0);
}

/// Says when it is dropped.
struct Witness(Arc<AtomicBool>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// It goes with its handler, whether or not the answer has been fetched.
#[tokio::test(start_paused = true)]
async fn an_event_whose_handler_is_at_its_end() {
    for fetched in [true, false] {
        let gone = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&gone);
        let (layer, outcomes) = Outcomes::of(open(move || Witness(Arc::clone(&seen))));
        let webhook = layer.layer(Handler::new(Does::Answer(StatusCode::CREATED)));
        let mut answer = Box::pin(webhook.oneshot(post("body")));
        assert!(poll!(answer.as_mut()).is_pending());
        assert!(!gone.load(Ordering::SeqCst));
        tokio::task::yield_now().await;
        assert!(gone.load(Ordering::SeqCst));
        if fetched {
            assert_eq!(answer.await.expect("an answer").status(), 201);
        } else {
            drop(answer);
        }
        assert_eq!(outcomes.seen(), [(OutcomeKind::Handled, Some(201), false)]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_gets_to_no_handler() {
    let (layer, outcomes) = Outcomes::of(open(|| Bomb));
    layer.background().drain(Duration::ZERO).await;
    let response = send(&layer, &Handler::new(Does::Never), post("body")).await;
    let kind = rejection(&response.expect("an answer"));
    assert_eq!(kind, Some(RejectionKind::Draining));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Rejected, Some(503), false)]);
}

/// One frame, and then a bomb.
struct Parcel(Option<&'static str>, Bomb);

impl Body for Parcel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text.into()))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_read() {
    for (text, status) in [(ALEGRA, 201), ("", 200), ("no JSON", 400)] {
        let handler = Handler::new(Does::Answer(StatusCode::CREATED));
        let parcel = Parcel(Some(text), Bomb);
        let response = send(&alegra(), &handler, post_body(parcel)).await;
        assert_eq!(response.expect("an answer").status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_turned_away() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Never);
    let mut request = with_method(Method::PUT, Parcel(None, Bomb));
    request.extensions_mut().insert(Arc::new(Bomb));
    let response = send(&layer, &handler, request).await;
    assert_eq!(response.expect("an answer").status(), 405);
    assert_eq!(outcomes.seen(), [(OutcomeKind::Rejected, Some(405), false)]);
}

#[tokio::test(start_paused = true)]
async fn an_event_by_a_method_that_delivers_none() {
    let layer = open(|| Bomb);
    let request = with_method(Method::GET, Full::<Bytes>::from("body"));
    let response = send(&layer, &Handler::new(Does::Never), request).await;
    assert_eq!(response.expect("an answer").status(), 405);
}

/// A service whose clones are loaded.
struct Armed(#[expect(dead_code, reason = "it is there to be dropped")] Option<Bomb>);

impl Clone for Armed {
    fn clone(&self) -> Self {
        Self(Some(Bomb))
    }
}

impl Service<Request<RequestBody>> for Armed {
    type Response = Reply;
    type Error = Broken;
    type Future = Ready<Result<Reply, Broken>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        ready(Ok(reply(StatusCode::CREATED)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_was_not_called() {
    for (text, status) in [("", 200), ("no JSON", 400)] {
        let mut request = post_body(Parcel(Some(text), Bomb));
        request.extensions_mut().insert(Arc::new(Bomb));
        let response = alegra().layer(Armed(None)).oneshot(request).await;
        assert_eq!(response.expect("an answer").status(), status);
    }
}

/// Fails, and is itself a bomb, too.
struct Fails(Bomb);

impl Future for Fails {
    type Output = Result<Reply, Bomb>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(Bomb))
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_with_its_error() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = service_fn(|_| Fails(Bomb));
    let response = layer.layer(handler).oneshot(post(ALEGRA)).await;
    let response = response.ok().expect("an answer");
    assert_eq!(rejection(&response), Some(RejectionKind::Panicked));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(500), false)]);
}

/// The request began in a runtime and is polled on outside of any: no task can begin there.
#[test]
fn a_task_that_cannot_begin() {
    let (layer, outcomes) = Outcomes::of(alegra().max_in_flight(1).handler_limit(ms(60_000)));
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let brief = Handler::new(Does::AnswerAfter(ms(10), StatusCode::OK));
    let mut first = Box::pin(send(&layer, &brief, post(ALEGRA)));
    let webhook = layer.layer(Handler::new(Does::Never));
    let mut second = Box::pin(webhook.oneshot(post(ALEGRA)));
    runtime.block_on(async {
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        assert_eq!(first.await.expect("an answer").status(), 200);
    });
    let mut cx = Context::from_waker(Waker::noop());
    let poll = catch_unwind(AssertUnwindSafe(|| second.as_mut().poll(&mut cx)));
    assert!(poll.is_err(), "there is no runtime");
    drop(second);
    let (handled, given_up) = (OutcomeKind::Handled, OutcomeKind::GivenUp);
    let seen = [(handled, Some(200), false), (given_up, None, false)];
    assert_eq!(outcomes.seen(), seen);
    assert_eq!(layer.background().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_panics_with() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = service_fn(async |_| -> Result<Reply, Broken> { panic_any(Bomb) });
    let response = layer.layer(handler).oneshot(post(ALEGRA)).await;
    let kind = rejection(&response.expect("an answer"));
    assert_eq!(kind, Some(RejectionKind::Panicked));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(500), false)]);
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_delivery_is_stored() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = service_fn(async |_| Err::<Response<String>, _>(Bomb));
    let response = layer.layer(handler).oneshot(post(ALEGRA)).await;
    assert_eq!(response.ok().expect("an answer").status(), 202);

    let unready = Unready;
    let response = layer.layer(unready).oneshot(post(ALEGRA)).await;
    assert_eq!(response.ok().expect("an answer").status(), 202);
    assert_eq!(store.letters().len(), 2);
}

/// A service that never becomes ready, and says so by a bomb.
#[derive(Clone)]
struct Unready;

impl Service<Request<RequestBody>> for Unready {
    type Response = Reply;
    type Error = Bomb;
    type Future = Ready<Result<Reply, Bomb>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Bomb>> {
        Poll::Ready(Err(Bomb))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        unreachable!("never ready")
    }
}

fn record(provider: &str) -> Record {
    let record = format!(
        r#"{{"version":1,"provider":"{provider}","event":"other","received_at_ms":0,"body":"body"}}"#
    );
    serde_json::from_str(&record).expect("a record")
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_gets_to_no_handler() {
    let layer = open(|| Bomb);
    let status = async |record| {
        let answer = layer.layer(Armed(None)).replay::<Full<Bytes>>(record).await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(status(record("another")).await, 400);

    let unready = layer.layer(Unready).replay::<Full<Bytes>>(record("props"));
    mem::forget(unready.await.expect_err("not ready"));

    layer.background().drain(Duration::ZERO).await;
    assert_eq!(status(record("props")).await, 503);
}
