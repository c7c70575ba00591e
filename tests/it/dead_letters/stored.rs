//! A delivery that fails is stored, and then answered with a success.

use std::time::Duration;

use http::HeaderMap;
use tokio::{
    task::yield_now,
    time::{Instant, timeout},
};
use tower::{Layer, Service, ServiceExt};
use tower_webhook::{DeadLetter, Failed, Late, LetterReason, OutcomeKind, RejectionKind};

use crate::util::{
    ALEGRA, Broken, Does, Handler, Keeps, Outcomes, Store, alegra, answer, ms, post, rejection,
    send, status_of,
};

/// Each way in which a handler fails in time. The last needs a `handler_limit`.
fn failures() -> [(Does, LetterReason); 7] {
    [
        (Does::Answer(500), LetterReason::Status),
        (Does::AnswerAfter(ms(100), 302), LetterReason::Status),
        (Does::Fail, LetterReason::Error),
        (Does::FailAfter(ms(100)), LetterReason::Error),
        (Does::PanicInCall, LetterReason::Panicked),
        (Does::PanicAfter(ms(100)), LetterReason::Panicked),
        (Does::Never, LetterReason::Interrupted),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_stored_and_then_acknowledged() {
    for (does, reason) in failures() {
        for delay in [ms(0), ms(700)] {
            let store = Store::new(Keeps::After(delay));
            let layer = alegra().handler_limit(ms(1000)).dead_letters(store.clone());
            let (layer, outcomes) = Outcomes::of(layer);
            let start = Instant::now();
            let response = send(&layer, &Handler::new(does), post(ALEGRA)).await;
            let response = response.expect("a success");
            assert_eq!(response.status(), 202, "{does:?}");
            assert_eq!(response.headers(), &HeaderMap::new());
            assert_eq!(rejection(&response), None);
            assert!(start.elapsed() >= delay);

            let letter = store.only();
            assert_eq!((letter.reason(), letter.attempts()), (reason, 1));
            assert!(letter.is_acknowledged());
            let record = letter.record();
            assert_eq!((record.event(), record.id()), ("new-client", Some("774")));
            assert_eq!(record.body(), ALEGRA);

            assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
            let told = outcomes.all().remove(0);
            assert_eq!(told.stored(), Some(reason));
            let own = match does {
                Does::Answer(own) | Does::AnswerAfter(_, own) => Some(own),
                _ => None,
            };
            assert_eq!(told.handler_status().map(|status| status.as_u16()), own);
            assert_eq!(layer.background().in_flight(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_reaches_no_handler_is_stored() {
    let ok = || Handler::answers(200);
    for (case, reason) in [
        ("unready", LetterReason::Busy),
        ("full", LetterReason::Busy),
        ("draining", LetterReason::Draining),
        ("panics", LetterReason::Panicked),
        ("malformed", LetterReason::Malformed),
    ] {
        let store = Store::default();
        let layer = alegra().max_in_flight(1).dead_letters(store.clone());
        let (layer, outcomes) = Outcomes::of(layer);
        let (mut handler, mut body, mut event) = (ok(), ALEGRA, "new-client");
        match case {
            "unready" => handler = ok().ready_after(None),
            "full" => {
                let mut first = layer.layer(Handler::new(Does::Never));
                tokio::spawn(first.call(post(ALEGRA)));
                yield_now().await;
            }
            "draining" => assert_eq!(layer.background().drain(ms(0)).await, 0),
            "panics" => handler = ok().panics_when_asked(),
            _ => (body, event) = (r#"{"no":"subject"}"#, "other"),
        }
        let response = send(&layer, &handler, post(body)).await;
        let response = response.expect("a success");
        assert_eq!(response.status(), 202, "{case}");
        assert_eq!(rejection(&response), None, "{case}");
        assert_eq!(handler.called(), 0, "{case}");

        let mut letters = store.letters();
        // Of the handler that has the only slot.
        letters.retain(|letter| letter.reason() != LetterReason::Pending);
        let [letter] = &letters[..] else {
            panic!("{case}: one letter");
        };
        assert_eq!((letter.reason(), letter.attempts()), (reason, 0), "{case}");
        assert_eq!(letter.record().body(), body, "{case}");
        assert_eq!(letter.record().event(), event, "{case}");
        let mut told = outcomes.all();
        told.retain(|told| told.stored().is_some());
        let [told] = &told[..] else {
            panic!("{case}: one is stored");
        };
        assert_eq!(told.kind(), OutcomeKind::Stored);
        assert_eq!(told.stored(), Some(reason));
        assert_eq!(told.status().map(|status| status.as_u16()), Some(202));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_text_is_stored_byte_for_byte() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let body: &[u8] = b"\xff\xfe{\"subject\"";
    let handler = Handler::answers(200);
    assert_eq!(status_of(&layer, &handler, post(body)).await, Ok(202));
    let written = serde_json::to_string(&store.only()).expect("JSON");
    let read: DeadLetter = serde_json::from_str(&written).expect("a letter");
    assert_eq!(read.record().body(), body);
    assert_eq!(read, store.only());
}

// The store does not keep it.

#[tokio::test(start_paused = true)]
async fn without_the_stores_confirmation_a_failure_is_no_success() {
    for keeps in [Keeps::FAILS, Keeps::PANICS, Keeps::Hangs] {
        for (does, _) in failures() {
            let layer = alegra().handler_limit(ms(1000));
            let (layer, outcomes) = Outcomes::of(layer.dead_letters(Store::new(keeps)));
            let answer = send(&layer, &Handler::new(does), post(ALEGRA)).await;
            let seen = answer.map(|it| (it.status().as_u16(), rejection(&it)));
            let expected = match does {
                Does::Fail | Does::FailAfter(_) => Err(Broken),
                Does::Answer(own) | Does::AnswerAfter(_, own) => Ok((own, None)),
                Does::Never => Ok((503, Some(RejectionKind::Interrupted))),
                _ => Ok((500, Some(RejectionKind::Panicked))),
            };
            assert_eq!(seen, expected, "{keeps:?} {does:?}");
            assert_eq!(outcomes.seen().len(), 1);
            assert_eq!(outcomes.seen()[0].0, OutcomeKind::Failed);
            assert_eq!(layer.background().in_flight(), 0);
        }
        let layer = alegra().dead_letters(Store::new(keeps));
        let response = send(&layer, &Handler::answers(200), post("[]]")).await;
        let why = rejection(&response.expect("an answer"));
        assert_eq!(why, Some(RejectionKind::Malformed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_refused_anyway_leaves_at_once_and_is_stored() {
    let store = Store::new(Keeps::After(ms(500)));
    let layer = alegra().failed(Failed::Refuse).late(Late::Refuse);
    let (layer, outcomes) = Outcomes::of(layer.dead_letters(store.clone()));
    let (start, handler) = (Instant::now(), Handler::new(Does::Fail));
    assert_eq!(status_of(&layer, &handler, post(ALEGRA)).await, Err(Broken));
    assert_eq!(status_of(&layer, &handler, post("[]]")).await, Ok(400));
    assert_eq!(start.elapsed(), ms(0));
    let late = Handler::new(Does::AnswerAfter(ms(3001), 200));
    let refused = (Ok(503), Some(RejectionKind::Late), ms(3000));
    assert!(store.letters().is_empty());
    assert_eq!(answer(send(&layer, &late, post(ALEGRA))).await, refused);
    // The drain waits for calls to the store that have begun.
    assert_eq!(status_of(&layer, &handler, post(ALEGRA)).await, Err(Broken));
    assert_eq!(layer.background().drain(ms(1000)).await, 0);
    let letters = store.letters();
    assert_eq!(letters.len(), 3, "the late one has not failed");
    assert!(letters.iter().all(|letter| !letter.is_acknowledged()));
    let kinds = outcomes.all().into_iter().map(|outcome| outcome.kind());
    let kinds: Vec<_> = kinds.collect();
    let (failed, rejected) = (OutcomeKind::Failed, OutcomeKind::Rejected);
    let (late, handled) = (OutcomeKind::Late, OutcomeKind::Handled);
    assert_eq!(kinds, [failed, rejected, late, failed, handled]);
}

// The client hangs up.

#[tokio::test(start_paused = true)]
async fn a_failure_after_a_hang_up_is_stored() {
    let store = Store::default();
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let handler = Handler::new(Does::FailAfter(ms(2000)));
    let request = layer.layer(handler).oneshot(post(ALEGRA));
    assert!(timeout(ms(1000), request).await.is_err());
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
    assert_eq!(store.reasons(), [Some(LetterReason::Error)]);
    assert!(!store.only().is_acknowledged());
    let answered = (OutcomeKind::GivenUp, None, false);
    let ended = (OutcomeKind::Stored, None, true);
    assert_eq!(outcomes.seen(), [answered, ended]);
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_does_not_cancel_a_call_to_the_store() {
    for (does, body, outcomes_told) in [(Does::Fail, ALEGRA, 2), (Does::Answer(200), "[]]", 1)] {
        let store = Store::new(Keeps::After(ms(500)));
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let request = layer.layer(Handler::new(does)).oneshot(post(body));
        assert!(timeout(ms(100), request).await.is_err());
        assert_eq!(layer.background().drain(ms(10_000)).await, 0);
        assert_eq!(store.letters().len(), 1, "{does:?}");
        assert_eq!(outcomes.seen()[0].0, OutcomeKind::GivenUp);
        assert_eq!(outcomes.seen().len(), outcomes_told);
        assert_eq!(store.violations(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_before_the_handler_starts_stores_nothing() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = Handler::answers(200).ready_after(None);
    let request = layer.layer(handler).oneshot(post(ALEGRA));
    assert!(timeout(ms(1000), request).await.is_err());
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(store.calls().is_empty());
}
