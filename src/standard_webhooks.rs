//! [Standard Webhooks](https://www.standardwebhooks.com), the convention that Svix, Clerk, Resend, OpenAI
//! and others follow.
//!
//! # What its senders do
//!
//! * Each event is a POST. The signature covers its id, a timestamp in seconds, and the raw body.
//! * The headers are `webhook-id`, `webhook-timestamp` and `webhook-signature`, or the same three with
//!   `svix-`. Both are read, and never a mix of the two. See [`headers`](StandardWebhooks::headers) for a
//!   sender with names of its own.
//! * A retry keeps the id, and gets a new timestamp and signature. The [idempotency
//!   key](crate::Delivery::idempotency_key) is the id, which is signed: a replay by an attacker carries
//!   the same one. Keep the ids for longer than the sender retries, more than three days.
//! * There is no handshake, and no order. How long a sender waits, and how often it sends again, is its
//!   own choice.
//!
//! The signature of version `v1` is checked, an HMAC-SHA-256. Entries of other versions, `v1a` for
//! instance, are passed over.
//!
//! # What the signature does not cover
//!
//! The URL, the query, the method, the content type, and all other headers.
//!
//! # Examples
//!
//! ```
//! use tower_webhook::{
//!     Access, RawJson, WebhookLayer, signature::Key, standard_webhooks::StandardWebhooks,
//! };
//!
//! # fn layer() -> Result<(), tower_webhook::ConfigError> {
//! let key = Key::whsec("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?; // the sender shows it
//! let clerk = StandardWebhooks::<RawJson>::new("clerk", key)
//!     .events(["user.created", "user.deleted"]);
//! let layer = WebhookLayer::new(clerk, Access::open());
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    json::envelope::without_bom,
    payload::Payload,
    provider::{self, Incoming, Provider, Received, Rules, Verified},
    rejection::Rejection,
    signature::{Keys, Part, Scheme},
};

/// The provider [Standard Webhooks](self). `T` is the type of the whole body.
///
/// A timestamp may be 5 minutes away from this machine's clock, in both directions. The deadline is 10
/// seconds, since senders are advised to wait for 15 to 30. A late delivery is answered `200 OK`.
pub struct StandardWebhooks<T> {
    name: &'static str,
    keys: Keys,
    families: Vec<Family>,
    events: Vec<Arc<str>>,
    payload: PhantomData<fn() -> T>,
}

/// The three headers of one request.
struct Family {
    id: String,
    timestamp: String,
    signature: String,
    scheme: Scheme,
}

impl Family {
    fn new(id: &str, timestamp: &str, signature: &str) -> Self {
        let scheme = Scheme::sha256(signature)
            .separator(' ')
            .prefix("v1,")
            .base64()
            .parts([
                Part::header(id),
                Part::text("."),
                Part::timestamp_header(timestamp),
                Part::text("."),
                Part::body(),
            ]);
        Self {
            id: id.to_owned(),
            timestamp: timestamp.to_owned(),
            signature: signature.to_owned(),
            scheme,
        }
    }
}

impl<T> StandardWebhooks<T> {
    /// The webhooks of the sender of this name, signed with one of these keys: a
    /// [`Key`](crate::signature::Key), or a handle of several. Most are made by
    /// [`Key::whsec`](crate::signature::Key::whsec). The name is the provider's in logs, metrics and
    /// records.
    #[must_use]
    pub fn new(name: &'static str, keys: impl Into<Keys>) -> Self {
        Self {
            name,
            keys: keys.into(),
            families: ["webhook", "svix"]
                .map(|prefix| {
                    Family::new(
                        &format!("{prefix}-id"),
                        &format!("{prefix}-timestamp"),
                        &format!("{prefix}-signature"),
                    )
                })
                .into(),
            events: Vec::new(),
            payload: PhantomData,
        }
    }

