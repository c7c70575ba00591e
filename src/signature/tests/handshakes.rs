use std::convert::Infallible;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use sha2::Sha256;
use tower::{Layer, ServiceExt, service_fn};

use super::samples::{at, head, v0};
use crate::{
    Access, Event, Incoming, Provider, Received, Rejection, RejectionKind, Rules, Verified,
    WebhookLayer,
    provider::ReceivedKind,
    signature::{Key, Keys, Scheme, handshake, mac},
};

fn answered(result: Result<Received<()>, Rejection>) -> Result<Response<Bytes>, (u16, String)> {
    match result {
        Ok(received) => match received.kind {
            ReceivedKind::Probe(reply) => Ok(reply),
            ReceivedKind::Event(()) => panic!("a handshake is no event"),
        },
        Err(rejection) => Err((rejection.status().as_u16(), rejection.to_string())),
    }
}

fn posted(body: impl Into<Bytes>, path: &[&str]) -> Result<Bytes, (u16, String)> {
    let (head, body) = (head("/", &[]), body.into());
    let reply = answered(handshake::echo_field(&Incoming::new(&head, &body), path))?;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    Ok(reply.into_body())
}

#[test]
fn a_field_is_echoed() {
    let echoed = |body: &'static str, path| posted(body, path).unwrap();
    let slack = r#"{"token":"fake","challenge":"fake-challenge-123","type":"url_verification"}"#;
    assert_eq!(echoed(slack, &["challenge"]), "fake-challenge-123");
    let nested = r#" { "payload" : {"a":[{}], "plainToken" : "\u00f1 \"x\"" } }"#;
    assert_eq!(echoed(nested, &["payload", "plainToken"]), "ñ \"x\"");

    let refused = |body: &'static str, path| posted(body, path).unwrap_err();
    let malformed = |reason: &str| (400, reason.to_owned());
    let missing = malformed("the field `challenge` is missing, occurs twice or is no text");
    for body in [
        "{}",
        "1",
        r#"{"challenge":"a","challenge":"b"}"#,
        r#"{"challenge":1}"#,
        r#"{"challenge":null}"#,
        r#"{"challenge":{}}"#,
    ] {
        assert_eq!(refused(body, &["challenge"]), missing, "{body}");
    }
    let path = ["payload", "plainToken"];
    let missing =
        malformed("the field `payload.plainToken` is missing, occurs twice or is no text");
    for body in [
        "{}",
        r#"{"payload":"x"}"#,
        r#"{"payload":{},"plainToken":"x"}"#,
    ] {
        assert_eq!(posted(body, &path), Err(missing.clone()), "{body}");
    }
    assert_eq!(refused("", &["challenge"]), malformed("the body is empty"));
    assert_eq!(
        posted(&b"\xff"[..], &["challenge"]),
        Err(malformed("the body is not UTF-8"))
    );
    assert_eq!(refused(r#"{"challenge":"a"} x"#, &["challenge"]).0, 400);
}

#[test]
fn what_is_echoed_is_bounded() {
    let body = |len| format!(r#"{{"challenge":"{}"}}"#, "x".repeat(len));
    assert_eq!(posted(body(1024), &["challenge"]).unwrap().len(), 1024);
    let long = (400, "the text to echo has more than 1024 bytes".to_owned());
    assert_eq!(posted(body(1025), &["challenge"]), Err(long.clone()));
    let query = |len| queried(&format!("/?challenge={}", "x".repeat(len)), "challenge");
    assert_eq!(query(1024).unwrap().len(), 1024);
    assert_eq!(query(1025), Err(long));
}

fn queried(uri: &str, name: &str) -> Result<Bytes, (u16, String)> {
    let (head, body) = (head(uri, &[]), Bytes::new());
    let reply = answered(handshake::echo_query(&Incoming::new(&head, &body), name))?;
    assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    Ok(reply.into_body())
}

#[test]
fn a_value_of_the_query_is_echoed() {
    let graph = "/?validationToken=Validation%3A+Testing+client%3Cb%3E";
    assert_eq!(
        queried(graph, "validationToken").unwrap(),
        "Validation: Testing client<b>"
    );
    for uri in ["/", "/?challenge2=1", "/?challenge=1&challenge=2"] {
        let reason = "the query has no parameter challenge, or more than one".to_owned();
        assert_eq!(queried(uri, "challenge"), Err((400, reason)), "{uri}");
    }
}

#[test]
fn a_token_in_the_query_is_checked() {
    let check = |query: &str, expected| {
        let (head, body) = (head(&format!("/?{query}"), &[]), Bytes::new());
        handshake::check_query(&Incoming::new(&head, &body), "hub.verify_token", expected)
    };
    assert_eq!(
        check("hub.verify_token=fake%20token&x=1", "fake token"),
        Ok(())
    );
    for query in [
        "",
        "hub.verify_token=",
        "hub.verify_token=fake",
        "hub.verify_token=fake%20tokem",
        "hub.verify_token=fake%20token2",
        "hub.verify_token=fake%20token&hub.verify_token=fake%20token",
        "hub_verify_token=fake%20token",
    ] {
        let rejection = check(query, "fake token").unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Forbidden, "{query}");
        assert_eq!(
            rejection.to_string(),
            "the parameter hub.verify_token of the query is missing or wrong"
        );
    }
    for query in ["", "hub.verify_token="] {
        assert!(check(query, "").is_err(), "{query}");
    }
}

fn signed(token: &str, key: Option<&[u8]>) -> Result<Response<Bytes>, (u16, String)> {
    let body = serde_json::json!({ "payload": { "plainToken": token } });
    let (head, body) = (head("/", &[]), Bytes::from(body.to_string()));
    let request = Incoming::new(&head, &body).with_key(key);
    let names = ["plainToken", "encryptedToken"];
    answered(handshake::sign_field(
        &request,
        &["payload", "plainToken"],
        names,
    ))
}

#[test]
fn a_field_is_signed() {
    let reply = signed("fakePlainToken", Some(b"fake-zoom-secret-token")).unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "application/json");
    let answer: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
    let digest = "bcd0c92575215d76c523c6aeb1fb8fe728c6f2a5abbe46078e30090a064e086a";
    let expected = serde_json::json!({ "plainToken": "fakePlainToken", "encryptedToken": digest });
    assert_eq!(answer, expected);
}

#[test]
fn nothing_is_signed_for_a_stranger_and_no_delivery() {
    let reason = "the handshake asks for a signature and has none itself".to_owned();
    assert_eq!(signed("fakePlainToken", None).unwrap_err(), (401, reason));
    let key = Some(&b"fake-zoom-secret-token"[..]);
    assert!(signed(&"ñ".repeat(64), key).is_ok());
    let reason = "the text to sign has a colon, or more than 64 characters".to_owned();
    for token in ["v0:1700000000:{}", ":", &"x".repeat(65)] {
        assert_eq!(
            signed(token, key).unwrap_err(),
            (400, reason.clone()),
            "{token}"
        );
    }
}

struct Zoom(Scheme, Keys);

impl Provider for Zoom {
    type Event = Nothing;

    fn rules(&self) -> Rules {
        Rules::new("zoom")
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        self.0.verify(request, &self.1)
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Nothing>, Rejection> {
        let path = ["payload", "plainToken"];
        handshake::sign_field(request, &path, ["plainToken", "encryptedToken"])
    }
}

struct Nothing;

impl Event for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }
}

