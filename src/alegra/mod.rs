//! [Alegra](https://developer.alegra.com), accounting for small businesses in Latin America.
//!
//! # What Alegra does
//!
//! * When a subscription is created it sends a probe, a POST with an empty body, and wants a 2xx in
//!   under 5 seconds, or there is no subscription.
//! * Each notification is a POST with a JSON body and wants a 2xx within 5 seconds. After **ten
//!   attempts in a row without one the subscription is deleted**, and no notice of it is documented.
//! * Nothing is signed. The only credential possible is a secret in the URL; use its path, since
//!   some deliveries may lose the query string.
//! * A body names neither the account nor itself: there is no delivery id and no time. Several
//!   accounts need a secret each, with labels, see [`Access`](crate::Access).
//!
//! Whether and when a failed delivery is sent again, in which order deliveries come, and whether
//! they come twice, is documented nowhere.
//!
//! # The body
//!
//! ```json
//! {"subject": "new-client", "message": {"client": {"id": "774"}}}
//! ```
//!
//! The subject is one of twelve: `new-`, `edit-` and `delete-` for `client`, `item`, `invoice` and
//! `bill`. Only `new-client`, `new-item` and `new-invoice` are documented; edits were seen to carry
//! the whole object, deletes of invoices and bills most of it, and deletes of clients and items
//! were never seen: rely on their id alone. Objects that your own API client creates come back as
//! events too.
//!
//! # As JSON
//!
//! The types here read from JSON text, by `serde_json::from_str` and `from_slice`, since an
//! amount's digits are taken from the text itself. `from_value` and `from_reader` cannot give them
//! that, nor can a type of your own that holds one of these under `flatten` or `untagged`.

mod bill;
mod client;
mod decode;
mod event;
mod identification;
mod invoice;
mod item;
mod name;
mod reference;

use std::time::Duration;

use http::StatusCode;

pub use self::{
    bill::{Bill, Warehouse},
    client::{Address, Client},
    event::{Drifted, Event, Unknown},
    identification::{Identification, IdentityDocument},
    invoice::{Invoice, LineItem},
    item::{Inventory, Item, Price},
    name::{Name, NameParts},
    reference::{NumberTemplate, Reference},
};
use crate::{
    json::envelope::without_bom,
    provider::{Incoming, Provider, Received, Rules},
    rejection::Rejection,
};

/// The provider [Alegra](self).
///
/// A probe is a body of zero bytes or of white space, or one of `{}`, `null`, `[]` and `""`; it is
/// answered `200 OK`. A late delivery is answered `202 Accepted`. The deadline is 3 seconds and has
/// to stay under 5; a body may have 1 MiB.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Alegra {}

impl Alegra {
    /// Alegra's webhooks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Provider for Alegra {
    type Event = Event;

    fn rules(&self) -> Rules {
        Rules::new("alegra")
            .deadline(Duration::from_secs(3))
            .deadline_limit(Duration::from_secs(5))
            .success(StatusCode::ACCEPTED, "")
            .body_limit(1024 * 1024)
            .strikes(10)
            .events(event::SUBJECTS.iter().copied())
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Event>, Rejection> {
        if is_probe(request.body()) {
            return Ok(Received::probe());
        }
        decode::decode(request.body()).map(Received::event)
    }
}

/// Alegra documents the empty body; an integrator saw `{}`. `null`, `[]` and `""` count as empty too.
fn is_probe(body: &[u8]) -> bool {
    match without_bom(body).trim_ascii() {
        b"" | b"null" | b"\"\"" => true,
        [b'{', inner @ .., b'}'] | [b'[', inner @ .., b']'] => inner.trim_ascii().is_empty(),
        _ => false,
    }
}
