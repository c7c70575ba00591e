//! What a drain leaves in flight is stored.

use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_webhook::LetterReason;

use crate::util::{ALEGRA, Does, Handler, Keeps, Store, alegra, ms, post};

#[tokio::test(start_paused = true)]
async fn handlers_that_run_at_the_limit_of_a_drain_are_stored() {
    let store = Store::new(Keeps::After(ms(200)));
    let layer = alegra().dead_letters(store.clone());
    let background = layer.background();
    let webhook = layer.layer(Handler::new(Does::AnswerAfter(ms(9000), 200)));
    // One is late when the drain starts, and one is not.
    let early = tokio::spawn(webhook.clone().oneshot(post(ALEGRA)));
    sleep(ms(4000)).await;
    let later = tokio::spawn(webhook.oneshot(post(ALEGRA)));
    sleep(ms(1)).await;
    let start = Instant::now();
    assert_eq!(background.drain(ms(1000)).await, 2);
    assert_eq!(start.elapsed(), ms(1200));
    let mut letters = store.letters();
    letters.retain(|letter| letter.reason() == LetterReason::Shutdown);
    assert_eq!(letters.len(), 2);

    // The process lives on after all: handlers that succeed are done.
    for answer in [early, later] {
        let response = answer.await.expect("no panic").expect("an answer");
        assert_eq!(response.status(), 202);
    }
    assert_eq!(background.drain(ms(20_000)).await, 0);
    assert_eq!(store.done(), 2);
    assert!(store.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_slot_and_no_handler_yet_is_stored() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = Handler::answers(200).ready_after(Some(ms(1500)));
    let request = tokio::spawn(layer.layer(handler).oneshot(post(ALEGRA)));
    sleep(ms(1)).await;
    assert_eq!(layer.background().drain(ms(1000)).await, 1);
    assert_eq!(store.reasons(), [Some(LetterReason::Shutdown)]);
    assert_eq!(store.only().attempts(), 0);
    let response = request.await.expect("no panic").expect("its own");
    assert_eq!(response.status(), 200);
    assert_eq!(layer.background().drain(ms(1000)).await, 0);
    assert_eq!(store.reasons(), [Some(LetterReason::Shutdown), None]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_late_after_the_drain_is_stored_again_as_acknowledged() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let request = layer.layer(Handler::new(Does::Never)).oneshot(post(ALEGRA));
    let request = tokio::spawn(request);
    sleep(ms(1)).await;
    assert_eq!(layer.background().drain(ms(1000)).await, 1);
    let response = request.await.expect("no panic").expect("ours");
    assert_eq!(response.status(), 202);
    assert_eq!(store.reasons(), [Some(LetterReason::Shutdown); 2]);
    let acknowledged = store.letters().into_iter().map(|it| it.is_acknowledged());
    assert_eq!(acknowledged.collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_no_longer_than_a_second_for_a_store_that_hangs() {
    let layer = alegra().dead_letters(Store::new(Keeps::Hangs));
    tokio::spawn(layer.layer(Handler::new(Does::Never)).oneshot(post(ALEGRA)));
    sleep(ms(1)).await;
    let start = Instant::now();
    assert_eq!(layer.background().drain(ms(5000)).await, 1);
    assert_eq!(start.elapsed(), ms(6000));
}
