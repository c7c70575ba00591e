//! A store that never answers delays an answer by at most a second, and never makes a success of a
//! failure.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};
use tower_webhook::{Late, OutcomeKind, Provider, RejectionKind, WebhookLayer};

use crate::util::{
    ALEGRA, Answer, BSALE, Broken, Does, Handler, Keeps, Outcomes, Store, alegra, answer, bsale,
    ms, post, quiet_panics, send, status_of,
};

/// Handlers and services that fail, and what is answered without a store.
fn failures() -> Vec<(Handler, Result<u16, Broken>, Option<RejectionKind>)> {
    let never = Handler::new(Does::Never);
    let never_ready = never.clone().ready_after(None);
    let panicked = Some(RejectionKind::Panicked);
    let fails = Does::FailAfter(ms(1000));
    let panics = Does::PanicAfter(ms(1000));
    vec![
        (Handler::answers(500), Ok(500), None),
        (Handler::answers(302), Ok(302), None),
        (Handler::new(Does::Fail), Err(Broken), None),
        (Handler::new(fails), Err(Broken), None),
        (Handler::new(Does::PanicInCall), Ok(500), panicked),
        (Handler::new(panics), Ok(500), panicked),
        (never.clone(), Ok(503), Some(RejectionKind::Interrupted)),
        (never_ready, Ok(503), Some(RejectionKind::Busy)),
        (never.panics_when_asked(), Ok(500), panicked),
    ]
}

async fn sends<P: Provider>(
    layer: &WebhookLayer<P>,
    handler: &Handler,
    body: &'static str,
) -> Answer {
    answer(send(layer, handler, post(body))).await
}

fn hanging<P>(layer: WebhookLayer<P>) -> (WebhookLayer<P>, Outcomes, Store) {
    quiet_panics();
    let store = Store::new(Keeps::Hangs);
    let (layer, outcomes) = Outcomes::of(layer.dead_letters(store.clone()));
    (layer, outcomes, store)
}

/// No slot is held, and the next delivery is handled at once.
async fn serves_the_next<P: Provider>(layer: &WebhookLayer<P>, body: &'static str) {
    assert_eq!(layer.background().in_flight(), 0);
    let healthy = sends(layer, &Handler::answers(204), body).await;
    assert_eq!(healthy, (Ok(204), None, ms(0)));
}

/// Each failure leaves as if there were no store, when the time of the store is over.
async fn leaves_at<P: Provider>(
    made: impl Fn() -> WebhookLayer<P>,
    body: &'static str,
    at: Duration,
) {
    for (handler, status, rejection) in failures() {
        let (layer, outcomes, store) = hanging(made().handler_limit(ms(1400)).max_in_flight(1));
        let answered = sends(&layer, &handler, body).await;
        assert_eq!(answered, (status, rejection, at), "{:?}", handler.does);
        assert_eq!(store.calls().len(), 1, "{:?}", handler.does);
        let told = outcomes.seen();
        let [(OutcomeKind::Failed | OutcomeKind::Rejected, _, false)] = told[..] else {
            panic!("{:?}: {told:?}", handler.does);
        };
        let strikes = layer.strikes().worst().expect("a strike");
        assert_eq!(strikes.count(), 1);
        serves_the_next(&layer, body).await;
        assert!(store.waiting().is_empty());
    }
}

/// Half of the provider's remaining time is left to the network.
#[tokio::test(start_paused = true)]
async fn a_failure_leaves_a_second_after_the_deadline_and_before_the_provider_gives_up() {
    leaves_at(alegra, ALEGRA, ms(4000)).await;
    leaves_at(bsale, BSALE, ms(2500)).await;
    leaves_at(|| alegra().deadline(ms(4500)), ALEGRA, ms(4750)).await;
    leaves_at(|| alegra().deadline(ms(4900)), ALEGRA, ms(4950)).await;
}

