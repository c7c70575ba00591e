//! A store that hangs for ever costs a second, and never makes a success of a failure.

mod util;

use std::time::Duration;

use futures::future::join_all;
use http::{HeaderValue, Method, Request, StatusCode, header::CONTENT_ENCODING};
use tokio::time::{Instant, sleep};
use tower_webhook::{
    Access, Failed, Late, OutcomeKind, Provider, RejectionKind, WebhookLayer, bsale::Bsale,
};

use self::util::{
    ALEGRA, BSALE, Broken, Does, Handler, Outcomes, Script, Step, alegra, bsale,
    letters::{Care, Letters, quiet_panics},
    ms, post, post_body, rejection, send, with_method,
};

/// What was answered, and how long after `call()`.
#[derive(Debug, PartialEq)]
struct Answer {
    status: Result<u16, Broken>,
    rejection: Option<RejectionKind>,
    after: Duration,
}

async fn answer<P: Provider>(
    layer: &WebhookLayer<P>,
    handler: &Handler,
    body: &'static str,
) -> Answer {
    let start = Instant::now();
    let answer = send(layer, handler, post(body)).await;
    Answer {
        rejection: answer.as_ref().ok().and_then(rejection),
        status: answer.map(|answer| answer.status().as_u16()),
        after: start.elapsed(),
    }
}

fn failed(status: u16, rejection: Option<RejectionKind>, after: Duration) -> Answer {
    Answer {
        status: Ok(status),
        rejection,
        after,
    }
}

/// Handlers and services that fail, and with what, if there were no store.
fn failures() -> Vec<(Handler, Result<u16, Broken>, Option<RejectionKind>)> {
    let never = Handler::new(Does::Never);
    vec![
        (status(500), Ok(500), None),
        (status(302), Ok(302), None),
        (Handler::new(Does::Fail), Err(Broken), None),
        (Handler::new(Does::FailAfter(ms(1000))), Err(Broken), None),
        (
            Handler::new(Does::PanicInCall),
            Ok(500),
            Some(RejectionKind::Panicked),
        ),
        (
            Handler::new(Does::PanicAfter(ms(1000))),
            Ok(500),
            Some(RejectionKind::Panicked),
        ),
        (never.clone(), Ok(503), Some(RejectionKind::Interrupted)),
        (
            never.clone().ready_after(None),
            Ok(503),
            Some(RejectionKind::Busy),
        ),
        (
            never.panics_when_asked(),
            Ok(500),
            Some(RejectionKind::Panicked),
        ),
    ]
}

fn status(status: u16) -> Handler {
    let status = StatusCode::from_u16(status).expect("a status");
    Handler::new(Does::Answer(status))
}

fn hanging<P>(layer: WebhookLayer<P>) -> (WebhookLayer<P>, Outcomes, Letters) {
    quiet_panics();
    let letters = Letters::always(Care::Hang);
    let (layer, outcomes) = Outcomes::of(layer.dead_letters(letters.clone()));
    (layer, outcomes, letters)
}

/// Nothing of what hangs holds a slot, and the next delivery is handled at once.
async fn serves_on<P: Provider>(layer: &WebhookLayer<P>, body: &'static str) {
    assert_eq!(layer.background().in_flight(), 0);
    let healthy = answer(layer, &status(204), body).await;
    assert_eq!(healthy, failed(204, None, ms(0)));
}

