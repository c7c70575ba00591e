use serde::Deserialize;
use tower_webhook::{Access, Payload, WebhookLayer, standard_webhooks::StandardWebhooks};

use super::{
    CONTACT, CONTACT_TIME, WHSEC, at, contact, contact_signed, contacts, flipped, post, v1, whsec,
    with, with_body, without,
};
use crate::util::{Handler, delivered, status_of};

const A: &str = "v1,t3OpeWbj744abSJd9RgJWfU3jiXz1h5gO+G5vhGLrKo=";
const B: &str = "v1,OXtw3vB/H2OZX7kO7f0O93gWF1+zkoYu8C4DYhd8q5k=";
const ED25519: &str =
    "v1a,S2FeYiEc5HXjaZf1CTGIL7MgC8dA6GgT9z8LVKc2/EmwuAgF7uTi16KUqUB48zq6OjfelhSs4elKcZf6bD60Cg==";
const WHSEC_B: &str = "whsec_gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaX";

async fn answered(provider: StandardWebhooks<tower_webhook::RawJson>, request: super::Post) -> u16 {
    let layer = WebhookLayer::new(provider, Access::open());
    let status = status_of(&layer, &Handler::answers(204), request).await;
    status.expect("a response")
}

#[tokio::test]
async fn the_published_vectors_are_accepted() {
    for (secret, id, time, body, signature) in [
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (WHSEC, "msg_fake0001", CONTACT_TIME, CONTACT, A),
        (WHSEC_B, "msg_fake0001", CONTACT_TIME, CONTACT, B),
    ] {
        let clock = move || std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
        for prefix in ["webhook", "svix"] {
            let provider = StandardWebhooks::new("vectors", whsec(secret)).clock(clock);
            let names = ["id", "timestamp", "signature"].map(|name| format!("{prefix}-{name}"));
            let time = time.to_string();
            let headers = [
                (&*names[0], id),
                (&*names[1], &*time),
                (&*names[2], signature),
            ];
            assert_eq!(answered(provider, post(&headers, body)).await, 204);
        }
    }
}

