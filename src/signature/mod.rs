//! Building blocks for providers that sign their requests.
//!
//! A [`Scheme`] describes how a sender signs, [`Keys`] has the keys, and
//! [`Provider::verify`](crate::Provider::verify) is one line. [`handshake`] answers the probes of such
//! senders.
//!
//! # Senders
//!
//! How five of them sign, and which of the constructors of [`Key`] is right:
//!
//! | sender | scheme | key |
//! |---|---|---|
//! | GitHub, Meta | `Scheme::sha256("x-hub-signature-256").prefix("sha256=")` | [`text`](Key::text) |
//! | Shopify | `Scheme::sha256("x-shopify-hmac-sha256").base64()` | [`text`](Key::text) |
//! | Stripe | `Scheme::sha256("stripe-signature").separator(',').prefix("v1=")` with the parts `timestamp_entry("t=")`, `text(".")`, `body()` | [`text`](Key::text), with its `whsec_` |
//! | Slack | `Scheme::sha256("x-slack-signature").prefix("v0=")` with the parts `text("v0:")`, `timestamp_header("x-slack-request-timestamp")`, `text(":")`, `body()` | [`text`](Key::text) |
//! | Standard Webhooks | `Scheme::sha256("webhook-signature").separator(' ').prefix("v1,").base64()` with the parts `header("webhook-id")`, `text(".")`, `timestamp_header("webhook-timestamp")`, `text(".")`, `body()` | [`whsec`](Key::whsec) |
//!
//! What a signature does not cover can be changed by anybody who has seen one request: for GitHub that is
//! the kind of the event, for Shopify the shop.
//!
//! # Examples
//!
//! A provider for Slack:
//!
//! ```
//! use std::env;
//! use tower_webhook::{
//!     Event, Incoming, Provider, Received, Rejection, Rules, Verified,
//!     signature::{Key, Keys, Part, Scheme, handshake},
//! };
//!
//! struct Slack {
//!     scheme: Scheme,
//!     keys: Keys,
//! }
//!
//! impl Slack {
//!     fn new(keys: Keys) -> Self {
//!         let scheme = Scheme::sha256("x-slack-signature").prefix("v0=").parts([
//!             Part::text("v0:"),
//!             Part::timestamp_header("x-slack-request-timestamp"),
//!             Part::text(":"),
//!             Part::body(),
//!         ]);
//!         Self { scheme, keys }
//!     }
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Message {
//!     r#type: String,
//! }
//!
//! impl Event for Message {
//!     fn name(&self) -> &str {
//!         &self.r#type
//!     }
//! }
//!
//! impl Provider for Slack {
//!     type Event = Message;
//!
//!     fn rules(&self) -> Rules {
//!         Rules::new("slack")
//!     }
//!
//!     async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
//!         self.scheme.verify(request, &self.keys)
//!     }
//!
//!     fn decode(&self, request: &Incoming<'_>) -> Result<Received<Message>, Rejection> {
//!         let message: Message = serde_json::from_slice(request.body())
//!             .map_err(|_| Rejection::malformed("the body is no message"))?;
//!         if message.r#type == "url_verification" {
//!             return handshake::echo_field(request, &["challenge"]);
//!         }
//!         Ok(Received::event(message))
//!     }
//! }
//!
//! fn slack() -> Result<Slack, Box<dyn std::error::Error>> {
//!     let key = Key::text(&env::var("SLACK_SIGNING_SECRET")?)?;
//!     Ok(Slack::new(key.into()))
//! }
//! ```

pub mod handshake;

mod keys;
mod part;
mod scheme;
#[cfg(test)]
mod tests;

use hmac::KeyInit;

pub use self::{
    keys::{Key, Keys},
    part::Part,
    scheme::Scheme,
};

/// The bytes of a text in hex, of either case.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.as_bytes().chunks(2) {
        let [high, low] = *pair else { return None };
        bytes.push(u8::try_from(digit(high)? << 4 | digit(low)?).ok()?);
    }
    Some(bytes)
}

fn mac<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes a key of any length")
}
