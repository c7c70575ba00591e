//! Providers that sign: what is verified, what is read, and what their keys can do at run time.

mod github;
mod keys;
mod meta;
mod standard_webhooks;
mod verify;

use std::time::{Duration, SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http_body_util::Full;
use sha2::Sha256;
use tower_webhook::{
    RawJson,
    github::GitHub,
    meta::Meta,
    signature::{Key, Keys},
    standard_webhooks::StandardWebhooks,
};

pub(crate) type Post = Request<Full<Bytes>>;

/// The vectors of Standard Webhooks share this body and this time.
pub(crate) const CONTACT: &str =
    r#"{"type":"contact.created","timestamp":"2026-01-02T03:04:05Z","data":{"name":"Ñandú"}}"#;
pub(crate) const CONTACT_TIME: u64 = 1_767_323_045;
pub(crate) const WHSEC: &str = "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";

pub(crate) const ISSUE: &str =
    r#"{"action":"opened","number":7,"sender":{"login":"fake-user","id":1},"note":"café"}"#;
pub(crate) const ISSUE_SIGNATURE: &str =
    "sha256=105bf88dcf90917b7ac695d97ddcc33c525ab7f820195ba9ee279717d9ebe23c";
pub(crate) const GITHUB_KEY: &str = "fake-github-secret";

pub(crate) const PAGE: &str = r#"{"object":"page","entry":[{"id":"200","time":1700000000,"changes":[{"field":"feed","value":{"item":"status"}}]}]}"#;
pub(crate) const PAGE_SIGNATURE: &str =
    "sha256=961ce6c6002edea4a24e393cf2bc3d8a8a6f25a7013763cd3bc0786b02fcce57";
pub(crate) const META_KEY: &str = "fake_app_secret_000000000000000000";

pub(crate) fn post(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Post {
    let mut request = Request::post("/hook").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).expect("a request")
}

pub(crate) fn text(key: &str) -> Keys {
    Key::text(key).expect("a key").into()
}

pub(crate) fn whsec(secret: &str) -> Keys {
    Key::whsec(secret).expect("a key").into()
}

/// A clock that stands `late` seconds after the vectors' time.
pub(crate) fn at(late: u64) -> impl Fn() -> SystemTime + Clone + Send + Sync + 'static {
    move || SystemTime::UNIX_EPOCH + Duration::from_secs(CONTACT_TIME + late)
}

pub(crate) fn contacts(keys: Keys) -> StandardWebhooks<RawJson> {
    let provider = StandardWebhooks::new("contacts", keys).events(["contact.created"]);
    provider.clock(at(0))
}

pub(crate) fn github() -> GitHub<RawJson> {
    GitHub::new(text(GITHUB_KEY))
}

pub(crate) fn meta() -> Meta<RawJson> {
    Meta::new(text(META_KEY), "fake-token")
}

/// The request of vector SW3a.
pub(crate) fn contact() -> Post {
    contact_signed("v1,t3OpeWbj744abSJd9RgJWfU3jiXz1h5gO+G5vhGLrKo=")
}

pub(crate) fn contact_signed(signature: &str) -> Post {
    let headers = [
        ("webhook-id", "msg_fake0001"),
        ("webhook-timestamp", "1767323045"),
        ("webhook-signature", signature),
    ];
    post(&headers, CONTACT)
}

/// The request of vector GH2.
pub(crate) fn issue() -> Post {
    let headers = [
        ("x-github-event", "issues"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-github-hook-id", "292430182"),
        ("x-hub-signature-256", ISSUE_SIGNATURE),
    ];
    post(&headers, ISSUE)
}

/// The request of vector ME2.
pub(crate) fn page() -> Post {
    post(&[("x-hub-signature-256", PAGE_SIGNATURE)], PAGE)
}

/// An HMAC-SHA256 of these parts, as `sha256=` and hex.
pub(crate) fn sha256_hex(key: &str, body: &[u8]) -> String {
    let hex = mac(key.as_bytes(), &[body]);
    let hex: String = hex.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// The signature of Standard Webhooks.
pub(crate) fn v1(secret: &str, id: &str, time: u64, body: &str) -> String {
    let key = secret.strip_prefix("whsec_").expect("a whsec_ secret");
    let key = BASE64_STANDARD.decode(key).expect("base64");
    let signed = format!("{id}.{time}.{body}");
    let mac = mac(&key, &[signed.as_bytes()]);
    format!("v1,{}", BASE64_STANDARD.encode(mac))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The request with one bit of its body changed.
pub(crate) fn flipped(body: &str, bit: usize) -> Bytes {
    let mut bytes = body.as_bytes().to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes.into()
}

/// The same request with this header, in the place of another.
pub(crate) fn with(mut request: Post, name: &'static str, value: &str) -> Post {
    let value = value.parse().expect("a value");
    request.headers_mut().insert(name, value);
    request
}

pub(crate) fn without(mut request: Post, name: &str) -> Post {
    request.headers_mut().remove(name);
    request
}

pub(crate) fn with_body(request: Post, body: impl Into<Bytes>) -> Post {
    request.map(|_| Full::new(body.into()))
}
