//! What counts as a strike, the way the provider counts. When the log warns of strikes is in
//! `tests/log/alarms.rs`.

use std::time::SystemTime;

use futures::FutureExt;
use http::{Method, Request};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Delivery, EventStrikes, Failed, Late, OutcomeKind, RequestBody, Strikes, WebhookLayer,
    alegra::{self, Alegra},
};

use super::{answers, sends};
use crate::util::{
    Does, Handler, Keeps, NORTH, Outcomes, SOUTH, Store, alegra, delivery, fails, ms, ok, post,
    post_to, quiet_panics, send, status_of, two_tenants, unreadable, with_method,
};

async fn succeeds(layer: &WebhookLayer<Alegra>, event: &str) {
    sends(layer, &Handler::answers(204), event).await;
}

/// Before the request was polled.
fn hangs_up(layer: &WebhookLayer<Alegra>) {
    let mut webhook = layer.layer(Handler::answers(204));
    drop(webhook.call(post(delivery("new-item", 1))));
}

/// The count of each event so far, with its tenant if there is one: `north new-item 3, none 1`.
fn counts(strikes: &Strikes) -> String {
    let count = |event: EventStrikes| {
        let tenant = event.tenant().map(|tenant| format!("{tenant} "));
        let name = event.event().unwrap_or("none");
        format!("{}{name} {}", tenant.unwrap_or_default(), event.count())
    };
    let counts: Vec<_> = strikes.events().into_iter().map(count).collect();
    counts.join(", ")
}

fn worst(strikes: &Strikes) -> Option<u32> {
    strikes.worst().map(|worst| worst.count())
}

// What counts

#[tokio::test(start_paused = true)]
async fn every_answer_but_a_2xx_is_a_strike() {
    quiet_panics();
    let never = Handler::new(Does::Never);
    let failures = [
        Handler::answers(500),
        Handler::answers(404),
        Handler::answers(302),
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
        assert_eq!(counts(&strikes), format!("new-item {expected}"));
    }
    layer.background().drain(ms(0)).await;
    fails(&layer, "new-item").await;
    assert_eq!(worst(&strikes), Some(10), "draining is a 503");
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_is_a_strike_whenever_it_comes() {
    let layer = alegra();
    let waiting = [
        Handler::new(Does::Never),
        Handler::new(Does::Never).ready_after(None),
    ];
    for (expected, handler) in (1..).zip(waiting) {
        let answering = send(&layer, &handler, post(delivery("new-bill", 1)));
        assert!(answering.now_or_never().is_none(), "dropped, unanswered");
        assert_eq!(counts(&layer.strikes()), format!("new-bill {expected}"));
    }
    // Before the body was read it may have been of any event.
    hangs_up(&layer);
    assert_eq!(counts(&layer.strikes()), "none 1, new-bill 3");
}

#[tokio::test(start_paused = true)]
async fn a_2xx_of_the_layer_is_a_success() {
    // Late, and accepted.
    let layer = alegra();
    fails(&layer, "new-item").await;
    sends(&layer, &Handler::new(Does::Never), "new-item").await;
    assert_eq!(counts(&layer.strikes()), "new-item 0");

    // Stored.
    let store = Store::new(Keeps::After(ms(5)));
    let layer = alegra().dead_letters(store.clone());
    hangs_up(&layer);
    assert_eq!(worst(&layer.strikes()), Some(1));
    fails(&layer, "new-item").await;
    assert_eq!(counts(&layer.strikes()), "new-item 0");
    assert_eq!(store.letters().len(), 1);

    // Stored, and refused all the same.
    let layer = alegra().dead_letters(store).failed(Failed::Refuse);
    fails(&layer, "new-item").await;
    assert_eq!(counts(&layer.strikes()), "new-item 1");
}

/// Nobody knows of which event the success is.
#[tokio::test(start_paused = true)]
async fn an_unreadable_delivery_that_is_stored_changes_no_count() {
    let layer = alegra().dead_letters(Store::new(Keeps::After(ms(5))));
    hangs_up(&layer);
    succeeds(&layer, "new-bill").await;
    hangs_up(&layer);
    let before = counts(&layer.strikes());
    unreadable(&layer).await;
    assert_eq!(counts(&layer.strikes()), before);
    assert_eq!(before, "none 1, new-bill 1");
}

/// The provider does not learn of it.
#[tokio::test(start_paused = true)]
async fn a_late_end_changes_no_count() {
    let (layer, outcomes) = Outcomes::of(alegra());
    sends(&layer, &Handler::new(Does::FailAfter(ms(9000))), "new-item").await;
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    assert_eq!(counts(&layer.strikes()), "new-item 0");
    assert_eq!(outcomes.all().len(), 2);

    let (layer, outcomes) = Outcomes::of(alegra().late(Late::Refuse));
    let late = Handler::new(Does::AnswerAfter(ms(9000), 200));
    sends(&layer, &late, "new-item").await;
    assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    assert_eq!(counts(&layer.strikes()), "new-item 1");
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
        let handler = Handler::answers(500);
        assert_eq!(status_of(&layer, &handler, post(probe)).await, Ok(200));
    }
    assert_eq!(counts(&strikes), "delete-item 0, edit-item 1, new-item 3");
    let worst = strikes.worst().expect("strikes");
    let all = (worst.tenant(), worst.event(), worst.count());
    assert_eq!(all, (None, Some("new-item"), 3));

    succeeds(&layer, "new-item").await;
    assert_eq!(counts(&strikes), "delete-item 0, edit-item 1, new-item 0");
    succeeds(&layer, "edit-item").await;
    assert_eq!(strikes.worst(), None);
}

