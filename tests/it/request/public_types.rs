//! The public types: their traits, and what their clones share.

use std::{cell::Cell, convert::Infallible, fmt, sync::Arc};

use bytes::Bytes;
use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use tower_webhook::{
    Access, Admission, Amount, Background, ConfigError, Date, Delivery, Id, Late, Outcome,
    OutcomeKind, RawJson, Received, Record, Rejection, RejectionKind, RequestBody, ResponseBody,
    ResponseFuture, Rules, Secret, Secrets, Webhook, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

use crate::util::{ALEGRA, Does, Handler, alegra, answer, ms, post, post_body};

/// Like hyper's and axum's bodies.
#[tokio::test]
async fn a_body_may_be_not_sync() {
    let state = Cell::new(());
    let body = Full::<Bytes>::from(ALEGRA).map_frame(move |frame| {
        state.set(());
        frame
    });
    let webhook = alegra().layer(Handler::answers(204));
    let answer = tokio::spawn(webhook.oneshot(post_body(body))).await;
    assert_eq!(answer.unwrap().unwrap().status(), 204);
}

#[test]
fn what_is_public_is_send_sync_and_debug() {
    /// It implements none of the traits.
    struct Nothing;

    fn handle<T: Send + Sync + fmt::Debug + 'static>() {}
    fn future<T: Send + fmt::Debug>() {}

    handle::<(WebhookLayer<Nothing>, Webhook<(), Nothing>)>();
    handle::<(Delivery<Nothing>, RequestBody, ResponseBody<Full<Bytes>>)>();
    handle::<(
        Access,
        Admission,
        Secret,
        Secrets,
        Background,
        Late,
        ConfigError,
    )>();
    handle::<(Rejection, RejectionKind, Outcome, OutcomeKind, Record)>();
    handle::<(Rules, Received<alegra::Event>)>();
    handle::<(Alegra, alegra::Event, Bsale, bsale::Event)>();
    handle::<(Id, Amount, Date, RawJson)>();
    future::<ResponseFuture<Full<Bytes>, Infallible>>();
}

#[tokio::test(start_paused = true)]
async fn clones_share_their_slots() {
    fn cloned<T: Clone>(value: &T) -> T {
        value.clone()
    }

    let layer = cloned(&alegra().deadline(ms(300)).max_in_flight(1));
    let background = cloned(&layer.background());
    let handler = Handler::new(Does::Never);
    let one = layer.layer(handler.clone());
    let changed = cloned(&layer).body_limit(4096).layer(handler);
    let deliver = |webhook: &Webhook<_, _>| answer(webhook.clone().oneshot(post(ALEGRA)));
    let busy = || (Ok(503), Some(RejectionKind::Busy), ms(300));
    let answers = join_all([&one, &cloned(&one), &changed].map(deliver)).await;
    assert_eq!(answers, [(Ok(202), None, ms(300)), busy(), busy()]);
    assert_eq!(background.in_flight(), 1);
}

#[tokio::test]
async fn a_service_gives_its_inner_one_back() {
    let handler = Handler::new(Does::Never);
    let mut webhook = alegra().layer(handler.clone());
    assert!(Arc::ptr_eq(&webhook.get_ref().called, &handler.called));
    assert!(Arc::ptr_eq(&webhook.get_mut().called, &handler.called));
    assert!(Arc::ptr_eq(&webhook.into_inner().called, &handler.called));
}

/// Short ones are held in another way than long ones.
#[test]
fn an_id_is_a_text_of_any_length() {
    let long = "0123456789abcdefñ€🦀0123456789abcdef";
    for (len, _) in long.char_indices() {
        assert_eq!(Id::from(&long[..len]), long[..len]);
    }
}

#[test]
fn a_rejection_has_a_name_and_a_status() {
    for (kind, name, status) in [
        (RejectionKind::NotFound, "not_found", 404),
        (RejectionKind::Method, "method", 405),
        (RejectionKind::Encoding, "encoding", 415),
        (RejectionKind::TooLarge, "too_large", 413),
        (RejectionKind::Timeout, "timeout", 408),
        (RejectionKind::Truncated, "truncated", 400),
        (RejectionKind::Unauthorized, "unauthorized", 401),
        (RejectionKind::Malformed, "malformed", 400),
        (RejectionKind::Forbidden, "forbidden", 403),
        (RejectionKind::Busy, "busy", 503),
        (RejectionKind::Draining, "draining", 503),
        (RejectionKind::Late, "late", 503),
        (RejectionKind::Panicked, "panicked", 500),
        (RejectionKind::Interrupted, "interrupted", 503),
    ] {
        assert_eq!((kind.as_str(), kind.status().as_u16()), (name, status));
    }
}

#[test]
fn a_secret_prints_its_label_alone() {
    let secret = Secret::from(("shop-1", "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"));
    let expected = r#"Secret { label: Some("shop-1"), .. }"#;
    assert_eq!(format!("{secret:?}"), expected);
}

#[test]
fn secrets_print_only_how_many_there_are() {
    let secrets = Secrets::new([("shop-1", "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10")]);
    assert_eq!(format!("{secrets:?}"), "Secrets(1)");
    let access = Access::path(&secrets);
    secrets.insert("d1b7a3a08cf04c35b2f6a0d6c2c9e411").unwrap();
    assert_eq!(format!("{access:?}"), "Path(2 secrets)");
}
