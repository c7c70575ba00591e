//! tower's contract: readiness and who is called, errors, what travels into the handler, and what
//! the public types are.

mod util;

use std::{
    cell::Cell,
    convert::Infallible,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::join_all, poll, stream, task::noop_waker_ref};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tower::{
    Layer, Service, ServiceExt,
    buffer::Buffer,
    limit::ConcurrencyLimit,
    load_shed::{LoadShed, error::Overloaded},
    service_fn,
};
use tower_webhook::{
    Access, Admission, Amount, Background, ConfigError, Date, Delivery, Event, Id, Late, Outcome,
    OutcomeKind, Provider, RawJson, Received, Record, Rejection, RejectionKind, RequestBody,
    ResponseBody, ResponseFuture, Rules, Secret, Webhook, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

use self::util::{
    ALEGRA, Broken, Does, Handler, Outcomes, Reply, Script, Step, alegra, ms, ok, post, post_body,
    rejection, reply, send, with_method,
};

const D: u64 = 300;

/// What takes longer on the paused clock will never come.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The status that a delivery is answered with, and when, in milliseconds.
async fn deliver<S>(webhook: &Webhook<S, Alegra>) -> (u16, u128)
where
    S: Service<Request<RequestBody>, Response = Reply> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    let start = Instant::now();
    let answer = timeout(HOUR, webhook.clone().oneshot(post(ALEGRA))).await;
    let answer = answer.expect("an answer in time").ok();
    let status = answer.expect("no error").status().as_u16();
    (status, start.elapsed().as_millis())
}

// Readiness

fn is_ready<S>(mut webhook: Webhook<S, Alegra>) -> bool
where
    Webhook<S, Alegra>: Service<Request<Full<Bytes>>>,
{
    let mut cx = Context::from_waker(noop_waker_ref());
    matches!(webhook.poll_ready(&mut cx), Poll::Ready(Ok(())))
}

/// An inner service whose readiness fails, with a value that can be told from its like.
#[derive(Clone)]
struct Unready(Arc<()>);

impl Service<Request<RequestBody>> for Unready {
    type Response = Reply;
    type Error = Arc<()>;
    type Future = std::future::Ready<Result<Reply, Arc<()>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Arc<()>>> {
        Poll::Ready(Err(Arc::clone(&self.0)))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        unreachable!("called without being ready")
    }
}

#[tokio::test]
async fn the_layer_is_ready_whatever_the_inner_service_is() {
    assert!(is_ready(
        alegra().layer(Handler::new(Does::Never).ready_after(None))
    ));
    assert!(is_ready(alegra().layer(Unready(Arc::default()))));
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_answered_over_a_service_that_never_is_ready() {
    let never = Handler::new(Does::Never).ready_after(None);
    let answer = send(&alegra(), &never, post("")).now_or_never();
    let answer = answer.expect("no waiting").unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

/// [`Handler`] panics when it is called unready, and its clones are not ready.
#[tokio::test(start_paused = true)]
async fn the_clone_that_was_ready_is_the_one_that_is_called() {
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT)).ready_after(Some(ms(10)));
    let webhook = alegra().layer(handler.clone());
    assert_eq!(deliver(&webhook).await, (204, 10));
    assert_eq!(deliver(&webhook).await, (204, 10));
    let both = join_all([deliver(&webhook), deliver(&webhook)]).await;
    assert_eq!(both, [(204, 10), (204, 10)]);
    assert_eq!(handler.called(), 4);
}

/// Whoever built the stack may have made it ready.
#[tokio::test]
async fn the_inner_service_itself_is_left_as_it_was() {
    let mut inner = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    inner.ready().await.unwrap();
    let mut webhook = alegra().layer(inner);
    let answer = webhook.call(post(ALEGRA)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let reply = webhook.get_mut().call(Request::default()).await.unwrap();
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
}

// Over tower's own services

fn limited(inner: Handler) -> (Webhook<ConcurrencyLimit<Handler>, Alegra>, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(1));
    let inner = ConcurrencyLimit::with_semaphore(inner, Arc::clone(&permits));
    (alegra().deadline(ms(D)).layer(inner), permits)
}

#[tokio::test(start_paused = true)]
async fn over_a_limit_of_one_deliveries_are_handled_one_after_the_other() {
    let handler = Handler::new(Does::AnswerAfter(ms(100), StatusCode::NO_CONTENT));
    let (webhook, permits) = limited(handler);
    let both = join_all([deliver(&webhook), deliver(&webhook)]).await;
    assert_eq!(both, [(204, 100), (204, 200)]);
    assert_eq!(permits.available_permits(), 1);
}