#[tokio::test(start_paused = true)]
async fn unknown_events_are_counted_as_one() {
    let layer = alegra();
    for subject in ["new-payment", "edit-payment"] {
        let body = format!(r#"{{"subject":"{subject}","message":{{}}}}"#);
        answers(&layer, 500, post(body)).await;
    }
    assert_eq!(counts(&layer.strikes()), "other 2");
}

// Unreadable deliveries may be of any event

#[tokio::test(start_paused = true)]
async fn an_unreadable_delivery_counts_for_every_event() {
    let layer = alegra();
    let strikes = layer.strikes();
    succeeds(&layer, "new-item").await;
    fails(&layer, "new-bill").await;
    unreadable(&layer).await;
    let wrong_method = with_method(Method::PUT, Full::default());
    answers(&layer, 204, wrong_method).await;
    assert_eq!(counts(&strikes), "none 2, new-bill 3, new-item 2");

    // An event that is seen for the first time may have been among them.
    fails(&layer, "edit-bill").await;
    assert!(counts(&strikes).contains("edit-bill 3"));
    // Until the next success, of whatever event; the others keep what they had.
    succeeds(&layer, "new-item").await;
    fails(&layer, "delete-bill").await;
    let expected = "delete-bill 1, edit-bill 3, new-bill 3, new-item 0";
    assert_eq!(counts(&strikes), expected);
}

/// A provider's POST becomes a GET by a redirect, and a HEAD by nothing.
#[tokio::test(start_paused = true)]
async fn a_method_that_cannot_be_the_providers_is_no_strike() {
    for (method, strikes) in [
        (Method::HEAD, ""),
        (Method::OPTIONS, ""),
        (Method::GET, "none 1"),
        (Method::PUT, "none 1"),
    ] {
        let layer = alegra();
        let request = with_method(method, Full::<bytes::Bytes>::default());
        let answer = send(&layer, &Handler::answers(204), request).await;
        assert_eq!(answer.unwrap().status(), 405);
        assert_eq!(counts(&layer.strikes()), strikes);
        let is_told = layer.strikes().last_delivery().is_some();
        assert_eq!(is_told, !strikes.is_empty());
    }
}

// Tenants

#[tokio::test(start_paused = true)]
async fn tenants_have_counts_of_their_own() {
    let layer = two_tenants();
    let strikes = layer.strikes();
    let body = delivery("new-item", 1);
    for _ in 0..3 {
        answers(&layer, 500, post_to(NORTH, body.clone())).await;
    }
    answers(&layer, 500, post_to(SOUTH, body.clone())).await;
    answers(&layer, 500, post_to(SOUTH, "no envelope")).await;
    // Tenants come in no order.
    let sorted = || {
        let counts = counts(&strikes);
        let mut counts: Vec<_> = counts.split(", ").map(str::to_owned).collect();
        counts.sort();
        counts
    };
    let expected = ["north new-item 3", "south new-item 2", "south none 1"];
    assert_eq!(sorted(), expected);
    assert_eq!(strikes.worst().expect("strikes").tenant(), Some("north"));

    answers(&layer, 204, post_to(NORTH, body)).await;
    let expected = ["north new-item 0", "south new-item 2", "south none 1"];
    assert_eq!(sorted(), expected);
    assert_eq!(strikes.worst().expect("strikes").tenant(), Some("south"));
}

// Requests without access, and times

#[tokio::test(start_paused = true)]
async fn ten_thousand_wrong_secrets_are_no_strike_and_no_letter() {
    let store = Store::default();
    let (layer, outcomes) = Outcomes::of(two_tenants().dead_letters(store.clone()));
    let strikes = layer.strikes();
    assert_eq!((strikes.refused(), strikes.last_refused()), (0, None));
    let before = SystemTime::now();
    let handler = Handler::answers(500);
    for guess in 0..10_000 {
        let request = post_to(&format!("guess-{guess:020}"), delivery("new-item", guess));
        assert_eq!(status_of(&layer, &handler, request).await, Ok(404));
    }
    assert_eq!(strikes.refused(), 10_000);
    let last = strikes.last_refused().expect("a time");
    assert!(last + ms(1) >= before && last <= SystemTime::now());
    assert_eq!((strikes.worst(), strikes.events()), (None, vec![]));
    assert_eq!(strikes.last_delivery(), None);
    assert_eq!(strikes.last_success(), None);
    assert!(store.calls().is_empty());
    assert_eq!(handler.called(), 0);
    let outcomes = outcomes.all();
    assert!(outcomes.iter().all(|outcome| outcome.tenant().is_none()));
    // A request that hangs up is counted as well.
    drop(layer.layer(handler).call(post_to("a-guess", "")));
    assert_eq!(strikes.refused(), 10_001);
}

/// Not those of their ends, which may be much later.
#[tokio::test(start_paused = true)]
async fn the_times_are_those_at_which_deliveries_were_received() {
    let layer = alegra();
    let (sender, receiver) = std::sync::mpsc::channel();
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<alegra::Event>>();
        sender.send(delivery.unwrap().received_at()).unwrap();
        // The system's clock is not paused: the end is some milliseconds later.
        std::thread::sleep(ms(5));
        ok(request)
    }));
    let request = post(delivery("new-item", 1));
    webhook.oneshot(request).await.unwrap();
    let strikes = layer.strikes();
    let came = receiver.recv().expect("a delivery");
    let in_ms = |time: SystemTime| {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
        since_epoch.unwrap().as_millis()
    };
    assert_eq!(strikes.last_delivery().map(in_ms), Some(in_ms(came)));
    assert_eq!(strikes.last_success().map(in_ms), Some(in_ms(came)));
}

#[tokio::test(start_paused = true)]
async fn the_times_are_those_of_deliveries_and_not_of_probes() {
    let layer = alegra();
    let strikes = layer.strikes();
    answers(&layer, 204, post("")).await;
    assert_eq!(strikes.last_delivery(), None);
    assert_eq!(strikes.last_success(), None);
    let before = SystemTime::now() - ms(1);
    fails(&layer, "new-item").await;
    assert!(strikes.last_delivery() >= Some(before));
    assert_eq!(strikes.last_success(), None);
    succeeds(&layer, "new-item").await;
    assert!(strikes.last_success() >= Some(before));
    assert_eq!(strikes.last_refused(), None);
}
