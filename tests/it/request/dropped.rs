//! When values of the user are dropped. A panic in the `Drop` of what the layer drops changes no
//! answer; in the `Drop` of what a handler leaves behind it is a panic of the handler. It never keeps
//! a slot.

use std::{
    convert::Infallible,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tokio::time::sleep;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, OutcomeKind, Provider, Received, Record, RejectionKind, RequestBody, Rules,
    WebhookLayer,
};

use crate::util::{
    ALEGRA, Broken, Does, Handler, Other, Outcomes, PANIC, PanicsOnDrop, Reply, Script, Step,
    Store, Unready, alegra, begun, custom, ms, ok, paused_runtime, post, post_body, rejection,
    send, status_of, with_method,
};

/// A layer of open access, whose events hold what the closure makes. Its probes come by GET.
fn open<T, F>(make: F) -> WebhookLayer<impl Provider>
where
    T: Send + Sync + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    let rules = Rules::new("custom").probe_method(Method::GET);
    let provider = custom(rules, move |_| Ok(Received::event(Other(make()))));
    WebhookLayer::new(provider, Access::open())
}

/// Two panics at once would abort the process.
#[tokio::test(start_paused = true)]
async fn an_event_may_panic_with_its_handler_and_without() {
    for (does, status, kind) in [
        (Does::Answer(201), 201, OutcomeKind::Handled),
        (Does::PanicInCall, 500, OutcomeKind::Failed),
        (Does::PanicAfter(ms(1)), 500, OutcomeKind::Failed),
    ] {
        let (layer, outcomes) = Outcomes::of(open(|| PanicsOnDrop));
        let handler = Handler::new(does);
        assert_eq!(status_of(&layer, &handler, post("body")).await, Ok(status));
        assert_eq!(outcomes.seen(), [(kind, Some(status), false)]);
        assert_eq!(layer.background().in_flight(), 0);
    }
}

/// Notes that it was dropped.
struct Witness(Arc<AtomicBool>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Whether or not anybody polls for the answer.
#[tokio::test(start_paused = true)]
async fn an_event_is_dropped_with_its_handler() {
    for fetched in [true, false] {
        let gone = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&gone);
        let (layer, outcomes) = Outcomes::of(open(move || Witness(Arc::clone(&seen))));
        let webhook = layer.layer(Handler::answers(201));
        let answer = begun(webhook.oneshot(post("body"))).await;
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
async fn an_event_without_a_handler_may_panic() {
    let (layer, outcomes) = Outcomes::of(open(|| PanicsOnDrop));
    layer.background().drain(Duration::ZERO).await;
    let response = send(&layer, &Handler::new(Does::Never), post("body")).await;
    let kind = rejection(&response.expect("an answer"));
    assert_eq!(kind, Some(RejectionKind::Draining));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Rejected, Some(503), false)]);
}

/// A body of that text, which panics when it is dropped.
fn panics_on_drop(text: &'static str) -> impl Body<Data = Bytes, Error: Into<BoxError>> + Send {
    let panics = PanicsOnDrop;
    Script::new([Step::Data(text.as_bytes())]).map_frame(move |frame| {
        let _part_of_the_closure = &panics;
        frame
    })
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_read_may_panic() {
    for (text, status) in [(ALEGRA, 201), ("", 200), ("no JSON", 400)] {
        let handler = Handler::answers(201);
        let body = post_body(panics_on_drop(text));
        let answered = status_of(&alegra(), &handler, body).await;
        assert_eq!(answered, Ok(status));
    }
}

/// Panics when it is asked for a frame, or for its size.
struct Panics {
    at_size: bool,
}

impl Body for Panics {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("{PANIC}")
    }

    fn size_hint(&self) -> SizeHint {
        assert!(!self.at_size, "{PANIC}");
        SizeHint::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_read_may_panic() {
    for at_size in [true, false] {
        let (layer, outcomes) = Outcomes::of(alegra());
        let (handler, body) = (Handler::answers(204), Panics { at_size });
        let answered = status_of(&layer, &handler, post_body(body)).await;
        assert_eq!(answered, Ok(500));
        assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(500), false)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_may_panic() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Never);
    let mut request = with_method(Method::PUT, panics_on_drop(""));
    request.extensions_mut().insert(Arc::new(PanicsOnDrop));
    assert_eq!(status_of(&layer, &handler, request).await, Ok(405));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Rejected, Some(405), false)]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_came_by_get_may_panic() {
    let layer = open(|| PanicsOnDrop);
    let request = with_method(Method::GET, Full::<Bytes>::from("body"));
    let handler = Handler::new(Does::Never);
    assert_eq!(status_of(&layer, &handler, request).await, Ok(405));
}

