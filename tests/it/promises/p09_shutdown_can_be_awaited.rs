use std::{pin::pin, task::Poll, time::Duration};

use futures::{future::join_all, poll};
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};
use tower_webhook::{OutcomeKind, RejectionKind};

use crate::util::{
    ALEGRA, Answer, Does, Handler, Outcomes, alegra, answer, begun, handled, ms, post, send,
    three_hundred,
};

const DRAINING: Answer = (Ok(503), Some(RejectionKind::Draining), ms(0));

fn takes(millis: u64) -> Handler {
    Handler::new(Does::AnswerAfter(ms(millis), 204))
}

#[tokio::test(start_paused = true)]
async fn a_drain_without_handlers_ends_at_once() {
    let background = alegra().background();
    assert!(!background.is_draining());
    assert_eq!(background.drain(Duration::MAX).await, 0);
    assert!(background.is_draining());
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_late_handlers_and_says_how_many_are_left_at_its_limit() {
    let (layer, start) = (three_hundred(), Instant::now());
    let handlers = [400, 600, 1000].map(takes);
    let requests = handlers.each_ref();
    let requests = requests.map(|handler| answer(send(&layer, handler, post(ALEGRA))));
    let late = || (Ok(202), None, ms(300));
    assert_eq!(join_all(requests).await, [late(), late(), late()]);
    let background = layer.background();
    assert_eq!(background.in_flight(), 3);
    assert_eq!(background.drain(Duration::ZERO).await, 3);
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(background.drain(ms(200)).await, 2);
    assert_eq!(start.elapsed(), ms(500));
    assert_eq!(background.drain(Duration::MAX).await, 0);
    assert_eq!(start.elapsed(), ms(1000));
    assert_eq!(background.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_drains_end_with_the_last_handler() {
    let (layer, start) = (three_hundred(), Instant::now());
    let handler = takes(100);
    let request = answer(send(&layer, &handler, post(ALEGRA)));
    let background = layer.background();
    let drains = async {
        yield_now().await;
        join_all([(); 3].map(|()| background.drain(Duration::MAX))).await
    };
    let (answered, left) = tokio::join!(request, drains);
    assert_eq!((answered, left), (handled(100), vec![0; 3]));
    assert_eq!(start.elapsed(), ms(100));
}

/// It holds for all clones, whichever was drained.
#[tokio::test(start_paused = true)]
async fn a_drain_refuses_deliveries_and_answers_probes() {
    let layer = alegra();
    let handler = Handler::answers(204);
    // Never polled, it does nothing.
    drop(layer.clone().background().drain(Duration::MAX));
    let answered = answer(send(&layer, &handler, post(ALEGRA))).await;
    assert_eq!(answered, handled(0));
    layer.clone().background().drain(Duration::MAX).await;
    let (clone, outcomes) = Outcomes::of(layer.clone());
    for layer in [&clone, &layer] {
        let probe = (Ok(200), None, ms(0));
        assert_eq!(answer(send(layer, &handler, post(ALEGRA))).await, DRAINING);
        assert_eq!(answer(send(layer, &handler, post(""))).await, probe);
    }
    assert_eq!(handler.called(), 1);
    let refused = (OutcomeKind::Rejected, Some(503), false);
    let probe = (OutcomeKind::Probe, Some(200), false);
    assert_eq!(outcomes.seen(), [refused, probe]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_drain_does_not_undo_it() {
    let layer = alegra();
    let running = takes(100);
    let _first = begun(send(&layer, &running, post(ALEGRA))).await;
    drop(begun(layer.background().drain(Duration::MAX)).await);
    let handler = Handler::answers(204);
    assert_eq!(answer(send(&layer, &handler, post(ALEGRA))).await, DRAINING);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_refuses_requests_that_wait_for_a_slot() {
    let layer = three_hundred().max_in_flight(1);
    let (occupant, handler) = (takes(200), Handler::answers(204));
    let first = answer(send(&layer, &occupant, post(ALEGRA)));
    let second = answer(send(&layer, &handler, post(ALEGRA)));
    let drain = async {
        sleep(ms(100)).await;
        layer.background().drain(Duration::MAX).await
    };
    let (first, second, left) = tokio::join!(first, second, drain);
    assert_eq!(first, handled(200));
    assert_eq!(second, (Ok(503), Some(RejectionKind::Draining), ms(100)));
    assert_eq!((left, handler.called()), (0, 0));
}

/// They have a slot, so they count as in flight.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_requests_that_wait_for_readiness() {
    let layer = three_hundred();
    let handler = takes(50).ready_after(Some(ms(100)));
    let request = begun(send(&layer, &handler, post(ALEGRA))).await;
    let background = layer.background();
    let (answered, left) = tokio::join!(answer(request), background.drain(Duration::MAX));
    assert_eq!((answered, left), (handled(150), 0));
}

/// The second request was given the slot and hung up before its next poll.
#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_request_that_hung_up_in_line() {
    let layer = three_hundred().max_in_flight(1);
    let (occupant, handler) = (takes(100), Handler::answers(204));
    let first = begun(send(&layer, &occupant, post(ALEGRA))).await;
    let second = begun(send(&layer, &handler, post(ALEGRA))).await;
    assert_eq!(answer(first).await, handled(100));
    let background = layer.background();
    let mut drain = pin!(background.drain(Duration::MAX));
    assert!(poll!(&mut drain).is_pending());
    drop(second);
    assert_eq!(poll!(&mut drain), Poll::Ready(0));
    assert_eq!(handler.called(), 0);
}