#[tokio::test]
async fn a_rotation_header_is_accepted_by_each_key() {
    let both = format!("{A} v9,AAAA {B} {ED25519}");
    for secret in [WHSEC, WHSEC_B] {
        let provider = contacts(whsec(secret));
        assert_eq!(answered(provider, contact_signed(&both)).await, 204);
    }
    let other = contacts(whsec("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert_eq!(answered(other, contact_signed(&both)).await, 401);
    // No key of ed25519 is known, and an unknown version is no signature.
    for alone in [ED25519, "v9,AAAA", ""] {
        let provider = contacts(whsec(WHSEC));
        assert_eq!(answered(provider, contact_signed(alone)).await, 401);
    }
}

#[tokio::test]
async fn each_bit_of_what_is_signed_counts_and_nothing_else() {
    for bit in 0..CONTACT.len() * 8 {
        let request = with_body(contact(), flipped(CONTACT, bit));
        assert_eq!(answered(contacts(whsec(WHSEC)), request).await, 401);
    }
    for (name, value) in [
        ("webhook-id", "msg_fake0002"),
        ("webhook-timestamp", "1767323046"),
        ("webhook-signature", B),
    ] {
        let request = with(contact(), name, value);
        assert_eq!(
            answered(contacts(whsec(WHSEC)), request).await,
            401,
            "{name}"
        );
        let request = without(contact(), name);
        assert_eq!(
            answered(contacts(whsec(WHSEC)), request).await,
            401,
            "{name}"
        );
    }
    let mut unsigned = with(contact(), "content-type", "text/plain");
    *unsigned.uri_mut() = "/other?query".parse().unwrap();
    let unsigned = with(unsigned, "user-agent", "somebody");
    assert_eq!(answered(contacts(whsec(WHSEC)), unsigned).await, 204);
}

#[tokio::test]
async fn a_timestamp_may_be_five_minutes_away_in_both_directions() {
    for (late, status) in [(0, 204), (300, 204), (301, 401)] {
        let provider = contacts(whsec(WHSEC)).clock(at(late));
        assert_eq!(answered(provider, contact()).await, status, "{late} s late");
        let early = CONTACT_TIME + late;
        let signature = v1(WHSEC, "msg_fake0001", early, CONTACT);
        let request = with(
            contact_signed(&signature),
            "webhook-timestamp",
            &early.to_string(),
        );
        assert_eq!(
            answered(contacts(whsec(WHSEC)), request).await,
            status,
            "{late} s early"
        );
    }
    let patient = contacts(whsec(WHSEC)).tolerance(std::time::Duration::from_secs(600));
    assert_eq!(answered(patient.clock(at(600)), contact()).await, 204);
}

#[tokio::test]
async fn a_mix_of_the_two_families_is_refused() {
    let mixed = with(contact(), "svix-id", "msg_other");
    assert_eq!(answered(contacts(whsec(WHSEC)), mixed).await, 401);
    let alike = with(contact(), "svix-id", "msg_fake0001");
    assert_eq!(answered(contacts(whsec(WHSEC)), alike).await, 204);
    let moved = without(contact(), "webhook-signature");
    let moved = with(moved, "svix-signature", A);
    assert_eq!(answered(contacts(whsec(WHSEC)), moved).await, 401);
}

#[tokio::test]
async fn an_id_with_a_full_stop_is_refused() {
    // The bytes are those of another id, time and body.
    let shifted = v1(WHSEC, "msg_fake0001", CONTACT_TIME, CONTACT);
    let request = with(contact_signed(&shifted), "webhook-id", "msg.fake0001");
    assert_eq!(answered(contacts(whsec(WHSEC)), request).await, 401);
    let signature = v1(WHSEC, "msg.fake0001", CONTACT_TIME, CONTACT);
    let request = with(contact_signed(&signature), "webhook-id", "msg.fake0001");
    assert_eq!(answered(contacts(whsec(WHSEC)), request).await, 401);
}

#[tokio::test]
async fn a_sender_may_have_header_names_of_its_own() {
    let provider = contacts(whsec(WHSEC)).headers("acme-id", "acme-time", "acme-signature");
    let headers = [
        ("acme-id", "msg_fake0001"),
        ("acme-time", "1767323045"),
        ("acme-signature", A),
    ];
    assert_eq!(
        answered(provider.clock(at(0)), post(&headers, CONTACT)).await,
        204
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Contact {
    data: Data,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Data {
    name: String,
}

#[tokio::test]
async fn a_payload_is_typed_or_drifted_and_never_refused() {
    let provider = || StandardWebhooks::<Contact>::new("contacts", whsec(WHSEC)).clock(at(0));
    let layer = WebhookLayer::new(provider(), Access::open());
    let (_, delivery) = delivered(&layer, contact()).await;
    let delivery = delivery.expect("the handler ran");
    let event = delivery.event();
    assert_eq!(event.payload.typed().unwrap().data.name, "Ñandú");
    assert_eq!(event.kind.as_deref(), Some("contact.created"));
    assert_eq!(delivery.idempotency_key().as_deref(), Some("msg_fake0001"));

    for (body, path) in [
        (
            r#"{"type":"contact.created","data":{"name":7}}"#,
            "data.name",
        ),
        (r#"{"data":{}}"#, "data"),
        (r#"{"data":{"name":"x"}} y"#, ""),
        ("no JSON", ""),
        ("", ""),
    ] {
        let signature = v1(WHSEC, "msg_fake0001", CONTACT_TIME, body);
        let request = with_body(contact_signed(&signature), body);
        let (status, delivery) = delivered(&layer, request).await;
        let delivery = delivery.expect(body);
        let drifted = Payload::Drifted { path: path.into() };
        assert_eq!(
            (status, &delivery.event().payload),
            (204, &drifted),
            "{body}"
        );
        assert_eq!(delivery.raw(), body);
    }
}
