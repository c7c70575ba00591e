//! What counts as a failure the way the provider counts. When somebody is told stands in
//! `strikes_alarms.rs`.

mod util;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use futures::FutureExt;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Failed, Late, OutcomeKind, RequestBody, Strikes, WebhookLayer,
    alegra::{self, Alegra},
    bsale::Bsale,
};

use self::util::{
    BSALE, Does, Handler, Outcomes, alegra,
    letters::{Care, Letters, delivery, quiet_panics},
    ms, post, reply, send,
};

const NORTH: &str = "0123456789abcdef-north";
const SOUTH: &str = "0123456789abcdef-south";

/// One layer for two accounts.
fn two_tenants() -> WebhookLayer<Alegra> {
    let access = Access::path([("north", NORTH), ("south", SOUTH)]);
    WebhookLayer::new(Alegra::new(), access)
}

fn to(secret: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(format!("/webhooks/{secret}"));
    request.body(Full::new(body.into())).expect("a request")
}

fn status(status: u16) -> Handler {
    let status = StatusCode::from_u16(status).expect("a status");
    Handler::new(Does::Answer(status))
}

async fn sends(layer: &WebhookLayer<Alegra>, handler: &Handler, event: &str) {
    let _ = send(layer, handler, post(delivery(event, 1))).await;
}

async fn fails(layer: &WebhookLayer<Alegra>, event: &str) {
    sends(layer, &status(500), event).await;
}

async fn succeeds(layer: &WebhookLayer<Alegra>, event: &str) {
    sends(layer, &status(204), event).await;
}

async fn unread(layer: &WebhookLayer<Alegra>) {
    let _ = send(layer, &status(204), post("no envelope")).await;
}

/// Event and count, of each event so far.
fn counts(strikes: &Strikes) -> Vec<(Option<&'static str>, u32)> {
    let events = strikes.events().into_iter();
    events.map(|event| (event.event(), event.count())).collect()
}

fn worst(strikes: &Strikes) -> Option<u32> {
    strikes.worst().map(|worst| worst.count())
}

// What counts

