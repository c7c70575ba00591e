//! The receivers that check an HMAC-SHA-256 of the body, in GitHub's header, and decode nothing:
//! (f) `tower-github-webhook`, (g) `webhook-verify`, and the layer with a provider that does the same.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{HeaderName, HeaderValue, Request, Response, request::Parts};
use http_body_util::Full;
use sha2::Sha256;
use tower::{BoxError, Layer, Service, service_fn};
use tower_github_webhook::ValidateGitHubWebhookLayer;
use tower_webhook::{Access, Event, Provider, Received, Rejection, Rules, WebhookLayer};
use webhook_verify::{Secret, tower::VerifyLayer};

use super::{handle, ours};

const KEY: &str = "the key that both sides know";

pub const HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// What the sender writes into [`HEADER`].
pub fn signature(body: &[u8]) -> HeaderValue {
    let mut hex = String::from("sha256=");
    for byte in mac(body).finalize().into_bytes() {
        hex.push_str(&format!("{byte:02x}"));
    }
    hex.parse().expect("hex is a header value")
}

fn mac(body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key of any length");
    mac.update(body);
    mac
}

/// (f)
pub fn github()
-> impl Service<Request<Body>, Response: Send, Error: std::fmt::Debug + Send, Future: Send>
+ Clone
+ Send {
    ValidateGitHubWebhookLayer::new(KEY).layer(service_fn(async |request: Request<Full<Bytes>>| {
        answer(&request)
    }))
}

/// (g)
pub fn verify()
-> impl Service<Request<Body>, Response: Send, Error: std::fmt::Debug + Send, Future: Send>
+ Clone
+ Send {
    VerifyLayer::<Bytes>::new(webhook_verify::Provider::GitHub, Secret::new(KEY)).layer(service_fn(
        async |request: Request<Bytes>| {
            answer(&request).map_err(|never| -> BoxError { match never {} })
        },
    ))
}

/// The layer, with an open door: the signature is the credential.
pub fn service()
-> impl Service<Request<Body>, Response: Send, Error: std::fmt::Debug + Send, Future: Send>
+ Clone
+ Send {
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key of any length");
    ours::service(&WebhookLayer::new(Signed { mac }, Access::open()))
}

fn answer<B>(request: &Request<B>) -> Result<Response<Body>, Infallible> {
    std::hint::black_box(request);
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = handle("");
    Ok(answer)
}

#[derive(Debug)]
pub struct Signed {
    mac: Hmac<Sha256>,
}

/// An event of which nothing is read but its signature.
#[derive(Debug)]
pub struct Raw;

impl Event for Raw {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

impl Provider for Signed {
    type Event = Raw;

    fn rules(&self) -> Rules {
        Rules::new("signed")
    }

    fn receive(&self, head: &Parts, body: &Bytes) -> Result<Received<Raw>, Rejection> {
        let mut mac = self.mac.clone();
        mac.update(body);
        signed(head, mac)
            .then(|| Received::event(Raw))
            .ok_or(Rejection::unauthorized(
                "the signature does not fit the body",
            ))
    }

    fn replay(&self, _body: &Bytes) -> Result<Received<Raw>, Rejection> {
        Ok(Received::event(Raw))
    }
}

fn signed(head: &Parts, mac: Hmac<Sha256>) -> bool {
    let digits = |text: &[u8]| {
        let text = std::str::from_utf8(text).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    let signature = || {
        let hex = head
            .headers
            .get(HEADER)?
            .as_bytes()
            .strip_prefix(b"sha256=")?;
        hex.chunks(2).map(digits).collect::<Option<Vec<u8>>>()
    };
    signature().is_some_and(|signature| mac.verify_slice(&signature).is_ok())
}