/// Its clones panic when they are dropped.
struct ClonesPanic(#[expect(dead_code, reason = "it is there to be dropped")] Option<PanicsOnDrop>);

impl Clone for ClonesPanic {
    fn clone(&self) -> Self {
        Self(Some(PanicsOnDrop))
    }
}

/// A service whose clones panic when they are dropped.
fn clones_panic()
-> impl Service<Request<RequestBody>, Response = Reply, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let clones = ClonesPanic(None);
    service_fn(move |request| {
        let _part_of_the_closure = &clones;
        ok(request)
    })
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_was_not_called_may_panic() {
    for (text, status) in [("", 200), ("no JSON", 400)] {
        let mut request = post_body(panics_on_drop(text));
        request.extensions_mut().insert(Arc::new(PanicsOnDrop));
        let response = alegra().layer(clones_panic()).oneshot(request).await;
        assert_eq!(response.expect("an answer").status(), status);
    }
}

struct PanicsOnClone;

impl Clone for PanicsOnClone {
    fn clone(&self) -> Self {
        panic!("cloned")
    }
}

#[tokio::test(start_paused = true)]
async fn the_clone_of_the_service_may_panic() {
    let service = || {
        let panics = PanicsOnClone;
        service_fn(move |request| {
            let _part_of_the_closure = &panics;
            ok(request)
        })
    };
    is_answered_as_a_panic(service()).await;
    let replayed = alegra().layer(service()).replay(record("alegra")).await;
    let kind = rejection(&replayed.expect("an answer"));
    assert_eq!(kind, Some(RejectionKind::Panicked));
}

/// The error panics when it is dropped, and so does the future.
struct Fails(PanicsOnDrop);

impl Future for Fails {
    type Output = Result<Reply, PanicsOnDrop>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(PanicsOnDrop))
    }
}

/// The handler's panic is the answer.
async fn is_answered_as_a_panic<S>(inner: S)
where
    S: Service<Request<RequestBody>, Response = Reply> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: fmt::Debug + Send,
{
    let (layer, outcomes) = Outcomes::of(alegra());
    let response = layer.layer(inner).oneshot(post(ALEGRA)).await;
    let kind = rejection(&response.expect("an answer"));
    assert_eq!(kind, Some(RejectionKind::Panicked));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(500), false)]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_and_its_error_may_panic() {
    is_answered_as_a_panic(service_fn(|_| Fails(PanicsOnDrop))).await;
}

/// Panics when it is dropped, with one less of its kind, down to zero.
struct Matryoshka(u8);

impl Drop for Matryoshka {
    fn drop(&mut self) {
        if let Some(inner) = self.0.checked_sub(1) {
            panic_any(Self(inner));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_payload_of_a_panic_may_panic() {
    async fn panics(layers: u8) -> Result<Reply, Broken> {
        panic_any(Matryoshka(layers))
    }
    for layers in 0..4 {
        is_answered_as_a_panic(service_fn(move |_| panics(layers))).await;
    }
}

/// The request began in a runtime and is polled outside of any, so nothing can run the task. Its end
/// is told all the same.
#[test]
fn a_task_that_cannot_start_tells_its_end() {
    let (layer, outcomes) = Outcomes::of(alegra().max_in_flight(1).handler_limit(ms(60_000)));
    let runtime = paused_runtime();
    let brief = Handler::new(Does::AnswerAfter(ms(10), 200));
    let never = Handler::new(Does::Never);
    let first = runtime.block_on(begun(status_of(&layer, &brief, post(ALEGRA))));
    let mut second = runtime.block_on(begun(status_of(&layer, &never, post(ALEGRA))));
    assert_eq!(runtime.block_on(first), Ok(200));
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
async fn an_error_whose_delivery_is_stored_may_panic() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = service_fn(async |_| Err::<Response<String>, _>(PanicsOnDrop));
    let response = layer.layer(handler).oneshot(post(ALEGRA)).await;
    assert_eq!(response.expect("an answer").status(), 202);

    let unready = layer.layer(Unready(|| PanicsOnDrop));
    let response = unready.oneshot(post(ALEGRA)).await;
    assert_eq!(response.expect("an answer").status(), 202);
    assert_eq!(store.letters().len(), 2);
}

fn record(provider: &str) -> Record {
    let record = format!(
        r#"{{"version":1,"provider":"{provider}","event":"other","received_at_ms":0,"body":"body"}}"#
    );
    serde_json::from_str(&record).expect("a record")
}

#[tokio::test(start_paused = true)]
async fn an_event_replayed_without_a_handler_may_panic() {
    let layer = open(|| PanicsOnDrop);
    let status = async |record| {
        let webhook = layer.layer(clones_panic());
        let answer = webhook.replay::<Full<Bytes>>(record).await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(status(record("another")).await, 400);

    let unready = layer
        .layer(Unready(|| PanicsOnDrop))
        .replay::<Full<Bytes>>(record("custom"));
    mem::forget(unready.await.expect_err("not ready"));

    layer.background().drain(Duration::ZERO).await;
    assert_eq!(status(record("custom")).await, 503);
}

/// The store has the failure, so the layer's own answer replaces the handler's.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_replaced_may_panic() {
    let store = Store::default();
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let inner = service_fn(async |_request: Request<RequestBody>| {
        let mut response = Response::new(panics_on_drop(""));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        Ok::<_, Infallible>(response)
    });
    let answer = layer.layer(inner).oneshot(post(ALEGRA)).await;
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
    assert_eq!(answer.expect("an answer").status(), 202);
    assert_eq!(store.letters().len(), 1);
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}

/// The client has hung up, so the handler's task drops the event.
#[tokio::test(start_paused = true)]
async fn an_event_that_panics_in_the_handlers_task_keeps_no_slot() {
    let layer = open(|| PanicsOnDrop).dead_letters(Store::default());
    for does in [Does::AnswerAfter(ms(100), 200), Does::FailAfter(ms(100))] {
        let handler = Handler::new(does);
        drop(begun(send(&layer, &handler, post("7"))).await);
        sleep(ms(5000)).await;
        assert_eq!(handler.finished(), 1);
        assert_eq!(layer.background().in_flight(), 0, "{does:?}");
    }
}