/// One behind the other, each would wait for the deadline of the one before.
#[tokio::test(start_paused = true)]
async fn over_a_limit_of_one_three_behind_a_hung_handler_are_refused_at_the_deadline() {
    let handler = Handler::new(Does::Never);
    let (webhook, _permits) = limited(handler.clone());
    assert_eq!(
        join_all([(); 4].map(|()| deliver(&webhook))).await,
        [(202, 300), (503, 300), (503, 300), (503, 300)]
    );
    assert_eq!(handler.called(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_before_the_handler_began_gives_the_permit_back() {
    let handler = Handler::new(Does::Never).ready_after(None);
    let (webhook, permits) = limited(handler.clone());
    let mut waiting = Box::pin(deliver(&webhook));
    assert!(poll!(&mut waiting).is_pending());
    assert_eq!(permits.available_permits(), 0);
    drop(waiting);
    assert_eq!(permits.available_permits(), 1);
    assert_eq!(handler.called(), 0);
}

/// A server may keep the future until the answer is written.
#[tokio::test(start_paused = true)]
async fn a_refusal_gives_the_permit_back_though_its_future_is_kept() {
    let (webhook, permits) = limited(Handler::new(Does::Never).ready_after(None));
    let mut kept = pin!(webhook.clone().call(post(ALEGRA)));
    let response = timeout(HOUR, kept.as_mut())
        .await
        .expect("an answer in time");
    let response = response.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Busy));
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_after_the_handler_began_leaves_it_the_permit() {
    let handler = Handler::new(Does::AnswerAfter(ms(100), StatusCode::NO_CONTENT));
    let (webhook, permits) = limited(handler.clone());
    let mut running = Box::pin(deliver(&webhook));
    assert!(poll!(&mut running).is_pending());
    drop(running);
    assert_eq!(permits.available_permits(), 0);
    assert_eq!(deliver(&webhook).await, (204, 200));
    assert_eq!(handler.finished(), 2);
}

#[tokio::test(start_paused = true)]
async fn over_a_buffer_of_one_deliveries_pass_through() {
    let handler = Handler::new(Does::AnswerAfter(ms(100), StatusCode::NO_CONTENT));
    let webhook = alegra().layer(Buffer::new(handler.clone().map_err(|Broken| "broken"), 1));
    assert_eq!(
        join_all([(); 4].map(|()| deliver(&webhook))).await,
        [(204, 100); 4]
    );
    assert_eq!(handler.called(), 4);
}

/// What the buffer has taken, one in its worker's hands and one in line, counts as running.
#[tokio::test(start_paused = true)]
async fn a_full_buffer_is_busy_and_the_probe_is_answered_all_the_same() {
    let never = Handler::new(Does::Never).ready_after(None);
    let inner = Buffer::new(never.map_err(|Broken| "broken"), 1);
    let webhook = alegra().deadline(ms(D)).layer(inner);
    assert_eq!(
        join_all([(); 3].map(|()| deliver(&webhook))).await,
        [(202, 300), (202, 300), (503, 300)]
    );
    let probe = webhook.oneshot(post("")).now_or_never();
    let probe = probe.expect("no waiting").unwrap();
    assert_eq!(probe.status(), StatusCode::OK);
}

/// `LoadShed` is always ready itself and sheds in `call()`, so ours to see is a failed handler.
#[tokio::test(start_paused = true)]
async fn an_overloaded_load_shed_inside_is_the_services_error() {
    let never = Handler::new(Does::Never).ready_after(None);
    let (layer, outcomes) = Outcomes::of(alegra());
    let webhook = layer.layer(LoadShed::new(never.map_err(|Broken| "broken")));
    let error = webhook.oneshot(post(ALEGRA)).await.unwrap_err();
    assert!(error.is::<Overloaded>());
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, None, false)]);
}

// Errors

#[tokio::test]
async fn an_error_of_readiness_is_the_services_error() {
    let error = Arc::new(());
    let (layer, outcomes) = Outcomes::of(alegra());
    let webhook = layer.layer(Unready(Arc::clone(&error)));
    let answer = webhook.oneshot(post(ALEGRA)).await;
    assert!(Arc::ptr_eq(&answer.unwrap_err(), &error));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, None, false)]);
    assert_eq!(layer.background().in_flight(), 0);
}

/// Not even `Sync`, and certainly no `std::error::Error`.
struct Bare(Cell<u8>);

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
    let told = told.lock().unwrap();
    told.clone()
}