/// Each failure goes out as if there were no store, at the last moment that is the store's.
async fn goes_out_at<P: Provider>(
    made: impl Fn() -> WebhookLayer<P>,
    body: &'static str,
    at: Duration,
) {
    for (handler, status, rejection) in failures() {
        let (layer, outcomes, letters) = hanging(made().handler_limit(ms(1400)).max_in_flight(1));
        let expected = Answer {
            status,
            rejection,
            after: at,
        };
        assert_eq!(
            answer(&layer, &handler, body).await,
            expected,
            "{:?}",
            handler.does
        );
        assert_eq!(letters.entries().len(), 1, "{:?}", handler.does);
        let told = outcomes.seen();
        let [(OutcomeKind::Failed | OutcomeKind::Rejected, _, false)] = told[..] else {
            panic!("{:?}: {told:?}", handler.does);
        };
        let strikes = layer.strikes().worst().expect("a strike");
        assert_eq!(strikes.count(), 1);
        serves_on(&layer, body).await;
        assert!(letters.all().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_goes_out_a_second_after_the_deadline() {
    goes_out_at(alegra, ALEGRA, ms(4000)).await;
    goes_out_at(bsale, BSALE, ms(2500)).await;
}

/// Half of what the provider still waits is left to the network.
#[tokio::test(start_paused = true)]
async fn a_failure_goes_out_before_the_provider_gives_up() {
    goes_out_at(|| alegra().deadline(ms(4500)), ALEGRA, ms(4750)).await;
    goes_out_at(|| alegra().deadline(ms(4900)), ALEGRA, ms(4950)).await;
}

/// One handler holds the one slot; the other delivery waits for it in vain.
#[tokio::test(start_paused = true)]
async fn without_a_slot() {
    let (layer, outcomes, _letters) = hanging(alegra().max_in_flight(1));
    let long = Handler::new(Does::AnswerAfter(ms(3500), StatusCode::NO_CONTENT));
    let short = status(204);
    let both = [
        answer(&layer, &long, ALEGRA),
        answer(&layer, &short, ALEGRA),
    ];
    let [first, second] = join_all(both).await.try_into().expect("two answers");
    // Its success comes while the store is still asked to keep it as pending.
    assert_eq!(first, failed(204, None, ms(3500)));
    assert_eq!(second, failed(503, Some(RejectionKind::Busy), ms(4000)));
    assert_eq!(short.called(), 0);
    let kinds: Vec<_> = outcomes.seen().iter().map(|outcome| outcome.0).collect();
    assert_eq!(kinds, [OutcomeKind::Handled, OutcomeKind::Rejected]);
    serves_on(&layer, ALEGRA).await;
}

#[tokio::test(start_paused = true)]
async fn malformed() {
    let (layer, outcomes, letters) = hanging(alegra());
    let refused = answer(&layer, &status(204), "no envelope").await;
    assert_eq!(
        refused,
        failed(400, Some(RejectionKind::Malformed), ms(4000))
    );
    assert_eq!(outcomes.seen(), [(OutcomeKind::Rejected, Some(400), false)]);
    assert_eq!(letters.entries()[0].what, "malformed");
    serves_on(&layer, ALEGRA).await;
}

/// What is not for the store is answered as if there were none.
#[tokio::test(start_paused = true)]
async fn what_is_not_stored_is_not_waited_for() {
    let with = |name, value| {
        let mut request = post(ALEGRA);
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
        request.map(|_| Script::new([Step::Data(ALEGRA.as_bytes())]))
    };
    let stranger = Request::post("/webhooks/a-guess");
    let stranger = stranger.body(Script::new([Step::Data(ALEGRA.as_bytes())]));
    let script = |steps: [Step; 2]| post_body(Script::new(steps));
    let large = || Step::Owned(vec![b' '; 1024 * 1024].into());
    let (layer, _, letters) = hanging(alegra());
    for (request, status, after) in [
        (stranger.expect("a request"), 404, ms(0)),
        (with_method(Method::PATCH, Script::new([])), 405, ms(0)),
        (with(CONTENT_ENCODING, "gzip"), 415, ms(0)),
        (script([large(), large()]), 413, ms(0)),
        (script([Step::Data(b"{\"subj"), Step::Break]), 400, ms(0)),
        (script([Step::Data(b"{\"subj"), Step::Hang]), 408, ms(3000)),
        (script([Step::Data(b" "), Step::Data(b"{}")]), 200, ms(0)),
    ] {
        let start = Instant::now();
        let handler = Handler::new(Does::Never);
        let answer = send(&layer, &handler, request).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), start.elapsed()), (status, after));
    }
    assert!(letters.entries().is_empty());

    // Refused by the provider's code; and unreadable, of somebody whom nobody knows.
    let (layer, _, letters) = hanging(WebhookLayer::new(
        Bsale::new().companies([1]),
        Access::open(),
    ));
    for (body, status) in [(BSALE, 403), ("no envelope", 400)] {
        let refused = answer(&layer, &Handler::new(Does::Never), body).await;
        assert_eq!((refused.status, refused.after), (Ok(status), ms(0)));
    }
    assert!(letters.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn draining() {
    let (layer, outcomes, letters) = hanging(alegra());
    assert_eq!(layer.background().drain(ms(0)).await, 0);
    let refused = answer(&layer, &status(204), ALEGRA).await;
    assert_eq!(
        refused,
        failed(503, Some(RejectionKind::Draining), ms(4000))
    );
    assert_eq!(outcomes.seen(), [(OutcomeKind::Rejected, Some(503), false)]);
    assert_eq!(letters.entries()[0].what, "draining");
    let probe = answer(&layer, &status(204), "").await;
    assert_eq!(probe, failed(200, None, ms(0)), "a probe needs no store");
}

#[tokio::test(start_paused = true)]
async fn late() {
    for (deadline, at) in [(ms(3000), ms(4000)), (ms(4500), ms(4750))] {
        let (layer, outcomes, letters) = hanging(alegra().deadline(deadline).max_in_flight(1));
        let handler = Handler::new(Does::AnswerAfter(ms(10_000), StatusCode::OK));
        let late = answer(&layer, &handler, ALEGRA).await;
        assert_eq!(late, failed(503, Some(RejectionKind::Late), at));
        assert_eq!(layer.background().in_flight(), 1, "the handler goes on");
        sleep(ms(10_001) - at).await;
        assert_eq!(handler.finished(), 1);
        let told = [
            (OutcomeKind::Late, Some(503), false),
            (OutcomeKind::Handled, Some(200), true),
        ];
        assert_eq!(outcomes.seen(), told);
        let entries = letters.entries();
        assert_eq!(
            entries.len(),
            1,
            "done waits behind what hangs: {entries:?}"
        );
        serves_on(&layer, ALEGRA).await;
    }
}

/// What fails after its answer holds its slot for the second that the store has.
#[tokio::test(start_paused = true)]
async fn late_and_failing() {
    for late in [Late::Accept, Late::Refuse] {
        let (layer, outcomes, _letters) = hanging(alegra().late(late).max_in_flight(1));
        let start = Instant::now();
        let handler = Handler::new(Does::FailAfter(ms(10_000)));
        assert_eq!(answer(&layer, &handler, ALEGRA).await.status, Ok(503));
        sleep(ms(10_999) - start.elapsed()).await;
        assert_eq!(layer.background().in_flight(), 1);
        sleep(ms(2)).await;
        let told = [
            (OutcomeKind::Late, Some(503), false),
            (OutcomeKind::Failed, None, true),
        ];
        assert_eq!(outcomes.seen(), told);
        serves_on(&layer, ALEGRA).await;
    }
}

/// Nobody waits for a store whose word changes nothing.
#[tokio::test(start_paused = true)]
async fn what_is_refused_anyway_goes_out_at_once() {
    let refusing = || hanging(alegra().failed(Failed::Refuse).late(Late::Refuse));
    let (layer, _, letters) = refusing();
    let refused = answer(&layer, &status(500), ALEGRA).await;
    assert_eq!(refused, failed(500, None, ms(0)));
    let refused = answer(&layer, &status(204), "no envelope").await;
    assert_eq!(refused, failed(400, Some(RejectionKind::Malformed), ms(0)));
    let late = answer(&layer, &Handler::new(Does::Never), ALEGRA).await;
    assert_eq!(late, failed(503, Some(RejectionKind::Late), ms(3000)));
    assert_eq!(letters.entries().len(), 2, "the late one has not failed");
    assert!(letters.entries().iter().all(|entry| !entry.acknowledged));
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_store_a_second_longer_than_its_limit() {
    let (layer, _, _letters) = hanging(alegra());
    let failing = status(500);
    let answering = answer(&layer, &failing, ALEGRA);
    let draining = async {
        sleep(ms(10)).await;
        let start = Instant::now();
        let left = layer.background().drain(ms(5000)).await;
        (left, start.elapsed())
    };
    let (_, drained) = futures::join!(answering, draining);
    assert_eq!(drained, (0, ms(6000)));
}

/// What waits for the store is bounded: beyond 64 MiB failures go out at once.
#[tokio::test(start_paused = true)]
async fn what_waits_does_not_take_the_memory_along() {
    let (layer, _, letters) = hanging(alegra());
    let start = br#"{"subject":"new-client","message":{"client":{"id":"1","observations":""#;
    let mut body = start.to_vec();
    body.resize(1024 * 1000, b'x');
    body.extend_from_slice(br#""}}}"#);
    let body = bytes::Bytes::from(body);
    let failing = status(500);
    let sends = (0..80).map(|_| async {
        let start = Instant::now();
        let answer = send(&layer, &failing, post(body.clone())).await;
        let status = answer.expect("an answer").status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        start.elapsed()
    });
    let after = join_all(sends).await;
    let waited = after.iter().filter(|after| **after == ms(4000)).count();
    let at_once = after.iter().filter(|after| after.is_zero()).count();
    assert_eq!((waited, at_once), (65, 15));
    assert_eq!(letters.entries().len(), waited);
}
