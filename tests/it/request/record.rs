//! Records and their replay: what was delivered once is delivered the same again.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Provider, Received, Record, RejectionKind, RequestBody, Rules, Webhook,
    WebhookLayer,
    alegra::{self, Alegra},
};

use crate::util::{
    ALEGRA, BSALE, Broken, Does, Handler, Other, alegra, bsale, custom, delivered, ms, ok, post,
    rejection,
};

/// The record that a handler takes of a delivery.
async fn record<P: Provider>(layer: &WebhookLayer<P>, body: impl Into<Bytes>) -> Record {
    let (_, delivery) = delivered(layer, post(body)).await;
    Record::from(&delivery.expect("the handler ran"))
}

fn written(body: &str) -> Value {
    json!({
        "version": 1, "provider": "alegra", "event": "other", "received_at_ms": 0, "body": body,
    })
}

#[tokio::test]
async fn a_record_holds_what_is_known_and_is_written_as_a_versioned_object() {
    let before = SystemTime::now() - Duration::from_millis(1);
    let layer = WebhookLayer::new(Alegra::new(), Access::by(|_| Some("shop-1")));
    let record = record(&layer, ALEGRA).await;
    assert_eq!(record.provider(), "alegra");
    assert_eq!(record.tenant(), Some("shop-1"));
    assert_eq!((record.event(), record.id()), ("new-client", Some("774")));
    assert_eq!(record.idempotency_key(), Some("new-client:774"));
    assert_eq!(record.body(), ALEGRA);
    assert!((before..=SystemTime::now()).contains(&record.received_at()));

    let written = serde_json::to_value(&record).unwrap();
    let since_epoch = record.received_at().duration_since(SystemTime::UNIX_EPOCH);
    let received_at_ms = u64::try_from(since_epoch.unwrap().as_millis()).unwrap();
    let expected = json!({
        "version": 1,
        "provider": "alegra",
        "tenant": "shop-1",
        "event": "new-client",
        "id": "774",
        "idempotency_key": "new-client:774",
        "received_at_ms": received_at_ms,
        "body": ALEGRA,
    });
    assert_eq!(written, expected);
    assert_eq!(serde_json::from_value::<Record>(written).unwrap(), record);
    let line = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
}

const NOT_BASE64: &str = "the field `body_base64` is not base64";

#[test]
fn an_unreadable_record_is_an_error_that_says_why() {
    for (changed, sentence) in [
        (
            json!({"version": 2}),
            "the format is of version 2; this release reads version 1",
        ),
        (
            json!({"body_base64": ""}),
            "a record has either a `body` or a `body_base64`",
        ),
        (json!({"body": null, "body_base64": "Zg"}), NOT_BASE64),
        (json!({"body": null, "body_base64": "Zh=="}), NOT_BASE64),
        (json!({"body": null, "body_base64": "Zm9-"}), NOT_BASE64),
    ] {
        let mut written = written("{}");
        for (field, value) in changed.as_object().unwrap() {
            written[field] = value.clone();
        }
        let error = serde_json::from_value::<Record>(written).unwrap_err();
        assert_eq!(error.to_string(), sentence);
    }
}

#[tokio::test]
async fn a_body_that_is_not_text_is_written_as_base64() {
    let binary = custom(Rules::new("binary"), |_| Ok(Received::event(Other(()))));
    let layer = WebhookLayer::new(binary, Access::open());
    let record = record(&layer, b"\xff\x00\xfe".as_slice()).await;
    let written = serde_json::to_value(&record).unwrap();
    assert_eq!(written["body_base64"], "/wD+");
    for absent in ["body", "tenant", "id", "idempotency_key"] {
        assert_eq!(written.get(absent), None, "{absent}");
    }
    assert_eq!(serde_json::from_value::<Record>(written).unwrap(), record);
}

async fn replays_as_it_came<P>(layer: WebhookLayer<P>, body: &'static str)
where
    P: Provider,
    P::Event: Clone + PartialEq + std::fmt::Debug,
{
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let sink = sink.clone();
        async move {
            let delivery = request.extensions().get::<Delivery<P::Event>>();
            let delivery = delivery.unwrap().clone();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, delivery.raw());
            let seen = (delivery.event().clone(), Record::from(&delivery));
            sink.lock().unwrap().push(seen);
            ok(Request::default()).await
        }
    }));
    let response = webhook.clone().oneshot(post(body)).await.unwrap();
    assert_eq!(response.status(), 204);
    let (event, record) = seen.lock().unwrap()[0].clone();

    let line = serde_json::to_string(&record).unwrap();
    let stored: Record = serde_json::from_str(&line).unwrap();
    let response = webhook.replay(&stored).await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(seen.lock().unwrap()[1], (event, record));
}