/// A drain that waits for it would otherwise be over before the delivery is stored or told.
#[tokio::test(start_paused = true)]
async fn a_slot_of_what_gets_to_no_handler_is_given_back_once_the_end_is_told() {
    let never_ready = Handler::new(Does::Never).ready_after(None);
    let panics = Handler::new(Does::Never).panics_when_asked();
    assert_eq!(slots_at_its_end(never_ready).await, [1]);
    assert_eq!(slots_at_its_end(panics).await, [1]);
    assert_eq!(slots_at_its_end(Unready(Arc::default())).await, [1]);
}

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
fn a_future_polled_again_after_a_panic_takes_the_delivery_for_nothing_else() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let mut future = Box::pin(layer.layer(handler.clone()).oneshot(post(ALEGRA)));
    let mut cx = Context::from_waker(noop_waker_ref());
    // There is no timer outside of a runtime.
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
    let found = Arc::new(Mutex::new(None));
    let shelf = Arc::clone(&found);
    let handler = service_fn(move |request| {
        let (look, shelf) = (look.clone(), Arc::clone(&shelf));
        async move {
            tokio::task::yield_now().await;
            *shelf.lock().unwrap() = Some(look(request));
            Ok::<_, Infallible>(reply(StatusCode::NO_CONTENT))
        }
    });
    let answer = alegra().layer(handler).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let found = found.lock().unwrap().take();
    found.expect("the handler ran")
}

#[tokio::test]
async fn the_delivery_is_in_the_extensions() {
    let of = |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<alegra::Event>>()?;
        Some((delivery.event().name(), delivery.raw().clone()))
    };
    let expected = Some(("new-client", Bytes::from(ALEGRA)));
    assert_eq!(inside(post(ALEGRA), of).await, expected);
}

#[tokio::test]
async fn what_outer_layers_put_into_the_extensions_arrives() {
    #[derive(Clone, Debug, PartialEq)]
    struct ConnectInfo(u16);

    let mut request = post(ALEGRA);
    request.extensions_mut().insert(ConnectInfo(443));
    let of = |request: Request<RequestBody>| request.extensions().get::<ConnectInfo>().cloned();
    assert_eq!(inside(request, of).await, Some(ConnectInfo(443)));
}

#[tokio::test]
async fn the_head_arrives_as_it_was() {
    let mut request = post(ALEGRA);
    *request.version_mut() = http::Version::HTTP_2;
    request
        .headers_mut()
        .insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    let (expected, _) = request.clone().into_parts();
    let arrived = inside(request, |request| request.into_parts().0).await;
    assert_eq!(arrived.method, expected.method);
    assert_eq!(arrived.uri, expected.uri);
    assert_eq!(arrived.version, expected.version);
    assert_eq!(arrived.headers, expected.headers);
}

#[cfg(feature = "tracing")]
#[tokio::test]
async fn the_callers_span_is_the_handlers() {
    use tracing::{Instrument, Span};

    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry());
    let of = |_| Span::current().id();
    let span = tracing::info_span!("request");
    assert!(span.id().is_some());
    let arrived = inside(post(ALEGRA), of).instrument(span.clone()).await;
    assert_eq!(arrived, span.id());
    assert_eq!(inside(post(ALEGRA), of).await, None);
}

#[tokio::test]
async fn a_task_local_stays_outside() {
    tokio::task_local! { static TENANT: u8 }

    let of = |_| TENANT.try_with(|tenant| *tenant).ok();
    assert_eq!(TENANT.scope(7, inside(post(ALEGRA), of)).await, None);
}

// Bodies

/// Bytes left by the body's own account, whether it says that it is at its end, and one frame.
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

/// Middleware outside asks for an empty body of its own making, whatever the handler's is.
#[test]
fn a_default_response_body_asks_nothing_of_the_handlers() {
    struct NotDefault;
    let _ = ResponseBody::<NotDefault>::default();
}

/// Whatever it gets, it answers with the same.
struct Echo;

impl Provider for Echo {
    type Event = alegra::Event;

    fn rules(&self) -> Rules {
        Rules::new("echo")
    }

    fn receive(
        &self,
        _head: &http::request::Parts,
        body: &Bytes,
    ) -> Result<Received<alegra::Event>, Rejection> {
        Ok(Received::echo(String::from_utf8_lossy(body)))
    }
}

#[tokio::test]
async fn the_body_of_a_probes_reply_is_exact() {
    let webhook = WebhookLayer::new(Echo, Access::open()).layer(service_fn(ok));
    let mut body = webhook
        .oneshot(post("challenge"))
        .await
        .unwrap()
        .into_body();
    assert_eq!(next(&mut body), (Some(9), false, Some("challenge".into())));
    assert_eq!(next(&mut body), (Some(0), true, None));
}

