//! What failed and is safely stored is acknowledged; what is not stored never is.

mod util;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, request::Parts};
use http_body_util::Full;
use tokio::time::{Instant, advance, timeout};
use tower::{Layer, Service, ServiceExt};
use tower_webhook::{
    Access, DeadLetter, Event, Failed, Late, LetterReason, OutcomeKind, Provider, Received, Record,
    Rejection, RejectionKind, Rules, Unmarked, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

use util::{
    ALEGRA, BSALE, Broken, Does, Handler, Nothing, Outcomes, Script, Step, alegra, bsale, ms, post,
    post_body, rejection, send,
    store::{Keeps, Store, Told},
    with_method,
};

const SECOND: Duration = Duration::from_secs(1);

/// Each way in which a handler fails in time.
fn failures() -> [(Does, LetterReason); 6] {
    [
        (
            Does::Answer(StatusCode::INTERNAL_SERVER_ERROR),
            LetterReason::Status,
        ),
        (
            Does::AnswerAfter(ms(100), StatusCode::FOUND),
            LetterReason::Status,
        ),
        (Does::Fail, LetterReason::Error),
        (Does::FailAfter(ms(100)), LetterReason::Error),
        (Does::PanicInCall, LetterReason::Panicked),
        (Does::PanicAfter(ms(100)), LetterReason::Panicked),
    ]
}

// Stored, and then a success.

#[tokio::test(start_paused = true)]
async fn what_a_handler_fails_is_stored_and_then_acknowledged() {
    for (does, reason) in failures() {
        for (keeps, delay) in [(Keeps::AtOnce, ms(0)), (Keeps::After(ms(700)), ms(700))] {
            let store = Store::new(keeps);
            let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
            let began = Instant::now();
            let response = send(&layer, &Handler::new(does), post(ALEGRA)).await;
            let response = response.expect("a success");
            assert_eq!(response.status(), 202, "{does:?}");
            assert_eq!(response.headers(), &HeaderMap::new());
            assert_eq!(rejection(&response), None);
            assert!(began.elapsed() >= delay);

            let [letter] = &store.letters()[..] else {
                panic!("{does:?}: one letter");
            };
            assert_eq!((letter.reason(), letter.attempts()), (reason, 1));
            assert!(letter.is_acknowledged());
            let record = letter.record();
            assert_eq!((record.event(), record.id()), ("new-client", Some("774")));
            assert_eq!(record.body(), ALEGRA);

            let seen = outcomes.all();
            assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
            assert_eq!(seen[0].stored(), Some(reason));
            let own = match does {
                Does::Answer(own) | Does::AnswerAfter(_, own) => Some(own),
                _ => None,
            };
            assert_eq!(seen[0].handler_status(), own);
            assert_eq!(layer.background().in_flight(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bsale_hears_200() {
    let store = Store::default();
    let layer = bsale().dead_letters(store.clone());
    let response = send(&layer, &Handler::new(Does::Fail), post(BSALE)).await;
    assert_eq!(response.expect("a success").status(), 200);
    assert_eq!(store.story(), [Some(LetterReason::Error)]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_cut_off_in_time_is_stored() {
    let store = Store::default();
    let layer = alegra().handler_limit(SECOND).dead_letters(store.clone());
    let response = send(&layer, &Handler::new(Does::Never), post(ALEGRA)).await;
    assert_eq!(response.expect("a success").status(), 202);
    assert_eq!(store.story(), [Some(LetterReason::Interrupted)]);
}

#[tokio::test(start_paused = true)]
async fn what_gets_to_no_handler_is_stored() {
    let ok = || Handler::new(Does::Answer(StatusCode::OK));
    let unready = ok().ready_after(None);
    let panics = ok().panics_when_asked();
    let full = |layer: WebhookLayer<Alegra>| async {
        let layer = layer.max_in_flight(1);
        let mut first = layer.layer(Handler::new(Does::Never));
        tokio::spawn(first.call(post(ALEGRA)));
        tokio::task::yield_now().await;
        layer
    };
    let draining = |layer: WebhookLayer<Alegra>| async {
        layer.background().drain(ms(0)).await;
        layer
    };
    let cases = [
        ("unready", LetterReason::Busy),
        ("full", LetterReason::Busy),
        ("draining", LetterReason::Draining),
        ("panics", LetterReason::Panicked),
        ("malformed", LetterReason::Malformed),
    ];
    for (case, reason) in cases {
        let store = Store::default();
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let (layer, handler, body) = match case {
            "unready" => (layer, unready.clone(), ALEGRA),
            "full" => (full(layer).await, ok(), ALEGRA),
            "draining" => (draining(layer).await, ok(), ALEGRA),
            "panics" => (layer, panics.clone(), ALEGRA),
            _ => (layer, ok(), r#"{"no":"subject"}"#),
        };
        let response = send(&layer, &handler, post(body)).await;
        let response = response.expect("a success");
        assert_eq!(response.status(), 202, "{case}");
        assert_eq!(rejection(&response), None, "{case}");
        assert_eq!(handler.called(), 0, "{case}");

        let mut letters = store.letters();
        // The one whose handler has the only slot.
        letters.retain(|letter| letter.reason() != LetterReason::Pending);
        let [letter] = &letters[..] else {
            panic!("{case}: one letter");
        };
        assert_eq!((letter.reason(), letter.attempts()), (reason, 0), "{case}");
        assert_eq!(letter.record().body(), body, "{case}");
        let event = if body == ALEGRA {
            "new-client"
        } else {
            "other"
        };
        assert_eq!(letter.record().event(), event, "{case}");
        let stored = outcomes
            .all()
            .into_iter()
            .filter(|told| told.stored().is_some());
        let [told] = &stored.collect::<Vec<_>>()[..] else {
            panic!("{case}: one is stored");
        };
        assert_eq!(
            (told.kind(), told.stored()),
            (OutcomeKind::Stored, Some(reason))
        );
        assert_eq!(told.status().map(|status| status.as_u16()), Some(202));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_text_is_stored_byte_for_byte() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let body: &[u8] = b"\xff\xfe{\"subject\"";
    let handler = Handler::new(Does::Answer(StatusCode::OK));
    let response = send(&layer, &handler, post(body)).await;
    assert_eq!(response.expect("a success").status(), 202);
    let written = serde_json::to_string(&store.letters()[0]).expect("JSON");
    let read: DeadLetter = serde_json::from_str(&written).expect("a letter");
    assert_eq!(read.record().body(), body);
    assert_eq!(read, store.letters()[0]);
}

// Not stored.

#[tokio::test(start_paused = true)]
async fn what_never_was_a_delivery_is_not_stored() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let bsale = WebhookLayer::new(Bsale::new().companies([1]), Access::path([util::SECRET]))
        .dead_letters(store.clone());
    let handler = Handler::new(Does::Answer(StatusCode::OK));
    let no_secret = Request::post("/webhooks/a-guess").body(Full::<Bytes>::from(ALEGRA));
    let compressed = {
        let mut request = post(ALEGRA);
        let gzip = http::HeaderValue::from_static("gzip");
        request.headers_mut().insert("content-encoding", gzip);
        request
    };
    let answers = [
        (
            404,
            send(&layer, &handler, no_secret.expect("a request")).await,
        ),
        (
            405,
            send(
                &layer,
                &handler,
                with_method(Method::GET, Full::<Bytes>::default()),
            )
            .await,
        ),
        (415, send(&layer, &handler, compressed).await),
        (413, send(&layer, &handler, post(vec![b' '; 2 << 20])).await),
        (
            408,
            send(&layer, &handler, post_body(Script::new([Step::Hang]))).await,
        ),
        (
            400,
            send(
                &layer,
                &handler,
                post_body(Script::new([Step::Data(b"{"), Step::Break])),
            )
            .await,
        ),
        (403, send(&bsale, &handler, post(BSALE)).await),
        (200, send(&layer, &handler, post("")).await),
        (200, send(&layer, &handler, post(ALEGRA)).await),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.expect("an answer").status(), status);
    }
    assert_eq!(store.told(), []);
}

/// A provider that takes nothing, and why. It would be probed by GET, too.
struct Strict(Why);

#[derive(Clone, Copy, Debug)]
enum Why {
    Signature,
    Malformed,
    Panic,
}

impl Provider for Strict {
    type Event = Nothing;

    fn rules(&self) -> Rules {
        Rules::new("strict").probe_method(Method::GET)
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Nothing>, Rejection> {
        Err(match self.0 {
            Why::Signature => Rejection::unauthorized("the signature is wrong"),
            Why::Malformed => Rejection::malformed("it is neither a challenge nor an event"),
            Why::Panic => panic!("{}", util::PANIC),
        })
    }
}

/// The status of the answer, and how many letters there are.
async fn strict(why: Why, method: Method) -> (u16, usize) {
    let store = Store::default();
    let layer =
        WebhookLayer::new(Strict(why), Access::path([util::SECRET])).dead_letters(store.clone());
    let handler = Handler::new(Does::Answer(StatusCode::OK));
    let request = with_method(method, Full::<Bytes>::from("body"));
    let response = send(&layer, &handler, request).await;
    let status = response.expect("an answer").status().as_u16();
    (status, store.letters().len())
}

#[tokio::test(start_paused = true)]
async fn a_wrong_signature_is_not_stored_and_a_provider_s_panic_is() {
    assert_eq!(strict(Why::Signature, Method::POST).await, (401, 0));
    assert_eq!(strict(Why::Malformed, Method::POST).await, (200, 1));
    assert_eq!(strict(Why::Panic, Method::POST).await, (200, 1));
}

/// Who only knocks has to hear what is wrong with it: a success would be a handshake.
#[tokio::test(start_paused = true)]
async fn a_probe_by_another_method_is_not_stored_whatever_is_wrong_with_it() {
    assert_eq!(strict(Why::Signature, Method::GET).await, (401, 0));
    assert_eq!(strict(Why::Malformed, Method::GET).await, (400, 0));
    assert_eq!(strict(Why::Panic, Method::GET).await, (500, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_may_knock_may_not_fill_the_store() {
    let store = Store::default();
    let layer = WebhookLayer::new(Alegra::new(), Access::open()).dead_letters(store.clone());
    let response = send(&layer, &Handler::new(Does::Fail), post("no JSON")).await;
    let response = response.expect("an answer");
    assert_eq!(rejection(&response), Some(RejectionKind::Malformed));
    assert_eq!(store.told(), []);
    // What can be read is a delivery all the same.
    let response = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(response.expect("a success").status(), 202);
    assert_eq!(store.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_before_the_handler_began_leaves_nothing() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = Handler::new(Does::Answer(StatusCode::OK)).ready_after(None);
    let request = layer.layer(handler).oneshot(post(ALEGRA));
    assert!(timeout(SECOND, request).await.is_err());
    advance(10 * SECOND).await;
    assert_eq!(store.told(), []);
}

// The failure goes out.

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_keep_never_makes_a_success() {
    for keeps in [Keeps::Not, Keeps::Panics, Keeps::Hangs] {
        for (does, _) in failures() {
            let (layer, outcomes) = Outcomes::of(alegra().dead_letters(Store::new(keeps)));
            let answer = send(&layer, &Handler::new(does), post(ALEGRA)).await;
            match does {
                Does::Fail | Does::FailAfter(_) => assert_eq!(answer.err(), Some(Broken)),
                Does::Answer(own) | Does::AnswerAfter(_, own) => {
                    assert_eq!(answer.expect("its own").status(), own);
                }
                _ => assert_eq!(
                    rejection(&answer.expect("ours")),
                    Some(RejectionKind::Panicked)
                ),
            }
            assert_eq!(outcomes.seen().len(), 1);
            assert_eq!(
                outcomes.seen()[0].0,
                OutcomeKind::Failed,
                "{keeps:?} {does:?}"
            );
            assert_eq!(layer.background().in_flight(), 0);
        }
        let layer = alegra().dead_letters(Store::new(keeps));
        let handler = Handler::new(Does::Answer(StatusCode::OK));
        let response = send(&layer, &handler, post("[]]")).await;
        let response = response.expect("an answer");
        assert_eq!(rejection(&response), Some(RejectionKind::Malformed));
    }
}

#[tokio::test(start_paused = true)]
async fn failed_refuse_lets_the_failure_out_at_once_and_the_letter_says_so() {
    let store = Store::new(Keeps::After(ms(500)));
    let layer = alegra().failed(Failed::Refuse).dead_letters(store.clone());
    let (layer, outcomes) = Outcomes::of(layer);
    let began = Instant::now();
    let answer = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(answer.err(), Some(Broken));
    let malformed = send(&layer, &Handler::new(Does::Fail), post("[]]")).await;
    assert_eq!(malformed.expect("an answer").status(), 400);
    assert_eq!(began.elapsed(), ms(0));
    assert_eq!(store.told(), []);
    // The drain waits for what the store was begun to be told.
    assert_eq!(layer.background().drain(SECOND).await, 0);
    let letters = store.letters();
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| !letter.is_acknowledged()));
    let kinds: Vec<_> = outcomes
        .all()
        .iter()
        .map(|outcome| outcome.kind())
        .collect();
    assert_eq!(kinds, [OutcomeKind::Failed, OutcomeKind::Rejected]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_takes_no_more_than_64_mebibytes_along() {
    let layer = alegra().dead_letters(Store::new(Keeps::Hangs));
    let handler = Handler::new(Does::Fail);
    let mebibyte = || {
        let mut body = ALEGRA.as_bytes().to_vec();
        body.resize(1 << 20, b' ');
        post(body)
    };
    let webhook = layer.layer(handler);
    let requests = (0..100).map(|_| tokio::spawn(webhook.clone().oneshot(mebibyte())));
    let requests: Vec<_> = requests.collect();
    // Those that found no room hear it at once, the others when a second is over.
    tokio::time::sleep(SECOND).await;
    let at_once = requests
        .iter()
        .filter(|request| request.is_finished())
        .count();
    assert_eq!(at_once, 100 - 63);
    for request in requests {
        assert_eq!(request.await.expect("no panic").err(), Some(Broken));
    }
}

/// What the store has as pending it hears the end of, however much else waits for it.
#[tokio::test(start_paused = true)]
async fn the_end_of_what_is_stored_is_never_refused() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = |does| layer.layer(Handler::new(does));
    let ends = [
        Does::AnswerAfter(5 * SECOND, StatusCode::OK),
        Does::FailAfter(5 * SECOND),
    ];
    for does in ends {
        let late = handler(does).oneshot(post(ALEGRA)).await;
        assert_eq!(late.expect("a success").status(), 202);
        store.set(Keeps::After(60 * SECOND));
        // Large ones, and small ones for what room they leave.
        for len in [1 << 20; 70].into_iter().chain([1; 1100]) {
            let body = vec![b'{'; len];
            tokio::spawn(handler(Does::Never).oneshot(post(body)));
        }
        tokio::time::sleep(200 * SECOND).await;
        store.set(Keeps::AtOnce);
    }
    let told = store.told();
    let done = told.iter().filter(|told| matches!(told, Told::Done(_)));
    assert_eq!(done.count(), 1);
    let failed = store.letters().into_iter();
    assert_eq!(
        failed
            .filter(|it| it.reason() == LetterReason::Error)
            .count(),
        1
    );
}

// Late.

#[tokio::test(start_paused = true)]
async fn what_is_late_is_pending_before_its_success_leaves() {
    let store = Store::new(Keeps::After(ms(300)));
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let began = Instant::now();
    let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::NO_CONTENT));
    let response = send(&layer, &handler, post(ALEGRA)).await;
    assert_eq!(response.expect("a success").status(), 202);
    assert_eq!(began.elapsed(), ms(3300));
    assert_eq!(store.story(), [Some(LetterReason::Pending)]);
    assert!(store.letters()[0].is_acknowledged());
    assert_eq!(layer.background().drain(20 * SECOND).await, 0);
    assert_eq!(store.story(), [Some(LetterReason::Pending), None]);
    assert_eq!(
        outcomes.seen(),
        [
            (OutcomeKind::Late, Some(202), false),
            (OutcomeKind::Handled, Some(204), true)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_late_becomes_a_letter() {
    let seconds = |n| n * SECOND;
    let cases = [
        (
            Does::AnswerAfter(seconds(9), StatusCode::BAD_GATEWAY),
            LetterReason::Status,
            Some(502),
        ),
        (Does::FailAfter(seconds(9)), LetterReason::Error, None),
        (Does::PanicAfter(seconds(9)), LetterReason::Panicked, None),
        (Does::Never, LetterReason::Interrupted, None),
    ];
    for (does, reason, status) in cases {
        for late in [Late::Accept, Late::Refuse] {
            let store = Store::default();
            let layer = alegra().late(late).handler_limit(30 * SECOND);
            let (layer, outcomes) = Outcomes::of(layer.dead_letters(store.clone()));
            let response = send(&layer, &Handler::new(does), post(ALEGRA)).await;
            let success = response.expect("an answer").status().is_success();
            assert_eq!(success, late == Late::Accept);
            layer.background().drain(60 * SECOND).await;
            let mut story = vec![Some(reason)];
            if success {
                story.insert(0, Some(LetterReason::Pending));
            }
            assert_eq!(store.story(), story, "{does:?} {late:?}");
            let letters = store.letters();
            let last = letters.last().expect("a letter");
            assert_eq!((last.is_acknowledged(), last.attempts()), (success, 1));
            let end = outcomes.seen()[1];
            assert_eq!(end, (OutcomeKind::Stored, status, true), "{does:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_store_s_word_a_late_handler_is_no_success() {
    for keeps in [Keeps::Not, Keeps::Panics, Keeps::Hangs] {
        let store = Store::new(keeps);
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let began = Instant::now();
        let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::OK));
        let response = send(&layer, &handler, post(ALEGRA)).await.expect("ours");
        assert_eq!(rejection(&response), Some(RejectionKind::Late));
        assert_eq!(began.elapsed(), 4 * SECOND);
        tokio::time::sleep(20 * SECOND).await;
        assert_eq!(handler.finished(), 1);
        assert_eq!(layer.background().in_flight(), 0);
        let kinds: Vec<_> = outcomes.seen();
        assert_eq!(
            kinds,
            [
                (OutcomeKind::Late, Some(503), false),
                (OutcomeKind::Handled, Some(200), true)
            ]
        );
    }
}

/// The second that the store has is the handler's as well.
#[tokio::test(start_paused = true)]
async fn a_handler_that_ends_while_the_store_is_asked_gives_the_answer() {
    let slow = Keeps::After(ms(900));
    for keeps in [slow, Keeps::Not, Keeps::Hangs] {
        let store = Store::new(keeps);
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let handler = Handler::new(Does::AnswerAfter(ms(3500), StatusCode::NO_CONTENT));
        let response = send(&layer, &handler, post(ALEGRA)).await;
        assert_eq!(response.expect("its own").status(), 204);
        assert_eq!(outcomes.seen(), [(OutcomeKind::Handled, Some(204), false)]);
        layer.background().drain(10 * SECOND).await;
        match keeps {
            Keeps::After(_) => assert_eq!(store.story(), [Some(LetterReason::Pending), None]),
            _ => assert_eq!(store.told(), []),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_while_the_store_is_asked_is_stored_after() {
    let store = Store::new(Keeps::After(ms(400)));
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let began = Instant::now();
    let handler = Handler::new(Does::FailAfter(ms(3100)));
    let response = send(&layer, &handler, post(ALEGRA)).await;
    assert_eq!(response.expect("a success").status(), 202);
    assert_eq!(began.elapsed(), ms(3800));
    assert_eq!(
        store.story(),
        [Some(LetterReason::Pending), Some(LetterReason::Error)]
    );
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
}

/// Nothing is pending whose handler has ended.
#[tokio::test(start_paused = true)]
async fn a_handler_that_failed_is_not_late_while_the_store_is_asked() {
    let store = Store::new(Keeps::After(ms(500)));
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let began = Instant::now();
    let handler = Handler::new(Does::FailAfter(ms(2900)));
    let response = send(&layer, &handler, post(ALEGRA)).await;
    assert_eq!(response.expect("a success").status(), 202);
    assert_eq!(began.elapsed(), ms(3400));
    layer.background().drain(10 * SECOND).await;
    assert_eq!(store.story(), [Some(LetterReason::Error)]);
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
}

/// Once it is stored as pending it is stored, however long the store then takes for the reason.
#[tokio::test(start_paused = true)]
async fn a_failure_is_acknowledged_that_the_store_has_as_pending() {
    let store = Store::new(Keeps::After(ms(800)));
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let began = Instant::now();
    let handler = Handler::new(Does::FailAfter(ms(3500)));
    let response = send(&layer, &handler, post(ALEGRA)).await;
    assert_eq!(response.expect("a success").status(), 202);
    assert_eq!(began.elapsed(), 4 * SECOND);
    assert_eq!(store.story(), [Some(LetterReason::Pending)]);
    layer.background().drain(10 * SECOND).await;
    let story = [Some(LetterReason::Pending), Some(LetterReason::Error)];
    assert_eq!(store.story(), story);
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
}

// Hung up.

#[tokio::test(start_paused = true)]
async fn what_fails_after_the_client_hung_up_is_stored() {
    let store = Store::default();
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
    let handler = Handler::new(Does::FailAfter(2 * SECOND));
    let request = layer.layer(handler).oneshot(post(ALEGRA));
    assert!(timeout(SECOND, request).await.is_err());
    assert_eq!(layer.background().drain(10 * SECOND).await, 0);
    assert_eq!(store.story(), [Some(LetterReason::Error)]);
    assert!(!store.letters()[0].is_acknowledged());
    assert_eq!(
        outcomes.seen(),
        [
            (OutcomeKind::GivenUp, None, false),
            (OutcomeKind::Stored, None, true)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_begun_is_finished_though_the_client_hangs_up() {
    for (does, body, outcomes_told) in [
        (Does::Fail, ALEGRA, 2),
        (Does::Answer(StatusCode::OK), "[]]", 1),
    ] {
        let store = Store::new(Keeps::After(ms(500)));
        let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store.clone()));
        let request = layer.layer(Handler::new(does)).oneshot(post(body));
        assert!(timeout(ms(100), request).await.is_err());
        assert_eq!(layer.background().drain(10 * SECOND).await, 0);
        assert_eq!(store.letters().len(), 1, "{does:?}");
        assert_eq!(outcomes.seen()[0].0, OutcomeKind::GivenUp);
        assert_eq!(outcomes.seen().len(), outcomes_told);
    }
}

// Drain.

#[tokio::test(start_paused = true)]
async fn what_a_drain_leaves_over_is_stored() {
    let store = Store::new(Keeps::After(ms(200)));
    let (layer, _) = Outcomes::of(alegra().dead_letters(store.clone()));
    let background = layer.background();
    let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::OK));
    let webhook = layer.layer(handler);
    // One that is late by then, and one that is not.
    let early = tokio::spawn(webhook.clone().oneshot(post(ALEGRA)));
    tokio::time::sleep(4 * SECOND).await;
    let later = tokio::spawn(webhook.oneshot(post(ALEGRA)));
    tokio::time::sleep(ms(1)).await;
    let began = Instant::now();
    assert_eq!(background.drain(SECOND).await, 2);
    assert_eq!(began.elapsed(), ms(1200));
    let shut_down = |told: &&Told| matches!(told, Told::Letter(letter) if letter.reason() == LetterReason::Shutdown);
    assert_eq!(store.told().iter().filter(shut_down).count(), 2);

    // The process lives on after all: what ends well is done.
    assert_eq!(
        early.await.expect("no panic").expect("an answer").status(),
        202
    );
    assert_eq!(
        later.await.expect("no panic").expect("an answer").status(),
        202
    );
    assert_eq!(background.drain(20 * SECOND).await, 0);
    let done = |told: &&Told| matches!(told, Told::Done(_));
    assert_eq!(store.told().iter().filter(done).count(), 2);
    assert!(matches!(store.told().last(), Some(Told::Done(_))));
}

#[tokio::test(start_paused = true)]
async fn what_has_a_slot_and_no_handler_yet_is_left_over_too() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = Handler::new(Does::Answer(StatusCode::OK)).ready_after(Some(ms(1500)));
    let request = tokio::spawn(layer.layer(handler).oneshot(post(ALEGRA)));
    tokio::time::sleep(ms(1)).await;
    assert_eq!(layer.background().drain(SECOND).await, 1);
    assert_eq!(store.story(), [Some(LetterReason::Shutdown)]);
    assert_eq!(store.letters()[0].attempts(), 0);
    let response = request.await.expect("no panic").expect("its own");
    assert_eq!(response.status(), 200);
    assert_eq!(layer.background().drain(SECOND).await, 0);
    assert_eq!(store.story(), [Some(LetterReason::Shutdown), None]);
}

#[tokio::test(start_paused = true)]
async fn what_is_late_after_the_drain_is_still_left_over() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let request = layer.layer(Handler::new(Does::Never)).oneshot(post(ALEGRA));
    let request = tokio::spawn(request);
    tokio::time::sleep(ms(1)).await;
    assert_eq!(layer.background().drain(SECOND).await, 1);
    let response = request.await.expect("no panic").expect("ours");
    assert_eq!(response.status(), 202);
    assert_eq!(store.story(), [Some(LetterReason::Shutdown); 2]);
    let acknowledged: Vec<_> = store.letters();
    let acknowledged = acknowledged.iter().map(DeadLetter::is_acknowledged);
    assert_eq!(acknowledged.collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_no_longer_than_a_second_for_a_store_that_hangs() {
    let layer = alegra().dead_letters(Store::new(Keeps::Hangs));
    tokio::spawn(layer.layer(Handler::new(Does::Never)).oneshot(post(ALEGRA)));
    tokio::time::sleep(ms(1)).await;
    let began = Instant::now();
    assert_eq!(layer.background().drain(5 * SECOND).await, 1);
    assert_eq!(began.elapsed(), 6 * SECOND);
}

// Replay.

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_replayed_is_done_or_has_one_more_attempt() {
    // Whoever hears of the handler's answer may look into the store.
    let store = Store::new(Keeps::After(ms(500)));
    let layer = alegra().dead_letters(store.clone());
    let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(failed.expect("a success").status(), 202);
    let letter = store.letters().remove(0);

    let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::BAD_GATEWAY));
    let response = layer.layer(handler).replay(&letter).await;
    assert_eq!(response.expect("its own").status(), 502);
    let again = store.letters().remove(1);
    assert_eq!(again.id(), letter.id());
    assert_eq!(
        (again.reason(), again.attempts()),
        (LetterReason::Status, 2)
    );
    assert_eq!(again.record(), letter.record());

    let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::NO_CONTENT));
    let response = layer.layer(handler).replay(again).await;
    assert_eq!(response.expect("its own").status(), 204);
    let story = [Some(LetterReason::Error), Some(LetterReason::Status), None];
    assert_eq!(store.story(), story);
}

#[tokio::test(start_paused = true)]
async fn a_replay_goes_on_though_nobody_waits_for_it() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(failed.expect("a success").status(), 202);
    let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::OK));
    let replay = layer.layer(handler).replay(&store.letters()[0]);
    assert!(timeout(SECOND, replay).await.is_err());
    assert_eq!(layer.background().drain(20 * SECOND).await, 0);
    assert_eq!(store.story(), [Some(LetterReason::Error), None]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_gets_to_no_handler_leaves_the_letter_as_it_was() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let handler = Handler::new(Does::Answer(StatusCode::OK));
    let malformed = send(&layer, &handler, post("[]]")).await;
    assert_eq!(malformed.expect("a success").status(), 202);
    let webhook = layer.layer(handler.clone());
    let response = webhook.replay(&store.letters()[0]).await.expect("ours");
    assert_eq!(rejection(&response), Some(RejectionKind::Malformed));

    let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(failed.expect("a success").status(), 202);
    layer.background().drain(SECOND).await;
    let response = webhook.replay(&store.letters()[1]).await.expect("ours");
    assert_eq!(rejection(&response), Some(RejectionKind::Draining));
    assert_eq!(store.told().len(), 2);
    assert_eq!(handler.called(), 0);
}

/// Whoever counts what is done has to know.
#[tokio::test(start_paused = true)]
async fn an_answer_to_a_replay_says_if_the_store_does_not_know_of_it() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(failed.expect("a success").status(), 202);
    let letter = store.letters().remove(0);
    for keeps in [Keeps::AtOnce, Keeps::Not, Keeps::Panics, Keeps::Hangs] {
        for own in [StatusCode::NO_CONTENT, StatusCode::BAD_GATEWAY] {
            store.set(keeps);
            let webhook = layer.layer(Handler::new(Does::Answer(own)));
            let began = Instant::now();
            let response = webhook.replay(&letter).await.expect("its own");
            assert_eq!(response.status(), own);
            let unmarked = response.extensions().get::<Unmarked>().is_some();
            assert_eq!(unmarked, !matches!(keeps, Keeps::AtOnce), "{keeps:?} {own}");
            assert!(began.elapsed() <= SECOND);
        }
    }
    let webhook = alegra().layer(Handler::new(Does::Answer(StatusCode::OK)));
    let without_store = webhook.replay(&letter).await.expect("its own");
    assert!(without_store.extensions().get::<Unmarked>().is_some());
    let record = webhook.replay(letter.record()).await.expect("its own");
    assert!(record.extensions().get::<Unmarked>().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_replay_of_a_record_is_marked_nowhere() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(failed.expect("a success").status(), 202);
    let record: Record = store.letters()[0].record().clone();
    for does in [
        Does::Answer(StatusCode::OK),
        Does::Answer(StatusCode::BAD_GATEWAY),
    ] {
        let response = layer.layer(Handler::new(does)).replay(&record).await;
        let Does::Answer(own) = does else {
            unreachable!()
        };
        assert_eq!(response.expect("its own").status(), own);
    }
    assert_eq!(store.told().len(), 1);
}

// Stores.

#[tokio::test(start_paused = true)]
async fn a_closure_is_a_store() {
    let (queue, mut letters) = tokio::sync::mpsc::unbounded_channel();
    let layer = alegra().dead_letters(move |letter: DeadLetter| {
        let sent = queue.send(letter);
        async move { sent.map_err(|_| "nobody reads") }
    });
    let handler = Handler::new(Does::AnswerAfter(9 * SECOND, StatusCode::OK));
    let late = send(&layer, &handler, post(ALEGRA)).await;
    assert_eq!(late.expect("a success").status(), 202);
    let pending = letters.recv().await.expect("a letter");
    assert_eq!(pending.reason(), LetterReason::Pending);
    assert_eq!(layer.background().drain(20 * SECOND).await, 0);
    drop(letters);
    let failed = send(&alegra(), &Handler::new(Does::Fail), post(ALEGRA)).await;
    assert_eq!(failed.err(), Some(Broken));
}

/// An event whose own code panics is kept without the id that it would not say.
#[tokio::test(start_paused = true)]
async fn an_event_whose_code_panics_is_stored_all_the_same() {
    struct Rude;
    impl Event for Rude {
        fn name(&self) -> &'static str {
            "rude"
        }
        fn id(&self) -> Option<&str> {
            panic!("{}", util::PANIC)
        }
    }
    struct Place;
    impl Provider for Place {
        type Event = Rude;
        fn rules(&self) -> Rules {
            Rules::new("place").events(&["rude"])
        }
        fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Rude>, Rejection> {
            Ok(Received::event(Rude))
        }
    }
    let store = Store::default();
    let layer = WebhookLayer::new(Place, Access::path([util::SECRET])).dead_letters(store.clone());
    let response = send(&layer, &Handler::new(Does::Fail), post("body")).await;
    assert_eq!(response.expect("a success").status(), 200);
    let letter = store.letters().remove(0);
    assert_eq!(
        (letter.record().event(), letter.record().id()),
        ("rude", None)
    );
    assert_eq!(letter.record().body(), "body");
}

/// One that panics when it is asked what it is never was a delivery; its body is kept whole.
#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_say_its_name_is_the_provider_s_panic() {
    struct Nameless;
    impl Event for Nameless {
        fn name(&self) -> &'static str {
            panic!("{}", util::PANIC)
        }
        fn id(&self) -> Option<&str> {
            None
        }
    }
    struct Place;
    impl Provider for Place {
        type Event = Nameless;
        fn rules(&self) -> Rules {
            Rules::new("place")
        }
        fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Nameless>, Rejection> {
            Ok(Received::event(Nameless))
        }
    }
    let layer = WebhookLayer::new(Place, Access::path([util::SECRET]));
    let handler = Handler::new(Does::Answer(StatusCode::OK));
    let refused = send(&layer, &handler, post("body")).await.expect("ours");
    assert_eq!(rejection(&refused), Some(RejectionKind::Panicked));
    let store = Store::default();
    let layer = layer.dead_letters(store.clone());
    let stored = send(&layer, &handler, post("body")).await;
    assert_eq!(stored.expect("a success").status(), 200);
    let letter = store.letters().remove(0);
    assert_eq!(letter.record().body(), "body");
    let replayed = layer.layer(handler.clone()).replay(&letter).await;
    let replayed = replayed.expect("ours");
    assert_eq!(rejection(&replayed), Some(RejectionKind::Panicked));
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_may_be_shared() {
    let store = std::sync::Arc::new(Store::default());
    for layer in [alegra(), alegra()] {
        let layer = layer.dead_letters(std::sync::Arc::clone(&store));
        let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
        assert_eq!(failed.expect("a success").status(), 202);
    }
    assert_eq!(store.letters().len(), 2);
}

// Letters.

#[tokio::test(start_paused = true)]
async fn a_letter_is_written_as_a_versioned_object() {
    let store = Store::default();
    let layer = alegra().dead_letters(store.clone());
    for _ in 0..2 {
        let failed = send(&layer, &Handler::new(Does::Fail), post(ALEGRA)).await;
        assert_eq!(failed.expect("a success").status(), 202);
    }
    let [letter, other] = &store.letters()[..] else {
        panic!("two letters");
    };
    assert_ne!(letter.id(), other.id());
    let mut written = serde_json::to_value(letter).expect("JSON");
    assert_eq!(
        written,
        serde_json::json!({
            "version": 1,
            "id": letter.id(),
            "reason": "error",
            "attempts": 1,
            "acknowledged": true,
            "record": letter.record(),
        })
    );
    let line = written.to_string();
    assert_eq!(
        &serde_json::from_str::<DeadLetter>(&line).expect("a letter"),
        letter
    );
    assert!(!format!("{letter:?}").contains("774"));

    written["reason"] = "of_a_later_release".into();
    let later: DeadLetter = serde_json::from_value(written.clone()).expect("a letter");
    assert_eq!(later.reason(), LetterReason::Other);
    written["version"] = 2.into();
    let error = serde_json::from_value::<DeadLetter>(written).expect_err("another version");
    assert_eq!(
        error.to_string(),
        "a dead letter of version 2; this release reads version 1"
    );
}

#[tokio::test(start_paused = true)]
async fn letters_are_of_their_tenant() {
    let store = Store::default();
    let access = Access::path([("shop-1", util::SECRET)]);
    let layer = WebhookLayer::new(Bsale::new(), access).dead_letters(store.clone());
    for body in [BSALE, "no JSON"] {
        let response = send(&layer, &Handler::new(Does::Fail), post(body)).await;
        assert_eq!(response.expect("a success").status(), 200);
    }
    let tenants: Vec<_> = store.letters();
    let tenants: Vec<_> = tenants
        .iter()
        .map(|letter| letter.record().tenant())
        .collect();
    assert_eq!(tenants, [Some("shop-1"), Some("shop-1")]);
}
