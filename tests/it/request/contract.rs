//! Errors, the response future, what the handler is given, and the bodies of answers.

use std::{
    cell::Cell,
    convert::Infallible,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    task::Context,
};

use bytes::Bytes;
use futures::{FutureExt, task::noop_waker_ref};
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, OutcomeKind, Provider, Received, Rejection, RequestBody, ResponseBody, Rules,
    WebhookLayer,
};

use crate::util::{
    ALEGRA, Broken, Does, Handler, Other, Outcomes, Reply, Script, Step, Unready, alegra, custom,
    ok, post, post_body, with_method,
};

// Errors

#[tokio::test]
async fn an_error_of_readiness_is_the_services_error() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let answer = layer.layer(Unready(|| Broken)).oneshot(post(ALEGRA)).await;
    assert_eq!(answer.err(), Some(Broken));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, None, false)]);
    assert_eq!(layer.background().in_flight(), 0);
}

/// How many slots are taken when the outcomes of a delivery are told.
async fn slots_at_its_end<S>(inner: S) -> Vec<usize>
where
    S: Service<Request<RequestBody>, Response = Reply, Future: Send, Error: Send>
        + Clone
        + Send
        + 'static,
{
    let layer = alegra();
    let background = layer.background();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (sink, slots) = (Arc::clone(&told), background.clone());
    let layer = layer.on_outcome(move |_| sink.lock().unwrap().push(slots.in_flight()));
    let _answer = layer.layer(inner).oneshot(post(ALEGRA)).await;
    assert_eq!(background.in_flight(), 0);
    told.lock().unwrap().clone()
}

/// Otherwise a drain could end before the delivery is stored or told.
#[tokio::test(start_paused = true)]
async fn a_slot_without_a_handler_is_released_after_the_outcome_is_told() {
    let never_ready = Handler::new(Does::Never).ready_after(None);
    let panics = Handler::new(Does::Never).panics_when_asked();
    assert_eq!(slots_at_its_end(never_ready).await, [1]);
    assert_eq!(slots_at_its_end(panics).await, [1]);
    assert_eq!(slots_at_its_end(Unready(|| Broken)).await, [1]);
}

/// Neither `Sync` nor a `std::error::Error`.
struct Bare(Cell<u8>);

#[tokio::test]
async fn an_error_of_the_handler_is_the_services_error_whatever_its_type() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let fails = async |_: Request<RequestBody>| Err::<Reply, _>(Bare(Cell::new(7)));
    let answer = layer.layer(service_fn(fails)).oneshot(post(ALEGRA)).await;
    assert_eq!(answer.err().map(|Bare(value)| value.get()), Some(7));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, None, false)]);
}

#[tokio::test]
async fn refusals_and_probes_are_no_errors_of_an_infallible_service() {
    let webhook = alegra().layer(service_fn(ok));
    let status = async |request| {
        let answer: Result<_, Infallible> = webhook.clone().oneshot(request).await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(status(post("")).await, 200);
    assert_eq!(status(post(ALEGRA)).await, 204);
    assert_eq!(status(post("[1]")).await, 400);
    assert_eq!(status(Request::default()).await, 404);
    assert_eq!(status(with_method(Method::GET, Full::default())).await, 405);
}

// The future

#[test]
fn a_future_that_panicked_may_be_polled_again() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::answers(204);
    let mut future = Box::pin(layer.layer(handler.clone()).oneshot(post(ALEGRA)));
    let mut cx = Context::from_waker(noop_waker_ref());
    // It panics: there is no timer outside of a runtime.
    for _ in 0..2 {
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
        assert!(poll.is_err());
    }
    drop(future);
    assert_eq!(outcomes.seen(), [(OutcomeKind::GivenUp, None, false)]);
    assert_eq!(layer.background().in_flight(), 0);
    assert_eq!(handler.called(), 0);
}

// What the handler is given