#[tokio::test(start_paused = true)]
async fn whatever_is_no_2xx_is_a_strike() {
    quiet_panics();
    let never = Handler::new(Does::Never);
    let failures = [
        status(500),
        status(404),
        status(302),
        Handler::new(Does::Fail),
        Handler::new(Does::PanicInCall),
        Handler::new(Does::PanicAfter(ms(10))),
        never.clone(),
        never.clone().ready_after(None),
        never.panics_when_asked(),
    ];
    let layer = alegra().late(Late::Refuse).max_in_flight(10);
    let strikes = layer.strikes();
    assert_eq!((strikes.worst(), strikes.events()), (None, vec![]));
    for (expected, handler) in (1..).zip(&failures) {
        sends(&layer, handler, "new-item").await;
        assert_eq!(counts(&strikes), [(Some("new-item"), expected)]);
    }
    layer.background().drain(ms(0)).await;
    fails(&layer, "new-item").await;
    assert_eq!(worst(&strikes), Some(10), "draining is a 503");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_is_a_strike_wherever_it_does() {
    let layer = alegra();
    let waiting = [
        Handler::new(Does::Never),
        Handler::new(Does::Never).ready_after(None),
    ];
    for (expected, handler) in (1..).zip(waiting) {
        let answering = send(&layer, &handler, post(delivery("new-bill", 1)));
        assert!(answering.now_or_never().is_none(), "dropped, unanswered");
        assert_eq!(counts(&layer.strikes()), [(Some("new-bill"), expected)]);
    }
    // Before the body was read it may have been of any event.
    drop(layer.layer(status(204)).call(post(delivery("new-item", 1))));
    let expected = [(None, 1), (Some("new-bill"), 3)];
    assert_eq!(counts(&layer.strikes()), expected);
}

#[tokio::test(start_paused = true)]
async fn a_2xx_of_the_layer_s_own_is_a_success() {
    // Late, and accepted.
    let layer = alegra();
    fails(&layer, "new-item").await;
    sends(&layer, &Handler::new(Does::Never), "new-item").await;
    assert_eq!(counts(&layer.strikes()), [(Some("new-item"), 0)]);

    // Stored.
    let letters = Letters::always(Care::KeepAfter(ms(5)));
    let layer = alegra().dead_letters(letters.clone());
    drop(layer.layer(status(204)).call(post(delivery("new-item", 1))));
    assert_eq!(worst(&layer.strikes()), Some(1));
    fails(&layer, "new-item").await;
    assert_eq!(counts(&layer.strikes()), [(Some("new-item"), 0)]);
    assert_eq!(letters.all().len(), 1);

    // Stored, and let out all the same.
    let layer = alegra().dead_letters(letters).failed(Failed::Refuse);
    fails(&layer, "new-item").await;
    assert_eq!(counts(&layer.strikes()), [(Some("new-item"), 1)]);
}

/// What could not be read and is stored is a success; of which event, nobody knows.
#[tokio::test(start_paused = true)]
async fn what_is_stored_unread_is_neither_a_strike_nor_a_reset() {
    let layer = alegra().dead_letters(Letters::always(Care::KeepAfter(ms(5))));
    drop(layer.layer(status(204)).call(post(delivery("new-item", 1))));
    succeeds(&layer, "new-bill").await;
    drop(layer.layer(status(204)).call(post(delivery("new-item", 1))));
    let before = counts(&layer.strikes());
    unread(&layer).await;
    assert_eq!(counts(&layer.strikes()), before);
    assert_eq!(before, [(None, 1), (Some("new-bill"), 1)]);
}

/// The end of a handler after its answer is heard by nobody, so it counts for nothing.
#[tokio::test(start_paused = true)]
async fn a_late_end_counts_for_nothing() {
    let (layer, outcomes) = Outcomes::of(alegra());
    sends(&layer, &Handler::new(Does::FailAfter(ms(9000))), "new-item").await;
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    assert_eq!(counts(&layer.strikes()), [(Some("new-item"), 0)]);
    assert_eq!(outcomes.all().len(), 2);

    let (layer, outcomes) = Outcomes::of(alegra().late(Late::Refuse));
    let late = Handler::new(Does::AnswerAfter(ms(9000), StatusCode::OK));
    sends(&layer, &late, "new-item").await;
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    assert_eq!(counts(&layer.strikes()), [(Some("new-item"), 1)]);
    assert_eq!(outcomes.all()[1].kind(), OutcomeKind::Handled);
}

// What resets

#[tokio::test(start_paused = true)]
async fn only_a_success_of_the_same_event_resets() {
    let layer = alegra();
    let strikes = layer.strikes();
    for event in ["new-item", "new-item", "edit-item", "new-item"] {
        fails(&layer, event).await;
    }
    succeeds(&layer, "delete-item").await;
    for probe in ["", "{}", " null "] {
        let answer = send(&layer, &status(500), post(probe)).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    let expected = [
        (Some("delete-item"), 0),
        (Some("edit-item"), 1),
        (Some("new-item"), 3),
    ];
    assert_eq!(counts(&strikes), expected);
    let worst = strikes.worst().expect("strikes");
    let all = (worst.tenant(), worst.event(), worst.count());
    assert_eq!(all, (None, Some("new-item"), 3));

    succeeds(&layer, "new-item").await;
    let expected = [
        (Some("delete-item"), 0),
        (Some("edit-item"), 1),
        (Some("new-item"), 0),
    ];
    assert_eq!(counts(&strikes), expected);
    succeeds(&layer, "edit-item").await;
    assert_eq!(strikes.worst(), None);
}

/// A kind of event that is new to us is counted with all others that are.
#[tokio::test(start_paused = true)]
async fn unknown_events_are_counted_as_one() {
    let layer = alegra();
    for subject in ["new-payment", "edit-payment"] {
        let body = format!(r#"{{"subject":"{subject}","message":{{}}}}"#);
        let _ = send(&layer, &status(500), post(body)).await;
    }
    assert_eq!(counts(&layer.strikes()), [(Some("other"), 2)]);
}

// What could not be read

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_may_have_been_of_any_event() {
    let layer = alegra();
    let strikes = layer.strikes();
    succeeds(&layer, "new-item").await;
    fails(&layer, "new-bill").await;
    unread(&layer).await;
    let wrong_method = util::with_method(Method::PUT, Full::<Bytes>::default());
    let _ = send(&layer, &status(204), wrong_method).await;
    let expected = [(None, 2), (Some("new-bill"), 3), (Some("new-item"), 2)];
    assert_eq!(counts(&strikes), expected);

    // An event that is seen for the first time may have been among them.
    fails(&layer, "edit-bill").await;
    assert!(counts(&strikes).contains(&(Some("edit-bill"), 3)));
    // Until the next success, of whatever event; the others keep what they had.
    succeeds(&layer, "new-item").await;
    fails(&layer, "delete-bill").await;
    let expected = [
        (Some("delete-bill"), 1),
        (Some("edit-bill"), 3),
        (Some("new-bill"), 3),
        (Some("new-item"), 0),
    ];
    assert_eq!(counts(&strikes), expected);
}

#[tokio::test(start_paused = true)]
async fn before_any_event_was_seen_failures_are_counted_under_none() {
    let layer = alegra();
    for _ in 0..4 {
        unread(&layer).await;
    }
    assert_eq!(worst(&layer.strikes()), Some(4));
    assert_eq!(counts(&layer.strikes()), [(None, 4)]);
}

// Tenants

#[tokio::test(start_paused = true)]
async fn tenants_have_counts_of_their_own() {
    let layer = two_tenants();
    let strikes = layer.strikes();
    let body = delivery("new-item", 1);
    for _ in 0..3 {
        let _ = send(&layer, &status(500), to(NORTH, body.clone())).await;
    }
    let _ = send(&layer, &status(500), to(SOUTH, body.clone())).await;
    let _ = send(&layer, &status(500), to(SOUTH, "no envelope")).await;
    let seen = |strikes: &Strikes| {
        let events = strikes.events().into_iter();
        let of = |event: tower_webhook::EventStrikes| {
            (
                event.tenant().map(str::to_owned),
                event.event(),
                event.count(),
            )
        };
        let mut seen: Vec<_> = events.map(of).collect();
        seen.sort();
        seen
    };
    let tenant = |name: &str| Some(name.to_owned());
    let expected = [
        (tenant("north"), Some("new-item"), 3),
        (tenant("south"), None, 1),
        (tenant("south"), Some("new-item"), 2),
    ];
    assert_eq!(seen(&strikes), expected);
    assert_eq!(strikes.worst().expect("strikes").tenant(), Some("north"));

    let _ = send(&layer, &status(204), to(NORTH, body)).await;
    let expected = [
        (tenant("north"), Some("new-item"), 0),
        (tenant("south"), None, 1),
        (tenant("south"), Some("new-item"), 2),
    ];
    assert_eq!(seen(&strikes), expected);
    assert_eq!(strikes.worst().expect("strikes").tenant(), Some("south"));
}

// Who is turned away

#[tokio::test(start_paused = true)]
async fn ten_thousand_wrong_secrets_are_no_strike_and_no_letter() {
    let letters = Letters::always(Care::KeepAfter(ms(0)));
    let (layer, outcomes) = Outcomes::of(two_tenants().dead_letters(letters.clone()));
    let strikes = layer.strikes();
    assert_eq!((strikes.refused(), strikes.last_refused()), (0, None));
    let before = SystemTime::now();
    let handler = status(500);
    for guess in 0..10_000 {
        let secret = format!("guess-{guess:020}");
        let answer = send(&layer, &handler, to(&secret, delivery("new-item", guess))).await;
        assert_eq!(answer.expect("an answer").status(), 404);
    }
    assert_eq!(strikes.refused(), 10_000);
    let last = strikes.last_refused().expect("a time");
    assert!(last + ms(1) >= before && last <= SystemTime::now());
    assert_eq!((strikes.worst(), strikes.events()), (None, vec![]));
    assert_eq!(
        (strikes.last_delivery(), strikes.last_success()),
        (None, None)
    );
    assert!(letters.entries().is_empty());
    assert_eq!(handler.called(), 0);
    assert!(
        outcomes
            .all()
            .iter()
            .all(|outcome| outcome.tenant().is_none())
    );
    // One that does not stay for the answer is counted as well.
    drop(layer.layer(handler).call(to("a-guess", "")));
    assert_eq!(strikes.refused(), 10_001);
}

/// And not of their ends, which may be much later.
#[tokio::test(start_paused = true)]
async fn the_times_are_those_at_which_deliveries_came() {
    let layer = alegra();
    let came = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&came);
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<alegra::Event>>();
        *seen.lock().unwrap() = delivery.map(Delivery::received_at);
        // The system's clock does not stand still like tokio's: the end is some milliseconds later.
        std::thread::sleep(ms(5));
        async { Ok::<_, Infallible>(reply(StatusCode::NO_CONTENT)) }
    }));
    webhook
        .oneshot(post(delivery("new-item", 1)))
        .await
        .unwrap();
    let strikes = layer.strikes();
    let came = came.lock().unwrap().expect("a delivery");
    let in_ms = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis()
    };
    assert_eq!(strikes.last_delivery().map(in_ms), Some(in_ms(came)));
    assert_eq!(strikes.last_success().map(in_ms), Some(in_ms(came)));
}

#[tokio::test(start_paused = true)]
async fn the_times_are_those_of_deliveries() {
    let layer = alegra();
    let strikes = layer.strikes();
    let _ = send(&layer, &status(204), post("")).await;
    assert_eq!(
        (strikes.last_delivery(), strikes.last_success()),
        (None, None)
    );
    let before = SystemTime::now() - ms(1);
    fails(&layer, "new-item").await;
    assert!(strikes.last_delivery() >= Some(before));
    assert_eq!(strikes.last_success(), None);
    succeeds(&layer, "new-item").await;
    assert!(strikes.last_success() >= Some(before));
    assert_eq!(strikes.last_refused(), None);
}

/// Of all that is counted, the provider's name and the numbers are printed.
#[tokio::test(start_paused = true)]
async fn what_it_prints_holds_no_secret() {
    let layer = WebhookLayer::new(Bsale::new(), Access::path([("north", NORTH)]));
    let _ = send(&layer, &status(500), to(NORTH, BSALE)).await;
    let printed = format!("{:?}", layer.strikes());
    assert!(
        printed.contains("bsale") && !printed.contains(NORTH),
        "{printed}"
    );
}
