//! What the tests share: layers, requests and answers. Handlers, bodies, providers and the store
//! have files of their own.
#![allow(unreachable_pub, unused_macros, reason = "each test binary takes its part")]

mod body;
mod chance;
mod handler;
mod provider;
mod store;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use bytes::Bytes;
use futures::poll;
use http::{Method, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, timeout},
};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Outcome, OutcomeKind, Provider, Rejection, RejectionKind, RequestBody,
    ResponseBody, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

pub use self::{
    body::{Script, Step},
    chance::Chance,
    handler::{Broken, Does, Handler, Reply, Unready, pass},
    provider::{Other, PanicsOnDrop, custom},
    store::{Call, Keeps, Store},
};

/// What that variant holds; any other fails the test.
macro_rules! variant {
    ($value:expr, $variant:path) => {
        match $value {
            $variant(inside) => inside,
            other => panic!("{other:?}"),
        }
    };
}
pub(crate) use variant;

pub const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";
pub const NORTH: &str = "0123456789abcdef-north";
pub const SOUTH: &str = "0123456789abcdef-south";

/// The text of the panics that are part of a test. It must turn up nowhere.
pub const PANIC: &str = "the handler's own secret sorrow";

pub const ALEGRA: &str = r#"{"subject":"new-client","message":{"client":{"id":"774"}}}"#;
pub const BSALE: &str = r#"{"cpnId":11420,"resource":"/documents/1811905.json","resourceId":"1811905","topic":"document","action":"post","officeId":"11","send":1737740416}"#;

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn alegra() -> WebhookLayer<Alegra> {
    WebhookLayer::new(Alegra::new(), Access::path([SECRET]))
}

/// The same with a deadline of 300 milliseconds.
pub fn three_hundred() -> WebhookLayer<Alegra> {
    alegra().deadline(ms(300))
}

pub fn bsale() -> WebhookLayer<Bsale> {
    WebhookLayer::new(Bsale::new(), Access::path([SECRET]))
}

/// One layer for two accounts.
pub fn two_tenants() -> WebhookLayer<Alegra> {
    let access = Access::path([("north", NORTH), ("south", SOUTH)]);
    WebhookLayer::new(Alegra::new(), access)
}

/// What the layer takes for a body.
pub trait AnyBody: Body<Error: Into<BoxError>> + Send + 'static {}

impl<B: Body<Error: Into<BoxError>> + Send + 'static> AnyBody for B {}

/// A POST to the secret's path.
pub fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    post_body(Full::new(body.into()))
}

pub fn post_body<B>(body: B) -> Request<B> {
    with_method(Method::POST, body)
}

pub fn with_method<B>(method: Method, body: B) -> Request<B> {
    let request = Request::builder().method(method);
    let request = request.uri(format!("/webhooks/{SECRET}")).body(body);
    request.expect("a request")
}

/// A POST to another secret's path.
pub fn post_to(secret: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(format!("/webhooks/{secret}"));
    request.body(Full::new(body.into())).expect("a request")
}

/// A delivery of Alegra's with an id of its own, its key.
pub fn delivery(event: &str, key: u64) -> String {
    let (_, object) = event.split_once('-').expect("a verb and an object");
    format!(r#"{{"subject":"{event}","message":{{"{object}":{{"id":"{key}"}}}}}}"#)
}

/// The id of such a delivery. Of other bodies, the number that their digits make.
pub fn key_of(body: &[u8]) -> u64 {
    let digits = body.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |key, digit| {
        key.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    })
}

/// One request through the layer, from outside.
pub async fn send<P: Provider, B: AnyBody>(
    layer: &WebhookLayer<P>,
    handler: &Handler,
    request: Request<B>,
) -> Result<Response<ResponseBody<Full<Bytes>>>, Broken> {
    layer.layer(handler.clone()).oneshot(request).await
}

/// The status of the answer to one request.
pub async fn status_of<P: Provider, B: AnyBody>(
    layer: &WebhookLayer<P>,
    handler: &Handler,
    request: Request<B>,
) -> Result<u16, Broken> {
    let answer = send(layer, handler, request).await;
    answer.map(|answer| answer.status().as_u16())
}

