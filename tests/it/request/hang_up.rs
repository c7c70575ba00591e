//! A client that hangs up before the answer has given up, whatever its request was waiting for. A
//! handler that was started goes on (`promises/p02`).

use std::time::Duration;

use futures::poll;
use tokio::time::sleep;
use tower::{Layer, Service};
use tower_webhook::OutcomeKind;

use crate::util::{
    ALEGRA, Does, Handler, Outcomes, Script, Seen, Step, Store, alegra, answer, begun, ms, post,
    post_body, send,
};

const GIVEN_UP: Seen = (OutcomeKind::GivenUp, None, false);

/// Before the first poll, while the body is read, and while the inner service is not ready.
#[tokio::test(start_paused = true)]
async fn before_the_handler_starts() {
    let half = vec![Step::Data(b"{"), Step::Hang];
    let whole = || vec![Step::Data(ALEGRA.as_bytes())];
    let ready = Handler::answers(204);
    let never_ready = ready.clone().ready_after(None);
    for (polled, handler, body, slots) in [
        (false, ready.clone(), whole(), 0),
        (true, ready, half, 0),
        (true, never_ready, whole(), 1),
    ] {
        let (layer, outcomes) = Outcomes::of(alegra());
        let request = post_body(Script::new(body));
        let mut answer = Box::pin(layer.layer(handler.clone()).call(request));
        assert!(!polled || poll!(&mut answer).is_pending());
        assert_eq!(layer.background().in_flight(), slots);
        drop(answer);
        assert_eq!(layer.background().in_flight(), 0);
        assert_eq!(outcomes.seen(), [GIVEN_UP]);
        assert_eq!(handler.called(), 0);
    }
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
