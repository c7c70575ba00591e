//! Who takes part: the handler, which follows its plan, and the sender.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, StatusCode};
use tokio::time::{Instant, Sleep, sleep};
use tower::{Layer, Service};
use tower_webhook::{RejectionKind, RequestBody, WebhookLayer, alegra::Alegra};

use crate::{
    case::{Does, Plan, Ready, Sends},
    util::{
        Broken, PANIC, Reply, Script, Step,
        letters::{Letters, delivery, pass},
        rejection, reply,
    },
};

/// What is known of a handler, from itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handled {
    pub(crate) called: Option<Instant>,
    pub(crate) ended: bool,
    pub(crate) succeeded: bool,
}

/// An inner service that follows the plan of its delivery.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) plan: Plan,
    pub(crate) handled: Arc<Mutex<Handled>>,
    pub(crate) ready: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
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
            match does {
                Does::Status(status, after) => {
                    pass(after).await;
                    let status = StatusCode::from_u16(status).expect("a status");
                    ended.0.lock().unwrap().succeeded = status.is_success();
                    Ok(reply(status))
                }
                Does::Fail(after) => {
                    pass(after).await;
                    Err(Broken)
                }
                Does::Panic(after) => {
                    pass(after).await;
                    panic!("{PANIC}")
                }
                Does::PanicInCall => unreachable!("it panicked before"),
            }
        })
    }
}

/// Says that the handler's future is gone, however it went.
struct Ended(Arc<Mutex<Handled>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().unwrap().ended = true;
    }
}

/// What the sender heard, if it waited: the status and the rejection, or that the service failed.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) answer: Option<Result<(u16, Option<RejectionKind>), Broken>>,
    pub(crate) took: Duration,
    /// When it was heard, the store had confirmed a letter of it.
    pub(crate) was_kept: bool,
}

pub(crate) async fn deliver(
    layer: WebhookLayer<Alegra>,
    handler: Handler,
    key: u64,
    letters: Letters,
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
        was_kept: letters.was_kept(key, None),
    }
}
