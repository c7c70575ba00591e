//! Receivers that check an HMAC-SHA-256 of the body in GitHub's header and decode nothing:
//! (f) `tower-github-webhook`, (g) `webhook-verify`, and (h) the layer with a provider that does it.

use std::{convert::Infallible, fmt::Debug};

use axum::body::Body;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use sha2::Sha256;
use tower::{BoxError, Layer, Service, service_fn};
use tower_github_webhook::ValidateGitHubWebhookLayer;
use tower_webhook::signature::{Key, Keys, Scheme};
use tower_webhook::{
    Access, Event, Incoming, Provider, Received, Rejection, Rules, Verified, WebhookLayer,
};
use webhook_verify::{Secret, tower::VerifyLayer};

use crate::contenders::handle;

const KEY: &str = "the key that both sides know";

pub const HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// The value of [`HEADER`] for this body.
pub fn signature(body: &[u8]) -> HeaderValue {
    let mut hex = String::from("sha256=");
    for byte in mac(body) {
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
    let scheme = Scheme::sha256(HEADER.as_str()).prefix("sha256=");
    let key = Key::text(KEY).expect("a key");
    WebhookLayer::new(Signed(Some((scheme, key.into()))), Access::open())
}

/// (h') The same, without the check of the signature.
pub fn unchecked() -> WebhookLayer<Signed> {
    WebhookLayer::new(Signed(None), Access::open())
}

/// (i) The HMAC alone.
pub fn is_signed(body: &[u8], signature: &[u8]) -> bool {
    keyed().chain_update(body).verify_slice(signature).is_ok()
}

/// The bytes of [`signature`].
pub fn mac(body: &[u8]) -> Vec<u8> {
    keyed().chain_update(body).finalize().into_bytes().to_vec()
}

fn respond<B>(request: &Request<B>) -> Response<Body> {
    std::hint::black_box(request);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = handle("");
    response
}

#[derive(Debug)]
pub struct Signed(Option<(Scheme, Keys)>);

/// An event that holds nothing.
#[derive(Debug)]
pub struct Unread;

impl Event for Unread {
    fn name(&self) -> &str {
        "other"
    }
}

impl Provider for Signed {
    type Event = Unread;

    fn rules(&self) -> Rules {
        Rules::new("signed")
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        match &self.0 {
            Some((scheme, keys)) => scheme.verify(request, keys),
            None => Ok(Verified::unproven()),
        }
    }

    fn decode(&self, _request: &Incoming<'_>) -> Result<Received<Unread>, Rejection> {
        Ok(Received::event(Unread))
    }
}