/// What `look` finds in the handler, after it was polled more than once.
async fn inside<B, T, F>(request: Request<B>, look: F) -> T
where
    B: Body + Send + 'static,
    T: Send + 'static,
    F: Fn(Request<RequestBody>) -> T + Clone + Send + Sync + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let handler = service_fn(move |request| {
        let (look, sender) = (look.clone(), sender.clone());
        async move {
            tokio::task::yield_now().await;
            sender.send(look(request)).unwrap();
            ok(Request::default()).await
        }
    });
    let answer = alegra().layer(handler).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 204);
    receiver.recv().expect("the handler ran")
}

#[tokio::test]
async fn a_task_local_stays_outside() {
    tokio::task_local! { static TENANT: u8 }

    let of = |_| TENANT.try_with(|tenant| *tenant).ok();
    assert_eq!(TENANT.scope(7, inside(post(ALEGRA), of)).await, None);
}

// Bodies

/// How many bytes the body says are left, whether it says that it has ended, and its next frame.
fn next<B>(body: &mut B) -> (Option<u64>, bool, Option<Bytes>)
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Debug,
{
    let (left, end) = (body.size_hint().exact(), body.is_end_stream());
    let frame = body.frame().now_or_never().expect("no waiting");
    let data = frame.map(|frame| frame.unwrap().into_data().expect("no trailers"));
    (left, end, data)
}

#[tokio::test]
async fn the_handlers_body_is_the_raw_one_in_one_frame() {
    let pieces = Script::new([
        Step::Data(&ALEGRA.as_bytes()[..9]),
        Step::Data(&ALEGRA.as_bytes()[9..]),
    ]);
    let seen = inside(post_body(pieces), |request| {
        let mut body = request.into_body();
        [next(&mut body), next(&mut body)]
    });
    let whole = Bytes::from(ALEGRA);
    let len = Some(whole.len() as u64);
    assert_eq!(
        seen.await,
        [(len, false, Some(whole)), (Some(0), true, None)]
    );
}

#[test]
fn default_bodies_are_at_their_end() {
    assert_eq!(next(&mut RequestBody::default()), (Some(0), true, None));
    assert_eq!(
        next(&mut ResponseBody::<Full<Bytes>>::default()),
        (Some(0), true, None)
    );
}

/// Outer middleware makes empty bodies, whatever the handler's body is.
#[test]
fn a_default_response_body_asks_nothing_of_the_handlers() {
    struct NotDefault;
    let _ = ResponseBody::<NotDefault>::default();
}

/// The body of the answer to that delivery.
async fn body_of<P: Provider>(
    layer: WebhookLayer<P>,
    body: &'static str,
) -> ResponseBody<Full<Bytes>> {
    let inner = async |_| Ok::<_, Infallible>(Response::new(Full::from("done")));
    let answer = layer.layer(service_fn(inner)).oneshot(post(body)).await;
    answer.unwrap().into_body()
}

#[tokio::test]
async fn the_body_of_a_probes_answer_is_exact() {
    let echo = custom(Rules::new("echo"), |_, body| -> Result<_, Rejection> {
        let echo = Received::<Other<()>>::echo(String::from_utf8_lossy(body));
        Ok(echo)
    });
    let mut body = body_of(WebhookLayer::new(echo, Access::open()), "challenge").await;
    assert_eq!(next(&mut body), (Some(9), false, Some("challenge".into())));
    assert_eq!(next(&mut body), (Some(0), true, None));
}

#[tokio::test]
async fn the_body_of_a_refusal_is_empty() {
    let mut body = body_of(alegra(), "[1]").await;
    assert_eq!(next(&mut body), (Some(0), true, None));
}

#[tokio::test]
async fn the_body_of_the_handlers_answer_is_the_handlers() {
    let mut body = body_of(alegra(), ALEGRA).await;
    assert_eq!(next(&mut body), (Some(4), false, Some("done".into())));
    assert_eq!(next(&mut body), (Some(0), true, None));
}
