//! A letter that is replayed: its handler's answer is the answer, and the store knows how it went.

mod util;

use bytes::Bytes;
use futures::FutureExt;
use http::{StatusCode, request::Parts};
use tokio::time::sleep;
use tower::Layer;
use tower_webhook::{
    Access, DeadLetter, Failed, LetterReason, Provider, Received, Rejection, Rules, WebhookLayer,
    alegra::Alegra,
};

use self::util::{
    ALEGRA, Broken, Does, Handler, Nothing, PANIC, alegra,
    letters::{Care, Letters, quiet_panics},
    ms, post, send,
};

fn status(status: u16) -> Handler {
    let status = StatusCode::from_u16(status).expect("a status");
    Handler::new(Does::Answer(status))
}

/// A layer whose store has one letter, of a handler that failed.
async fn with_a_letter(failed: Failed) -> (WebhookLayer<Alegra>, Letters, DeadLetter) {
    quiet_panics();
    let letters = Letters::always(Care::KeepAfter(ms(10)));
    let layer = alegra().dead_letters(letters.clone()).failed(failed);
    let _ = send(&layer, &status(500), post(ALEGRA)).await;
    sleep(ms(20)).await;
    let letter = only(&letters);
    (layer, letters, letter)
}

#[track_caller]
fn only(letters: &Letters) -> DeadLetter {
    let mut all = letters.all();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn replay(
    layer: &WebhookLayer<Alegra>,
    handler: &Handler,
    letter: &DeadLetter,
) -> Result<u16, Broken> {
    let answer = layer.layer(handler.clone()).replay(letter).await;
    answer.map(|answer| answer.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_again_is_stored_again_and_is_no_success() {
    for failed in [Failed::Accept, Failed::Refuse] {
        let (layer, letters, first) = with_a_letter(failed).await;
        for (attempts, (handler, answer, reason)) in (2..).zip([
            (status(502), Ok(502), LetterReason::Status),
            (Handler::new(Does::Fail), Err(Broken), LetterReason::Error),
            (
                Handler::new(Does::PanicInCall),
                Ok(500),
                LetterReason::Panicked,
            ),
        ]) {
            let letter = only(&letters);
            assert_eq!(replay(&layer, &handler, &letter).await, answer);
            let again = only(&letters);
            assert_eq!(again.id(), first.id());
            assert_eq!((again.reason(), again.attempts()), (reason, attempts));
            assert_eq!(again.record(), first.record());
            // The provider heard what it heard.
            let accepted = failed == Failed::Accept;
            assert_eq!(again.is_acknowledged(), accepted, "{reason:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_succeeds_is_done_before_it_is_answered() {
    let (layer, letters, letter) = with_a_letter(Failed::Accept).await;
    assert_eq!(replay(&layer, &status(204), &letter).await, Ok(204));
    assert!(letters.all().is_empty());
    assert_eq!(letters.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_whose_replay_is_given_up_is_done_all_the_same() {
    let (layer, letters, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::AnswerAfter(ms(5000), StatusCode::OK));
    let replaying = replay(&layer, &handler, &letter);
    assert!(replaying.now_or_never().is_none());
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    assert_eq!(handler.finished(), 1);
    assert!(letters.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_a_drain_leaves_over_is_stored_again() {
    let (layer, letters, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::Never);
    assert!(replay(&layer, &handler, &letter).now_or_never().is_none());
    assert_eq!(layer.background().drain(ms(1000)).await, 1);
    let again = only(&letters);
    assert_eq!(again.id(), letter.id());
    assert_eq!(again.reason(), LetterReason::Shutdown);
    assert_eq!((again.attempts(), again.is_acknowledged()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn one_that_gets_to_no_handler_stays_as_it_was() {
    let (layer, letters, letter) = with_a_letter(Failed::Accept).await;
    assert_eq!(layer.background().drain(ms(0)).await, 0);
    assert_eq!(replay(&layer, &status(204), &letter).await, Ok(503));
    assert_eq!(only(&letters), letter);
    assert_eq!(letters.entries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_whose_replay_panics_before_the_handler_is_no_panic() {
    let (layer, letters, letter) = with_a_letter(Failed::Accept).await;
    let handler = Handler::new(Does::Never).panics_when_asked();
    assert_eq!(replay(&layer, &handler, &letter).await, Ok(500));
    assert_eq!(only(&letters), letter);
    assert_eq!(layer.background().in_flight(), 0);
}

/// A provider whose code panics over every body.
struct Panics;

impl Provider for Panics {
    type Event = Nothing;

    fn rules(&self) -> Rules {
        Rules::new("alegra")
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Nothing>, Rejection> {
        panic!("{PANIC}")
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_over_a_record_is_answered_as_for_requests() {
    let (_, _, letter) = with_a_letter(Failed::Accept).await;
    let layer = WebhookLayer::new(Panics, Access::open());
    let answer = layer.layer(status(204)).replay(&letter).await;
    assert_eq!(answer.expect("an answer").status(), 500);
}

/// A record alone has no letter, and gets none.
#[tokio::test(start_paused = true)]
async fn of_a_record_the_store_hears_nothing() {
    let (layer, letters, letter) = with_a_letter(Failed::Accept).await;
    let answer = layer.layer(status(500)).replay(letter.record()).await;
    assert_eq!(answer.expect("an answer").status(), 500);
    assert_eq!(letters.entries().len(), 1);
}
