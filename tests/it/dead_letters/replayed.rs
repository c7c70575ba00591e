//! A letter that is replayed: its handler's answer is the answer, and the store knows how it went.

use futures::FutureExt;
use tokio::time::{Instant, sleep};
use tower::Layer;
use tower_webhook::{
    Access, DeadLetter, Failed, LetterReason, Received, RejectionKind, Rules, Unmarked,
    WebhookLayer, alegra::Alegra,
};

use crate::util::{
    ALEGRA, Broken, Does, Handler, Keeps, Other, PANIC, Store, alegra, begun, custom, ms, post,
    quiet_panics, rejection, send, status_of,
};

/// A layer whose store has one letter, of a handler that failed.
async fn with_a_letter(failed: Failed) -> (WebhookLayer<Alegra>, Store, DeadLetter) {
    quiet_panics();
    let store = Store::new(Keeps::After(ms(10)));
    let layer = alegra().dead_letters(store.clone()).failed(failed);
    let _ = send(&layer, &Handler::answers(500), post(ALEGRA)).await;
    sleep(ms(20)).await;
    let letter = store.only();
    (layer, store, letter)
}

async fn replay(
    layer: &WebhookLayer<Alegra>,
    handler: &Handler,
    letter: &DeadLetter,
) -> Result<u16, Broken> {
    let answer = layer.layer(handler.clone()).replay(letter).await;
    answer.map(|answer| answer.status().as_u16())
}

/// As in a stream of replays whose reader is slow.
#[tokio::test(start_paused = true)]
async fn one_that_nobody_polls_on_is_marked() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::AnswerAfter(ms(10), 204));
    let _answer = begun(layer.layer(handler).replay(&letter)).await;
    sleep(ms(100)).await;
    assert_eq!(store.done(), 1);
    assert_eq!(layer.background().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_again_is_stored_with_one_more_attempt() {
    for failed in [Failed::Accept, Failed::Refuse] {
        let (layer, store, first) = with_a_letter(failed).await;
        for (attempts, (does, answer, reason)) in (2..).zip([
            (Does::Answer(502), Ok(502), LetterReason::Status),
            (Does::Fail, Err(Broken), LetterReason::Error),
            (Does::PanicInCall, Ok(500), LetterReason::Panicked),
        ]) {
            let (handler, letter) = (Handler::new(does), store.only());
            assert_eq!(replay(&layer, &handler, &letter).await, answer);
            let again = store.only();
            assert_eq!(again.id(), first.id());
            assert_eq!((again.reason(), again.attempts()), (reason, attempts));
            assert_eq!(again.record(), first.record());
            // What the provider was answered does not change.
            let accepted = failed == Failed::Accept;
            assert_eq!(again.is_acknowledged(), accepted, "{reason:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_succeeds_is_done_before_it_is_answered() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::answers(204);
    assert_eq!(replay(&layer, &handler, &letter).await, Ok(204));
    assert!(store.waiting().is_empty());
    assert_eq!(store.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_is_done_though_nobody_waits_for_the_replay() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::AnswerAfter(ms(5000), 200));
    let replaying = replay(&layer, &handler, &letter);
    assert!(replaying.now_or_never().is_none());
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    assert_eq!(handler.finished(), 1);
    assert!(store.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_whose_replay_a_drain_leaves_in_flight_is_stored_again() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::Never);
    assert!(replay(&layer, &handler, &letter).now_or_never().is_none());
    assert_eq!(layer.background().drain(ms(1000)).await, 1);
    let again = store.only();
    assert_eq!(again.id(), letter.id());
    assert_eq!(again.reason(), LetterReason::Shutdown);
    assert_eq!((again.attempts(), again.is_acknowledged()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn one_that_reaches_no_handler_stays_as_it_was() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::answers(204);
    assert_eq!(status_of(&layer, &handler, post("[]]")).await, Ok(202));
    let malformed = store.letters().remove(1);
    let webhook = layer.layer(handler.clone());
    let response = webhook.replay(&malformed).await.expect("an answer");
    assert_eq!(rejection(&response), Some(RejectionKind::Malformed));

    assert_eq!(layer.background().drain(ms(0)).await, 0);
    let response = webhook.replay(&letter).await.expect("an answer");
    assert_eq!(rejection(&response), Some(RejectionKind::Draining));
    assert_eq!(store.letters(), [letter, malformed]);
    assert_eq!((store.calls().len(), handler.called()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn one_whose_replay_panics_before_the_handler_is_answered_500() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::Never).panics_when_asked();
    assert_eq!(replay(&layer, &handler, &letter).await, Ok(500));
    assert_eq!(store.only(), letter);
    assert_eq!(layer.background().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_is_answered_as_for_requests() {
    let (_, _, letter) = with_a_letter(Failed::Accept).await;
    let panics = custom(
        Rules::new("alegra"),
        |_| -> Result<Received<Other<()>>, _> { panic!("{PANIC}") },
    );
    let layer = WebhookLayer::new(panics, Access::open());
    let answer = layer.layer(Handler::answers(204)).replay(&letter).await;
    assert_eq!(answer.expect("an answer").status(), 500);
}

/// A record has no letter.
#[tokio::test(start_paused = true)]
async fn the_replay_of_a_record_does_not_ask_the_store() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    for status in [200, 500] {
        let webhook = layer.layer(Handler::answers(status));
        let answer = webhook.replay(letter.record()).await;
        assert_eq!(answer.expect("an answer").status(), status);
    }
    assert_eq!(store.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_replay_says_if_the_store_does_not_know_of_it() {
    let (layer, store, letter) = with_a_letter(Failed::Accept).await;
    for keeps in [Keeps::AT_ONCE, Keeps::FAILS, Keeps::PANICS, Keeps::Hangs] {
        for own in [204, 502] {
            store.set(keeps);
            let webhook = layer.layer(Handler::answers(own));
            let start = Instant::now();
            let response = webhook.replay(&letter).await.expect("its own");
            assert_eq!(response.status(), own);
            let unmarked = response.extensions().get::<Unmarked>().is_some();
            assert_eq!(unmarked, keeps != Keeps::AT_ONCE, "{keeps:?} {own}");
            assert!(start.elapsed() <= ms(1000));
        }
    }
    let webhook = alegra().layer(Handler::answers(200));
    let without_store = webhook.replay(&letter).await.expect("its own");
    assert!(without_store.extensions().get::<Unmarked>().is_some());
    let record = webhook.replay(letter.record()).await.expect("its own");
    assert!(record.extensions().get::<Unmarked>().is_none());
}