/// One handler holds the only slot while the other delivery waits for it.
#[tokio::test(start_paused = true)]
async fn a_delivery_without_a_slot() {
    let (layer, outcomes, _store) = hanging(alegra().max_in_flight(1));
    let long = Handler::new(Does::AnswerAfter(ms(3500), 204));
    let short = Handler::answers(204);
    let both = [sends(&layer, &long, ALEGRA), sends(&layer, &short, ALEGRA)];
    let [first, second] = join_all(both).await.try_into().expect("two answers");
    // It succeeds while the store is asked to keep it as pending.
    assert_eq!(first, (Ok(204), None, ms(3500)));
    assert_eq!(second, (Ok(503), Some(RejectionKind::Busy), ms(4000)));
    assert_eq!(short.called(), 0);
    let kinds: Vec<_> = outcomes.seen().iter().map(|outcome| outcome.0).collect();
    assert_eq!(kinds, [OutcomeKind::Handled, OutcomeKind::Rejected]);
    serves_the_next(&layer, ALEGRA).await;
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_refused() {
    for (drained, body, kind) in [
        (false, "no envelope", RejectionKind::Malformed),
        (true, ALEGRA, RejectionKind::Draining),
    ] {
        let (layer, outcomes, store) = hanging(alegra());
        if drained {
            assert_eq!(layer.background().drain(ms(0)).await, 0);
        }
        let handler = Handler::answers(204);
        let status = kind.status().as_u16();
        let refused = (Ok(status), Some(kind), ms(4000));
        assert_eq!(sends(&layer, &handler, body).await, refused);
        let rejected = (OutcomeKind::Rejected, Some(status), false);
        assert_eq!(outcomes.seen(), [rejected]);
        assert_eq!(store.calls()[0].what, kind.as_str());
        let probe = sends(&layer, &handler, "").await;
        assert_eq!(probe, (Ok(200), None, ms(0)), "a probe needs no store");
        if !drained {
            serves_the_next(&layer, ALEGRA).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_delivery_is_refused_and_its_handler_goes_on() {
    for (deadline, at) in [(ms(3000), ms(4000)), (ms(4500), ms(4750))] {
        let (layer, outcomes, store) = hanging(alegra().deadline(deadline).max_in_flight(1));
        let handler = Handler::new(Does::AnswerAfter(ms(10_000), 200));
        let late = sends(&layer, &handler, ALEGRA).await;
        assert_eq!(late, (Ok(503), Some(RejectionKind::Late), at));
        assert_eq!(layer.background().in_flight(), 1, "the handler goes on");
        sleep(ms(10_001) - at).await;
        assert_eq!(handler.finished(), 1);
        let told = [
            (OutcomeKind::Late, Some(503), false),
            (OutcomeKind::Handled, Some(200), true),
        ];
        assert_eq!(outcomes.seen(), told);
        let calls = store.calls();
        assert_eq!(calls.len(), 1, "done waits: {calls:?}");
        serves_the_next(&layer, ALEGRA).await;
    }
}

/// The slot is held for the second that the store has.
#[tokio::test(start_paused = true)]
async fn a_late_delivery_that_fails() {
    for late in [Late::Accept, Late::Refuse] {
        let (layer, outcomes, _store) = hanging(alegra().late(late).max_in_flight(1));
        let start = Instant::now();
        let handler = Handler::new(Does::FailAfter(ms(10_000)));
        assert_eq!(sends(&layer, &handler, ALEGRA).await.0, Ok(503));
        sleep(ms(10_999) - start.elapsed()).await;
        assert_eq!(layer.background().in_flight(), 1);
        sleep(ms(2)).await;
        let told = [
            (OutcomeKind::Late, Some(503), false),
            (OutcomeKind::Failed, None, true),
        ];
        assert_eq!(outcomes.seen(), told);
        serves_the_next(&layer, ALEGRA).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_store_a_second_longer_than_its_limit() {
    let (layer, _, _store) = hanging(alegra());
    let failing = Handler::answers(500);
    let answering = sends(&layer, &failing, ALEGRA);
    let draining = async {
        sleep(ms(10)).await;
        let start = Instant::now();
        let left = layer.background().drain(ms(5000)).await;
        (left, start.elapsed())
    };
    let (_, drained) = futures::join!(answering, draining);
    assert_eq!(drained, (0, ms(6000)));
}

/// Deliveries of 64 MiB may wait for the store; beyond that, failures leave at once.
#[tokio::test(start_paused = true)]
async fn deliveries_that_wait_for_the_store_are_bounded() {
    let (layer, _, store) = hanging(alegra());
    let start = br#"{"subject":"new-client","message":{"client":{"id":"1","observations":""#;
    let mut body = start.to_vec();
    body.resize(1024 * 1000, b'x');
    body.extend_from_slice(br#""}}}"#);
    let body = bytes::Bytes::from(body);
    let failing = Handler::answers(500);
    let sends = (0..80).map(|_| async {
        let start = Instant::now();
        let answered = status_of(&layer, &failing, post(body.clone())).await;
        assert_eq!(answered, Ok(500));
        start.elapsed()
    });
    let after = join_all(sends).await;
    let waited = after.iter().filter(|after| **after == ms(4000)).count();
    let at_once = after.iter().filter(|after| after.is_zero()).count();
    assert_eq!((waited, at_once), (65, 15));
    assert_eq!(store.calls().len(), waited);
}
