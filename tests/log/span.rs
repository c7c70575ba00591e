use std::sync::mpsc;

use http::Request;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::RequestBody;
use tracing::{Instrument, Span};

use crate::{
    log,
    util::{ALEGRA, alegra, ok, post},
};

#[tokio::test]
async fn the_handler_runs_in_the_callers_span() {
    let _log = log();
    let (sender, receiver) = mpsc::channel();
    let webhook = alegra().layer(service_fn(move |request: Request<RequestBody>| {
        let sender = sender.clone();
        async move {
            // The task is polled more than once.
            tokio::task::yield_now().await;
            sender.send(Span::current().id()).unwrap();
            ok(request).await
        }
    }));
    let span = tracing::info_span!("request");
    assert!(span.id().is_some());
    let request = webhook.clone().oneshot(post(ALEGRA));
    request.instrument(span.clone()).await.unwrap();
    assert_eq!(receiver.recv().unwrap(), span.id());
    webhook.oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(receiver.recv().unwrap(), None);
}
