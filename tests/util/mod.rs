//! What the tests share. Each test file uses its part of it.
#![allow(dead_code, unreachable_pub)]

pub mod letters;
pub mod store;

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::time::Sleep;
use tower::{Layer, Service, ServiceExt};
use tower_webhook::{
    Access, Event, Outcome, OutcomeKind, Provider, Rejection, RejectionKind, RequestBody,
    WebhookLayer, alegra::Alegra, bsale::Bsale,
};

pub const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

pub const ALEGRA: &str = r#"{"subject":"new-client","message":{"client":{"id":"774"}}}"#;
pub const BSALE: &str = r#"{"cpnId":11420,"resource":"/documents/1811905.json","resourceId":"1811905","topic":"document","action":"post","officeId":"11","send":1737740416}"#;

/// The inner services of these tests answer with this.
pub type Reply = Response<Full<Bytes>>;

pub fn alegra() -> WebhookLayer<Alegra> {
    WebhookLayer::new(Alegra::new(), Access::path([SECRET]))
}

pub fn bsale() -> WebhookLayer<Bsale> {
    WebhookLayer::new(Bsale::new(), Access::path([SECRET]))
}

/// A POST to the secret's path.
pub fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    post_body(Full::new(body.into()))
}

pub fn post_body<B>(body: B) -> Request<B> {
    with_method(Method::POST, body)
}

pub fn with_method<B>(method: Method, body: B) -> Request<B> {
    Request::builder()
        .method(method)
        .uri(format!("/webhooks/{SECRET}"))
        .body(body)
        .expect("a request")
}

pub fn reply(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

pub async fn text<B>(response: Response<B>) -> String
where
    B: Body,
    B::Error: fmt::Debug,
{
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The kind of rejection that the response carries for outer layers.
pub fn rejection<B>(response: &Response<B>) -> Option<RejectionKind> {
    response
        .extensions()
        .get::<Rejection>()
        .map(Rejection::kind)
}

/// The event of providers whose events are of no account.
pub struct Nothing;

impl Event for Nothing {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

/// Collects outcomes.
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<Vec<Outcome>>>);

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

    /// Kind, status and whether it is a late end, of each outcome so far.
    pub fn seen(&self) -> Vec<(OutcomeKind, Option<u16>, bool)> {
        let brief = |outcome: &Outcome| {
            let status = outcome.status().map(|status| status.as_u16());
            (outcome.kind(), status, outcome.is_late_end())
        };
        self.all().iter().map(brief).collect()
    }
}

/// What a [`Handler`] does when it is called.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    Answer(StatusCode),
    AnswerAfter(Duration, StatusCode),
    Never,
    Fail,
    FailAfter(Duration),
    PanicInCall,
    PanicAfter(Duration),
}

/// The error of an inner service. It is neither `Clone` nor an `Error`, since the layer asks for
/// neither.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken;

/// An inner service that counts how often it was called and how often it came to an end.
#[derive(Clone)]
pub struct Handler {
    pub does: Does,
    /// Becomes ready after that long; `None` for never.
    pub ready_after: Option<Duration>,
    panics_when_asked: bool,
    pub called: Arc<AtomicUsize>,
    pub finished: Arc<AtomicUsize>,
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

    pub fn ready_after(mut self, delay: Option<Duration>) -> Self {
        self.ready_after = delay;
        self
    }

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
                let sleep = self
                    .ready
                    .sleep
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(delay)));
                std::task::ready!(sleep.as_mut().poll(cx));
            }
        }
        self.ready.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready.ready),
            "called without being ready"
        );
        self.ready.sleep = None;
        self.called.fetch_add(1, Ordering::SeqCst);
        let does = self.does;
        assert!(!matches!(does, Does::PanicInCall), "{PANIC}");
        let finished = Arc::clone(&self.finished);
        Box::pin(async move {
            let result = match does {
                Does::Answer(status) => Ok(reply(status)),
                Does::AnswerAfter(delay, status) => {
                    tokio::time::sleep(delay).await;
                    Ok(reply(status))
                }
                Does::Never => std::future::pending().await,
                Does::Fail => Err(Broken),
                Does::FailAfter(delay) => {
                    tokio::time::sleep(delay).await;
                    Err(Broken)
                }
                Does::PanicAfter(delay) => {
                    tokio::time::sleep(delay).await;
                    finished.fetch_add(1, Ordering::SeqCst);
                    panic!("{PANIC}");
                }
                Does::PanicInCall => unreachable!(),
            };
            finished.fetch_add(1, Ordering::SeqCst);
            result
        })
    }
}

/// The text of the handlers' panics, which must turn up nowhere.
pub const PANIC: &str = "the handler's own secret sorrow";

/// One request through the layer, from outside.
pub async fn send<P, B>(
    layer: &WebhookLayer<P>,
    handler: &Handler,
    request: Request<B>,
) -> Result<Response<tower_webhook::ResponseBody<Full<Bytes>>>, Broken>
where
    P: Provider,
    B: Body + Send + 'static,
{
    layer.layer(handler.clone()).oneshot(request).await
}

/// A body that follows a script.
pub struct Script {
    steps: std::vec::IntoIter<Step>,
    sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

pub enum Step {
    Data(&'static [u8]),
    Owned(Bytes),
    Wait(Duration),
    Break,
    Hang,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect::<Vec<_>>().into_iter(),
            sleep: None,
        }
    }
}

/// How a scripted body breaks off.
#[derive(Debug)]
pub struct Reset;

impl Body for Script {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                std::task::ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            return Poll::Ready(match self.steps.next() {
                None => None,
                Some(Step::Data(data)) => Some(Ok(Frame::data(Bytes::from_static(data)))),
                Some(Step::Owned(data)) => Some(Ok(Frame::data(data))),
                Some(Step::Wait(delay)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(delay)));
                    continue;
                }
                Some(Step::Break) => Some(Err(Reset)),
                Some(Step::Hang) => {
                    self.sleep = Some(Box::pin(std::future::pending()));
                    continue;
                }
            });
        }
    }
}

/// An inner service that is infallible, for stacks that ask for it.
pub async fn ok(_request: Request<RequestBody>) -> Result<Reply, Infallible> {
    Ok(reply(StatusCode::NO_CONTENT))
}

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
