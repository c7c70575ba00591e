//! Receivers that check an HMAC-SHA-256 of the body in GitHub's header and decode nothing:
//! (f) `tower-github-webhook`, (g) `webhook-verify`, and (h) the layer with a provider that does it.

use std::{convert::Infallible, fmt::Debug};

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

use crate::contenders::handle;

const KEY: &str = "the key that both sides know";

pub const HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// The value of [`HEADER`] for this body.
pub fn signature(body: &[u8]) -> HeaderValue {
    let mut hex = String::from("sha256=");
    for byte in keyed().chain_update(body).finalize().into_bytes() {
        hex.push_str(&format!("{byte:02x}"));
    }
    hex.parse().expect("hex is a header value")
}

fn keyed() -> Hmac<Sha256> {
    Hmac::new_from_slice(KEY.as_bytes()).expect("a key of any length")
}

/// (f)
pub fn github() -> impl Service<Request<Body>, Response = Response<impl Sized>, Error: Debug> + Clone
{
    ValidateGitHubWebhookLayer::new(KEY).layer(service_fn(async |request: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(respond(&request))
    }))
}

/// (g)
pub fn verify() -> impl Service<Request<Body>, Response = Response<Body>, Error: Debug> + Clone {
    VerifyLayer::<Bytes>::new(webhook_verify::Provider::GitHub, Secret::new(KEY)).layer(service_fn(
        async |request: Request<Bytes>| Ok::<_, BoxError>(respond(&request)),
    ))
}

/// (h) The signature is the only credential.
pub fn layer() -> WebhookLayer<Signed> {
    WebhookLayer::new(Signed { key: keyed() }, Access::open())
}

fn respond<B>(request: &Request<B>) -> Response<Body> {
    std::hint::black_box(request);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = handle("");
    response
}

#[derive(Debug)]
pub struct Signed {
    key: Hmac<Sha256>,
}

/// An event that holds nothing.
#[derive(Debug)]
pub struct Unread;

impl Event for Unread {
    fn name(&self) -> &'static str {
        "other"
    }

    fn id(&self) -> Option<&str> {
        None
    }
}

impl Provider for Signed {
    type Event = Unread;

    fn rules(&self) -> Rules {
        Rules::new("signed")
    }

    fn receive(&self, head: &Parts, body: &Bytes) -> Result<Received<Unread>, Rejection> {
        signed(head, self.key.clone().chain_update(body))
            .then(|| Received::event(Unread))
            .ok_or(Rejection::unauthorized(
                "the signature does not fit the body",
            ))
    }

    fn replay(&self, _body: &Bytes) -> Result<Received<Unread>, Rejection> {
        Ok(Received::event(Unread))
    }
}

fn signed(head: &Parts, mac: Hmac<Sha256>) -> bool {
    let signature = || {
        let hex = head.headers.get(HEADER)?.to_str().ok()?;
        let hex = hex.strip_prefix("sha256=")?;
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
            .collect::<Option<Vec<u8>>>()
    };
    signature().is_some_and(|signature| mac.verify_slice(&signature).is_ok())
}