/// Sends a delivery of that event, whose handler answers with 500.
pub async fn fails(layer: &WebhookLayer<Alegra>, event: &str) {
    let _ = send(layer, &Handler::answers(500), post(delivery(event, 1))).await;
}

/// Sends what may be a delivery of any event.
pub async fn unreadable(layer: &WebhookLayer<Alegra>) {
    let _ = send(layer, &Handler::answers(204), post("no envelope")).await;
}

/// The status or the inner service's error, the reason if the layer refused, and how long it took.
pub type Answer = (Result<u16, Broken>, Option<RejectionKind>, Duration);

/// The answer of a handler that answers with 204, after so many milliseconds.
pub fn handled(at: u64) -> Answer {
    (Ok(204), None, ms(at))
}

/// Awaits an answer on the paused clock.
pub async fn answer<R>(request: impl Future<Output = Result<Response<R>, Broken>>) -> Answer {
    let start = Instant::now();
    let answer = timeout(ms(24 * 60 * 60 * 1000), request).await;
    let answer = answer.expect("an answer in time");
    let kind = answer.as_ref().ok().and_then(rejection);
    let asks = |answer: &Response<R>| answer.headers().contains_key(RETRY_AFTER);
    let should_ask = matches!(
        kind,
        Some(RejectionKind::Busy | RejectionKind::Draining | RejectionKind::Late)
    );
    assert_eq!(answer.as_ref().is_ok_and(asks), should_ask, "Retry-After");
    let status = answer.map(|answer| answer.status().as_u16());
    (status, kind, start.elapsed())
}

/// Polls a request once.
pub async fn begun<F: Future>(request: F) -> Pin<Box<F>> {
    let mut request = Box::pin(request);
    assert!(poll!(&mut request).is_pending());
    request
}

/// What the handler is given for that request, if it runs, and the status of the answer.
pub async fn delivered<P: Provider, B: AnyBody>(
    layer: &WebhookLayer<P>,
    request: Request<B>,
) -> (u16, Option<Delivery<P::Event>>) {
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let inner = service_fn(move |request: Request<RequestBody>| {
        *sink.lock().unwrap() = request.extensions().get::<Delivery<P::Event>>().cloned();
        ok(request)
    });
    let answer = layer.layer(inner).oneshot(request).await.unwrap();
    let delivery = seen.lock().unwrap().take();
    (answer.status().as_u16(), delivery)
}

/// An inner service that is infallible, for stacks that ask for it.
pub async fn ok(_request: Request<RequestBody>) -> Result<Reply, Infallible> {
    Ok(reply(StatusCode::NO_CONTENT))
}

pub fn reply(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

pub async fn text<B: Body<Error: fmt::Debug>>(response: Response<B>) -> String {
    let body = response.into_body().collect().await.expect("a body");
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

/// The kind of rejection that the response carries for outer layers.
pub fn rejection<B>(response: &Response<B>) -> Option<RejectionKind> {
    let rejection = response.extensions().get::<Rejection>();
    rejection.map(Rejection::kind)
}

/// Collects outcomes.
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<Vec<Outcome>>>);

/// Kind, status and whether it is a late end.
pub type Seen = (OutcomeKind, Option<u16>, bool);

impl Outcomes {
    pub fn of<P>(layer: WebhookLayer<P>) -> (WebhookLayer<P>, Self) {
        let outcomes = Self::default();
        let sink = outcomes.clone();
        let layer = layer.on_outcome(move |outcome| sink.0.lock().unwrap().push(outcome.clone()));
        (layer, outcomes)
    }

    pub fn all(&self) -> Vec<Outcome> {
        self.0.lock().unwrap().clone()
    }

    pub fn seen(&self) -> Vec<Seen> {
        let brief = |outcome: &Outcome| {
            let status = outcome.status().map(|status| status.as_u16());
            (outcome.kind(), status, outcome.is_late_end())
        };
        self.all().iter().map(brief).collect()
    }
}

/// A runtime on a paused clock, for tests that start or stop their own.
pub fn paused_runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.expect("a runtime")
}

/// Keeps panics with that text out of the output.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>();
            if text.is_none_or(|text| text != PANIC) {
                loud(info);
            }
        }));
    });
}
