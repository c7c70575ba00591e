//! The handler, which follows its plan, and the sender.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use tokio::time::{Instant, Sleep, sleep};
use tower::{Layer, Service};
use tower_webhook::{RejectionKind, RequestBody, WebhookLayer, alegra::Alegra};

use super::case::{Plan, Ready, Sends};
use crate::util::{Broken, Does, PANIC, Reply, Script, Step, Store, delivery, pass, rejection};

/// What a handler notes of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Handled {
    pub(super) called: Option<Instant>,
    pub(super) ended: bool,
    pub(super) succeeded: bool,
}

/// An inner service that follows the plan of its delivery.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) plan: Plan,
    pub(super) handled: Arc<Mutex<Handled>>,
    pub(super) ready: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

impl Service<Request<RequestBody>> for Handler {
    type Response = Reply;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self.plan.ready {
            Ready::After(Duration::ZERO) => Poll::Ready(Ok(())),
            Ready::After(delay) => {
                let mut ready = self.ready.lock().unwrap();
                let ready = ready.get_or_insert_with(|| Box::pin(sleep(delay)));
                ready.as_mut().poll(cx).map(Ok)
            }
            Ready::Never => Poll::Pending,
            Ready::Fails => Poll::Ready(Err(Broken)),
            Ready::Panics => panic!("{PANIC}"),
        }
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        self.handled.lock().unwrap().called = Some(Instant::now());
        let ended = Ended(Arc::clone(&self.handled));
        let does = self.plan.does;
        assert!(!matches!(does, Does::PanicInCall), "{PANIC}");
        Box::pin(async move {
            let result = does.run().await;
            let succeeded = result.as_ref().is_ok_and(|it| it.status().is_success());
            ended.0.lock().unwrap().succeeded = succeeded;
            result
        })
    }
}

/// Notes when it is dropped that the handler's future has ended.
struct Ended(Arc<Mutex<Handled>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().unwrap().ended = true;
    }
}

/// Status and rejection, or the error of the service.
pub(super) type Answer = Result<(u16, Option<RejectionKind>), Broken>;

/// What the sender was answered, if it waited.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) answer: Option<Answer>,
    pub(super) took: Duration,
    /// Whether the store had confirmed a letter of it by then.
    pub(super) was_kept: bool,
}

pub(super) async fn deliver(
    layer: WebhookLayer<Alegra>,
    handler: Handler,
    key: u64,
    store: Store,
) -> Heard {
    let plan = handler.plan.clone();
    pass(plan.begins).await;
    let sent = Instant::now();
    let body = match plan.sends {
        Sends::Event | Sends::WrongSecret => Step::Owned(delivery("new-item", key).into()),
        Sends::Malformed => Step::Owned(format!("no envelope: {key}").into()),
        Sends::Probe => Step::Data(b""),
        Sends::Nothing => Step::Hang,
    };
    let path = match plan.sends {
        Sends::WrongSecret => "/".to_owned(),
        _ => format!("/{key}"),
    };
    let request = Request::post(path).body(Script::new([body]));
    let mut webhook = layer.layer(handler);
    let answering = webhook.call(request.expect("a request"));
    let answer = match plan.hangs_up {
        None => Some(answering.await),
        Some(at) => tokio::select! {
            biased;
            () = pass(at) => None,
            answer = answering => Some(answer),
        },
    };
    Heard {
        answer: answer.map(|answer| answer.map(|it| (it.status().as_u16(), rejection(&it)))),
        took: sent.elapsed(),
        was_kept: store.was_kept(key, None),
    }
}
