//! Strangers must not fill the log, and a receiver that cannot verify must be heard.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_webhook::{
    Access, Incoming, Provider, RawJson, Received, Rejection, Rules, Verified, WebhookLayer,
    github::{Event, GitHub},
    signature::Key,
};

use crate::{
    Log, log,
    util::{Handler, send},
};

const BODY: &str = "the body of a stranger";

impl Log {
    /// The level of each line since the last call, and the whole text.
    fn levels(&self) -> (Vec<&'static str>, String) {
        let text = self.take();
        let level = |line: &str| {
            let mut levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].into_iter();
            levels.find(|level| line.split_whitespace().any(|word| word == *level))
        };
        (text.lines().filter_map(level).collect(), text)
    }
}

fn github() -> GitHub<RawJson> {
    GitHub::new(Key::text("a key that nobody may read").expect("a key"))
}

async fn ask<P: Provider>(layer: &WebhookLayer<P>, signature: &str) -> u16 {
    let request = Request::post("/hook").header("x-github-event", "push");
    let request = request.header("x-hub-signature-256", signature);
    let request = request
        .body(Full::new(Bytes::from(BODY)))
        .expect("a request");
    let response = send(layer, &Handler::answers(204), request).await;
    response.expect("a response").status().as_u16()
}

#[tokio::test]
async fn a_stranger_is_logged_at_debug_with_the_reason_and_nothing_secret() {
    let log = log();
    let layer = WebhookLayer::new(github(), Access::open());
    let signature = format!("sha256={}", "ab".repeat(32));
    assert_eq!(ask(&layer, &signature).await, 401);
    let (levels, text) = log.levels();
    assert_eq!(levels, ["DEBUG"], "{text}");
    assert!(text.contains("does not match a body of 22 bytes"), "{text}");
    for secret in [BODY, "abab", "nobody may read"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(ask(&layer, "sha1=00").await, 401);
    let (levels, text) = log.levels();
    assert_eq!(levels, ["DEBUG"], "{text}");
}

/// The database of keys is down.
struct Down(GitHub<RawJson>);

impl Provider for Down {
    type Event = Event<RawJson>;

    fn rules(&self) -> Rules {
        self.0.rules().strikes(10)
    }

    async fn verify(&self, _request: &Incoming<'_>) -> Result<Verified, Rejection> {
        Err(Rejection::unavailable("the database of keys is down"))
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Event<RawJson>>, Rejection> {
        self.0.decode(request)
    }
}

#[tokio::test]
async fn a_receiver_that_cannot_verify_is_logged_as_an_error_and_alarms() {
    let log = log();
    let layer = WebhookLayer::new(Down(github()), Access::open());
    for number in 1..=10 {
        assert_eq!(ask(&layer, "sha256=00").await, 503);
        let (levels, text) = log.levels();
        let expected: &[&str] = match number {
            3 => &["ERROR", "WARN"],
            7 | 10 => &["ERROR", "ERROR"],
            _ => &["ERROR"],
        };
        assert_eq!(levels, expected, "{number}: {text}");
        assert!(text.contains("the database of keys is down"), "{text}");
    }
}