#[tokio::test]
async fn the_body_of_a_refusal_is_empty() {
    let webhook = alegra().layer(service_fn(ok));
    let mut body = webhook.oneshot(post("[1]")).await.unwrap().into_body();
    assert_eq!(next(&mut body), (Some(0), true, None));
}

#[tokio::test]
async fn the_body_of_the_handlers_answer_is_the_handlers() {
    let answer = async |_| Ok::<_, Infallible>(Response::new(Full::from("done")));
    let webhook = alegra().layer(service_fn(answer));
    let mut body = webhook.oneshot(post(ALEGRA)).await.unwrap().into_body();
    assert_eq!(next(&mut body), (Some(4), false, Some("done".into())));
    assert_eq!(next(&mut body), (Some(0), true, None));
}

#[tokio::test]
async fn the_body_of_the_handlers_answer_may_stream_and_have_trailers() {
    let answer = async |_| {
        let trailers = http::HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
        let frames = [Frame::data(Bytes::from("part")), Frame::trailers(trailers)];
        let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
        Ok::<_, Infallible>(Response::new(body))
    };
    let webhook = alegra().layer(service_fn(answer));
    let body = webhook.oneshot(post(ALEGRA)).await.unwrap().into_body();
    assert_eq!(
        (body.size_hint().exact(), body.is_end_stream()),
        (None, false)
    );
    let whole = body.collect().await.unwrap();
    assert!(whole.trailers().is_some());
    assert_eq!(whole.to_bytes(), "part");
}

/// Like hyper's and axum's bodies.
#[tokio::test]
async fn a_body_may_be_not_sync() {
    let state = Cell::new(());
    let body = Full::<Bytes>::from(ALEGRA).map_frame(move |frame| {
        state.set(());
        frame
    });
    let webhook = alegra().layer(Handler::new(Does::Answer(StatusCode::NO_CONTENT)));
    let answer = send_by_task(webhook.oneshot(post_body(body)));
    assert_eq!(answer.await.unwrap().status(), StatusCode::NO_CONTENT);
}

async fn send_by_task<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future).await.unwrap()
}

// The public types

#[test]
fn what_is_public_is_send_sync_and_debug() {
    /// Has none of what is asked of others.
    struct Nothing;

    fn handle<T: Send + Sync + fmt::Debug + 'static>() {}
    fn future<T: Send + fmt::Debug>() {}

    handle::<WebhookLayer<Nothing>>();
    handle::<Webhook<(), Nothing>>();
    handle::<Delivery<Nothing>>();
    handle::<Background>();
    handle::<Access>();
    handle::<Admission>();
    handle::<Secret>();
    handle::<Rejection>();
    handle::<RejectionKind>();
    handle::<Outcome>();
    handle::<OutcomeKind>();
    handle::<Record>();
    handle::<RequestBody>();
    handle::<ResponseBody<Full<Bytes>>>();
    handle::<Rules>();
    handle::<Received<alegra::Event>>();
    handle::<Late>();
    handle::<ConfigError>();
    handle::<alegra::Event>();
    handle::<bsale::Event>();
    handle::<Alegra>();
    handle::<Bsale>();
    handle::<(Id, Amount, Date, RawJson)>();
    future::<ResponseFuture<Full<Bytes>, Infallible>>();
}

#[tokio::test(start_paused = true)]
async fn clones_share_their_slots() {
    fn cloned<T: Clone>(value: &T) -> T {
        value.clone()
    }

    let layer = cloned(&alegra().deadline(ms(D)).max_in_flight(1));
    let background = cloned(&layer.background());
    let handler = Handler::new(Does::Never);
    let one = layer.layer(handler.clone());
    let changed = cloned(&layer).body_limit(4096).layer(handler);
    assert_eq!(
        join_all([&one, &cloned(&one), &changed].map(deliver)).await,
        [(202, 300), (503, 300), (503, 300)]
    );
    assert_eq!(background.in_flight(), 1);
}

#[tokio::test]
async fn a_service_gives_its_inner_one_back() {
    let handler = Handler::new(Does::Never);
    let mut webhook = alegra().layer(handler.clone());
    assert!(Arc::ptr_eq(&webhook.get_ref().called, &handler.called));
    assert!(Arc::ptr_eq(&webhook.get_mut().called, &handler.called));
    assert!(Arc::ptr_eq(&webhook.into_inner().called, &handler.called));
}
