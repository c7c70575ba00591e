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
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, OutcomeKind, Provider, Received, Rejection, RequestBody, ResponseBody, Rules,
    WebhookLayer,
};

use crate::util::{
    ALEGRA, AnyBody, Broken, Does, Handler, Other, Outcomes, Reply, Script, Step, Unready, alegra,
    custom, ms, ok, paused_runtime, post, post_body,
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
    B: AnyBody,
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

/// However it is cut into frames, and however long they take.
#[tokio::test(start_paused = true)]
async fn the_handlers_body_is_the_raw_one_in_one_frame() {
    let bytes = ALEGRA.as_bytes().chunks(1);
    let pieces = Script::new(bytes.flat_map(|byte| {
        let pause = Step::Wait(ms(1));
        [Step::Data(b""), pause, Step::Data(byte)]
    }));
    let seen = inside(post_body(pieces), |request| {
        let mut body = request.into_body();
        [next(&mut body), next(&mut body)]
    });
    let whole = Bytes::from(ALEGRA);
    let len = Some(whole.len() as u64);
    let expected = [(len, false, Some(whole)), (Some(0), true, None)];
    assert_eq!(seen.await, expected);
}

/// The buffer doubles. If it grew a little with each frame, the body would be copied as often.
#[test]
fn a_body_in_many_frames_is_copied_a_few_times() {
    let body = Bytes::from(ALEGRA.to_owned() + &" ".repeat(100_000));
    let frames = (0..body.len()).map(|at| Step::Owned(body.slice(at..=at)));
    let request = post_body(Script::new(frames));
    let (webhook, runtime) = (alegra().layer(Handler::answers(204)), paused_runtime());
    let count = allocation_counter::measure(|| {
        let answer = runtime.block_on(webhook.oneshot(request));
        assert_eq!(answer.unwrap().status(), 204);
    });
    assert!(count.count_total < 150, "{} allocations", count.count_total);

    // A body in one frame gets the memory that it needs, and no more.
    let webhook = alegra().layer(Handler::answers(204));
    let count = allocation_counter::measure(|| {
        let answer = runtime.block_on(webhook.oneshot(post(ALEGRA)));
        assert_eq!(answer.unwrap().status(), 204);
    });
    assert!(count.bytes_max < 16 * 1024, "{} bytes", count.bytes_max);
}

/// A slice would keep that whole buffer alive, as long as the handler keeps the delivery.
#[tokio::test]
async fn the_handlers_body_is_no_slice_of_the_servers_buffer() {
    for padding in [0, 200_000] {
        let frame = Bytes::from(ALEGRA.to_owned() + &" ".repeat(padding));
        let seen = inside(post(frame.clone()), |request| {
            next(&mut request.into_body())
        });
        let (_, _, body) = seen.await;
        let body = body.expect("a frame");
        assert_eq!(body, frame);
        assert_ne!(body.as_ptr(), frame.as_ptr());
    }
}

/// Outer middleware makes empty bodies, whatever the handler's body is.
#[test]
fn default_bodies_are_at_their_end_and_ask_nothing_of_the_handlers() {
    struct NotDefault;
    let _ = ResponseBody::<NotDefault>::default();
    let at_its_end = (Some(0), true, None);
    assert_eq!(next(&mut RequestBody::default()), at_its_end);
    let mut body = ResponseBody::<Full<Bytes>>::default();
    assert_eq!(next(&mut body), at_its_end);
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
async fn the_size_of_an_answers_body_is_exact() {
    let echo = custom(Rules::new("echo"), |request| -> Result<_, Rejection> {
        let echo = Received::<Other<()>>::echo(String::from_utf8_lossy(request.body()));
        Ok(echo)
    });
    let echo = WebhookLayer::new(echo, Access::open());
    for (mut body, text) in [
        (body_of(echo, "challenge").await, "challenge"),
        (body_of(alegra(), ALEGRA).await, "done"),
    ] {
        let len = Some(text.len() as u64);
        assert_eq!(next(&mut body), (len, false, Some(text.into())));
        assert_eq!(next(&mut body), (Some(0), true, None));
    }
    let mut refusal = body_of(alegra(), "[1]").await;
    assert_eq!(next(&mut refusal), (Some(0), true, None));
}