    /// The names of the headers of a sender that has others.
    ///
    /// # Panics
    ///
    /// If one is no name of a header. [`WebhookLayer::new`](crate::WebhookLayer::new) panics if that of
    /// the id or of the time looks like a credential's, see [`Rules::keep_headers`].
    #[must_use]
    #[track_caller]
    pub fn headers(mut self, id: &str, timestamp: &str, signature: &str) -> Self {
        let mut family = Family::new(id, timestamp, signature);
        family.scheme = family.scheme.timed_like(&self.families[0].scheme);
        self.families = vec![family];
        self
    }

    /// The sender's known types of events, see [`Rules::events`].
    #[must_use]
    pub fn events(mut self, names: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        self.events = names.into_iter().map(Into::into).collect();
        self
    }
}

impl<T> StandardWebhooks<T> {
    /// How far the timestamp may be from this machine's clock, in both directions. Default: 5 minutes.
    #[must_use]
    pub fn tolerance(self, tolerance: Duration) -> Self {
        self.with_schemes(|scheme| scheme.tolerance(tolerance))
    }

    /// Another clock than the machine's, for tests.
    #[must_use]
    pub fn clock(self, now: impl Fn() -> SystemTime + Clone + Send + Sync + 'static) -> Self {
        self.with_schemes(|scheme| scheme.clock(now.clone()))
    }

    fn with_schemes(mut self, change: impl Fn(Scheme) -> Scheme) -> Self {
        let families = self.families.into_iter().map(|family| Family {
            scheme: change(family.scheme),
            ..family
        });
        self.families = families.collect();
        self
    }

    /// The headers that the request has, or those that it should have.
    fn family(&self, request: &Incoming<'_>) -> &Family {
        let mut families = self.families.iter();
        let found = families.find(|family| request.headers().contains_key(&family.signature));
        found.unwrap_or(&self.families[0])
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Provider for StandardWebhooks<T> {
    type Event = Event<T>;

    fn rules(&self) -> Rules {
        let families = self.families.iter();
        Rules::new(self.name)
            .deadline(Duration::from_secs(10))
            .keep_headers(families.flat_map(|family| [&family.id, &family.timestamp]))
            .events(self.events.iter().cloned())
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        let family = self.family(request);
        let id = request.header(&family.id);
        // Parts are joined by full stops: one inside would leave open where the id ends.
        if id.is_some_and(|id| id.contains('.')) {
            return Err(Rejection::unauthorized("the id has a full stop in it"));
        }
        // Of two ids a replay could not tell which one was signed.
        let has_other_id = |family: &Family| {
            request.headers().contains_key(&family.id) && request.header(&family.id) != id
        };
        if self.families.iter().any(has_other_id) {
            return Err(Rejection::unauthorized("the request has two ids"));
        }
        family.scheme.verify(request, &self.keys)
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Event<T>>, Rejection> {
        let id = |family: &Family| request.header(&family.id).map(Into::into);
        Ok(Received::event(Event {
            id: self.families.iter().find_map(id),
            kind: kind(request.body()),
            payload: Payload::read(request.body()),
        }))
    }
}

impl<T> fmt::Debug for StandardWebhooks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandardWebhooks")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// The field `type`, if it is text.
fn kind(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, rename = "type")]
        kind: &'a RawValue,
    }

    let envelope: Envelope<'_> = serde_json::from_slice(without_bom(body)).ok()?;
    serde_json::from_str(envelope.kind.get()).ok()
}

/// An event of a sender that follows Standard Webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<T> {
    /// The id of the event. Signed; a retry keeps it.
    pub id: Option<String>,
    /// The field `type` of the body, which is recommended, and not sure to be there.
    pub kind: Option<String>,
    /// The whole body.
    pub payload: Payload<T>,
}

impl<T: Send + Sync + 'static> provider::Event for Event<T> {
    /// The type, or `"other"`.
    fn name(&self) -> &str {
        self.kind.as_deref().unwrap_or("other")
    }

    /// The id of the event.
    fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        self.id.as_deref().map(Cow::from)
    }
}
