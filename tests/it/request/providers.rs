//! Three providers as a stranger would write them: what they echo, refuse and deliver.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{
    Method, Request,
    header::{ALLOW, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use sha2::Sha256;
use tower::Layer;
use tower_webhook::{
    Access, Event, Incoming, Provider, Received, Record, Rejection, RejectionKind, Rules, Verified,
    WebhookLayer,
};

use crate::util::{
    Handler, Other, Outcomes, custom, delivered, post, rejection, send, status_of, text,
};

// A handshake that echoes the field `challenge` of a JSON body

#[derive(serde::Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    challenge: Option<String>,
    id: Option<String>,
}

impl Event for Message {
    fn name(&self) -> &str {
        &self.kind
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.id.as_deref().map(Cow::from)
    }
}

fn challenge() -> WebhookLayer<impl Provider<Event = Message>> {
    let rules = Rules::new("challenge").events(["paid"]);
    let provider = custom(rules, |request| {
        let mut message: Message = serde_json::from_slice(request.body())
            .map_err(|_| Rejection::malformed("the body is no message"))?;
        Ok(match message.challenge.take() {
            Some(challenge) => Received::echo(challenge),
            None => Received::event(message),
        })
    });
    WebhookLayer::new(provider, Access::open())
}

#[tokio::test]
async fn a_challenge_in_the_body_is_echoed_as_plain_text() {
    let layer = challenge();
    let handler = Handler::answers(204);
    let body = r#"{"type":"url_verification","challenge":"<script>alert(1)</script>"}"#;
    let response = send(&layer, &handler, post(body)).await.unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(text(response).await, "<script>alert(1)</script>");
    assert_eq!(handler.called(), 0);
}

#[tokio::test]
async fn a_message_without_a_challenge_is_delivered() {
    let (layer, outcomes) = Outcomes::of(challenge());
    for body in [r#"{"type":"paid","id":"7"}"#, r#"{"type":"new","id":"7"}"#] {
        let (_, delivery) = delivered(&layer, post(body)).await;
        let delivery = delivery.expect("the handler ran");
        assert!(delivery.event().challenge.is_none());
        assert_eq!(delivery.event().id.as_deref(), Some("7"));
    }
    let outcomes = outcomes.all();
    let names: Vec<_> = outcomes.iter().map(|told| told.event()).collect();
    assert_eq!(names, [Some("paid"), Some("other")]);
}

// A handshake by GET, with the text to echo in the query

fn query() -> WebhookLayer<impl Provider> {
    let rules = Rules::new("query").probe_method(Method::GET);
    let provider = custom(rules, |request| {
        let query = request.query_string().unwrap_or_default();
        let value = |name| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        match value("challenge") {
            None => Ok(Received::event(Other(()))),
            Some(challenge) if value("verify_token") == Some("t0k") => {
                Ok(Received::echo(challenge))
            }
            Some(_) => Err(Rejection::forbidden("the verify token is wrong")),
        }
    });
    WebhookLayer::new(provider, Access::open())
}

fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn a_handshake_by_get_is_answered_from_the_query() {
    let (layer, handler) = (query(), Handler::answers(204));

    let uri = "/hook?verify_token=t0k&challenge=4711";
    let response = send(&layer, &handler, get(uri)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(text(response).await, "4711");

    let uri = "/hook?verify_token=wrong&challenge=4711";
    let response = send(&layer, &handler, get(uri)).await.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Forbidden));
    assert_eq!(handler.called(), 0);
}

#[tokio::test]
async fn an_event_by_another_method_than_post_is_answered_405() {
    let (layer, handler) = (query(), Handler::answers(204));

    let response = send(&layer, &handler, get("/hook")).await.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Method));
    assert_eq!(response.headers()[ALLOW], "POST, GET");
    assert_eq!(handler.called(), 0);

    assert_eq!(status_of(&layer, &handler, post("")).await, Ok(204));
    assert_eq!(handler.called(), 1);
}

// An HMAC-SHA-256 over the raw body, as hex in a header

struct Signed {
    key: &'static [u8],
    /// How many bodies were decoded.
    decoded: Arc<AtomicUsize>,
}

#[derive(serde::Deserialize)]
struct Order {
    order: String,
}

impl Event for Order {
    fn name(&self) -> &str {
        "order"
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        Some(Cow::from(&self.order))
    }

    fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        self.id()
    }
}

impl Signed {
    fn signature(key: &[u8], body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(body);
        let bytes = mac.finalize().into_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_signed(&self, request: &Incoming<'_>) -> Option<()> {
        let hex = request.header("x-signature")?;
        let bytes: Option<Vec<u8>> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key).ok()?;
        mac.update(request.body());
        mac.verify_slice(&bytes?).ok()
    }
}

impl Provider for Signed {
    type Event = Order;

    fn rules(&self) -> Rules {
        Rules::new("signed").events(["order"])
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        self.is_signed(request)
            .map(|()| Verified::signed())
            .ok_or(Rejection::unauthorized("the signature is missing or wrong"))
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Order>, Rejection> {
        self.decoded.fetch_add(1, Ordering::SeqCst);
        serde_json::from_slice(request.body())
            .map(Received::event)
            .map_err(|_| Rejection::malformed("the body is no order"))
    }
}

/// The layer, and how many bodies its provider has decoded.
fn signed() -> (WebhookLayer<Signed>, Arc<AtomicUsize>) {
    let provider = Signed {
        key: b"key",
        decoded: Arc::default(),
    };
    let decoded = provider.decoded.clone();
    (WebhookLayer::new(provider, Access::open()), decoded)
}

fn signed_post(signature: &str, body: &'static str) -> Request<Full<Bytes>> {
    let mut request = post(body);
    let signature = signature.parse().unwrap();
    request.headers_mut().insert("x-signature", signature);
    request
}

#[tokio::test]
async fn a_wrong_signature_is_answered_401_and_never_decoded() {
    let (layer, decoded) = signed();
    let handler = Handler::answers(204);
    let body = r#"{"order":"17"}"#;
    let right = Signed::signature(b"key", body.as_bytes());

    let answered = status_of(&layer, &handler, signed_post(&right, body)).await;
    assert_eq!(answered, Ok(204));
    assert_eq!(decoded.swap(0, Ordering::SeqCst), 1);

    let forged = Signed::signature(b"kez", body.as_bytes());
    for request in [
        signed_post(&forged, body),
        signed_post(&right[..62], body),
        signed_post("no hex", body),
        signed_post(&right, r#"{"order":"18"}"#),
        post(body),
    ] {
        let response = send(&layer, &handler, request).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(rejection(&response), Some(RejectionKind::Unauthorized));
    }
    assert_eq!(decoded.load(Ordering::SeqCst), 0);
    assert_eq!(handler.called(), 1);
}

#[tokio::test]
async fn a_record_of_a_signed_delivery_is_replayed_without_its_signature() {
    let (layer, _) = signed();
    let body = r#"{"order":"17"}"#;
    let signature = Signed::signature(b"key", body.as_bytes());
    let request = signed_post(&signature, body);
    let (_, delivery) = delivered(&layer, request).await;
    let record = Record::from(&delivery.expect("the handler ran"));
    assert_eq!(record.event(), "order");
    assert_eq!(record.idempotency_key(), Some("17"));

    let (layer, outcomes) = Outcomes::of(layer);
    let replayed = Handler::answers(204);
    let response = layer.layer(replayed.clone()).replay(&record).await.unwrap();
    assert_eq!((response.status().as_u16(), replayed.called()), (204, 1));
    assert_eq!(outcomes.seen(), [], "a replay is no request");
}
