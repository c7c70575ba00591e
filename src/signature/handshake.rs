//! Answers to handshakes: requests that ask a receiver to prove that the URL is its own. Each is a line
//! in [`Provider::decode`](crate::Provider::decode).
//!
//! | the sender wants | use |
//! |---|---|
//! | a field of its JSON body back (Slack) | [`echo_field`] |
//! | a value of the query back (Dropbox, Microsoft Graph) | [`echo_query`] |
//! | the same after the check of a token (Meta) | [`check_query`], then [`echo_query`] |
//! | a field back, signed (Zoom) | [`sign_field`] |
//! | an empty success (Alegra, WooCommerce) | [`Received::probe`] |
//! | 401 for a request with a wrong signature (Xero, Shopify's review) | nothing: [`Scheme::verify`](super::Scheme::verify) refuses it |
//!
//! What is echoed is a text of the sender's choice, and often of a stranger's. It is sent as `text/plain`
//! with `x-content-type-options: nosniff`, and it has at most [`MAX_ECHO`] bytes.
//!
//! # Examples
//!
//! Meta's handshake is a GET without a signature:
//!
//! ```
//! use http::Method;
//! use tower_webhook::{Incoming, Received, Rejection, signature::handshake};
//!
//! fn decode<E>(request: &Incoming<'_>, verify_token: &str) -> Result<Received<E>, Rejection> {
//!     if request.method() == Method::GET {
//!         handshake::check_query(request, "hub.verify_token", verify_token)?;
//!         return handshake::echo_query(request, "hub.challenge");
//!     }
//!     // …
//! #   Ok(Received::probe())
//! }
//! ```

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    json::envelope,
    provider::{Incoming, Received},
    rejection::{Rejection, RejectionKind},
};

/// How many bytes of a sender's text are echoed at most. Known challenges have a few hundred.
pub const MAX_ECHO: usize = 1024;

/// Echoes a text field of the JSON body. `path` has the names of the fields that lead to it:
/// `&["challenge"]`, `&["payload", "plainToken"]`.
///
/// # Errors
///
/// `400 Bad Request` if the body is not JSON, if the field is not there once, or if it is not a text of
/// at most [`MAX_ECHO`] bytes.
pub fn echo_field<E>(request: &Incoming<'_>, path: &[&str]) -> Result<Received<E>, Rejection> {
    echo(field(request, path)?)
}

/// Echoes the value of a parameter of the query, percent-decoded.
///
/// # Errors
///
/// `400 Bad Request` if the parameter is not there once, or if it has more than [`MAX_ECHO`] bytes.
pub fn echo_query<E>(request: &Incoming<'_>, name: &str) -> Result<Received<E>, Rejection> {
    match request.query(name) {
        Some(value) => echo(value.into_owned()),
        None => Err(malformed(format!(
            "the query has no parameter {name}, or more than one"
        ))),
    }
}

/// Checks that a parameter of the query is `expected`, in constant time. Only its length can leak.
///
/// # Errors
///
/// `403 Forbidden` if it is another text or is not there once. An empty `expected` equals nothing.
pub fn check_query(request: &Incoming<'_>, name: &str, expected: &str) -> Result<(), Rejection> {
    let value = request.query(name).unwrap_or_default();
    let is_equal = bool::from(value.as_bytes().ct_eq(expected.as_bytes()));
    if is_equal && !expected.is_empty() {
        return Ok(());
    }
    let reason = format!("the parameter {name} of the query is missing or wrong");
    Err(Rejection::because(RejectionKind::Forbidden, reason))
}

/// Answers with a text field of the JSON body and its HMAC-SHA256 in hex, as a JSON object of two fields.
/// The key is the one that [signed](super::Scheme::verify) the request.
///
/// # Errors
///
/// `401 Unauthorized` if no signature of the request was verified. `400 Bad Request` if the body is not
/// JSON, if the field is not there once, or if it is not a text of at most 64 characters without a colon.
///
/// # Examples
///
/// Zoom's `endpoint.url_validation`:
///
/// ```
/// use tower_webhook::{Incoming, Received, Rejection, signature::handshake};
///
/// fn answer<E>(request: &Incoming<'_>) -> Result<Received<E>, Rejection> {
///     let path = ["payload", "plainToken"];
///     handshake::sign_field(request, &path, ["plainToken", "encryptedToken"])
/// }
/// ```
pub fn sign_field<E>(
    request: &Incoming<'_>,
    path: &[&str],
    [plain, signed]: [&str; 2],
) -> Result<Received<E>, Rejection> {
    // The same key signs the deliveries, and Zoom signs `v0:{time}:{body}`. So this must not sign for a
    // stranger, and no text that could be a delivery.
    let Some(key) = request.key() else {
        return Err(Rejection::unauthorized(
            "the handshake asks for a signature and has none itself",
        ));
    };
    let text = field(request, path)?;
    if text.contains(':') || text.chars().count() > 64 {
        return Err(Rejection::malformed(
            "the text to sign has a colon, or more than 64 characters",
        ));
    }
    let mut mac: Hmac<Sha256> = super::mac(key);
    mac.update(text.as_bytes());
    let signature = format!("{:x}", Bytes::copy_from_slice(&mac.finalize().into_bytes()));
    let body = serde_json::json!({ plain: text, signed: signature });
    let mut reply = Response::new(Bytes::from(body.to_string()));
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, json);
    Ok(Received::reply(reply))
}

fn echo<E>(text: String) -> Result<Received<E>, Rejection> {
    if text.len() > MAX_ECHO {
        return Err(malformed(format!(
            "the text to echo has more than {MAX_ECHO} bytes"
        )));
    }
    Ok(Received::echo(text))
}

fn field(request: &Incoming<'_>, path: &[&str]) -> Result<String, Rejection> {
    let body = envelope::text(request.body())?;
    envelope::check(body)?;
    text_at(body, path).ok_or_else(|| {
        let path = path.join(".");
        malformed(format!(
            "the field `{path}` is missing, occurs twice or is no text"
        ))
    })
}

fn text_at(mut json: &str, path: &[&str]) -> Option<String> {
    for name in path {
        let [values] = envelope::fields(json, [&[*name]]).ok()?;
        json = envelope::only(&values)?;
    }
    serde_json::from_str(json).ok()
}

fn malformed(reason: String) -> Rejection {
    Rejection::because(RejectionKind::Malformed, reason)
}
