//! A delivery that is late is stored as pending, and then acknowledged; what becomes of it replaces
//! that.

use tokio::time::{Instant, sleep};
use tower_webhook::{Late, LetterReason, OutcomeKind, RejectionKind};

use super::deliver;
use crate::util::{
    ALEGRA, Does, Handler, Keeps, Outcomes, Store, alegra, answer, ms, post, send, status_of,
};

#[tokio::test(start_paused = true)]
async fn a_late_delivery_is_stored_as_pending_before_it_is_acknowledged() {
    let store = Store::new(Keeps::After(ms(300)));
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let start = Instant::now();
    let answered = deliver(&layer, Does::AnswerAfter(ms(9000), 204)).await;
    assert_eq!(answered, Ok(202));
    assert_eq!(start.elapsed(), ms(3300));
    assert_eq!(store.reasons(), [Some(LetterReason::Pending)]);
    assert!(store.only().is_acknowledged());
    assert_eq!(layer.background().drain(ms(20_000)).await, 0);
    assert_eq!(store.reasons(), [Some(LetterReason::Pending), None]);
    let answered = (OutcomeKind::Late, Some(202), false);
    let ended = (OutcomeKind::Handled, Some(204), true);
    assert_eq!(outcomes.seen(), [answered, ended]);
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_is_stored() {
    let answers = Does::AnswerAfter(ms(9000), 502);
    let cases = [
        (answers, LetterReason::Status, Some(502)),
        (Does::FailAfter(ms(9000)), LetterReason::Error, None),
        (Does::PanicAfter(ms(9000)), LetterReason::Panicked, None),
        (Does::Never, LetterReason::Interrupted, None),
    ];
    for (does, reason, status) in cases {
        for late in [Late::Accept, Late::Refuse] {
            let store = Store::default();
            let layer = alegra().late(late).handler_limit(ms(30_000));
            let (layer, outcomes) = Outcomes::of(layer.dead_letters(store.clone()));
            let success = late == Late::Accept;
            let expected = if success { 202 } else { 503 };
            assert_eq!(deliver(&layer, does).await, Ok(expected));
            layer.background().drain(ms(60_000)).await;
            let mut reasons = vec![Some(reason)];
            if success {
                reasons.insert(0, Some(LetterReason::Pending));
            }
            assert_eq!(store.reasons(), reasons, "{does:?} {late:?}");
            let letters = store.letters();
            let last = letters.last().expect("a letter");
            assert_eq!((last.is_acknowledged(), last.attempts()), (success, 1));
            let end = outcomes.seen()[1];
            assert_eq!(end, (OutcomeKind::Stored, status, true), "{does:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_stores_confirmation_a_late_delivery_is_no_success() {
    for keeps in [Keeps::FAILS, Keeps::PANICS, Keeps::Hangs] {
        let store = Store::new(keeps);
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let handler = Handler::new(Does::AnswerAfter(ms(9000), 200));
        let late = (Ok(503), Some(RejectionKind::Late), ms(4000));
        assert_eq!(answer(send(&layer, &handler, post(ALEGRA))).await, late);
        sleep(ms(20_000)).await;
        assert_eq!(handler.finished(), 1);
        assert_eq!(layer.background().in_flight(), 0);
        let answered = (OutcomeKind::Late, Some(503), false);
        let ended = (OutcomeKind::Handled, Some(200), true);
        assert_eq!(outcomes.seen(), [answered, ended]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_succeeds_while_the_store_is_asked_gives_the_answer() {
    let slow = Keeps::After(ms(900));
    for keeps in [slow, Keeps::FAILS, Keeps::Hangs] {
        let store = Store::new(keeps);
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let handler = Handler::new(Does::AnswerAfter(ms(3500), 204));
        assert_eq!(status_of(&layer, &handler, post(ALEGRA)).await, Ok(204));
        assert_eq!(outcomes.seen(), [(OutcomeKind::Handled, Some(204), false)]);
        layer.background().drain(ms(10_000)).await;
        match keeps {
            Keeps::After(_) => assert_eq!(store.reasons(), [Some(LetterReason::Pending), None]),
            _ => assert_eq!(store.reasons(), []),
        }
    }
}

/// Before the deadline it is never pending. After it, the pending letter is enough, though the store
/// may take too long for the letter of the failure.
#[tokio::test(start_paused = true)]
async fn a_failure_around_the_deadline_is_acknowledged_when_a_letter_is_stored() {
    let error = Some(LetterReason::Error);
    let both = vec![Some(LetterReason::Pending), error];
    for (fails_after, store_takes, answered_after, by_then, in_the_end) in [
        (2900, 500, 3400, vec![error], vec![error]),
        (3100, 400, 3800, both.clone(), both.clone()),
        (3500, 800, 4000, both[..1].to_vec(), both),
    ] {
        let store = Store::new(Keeps::After(ms(store_takes)));
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let handler = Handler::new(Does::FailAfter(ms(fails_after)));
        let answered = answer(send(&layer, &handler, post(ALEGRA))).await;
        assert_eq!(answered, (Ok(202), None, ms(answered_after)));
        assert_eq!(store.reasons(), by_then, "{fails_after}");
        layer.background().drain(ms(10_000)).await;
        assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
        assert_eq!(store.reasons(), in_the_end, "{fails_after}");
    }
}
