use serde::Deserialize;
use tower_webhook::{Access, Payload, Record, RejectionKind, WebhookLayer, github::GitHub};

use super::{
    GITHUB_KEY, ISSUE, flipped, github, issue, post, sha256_hex, text, with, with_body, without,
};
use crate::util::{Handler, Outcomes, delivered, rejection, send, status_of};

async fn answered(provider: GitHub<tower_webhook::RawJson>, request: super::Post) -> u16 {
    let layer = WebhookLayer::new(provider, Access::open());
    let status = status_of(&layer, &Handler::answers(204), request).await;
    status.expect("a response")
}

#[tokio::test]
async fn the_published_vectors_are_accepted() {
    assert_eq!(answered(github(), issue()).await, 204);
    let official = [
        ("x-github-event", "push"),
        (
            "X-Hub-Signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
    ];
    let provider = GitHub::new(text("It's a Secret to Everybody"));
    assert_eq!(
        answered(provider, post(&official, "Hello, World!")).await,
        204
    );
}

#[tokio::test]
async fn a_form_is_verified_as_it_came_and_its_payload_is_read() {
    #[derive(Deserialize)]
    struct Zen {
        zen: String,
    }
    let form = "payload=%7B%22zen%22%3A%22Keep+it+fake.%22%2C%22hook_id%22%3A42%7D";
    let headers = [
        ("x-github-event", "meta"),
        (
            "x-hub-signature-256",
            "sha256=5edb6f1fe23728766ab613076e89a509d5f37543c4facde4cd621086270851c8",
        ),
    ];
    let request = with(
        post(&headers, form),
        "content-type",
        "application/x-www-form-urlencoded",
    );
    let layer = WebhookLayer::new(GitHub::<Zen>::new(text(GITHUB_KEY)), Access::open());
    let (_, delivery) = delivered(&layer, request).await;
    let delivery = delivery.expect("the handler ran");
    assert_eq!(
        delivery.event().payload.typed().unwrap().zen,
        "Keep it fake."
    );
    assert_eq!(delivery.raw(), form);
}

#[tokio::test]
async fn each_bit_of_the_body_is_signed_and_the_headers_are_not() {
    for bit in 0..ISSUE.len() * 8 {
        let request = with_body(issue(), flipped(ISSUE, bit));
        assert_eq!(answered(github(), request).await, 401);
    }
    for (name, value) in [
        ("x-github-event", "push"),
        ("x-github-delivery", "another"),
        ("x-github-hook-id", "1"),
        ("content-type", "text/plain"),
    ] {
        assert_eq!(
            answered(github(), with(issue(), name, value)).await,
            204,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_legacy_signature_alone_is_no_signature() {
    let request = without(issue(), "x-hub-signature-256");
    let request = with(
        request,
        "x-hub-signature",
        "sha1=9e74f5379caa08afcdd190e0b541162c34822431",
    );
    assert_eq!(answered(github(), request).await, 401);
}

#[tokio::test]
async fn a_ping_is_a_probe_once_its_signature_holds() {
    let (layer, outcomes) = Outcomes::of(WebhookLayer::new(github(), Access::open()));
    let handler = Handler::answers(204);
    let ping = with(issue(), "x-github-event", "ping");
    assert_eq!(status_of(&layer, &handler, ping).await, Ok(200));
    let forged = with(issue(), "x-github-event", "ping");
    let forged = with(forged, "x-hub-signature-256", "sha256=00");
    assert_eq!(status_of(&layer, &handler, forged).await, Ok(401));
    assert_eq!(handler.called(), 0);
    assert_eq!(outcomes.all().len(), 2);
}

#[tokio::test]
async fn the_kind_and_the_id_come_from_headers() {
    let layer = WebhookLayer::new(github(), Access::open());
    let (_, delivery) = delivered(&layer, issue()).await;
    let delivery = delivery.expect("the handler ran");
    assert_eq!(delivery.event().kind, "issues");
    let id = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
    assert_eq!(delivery.idempotency_key().as_deref(), Some(id));

    let record = Record::from(&delivery);
    assert_eq!((record.event(), record.kind()), ("issues", "issues"));
    let new_kind = with(
        issue(),
        "x-github-event",
        "a\u{7f}".trim_end_matches('\u{7f}'),
    );
    let (_, delivery) = delivered(&layer, new_kind).await;
    let record = Record::from(&delivery.expect("the handler ran"));
    assert_eq!((record.event(), record.kind()), ("other", "a"));

    let unnamed = without(issue(), "x-github-event");
    let response = send(&layer, &Handler::answers(204), unnamed).await.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Malformed));
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_drifted() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Issue {
        number: u8,
    }
    let layer = WebhookLayer::new(GitHub::<Issue>::new(text(GITHUB_KEY)), Access::open());
    for (body, path) in [(r#"{"number":700}"#, "number"), ("[]", ""), ("", "")] {
        let signature = sha256_hex(GITHUB_KEY, body.as_bytes());
        let request = with_body(with(issue(), "x-hub-signature-256", &signature), body);
        let (status, delivery) = delivered(&layer, request).await;
        let drifted = Payload::Drifted { path: path.into() };
        assert_eq!(status, 204);
        assert_eq!(delivery.expect(body).event().payload, drifted, "{body}");
    }
}
