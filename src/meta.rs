//! [Meta](https://developers.facebook.com/docs/graph-api/webhooks): the WhatsApp Cloud API, and Messenger,
//! Instagram and Pages.
//!
//! # What Meta does
//!
//! * When the URL is saved, it sends a GET with a token that you chose and a challenge. The layer
//!   compares the token and echoes the challenge. The GET is not signed.
//! * Each delivery is a POST of up to 3 MB. `X-Hub-Signature-256` is an HMAC-SHA-256 of the raw body;
//!   the key is the text of the **app secret**.
//! * One POST may hold up to 1,000 updates of several accounts. The layer makes one delivery of it, whose
//!   [`Event`] iterates over its [parts](Part).
//! * It takes `200 OK` alone for a success, so the layer sends that for every 2xx of a handler. How long
//!   WhatsApp waits is not documented; a large reseller works with 5 seconds.
//! * It sends a failed delivery again for 36 hours or 7 days (its pages differ), perhaps batched
//!   otherwise.
//!
//! # Duplicates
//!
//! A delivery has no id, so it has no [idempotency key](crate::Delivery::idempotency_key). Each part
//! has the [ids](Part::ids) of what is in it: remember those, for more than 7 days. For a part without
//! ids take a digest of the object, the entry's id and time, the field and the value.
//!
//! # What the signature does not cover
//!
//! The URL, the query and the headers. There is no timestamp, so a captured request can be sent again
//! at any time: the ids that you remember are the defence.
//!
//! # Examples
//!
//! ```
//! use tower_webhook::{Access, RawJson, WebhookLayer, meta::Meta, signature::Key};
//!
//! # fn layer(app_secret: &str, verify_token: &str) -> Result<(), tower_webhook::ConfigError> {
//! let key = Key::text(app_secret)?;
//! let layer = WebhookLayer::new(Meta::<RawJson>::new(key, verify_token), Access::open());
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```

use std::{fmt, marker::PhantomData, time::Duration};

use http::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    json::lenient::optional,
    payload::{self, Payload},
    provider::{self, Incoming, Provider, Received, Rules, Verified},
    rejection::Rejection,
    scalar::Id,
    signature::{Keys, Scheme, handshake},
};

/// The provider [Meta](self). `T` is the type of a part's payload.
///
/// The deadline is 3 seconds and has to stay under 5; a body may have 3 MiB.
pub struct Meta<T> {
    keys: Keys,
    verify_token: Box<str>,
    scheme: Scheme,
    payload: PhantomData<fn() -> T>,
}

impl<T> Meta<T> {
    /// Meta's webhooks, signed with one of these keys: a [`Key`](crate::signature::Key), or a handle of
    /// several. A key is the text of an app secret. `verify_token` is the text
    /// that you enter beside the URL.
    #[must_use]
    pub fn new(keys: impl Into<Keys>, verify_token: &str) -> Self {
        Self {
            keys: keys.into(),
            verify_token: verify_token.into(),
            scheme: Scheme::sha256("x-hub-signature-256").prefix("sha256="),
            payload: PhantomData,
        }
    }

    /// The reply to the GET that comes when the URL is saved.
    fn handshake(&self, request: &Incoming<'_>) -> Result<Received<Event<T>>, Rejection> {
        if request.query("hub.mode").as_deref() != Some("subscribe") {
            return Err(Rejection::malformed("the GET is no handshake of Meta"));
        }
        handshake::check_query(request, "hub.verify_token", &self.verify_token)?;
        // Whoever learns the token chooses what is echoed.
        let challenge = request.query("hub.challenge").unwrap_or_default();
        if !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Rejection::malformed(
                "the challenge has other characters than letters and digits",
            ));
        }
        handshake::echo_query(request, "hub.challenge")
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Provider for Meta<T> {
    type Event = Event<T>;

    fn rules(&self) -> Rules {
        Rules::new("meta")
            .probe_method(Method::GET)
            .deadline(Duration::from_secs(3))
            .deadline_limit(Duration::from_secs(5))
            .success(StatusCode::OK, "")
            .exact_success()
            .body_limit(3 * 1024 * 1024)
            .events(OBJECTS)
    }

    async fn verify(&self, request: &Incoming<'_>) -> Result<Verified, Rejection> {
        if request.method() == Method::GET {
            return Ok(Verified::probe());
        }
        self.scheme.verify(request, &self.keys)
    }

    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Event<T>>, Rejection> {
        if request.method() == Method::GET {
            return self.handshake(request);
        }
        Ok(Received::event(Event::read(request.body())))
    }
}

impl<T> fmt::Debug for Meta<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meta")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

const OBJECTS: [&str; 5] = [
    "instagram",
    "page",
    "permissions",
    "user",
    "whatsapp_business_account",
];

/// One delivery of Meta, with all its [parts](Part).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<T> {
    /// What the parts are about: `whatsapp_business_account`, `page`, `instagram`, `user`. It is the
    /// kind of the event.
    pub object: Option<String>,
    /// The parts, in the order of the body.
    pub parts: Vec<Part<T>>,
    /// Where the body differs from Meta's envelope, if it does; there are then no parts, and everything
    /// that was sent is in [`Delivery::raw`](crate::Delivery::raw). Keys in it are the sender's text.
    pub drifted: Option<String>,
}

/// One change, or one message of Messenger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part<T> {
    /// The account: of WhatsApp Business, the Page, the user.
    pub entry_id: Option<Id>,
    /// The time of the entry. Unix seconds; milliseconds for Messenger and Instagram messages. WhatsApp's
    /// messages have none here.
    pub time: Option<u64>,
    /// The field that changed: `messages`, `feed`. `messaging` or `standby` for Messenger, and
    /// `changed_fields` where Meta gives the names of fields and no values.
    pub field: String,
    /// What a duplicate of this part would have too, for each thing in it: the id of a message, and
    /// `id:status:timestamp` of a status. Empty where Meta gives none.
    pub ids: Vec<String>,
    /// The value of the change, the message of Messenger, or the name of a field that changed.
    pub payload: Payload<T>,
}

impl<T> IntoIterator for Event<T> {
    type Item = Part<T>;
    type IntoIter = std::vec::IntoIter<Part<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Event<T> {
    type Item = &'a Part<T>;
    type IntoIter = std::slice::Iter<'a, Part<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.iter()
    }
}

impl<T: Send + Sync + 'static> provider::Event for Event<T> {
    /// The object, or `"other"`.
    fn name(&self) -> &str {
        self.object.as_deref().unwrap_or("other")
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    object: Option<String>,
    #[serde(borrow)]
    entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default, deserialize_with = "optional")]
    id: Option<Id>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    changes: Option<Vec<Change<'a>>>,
    #[serde(borrow)]
    messaging: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    standby: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    changed_fields: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    field: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

impl<T: DeserializeOwned> Event<T> {
    fn read(body: &[u8]) -> Self {
        match payload::read::<Envelope<'_>>(body) {
            Ok(Envelope { object, entry }) => Self {
                object,
                parts: entry.into_iter().flat_map(Entry::parts).collect(),
                drifted: None,
            },
            Err(path) => Self {
                object: None,
                parts: Vec::new(),
                drifted: Some(path),
            },
        }
    }
}

impl Entry<'_> {
    fn parts<T: DeserializeOwned>(self) -> impl Iterator<Item = Part<T>> {
        // Text in some fields, a number in others.
        let time = self.time.map(|time| time.get().trim_matches('"'));
        let time = time.and_then(|time| time.parse().ok());
        let changes = self.changes.into_iter().flatten();
        let changes = changes.map(|change| (change.field, change.value));
        let named = |field: &'static str, values: Option<Vec<_>>| {
            let values = values.into_iter().flatten();
            values.map(move |value| (field.to_owned(), value))
        };
        changes
            .chain(named("messaging", self.messaging))
            .chain(named("standby", self.standby))
            .chain(named("changed_fields", self.changed_fields))
            .map(move |(field, value)| Part {
                entry_id: self.id.clone(),
                time,
                field,
                ids: ids(value),
                payload: Payload::read(value.get().as_bytes()),
            })
    }
}

/// The ids of the messages and statuses in a value.
fn ids(value: &RawValue) -> Vec<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Value<'a> {
        #[serde(borrow)]
        messages: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        statuses: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        message: Option<&'a RawValue>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Item {
        #[serde(alias = "mid", deserialize_with = "optional")]
        id: Option<Id>,
        status: Option<String>,
        #[serde(deserialize_with = "optional")]
        timestamp: Option<Id>,
    }

    // One that cannot be read does not hide the ids of the others.
    let item = |raw: &RawValue| serde_json::from_str::<Item>(raw.get()).ok();
    let value: Value<'_> = serde_json::from_str(value.get()).unwrap_or_default();
    let messages = value.messages.into_iter().flatten().chain(value.message);
    let messages = messages.filter_map(|raw| Some(item(raw)?.id?.to_string()));
    let statuses = value.statuses.into_iter().flatten().filter_map(|raw| {
        let it = item(raw)?;
        let (id, status, timestamp) = (it.id?, it.status?, it.timestamp?);
        Some(format!("{id}:{status}:{timestamp}"))
    });
    messages.chain(statuses).collect()
}
