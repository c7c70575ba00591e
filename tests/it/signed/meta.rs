use http::{Request, header::CONTENT_TYPE};
use http_body_util::Full;
use serde::Deserialize;
use tower_webhook::{Access, RejectionKind, WebhookLayer, meta::Meta};

use super::{META_KEY, PAGE, flipped, meta, page, post, sha256_hex, text as key, with_body};
use crate::util::{Handler, delivered, rejection, send, status_of, text};

const WHATSAPP: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"100","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","messages":[{"id":"wamid.FAKE1","from":"5491100000000","timestamp":"1700000000","type":"text","text":{"body":"caf\u00e9 \ud83d\ude00 http:\/\/e.example\/a@b"}}]}}]}]}"#;
const WHATSAPP_SIGNATURE: &str =
    "sha256=6d460d719a4b64bcd3376e237e1c34c16769d9fdbe9d40e409287426edbb9a23";

fn get(query: &str) -> super::Post {
    let request = Request::get(format!("/hook?{query}"));
    request.body(Full::default()).expect("a request")
}

fn signed(body: &'static str) -> super::Post {
    post(
        &[(
            "x-hub-signature-256",
            &sha256_hex(META_KEY, body.as_bytes()),
        )],
        body,
    )
}

#[tokio::test]
async fn the_vectors_are_accepted_byte_for_byte() {
    let layer = WebhookLayer::new(meta(), Access::open());
    let handler = Handler::answers(200);
    let whatsapp = || post(&[("x-hub-signature-256", WHATSAPP_SIGNATURE)], WHATSAPP);
    assert_eq!(status_of(&layer, &handler, whatsapp()).await, Ok(200));
    assert_eq!(status_of(&layer, &handler, page()).await, Ok(200));
    // Parsed and printed again, the body has other bytes.
    let printed: serde_json::Value = serde_json::from_str(WHATSAPP).unwrap();
    let printed = with_body(whatsapp(), printed.to_string());
    assert_eq!(status_of(&layer, &handler, printed).await, Ok(401));
    for bit in 0..PAGE.len() * 8 {
        let request = with_body(page(), flipped(PAGE, bit));
        assert_eq!(status_of(&layer, &handler, request).await, Ok(401));
    }
    assert_eq!(handler.called(), 2);
}

#[tokio::test]
async fn the_handshake_echoes_the_challenge_after_the_check_of_the_token() {
    let layer = WebhookLayer::new(meta(), Access::open());
    let handler = Handler::answers(200);
    let right = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=fake-token&mine=1";
    let response = send(&layer, &handler, get(right)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        "text/plain; charset=utf-8"
    );
    assert_eq!(text(response).await, "1158201444");

    for (query, kind) in [
        (
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
            RejectionKind::Forbidden,
        ),
        (
            "hub.mode=subscribe&hub.challenge=1",
            RejectionKind::Forbidden,
        ),
        (
            "hub.mode=other&hub.challenge=1&hub.verify_token=fake-token",
            RejectionKind::Malformed,
        ),
        (
            "hub.mode=subscribe&hub.verify_token=fake-token",
            RejectionKind::Malformed,
        ),
        (
            "hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=fake-token",
            RejectionKind::Malformed,
        ),
    ] {
        let response = send(&layer, &handler, get(query)).await.unwrap();
        assert_eq!(rejection(&response), Some(kind), "{query}");
    }
    assert_eq!(handler.called(), 0);
    assert_eq!(layer.strikes().worst(), None);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Value {
    #[serde(default)]
    messaging_product: Option<String>,
}

#[tokio::test]
async fn a_batch_is_one_delivery_of_parts_with_ids() {
    let body = r#"{"object":"whatsapp_business_account","entry":[
        {"id":"100","changes":[
            {"field":"messages","value":{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"},{"id":"wamid.2"}]}},
            {"field":"messages","value":{"statuses":[{"id":"wamid.3","status":"read","timestamp":"1700000005"},{"id":"wamid.3","status":"sent","timestamp":1700000004}]}},
            {"field":"calls","value":"text"}]},
        {"id":200,"time":1700000020000,"messaging":[{"timestamp":1,"message":{"mid":"m_1"}}]},
        {"id":"600","time":"1700000030","changed_fields":["photos"]}]}"#;
    let layer = WebhookLayer::new(Meta::<Value>::new(key(META_KEY), "t"), Access::open());
    let (_, delivery) = delivered(&layer, signed(body)).await;
    let delivery = delivery.expect("the handler ran");
    let event = delivery.event();
    assert_eq!(event.drifted, None);
    let parts: Vec<_> = event.into_iter().collect();
    let brief = |at: usize| {
        let part = parts[at];
        let id = part.entry_id.as_ref().map(|id| id.as_str());
        (id, part.time, &*part.field, part.ids.join(" "))
    };
    assert_eq!(
        brief(0),
        (Some("100"), None, "messages", "wamid.1 wamid.2".into())
    );
    let statuses = "wamid.3:read:1700000005 wamid.3:sent:1700000004";
    assert_eq!(brief(1), (Some("100"), None, "messages", statuses.into()));
    assert_eq!(brief(2), (Some("100"), None, "calls", String::new()));
    assert_eq!(
        brief(3),
        (
            Some("200"),
            Some(1_700_000_020_000),
            "messaging",
            "m_1".into()
        )
    );
    assert_eq!(
        brief(4),
        (
            Some("600"),
            Some(1_700_000_030),
            "changed_fields",
            String::new()
        )
    );
    assert_eq!(parts.len(), 5);
    assert!(parts[0].payload.typed().is_some());
    assert!(
        parts[2].payload.typed().is_none(),
        "text where an object is expected"
    );
    assert_eq!(delivery.idempotency_key(), None);
}

#[tokio::test]
async fn an_envelope_that_changed_is_delivered_with_the_path() {
    let layer = WebhookLayer::new(meta(), Access::open());
    for (body, path) in [
        (r#"{"object":"page"}"#, ""),
        (r#"{"object":"page","entry":{}}"#, "entry"),
        (
            r#"{"object":"page","entry":[{"changes":[{"value":{}}]}]}"#,
            "entry[0].changes[0]",
        ),
        ("[]", ""),
        ("no JSON", ""),
    ] {
        let (status, delivery) = delivered(&layer, signed(body)).await;
        assert_eq!(status, 200, "{body}");
        let delivery = delivery.expect(body);
        assert_eq!(delivery.event().drifted.as_deref(), Some(path), "{body}");
        assert!(delivery.event().parts.is_empty());
    }
}

#[tokio::test]
async fn every_success_of_a_handler_goes_out_as_200() {
    let layer = WebhookLayer::new(meta(), Access::open());
    for (status, sent) in [(204, 200), (201, 200), (200, 200), (404, 404)] {
        let answered = status_of(&layer, &Handler::answers(status), page()).await;
        assert_eq!(answered, Ok(sent));
    }
}
