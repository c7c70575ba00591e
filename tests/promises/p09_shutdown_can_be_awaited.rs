use http::StatusCode;
use tokio::time::Instant;

use crate::util::{ALEGRA, Does, Handler, alegra, ms, post, rejection, send};

#[tokio::test(start_paused = true)]
async fn p9_drain_waits_for_late_handlers() {
    let layer = alegra();
    let background = layer.background();
    for seconds in [10, 20, 30] {
        let handler = Handler::new(Does::AnswerAfter(ms(seconds * 1000), StatusCode::OK));
        let response = send(&layer, &handler, post(ALEGRA)).await.unwrap();
        assert_eq!(response.status(), 202);
    }
    assert_eq!(background.in_flight(), 3);
    assert!(!background.is_draining());

    let start = Instant::now();
    assert_eq!(background.drain(ms(100_000)).await, 0);
    assert_eq!(start.elapsed(), ms(27_000), "the last one began 3 s ago");
    assert!(background.is_draining());
    assert_eq!(background.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn p9_drain_says_what_is_left_at_its_limit() {
    let layer = alegra();
    let background = layer.background();
    for does in [
        Does::Never,
        Does::Never,
        Does::AnswerAfter(ms(4000), StatusCode::OK),
    ] {
        send(&layer, &Handler::new(does), post(ALEGRA))
            .await
            .unwrap();
    }
    let start = Instant::now();
    assert_eq!(background.drain(ms(60_000)).await, 2);
    assert_eq!(start.elapsed(), ms(60_000));
    assert_eq!(background.drain(ms(0)).await, 2, "asked again, at once");
}

#[tokio::test(start_paused = true)]
async fn p9_drain_cannot_be_undone_and_holds_for_all_clones() {
    let layer = alegra();
    let clone = layer.clone();
    let handler = Handler::new(Does::Answer(StatusCode::OK));
    // Begun and dropped: it stays begun.
    let background = layer.background();
    let mut drain = Box::pin(background.drain(ms(1000)));
    assert!(futures::poll!(drain.as_mut()).is_ready());
    drop(drain);
    for layer in [layer, clone] {
        let response = send(&layer, &handler, post(ALEGRA)).await.unwrap();
        assert_eq!(response.status(), 503);
        let kind = rejection(&response).unwrap();
        assert_eq!(kind, tower_webhook::RejectionKind::Draining);
        let probe = send(&layer, &handler, post("")).await.unwrap();
        assert_eq!(probe.status(), 200, "probes are still answered");
    }
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn p9_a_limit_beyond_every_clock_is_no_limit() {
    let layer = alegra();
    let handler = Handler::new(Does::AnswerAfter(ms(10_000), StatusCode::OK));
    send(&layer, &handler, post(ALEGRA)).await.unwrap();
    assert_eq!(layer.background().drain(std::time::Duration::MAX).await, 0);
    assert_eq!(handler.finished(), 1);
}
