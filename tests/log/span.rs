use std::sync::mpsc;

use http::Request;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::RequestBody;
use tracing::{Instrument, Span};

use crate::{
    log,
    util::{ALEGRA, Does, Handler, alegra, ms, ok, post, send},
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

#[tokio::test(start_paused = true)]
async fn a_late_end_is_logged_in_the_callers_span() {
    let log = log();
    let handler = Handler::new(Does::FailAfter(ms(5000)));
    let layer = alegra();
    let request = send(&layer, &handler, post(ALEGRA));
    let span = tracing::info_span!("request", id = 7);
    let late = request.instrument(span).await.expect("ours");
    assert_eq!(late.status(), 202);
    tokio::time::sleep(ms(5000)).await;
    let text = log.take();
    let last = text.lines().last().expect("a line");
    assert!(last.contains("request{id=7}"), "{last}");
    assert!(last.contains("failed after the answer"), "{last}");
}