#[tokio::test]
async fn a_replayed_delivery_is_the_one_that_came() {
    let by_tenant = || WebhookLayer::new(Alegra::new(), Access::by(|_| Some("shop-1")));
    for body in [
        ALEGRA,
        r#"{"subject":"no-such","message":1}"#,
        r#"{"subject":"new-client","message":"text"}"#,
        include_str!("../../data/alegra/new-invoice.json"),
    ] {
        replays_as_it_came(by_tenant(), body).await;
    }
    for body in [BSALE, r#"{"topic":"webOrder"}"#, r#"{"topic":"stock"}"#] {
        replays_as_it_came(bsale(), body).await;
    }
}

#[tokio::test]
async fn a_replay_is_a_post_without_headers_of_the_sender_and_without_a_deadline() {
    let inner = service_fn(async |request: Request<RequestBody>| {
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/");
        assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
        let delivery = request.extensions().get::<Delivery<alegra::Event>>();
        assert_eq!(delivery.unwrap().time_left(), Duration::MAX);
        ok(request).await
    });
    let record = record(&alegra(), ALEGRA).await;
    let response = alegra().layer(inner).replay(&record).await.unwrap();
    assert_eq!(response.status(), 204);
}

fn webhook(handler: &Handler) -> Webhook<Handler, Alegra> {
    alegra().layer(handler.clone())
}

/// Why the layer refused to replay it, if it did.
async fn refusal(webhook: Webhook<Handler, Alegra>, record: &Record) -> Option<RejectionKind> {
    rejection(&webhook.replay(record).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_replay_has_no_deadline() {
    let record = record(&alegra(), ALEGRA).await;
    let slow = Handler::new(Does::AnswerAfter(ms(100_000), 200)).ready_after(Some(ms(50_000)));
    let response = webhook(&slow).replay(&record).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(slow.finished(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_answered_with_the_handlers_own_end() {
    let record = record(&alegra(), ALEGRA).await;
    let failing = Handler::answers(502);
    let response = webhook(&failing).replay(&record).await.unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(rejection(&response), None);

    let error = webhook(&Handler::new(Does::Fail)).replay(&record).await;
    assert_eq!(error.unwrap_err(), Broken);

    let panicking = Handler::new(Does::PanicInCall);
    let panicked = refusal(webhook(&panicking), &record).await;
    assert_eq!(panicked, Some(RejectionKind::Panicked));

    let limited = alegra().handler_limit(ms(1000));
    let interrupted = refusal(limited.layer(Handler::new(Does::Never)), &record).await;
    assert_eq!(interrupted, Some(RejectionKind::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_replayed_is_answered_and_not_run() {
    let handler = Handler::answers(200);
    let malformed = Some(RejectionKind::Malformed);
    let foreign = record(&bsale(), BSALE).await;
    assert_eq!(refusal(webhook(&handler), &foreign).await, malformed);
    for body in ["", "{}", "no JSON"] {
        let record: Record = serde_json::from_value(written(body)).unwrap();
        let refusal = refusal(webhook(&handler), &record).await;
        assert_eq!(refusal, malformed, "{body}");
    }

    let layer = alegra();
    layer.background().drain(ms(0)).await;
    let record = record(&alegra(), ALEGRA).await;
    let draining = refusal(layer.layer(handler.clone()), &record).await;
    assert_eq!(draining, Some(RejectionKind::Draining));
    assert_eq!(handler.called(), 0);
}

/// Its handler is counted and drained like any other.
#[tokio::test(start_paused = true)]
async fn a_replay_takes_a_slot_and_finishes_though_nobody_waits() {
    let record = record(&alegra(), ALEGRA).await;
    let layer = alegra().max_in_flight(1);
    let slow = Handler::new(Does::AnswerAfter(ms(10_000), 200));
    let webhook = layer.layer(slow.clone());
    let first = tokio::spawn(webhook.replay(&record));
    let second = tokio::spawn(webhook.replay(&record));
    tokio::time::sleep(ms(1)).await;
    assert_eq!((slow.called(), layer.background().in_flight()), (1, 1));
    first.abort();
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(slow.finished(), 2, "the first went on");
}
