use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use http::Request;
use tokio::{
    task::{consume_budget, yield_now},
    time::{Instant, sleep},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{OutcomeKind, Rejection, RejectionKind, RequestBody};

use crate::util::{
    ALEGRA, Broken, Does, Handler, Outcomes, Reply, Script, Step, alegra, answer, begun, ms, ok,
    post, post_body, send, status_of,
};

#[tokio::test(start_paused = true)]
async fn the_deadline_does_not_drop_it() {
    let handler = Handler::new(Does::AnswerAfter(ms(10_000), 204));
    assert_eq!(status_of(&alegra(), &handler, post(ALEGRA)).await, Ok(202));
    assert_eq!(handler.finished(), 0);
    sleep(ms(7001)).await;
    assert_eq!(handler.finished(), 1);
}

/// Not even before the handler's task had its first turn.
#[tokio::test(start_paused = true)]
async fn a_hang_up_does_not_drop_it() {
    for turns in [0, 1] {
        let (layer, outcomes) = Outcomes::of(alegra());
        let handler = Handler::new(Does::AnswerAfter(ms(100), 204));
        let running = begun(send(&layer, &handler, post(ALEGRA))).await;
        for _turn in 0..turns {
            yield_now().await;
        }
        assert_eq!(handler.called(), turns);
        drop(running);
        let hung_up = (OutcomeKind::GivenUp, None, false);
        assert_eq!(outcomes.seen(), [hung_up]);
        assert_eq!(layer.background().in_flight(), 1);
        assert_eq!(layer.background().drain(Duration::MAX).await, 0);
        let finished = (OutcomeKind::Handled, Some(204), true);
        assert_eq!(outcomes.seen(), [hung_up, finished]);
        assert_eq!((handler.called(), handler.finished()), (1, 1));
    }
}

// Only the limit that the user sets ends a handler.

#[tokio::test(start_paused = true)]
async fn a_handler_limit_before_the_deadline_is_the_answer() {
    let (layer, outcomes) = Outcomes::of(alegra().handler_limit(ms(100)));
    let handler = Handler::new(Does::Never);
    let interrupted = (Ok(503), Some(RejectionKind::Interrupted), ms(100));
    let answered = answer(send(&layer, &handler, post(ALEGRA))).await;
    assert_eq!(answered, interrupted);
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(503), false)]);
    assert_eq!(layer.background().in_flight(), 0);
    assert_eq!((handler.called(), handler.finished()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_limit_after_the_deadline_is_a_late_end() {
    let (layer, outcomes) = Outcomes::of(alegra().handler_limit(ms(5000)));
    let start = Instant::now();
    let handler = Handler::new(Does::Never);
    assert_eq!(status_of(&layer, &handler, post(ALEGRA)).await, Ok(202));
    assert_eq!(layer.background().in_flight(), 1);
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(start.elapsed(), ms(5000));
    let late = (OutcomeKind::Late, Some(202), false);
    assert_eq!(outcomes.seen(), [late, (OutcomeKind::Failed, None, true)]);
    let why = outcomes.all()[1].rejection().map(Rejection::kind);
    assert_eq!(why, Some(RejectionKind::Interrupted));
    assert_eq!((handler.called(), handler.finished()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_limit_counts_from_the_handlers_start() {
    let layer = alegra().handler_limit(ms(100));
    let slow = Script::new([Step::Wait(ms(150)), Step::Data(ALEGRA.as_bytes())]);
    let handler = Handler::new(Does::AnswerAfter(ms(99), 204));
    let answer = answer(send(&layer, &handler, post_body(slow))).await;
    assert_eq!(answer, (Ok(204), None, ms(249)));
}

/// It also ends a handler that is never idle and leaves nothing of tokio's budget to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_limit_ends_a_handler_that_is_never_idle() {
    let inner = service_fn(
        async |_request: Request<RequestBody>| -> Result<Reply, Broken> {
            loop {
                consume_budget().await;
            }
        },
    );
    let layer = alegra().handler_limit(ms(50));
    let response = layer.layer(inner).oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}

/// With a second worker, a handler that blocks its thread delays neither the answer nor others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_delays_no_answer() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let inner = service_fn(move |request: Request<RequestBody>| {
        let blocked = blocked.clone();
        async move {
            // Until the test has the answer, which would come too late after this time.
            let _ = blocked.lock().unwrap().recv_timeout(ms(10_000));
            ok(request).await
        }
    });
    let layer = alegra().deadline(ms(50));
    // In a task, as servers do: the handler blocks the worker that polls the request.
    let response = tokio::spawn(layer.layer(inner).oneshot(post(ALEGRA)));
    assert_eq!(response.await.unwrap().unwrap().status(), 202);
    release.send(()).expect("the handler still waits");
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}
