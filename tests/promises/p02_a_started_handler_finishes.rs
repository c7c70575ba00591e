use http::StatusCode;
use tokio::time::sleep;
use tower::{Layer, ServiceExt};

use crate::util::{ALEGRA, Does, Handler, Outcomes, alegra, ms, post, send};

fn slow() -> Handler {
    Handler::new(Does::AnswerAfter(ms(10_000), StatusCode::NO_CONTENT))
}

#[tokio::test(start_paused = true)]
async fn p2_the_deadline_does_not_drop_a_started_handler() {
    let handler = slow();
    let response = send(&alegra(), &handler, post(ALEGRA)).await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(handler.finished(), 0);
    sleep(ms(7001)).await;
    assert_eq!(handler.finished(), 1);
}

#[tokio::test(start_paused = true)]
async fn p2_a_hang_up_does_not_drop_a_started_handler() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = slow();
    let answer = tokio::spawn(layer.layer(handler.clone()).oneshot(post(ALEGRA)));
    while handler.called() == 0 {
        tokio::task::yield_now().await;
    }
    answer.abort();
    assert!(answer.await.unwrap_err().is_cancelled());
    assert_eq!(handler.finished(), 0);
    assert_eq!(layer.background().in_flight(), 1);

    assert_eq!(layer.background().drain(ms(20_000)).await, 0);
    assert_eq!(handler.finished(), 1);
    assert_eq!(outcomes.all().len(), 2, "given up, then the late end");
}

/// Only the limit that the user sets ends a handler, and it says so.
#[tokio::test(start_paused = true)]
async fn p2_the_handler_limit_ends_a_handler() {
    let handler = slow();
    let layer = alegra().handler_limit(ms(5000));
    assert_eq!(
        send(&layer, &handler, post(ALEGRA)).await.unwrap().status(),
        202
    );
    sleep(ms(2001)).await;
    assert_eq!(layer.background().drain(ms(0)).await, 0, "its slot is free");
    assert_eq!((handler.called(), handler.finished()), (1, 0));
}

/// Also one that is never idle, and leaves nothing of tokio's budget to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_the_handler_limit_ends_a_handler_that_is_never_idle() {
    let inner = tower::service_fn(
        async |_request: http::Request<tower_webhook::RequestBody>| {
            loop {
                tokio::task::consume_budget().await;
            }
            #[allow(unreachable_code)]
            Ok::<_, crate::util::Broken>(crate::util::reply(StatusCode::OK))
        },
    );
    let layer = alegra().handler_limit(ms(50));
    let response = layer.layer(inner).oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}

/// A handler that blocks its thread holds up neither the answer nor the others, given a second
/// worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_blocking_handler_holds_up_no_answer() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Arc::new(std::sync::Mutex::new(blocked));
    let inner = tower::service_fn(move |_request: http::Request<tower_webhook::RequestBody>| {
        let blocked = blocked.clone();
        async move {
            // Until the test lets it go, which it does once it has the answer.
            let _ = blocked.lock().unwrap().recv();
            Ok::<_, crate::util::Broken>(crate::util::reply(StatusCode::NO_CONTENT))
        }
    });
    let layer = alegra().deadline(ms(50));
    let response = layer.layer(inner).oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(response.status(), 202);
    release.send(()).unwrap();
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}
