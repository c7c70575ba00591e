//! A client that hangs up before the answer has given up, whatever its request was waiting for. A
//! handler that was started goes on (`promises/p02`).

use std::time::Duration;

use tokio::time::sleep;
use tower::{Layer, Service};
use tower_webhook::OutcomeKind;

use crate::util::{
    ALEGRA, Does, Handler, Outcomes, Script, Seen, Step, Store, alegra, answer, begun, ms, post,
    post_body, send,
};

const GIVEN_UP: Seen = (OutcomeKind::GivenUp, None, false);

#[tokio::test(start_paused = true)]
async fn before_the_first_poll() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::answers(204);
    drop(layer.layer(handler.clone()).call(post(ALEGRA)));
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen(), [GIVEN_UP]);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_body_is_read() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::answers(204);
    let half = post_body(Script::new([Step::Data(b"{"), Step::Hang]));
    drop(begun(send(&layer, &handler, half)).await);
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen(), [GIVEN_UP]);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn in_line_for_a_slot() {
    let (layer, outcomes) = Outcomes::of(alegra().max_in_flight(1));
    let occupant = Handler::new(Does::AnswerAfter(ms(100), 204));
    let first = begun(send(&layer, &occupant, post(ALEGRA))).await;
    let handler = Handler::answers(204);
    drop(begun(send(&layer, &handler, post(ALEGRA))).await);
    assert_eq!(outcomes.seen(), [GIVEN_UP]);
    assert_eq!(answer(first).await, (Ok(204), None, ms(100)));
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen().len(), 2);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn before_the_inner_service_is_ready() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Never).ready_after(None);
    let waiting = begun(send(&layer, &handler, post(ALEGRA))).await;
    assert_eq!(layer.background().in_flight(), 1);
    drop(waiting);
    assert_eq!(layer.background().in_flight(), 0);
    assert_eq!(outcomes.seen(), [GIVEN_UP]);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_the_answer_it_has_not_given_up() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let mut request = Box::pin(layer.layer(Handler::answers(204)).call(post(ALEGRA)));
    assert_eq!(answer(&mut request).await, (Ok(204), None, ms(0)));
    drop(request);
    assert_eq!(outcomes.seen(), [(OutcomeKind::Handled, Some(204), false)]);
}

/// The future is polled once, and then dropped after the deadline: the late answer reached nobody.
#[tokio::test(start_paused = true)]
async fn after_a_deadline_that_it_was_not_polled_for() {
    let store = Store::default();
    for layer in [alegra(), alegra().dead_letters(store.clone())] {
        let (layer, outcomes) = Outcomes::of(layer);
        let handler = Handler::new(Does::Never);
        let waiting = begun(send(&layer, &handler, post(ALEGRA))).await;
        sleep(ms(3500)).await;
        drop(waiting);
        assert_eq!(outcomes.seen(), [GIVEN_UP]);
        assert_eq!(layer.strikes().worst().map(|worst| worst.count()), Some(1));
        sleep(ms(100)).await;
        assert_eq!(store.letters(), []);
    }
}