#[tokio::test]
async fn the_layer_signs_with_the_key_that_verified_the_handshake() {
    let keys = ["another-token", "fake-zoom-secret-token"].map(|text| Key::text(text).unwrap());
    let scheme = v0("x-zm-signature", "x-zm-request-timestamp").clock(at(1_700_000_000));
    let zoom = Zoom(scheme, Keys::new(keys));
    let handler =
        service_fn(|_| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) });
    let service = WebhookLayer::new(zoom, Access::open()).layer(handler);

    let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"fakePlainToken"}}"#;
    let mut mac: Hmac<Sha256> = mac(b"fake-zoom-secret-token");
    mac.update(format!("v0:1700000000:{body}").as_bytes());
    let digest = Bytes::copy_from_slice(&mac.finalize().into_bytes());
    let request = |signature: String| {
        let request = Request::post("/").header("x-zm-request-timestamp", "1700000000");
        let request = request.header("x-zm-signature", signature);
        request.body(Full::new(Bytes::from(body))).unwrap()
    };

    let genuine = request(format!("v0={digest:x}"));
    let reply = service.clone().oneshot(genuine).await.unwrap();
    assert_eq!(reply.status(), 200);
    let answer = reply.into_body().collect().await.unwrap().to_bytes();
    let answer = std::str::from_utf8(&answer).unwrap();
    assert!(answer.contains("bcd0c92575215d76c523c6aeb1fb8fe728c6f2a5abbe46078e30090a064e086a"));

    let forged = request(format!("v0={}", "0".repeat(64)));
    let reply = service.oneshot(forged).await.unwrap();
    assert_eq!(reply.status(), 401);
    assert!(
        reply
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}
