mod incoming;
mod received;
mod rules;
mod verified;

use std::{
    borrow::Cow,
    future::{Future, ready},
};

#[cfg(feature = "signed")]
pub(crate) use self::rules::header_name;
pub use self::{incoming::Incoming, received::Received, rules::Rules, verified::Verified};
pub(crate) use self::{received::ReceivedKind, rules::is_credential};
use crate::rejection::Rejection;

/// A third party that sends webhooks: what it requires of a receiver, how its requests are verified, and
/// how they are read.
///
/// A provider gets complete requests, after the checks of [`Access`](crate::Access), method,
/// encoding and size. It only says what a request *is*, and never sees the inner service.
///
/// # Examples
///
/// A provider that probes with a JSON body and wants its `challenge` field back, and names the kind of
/// its events in a header:
///
/// ```
/// use std::borrow::Cow;
/// use tower_webhook::{Event, Incoming, Provider, Received, Rejection, Rules};
///
/// struct Acme;
///
/// #[derive(serde::Deserialize)]
/// #[serde(untagged)]
/// enum Body {
///     Probe { challenge: String },
///     Order { id: String },
/// }
///
/// struct Order {
///     kind: String,
///     id: String,
/// }
///
/// impl Event for Order {
///     fn name(&self) -> &str {
///         &self.kind
///     }
///
///     fn id(&self) -> Option<Cow<'_, str>> {
///         Some(Cow::from(&self.id))
///     }
/// }
///
/// impl Provider for Acme {
///     type Event = Order;
///
///     fn rules(&self) -> Rules {
///         Rules::new("acme").events(["paid", "shipped"]).keep_headers(["x-acme-kind"])
///     }
///
///     fn decode(&self, request: &Incoming<'_>) -> Result<Received<Order>, Rejection> {
///         match serde_json::from_slice(request.body()) {
///             Ok(Body::Probe { challenge }) => Ok(Received::echo(challenge)),
///             Ok(Body::Order { id }) => {
///                 let kind = request.header("x-acme-kind").unwrap_or_default().to_owned();
///                 Ok(Received::event(Order { kind, id }))
///             }
///             Err(_) => Err(Rejection::malformed("the body is neither a challenge nor an order")),
///         }
///     }
/// }
/// ```
pub trait Provider: Send + Sync + 'static {
    /// The event that a handler gets.
    ///
    /// A provider that puts several events into one request still makes one delivery of it: let its
    /// event iterate over its parts, each with an id of its own.
    ///
    /// The layer bounds the body, and not what is decoded from it: a type of your own can take many
    /// times the memory of its JSON.
    type Event: Event;

    /// What the provider requires. Read once, when the layer is made.
    fn rules(&self) -> Rules;

    /// Whether the request is the provider's, and by whose key. Asked once for each request, probes
    /// included, before [`decode`](Self::decode), and never for a replay.
    ///
    /// **The default accepts every request.** With it, [`Access`](crate::Access) has to ask for a secret.
    ///
    /// Check the raw bytes of the body. It must not block its thread. A future that waits, for a key in
    /// a database, is dropped at the deadline or when the client hangs up; the response at the deadline
    /// is that of [`Rejection::unavailable`]. Nothing bounds how many wait at once, so bound your calls
    /// to a database.
    ///
    /// # Errors
    ///
    /// [`Rejection::unauthorized`] if the request is a stranger's, and [`Rejection::unavailable`] if that
    /// cannot be found out now. What this refuses is never stored.
    fn verify(
        &self,
        request: &Incoming<'_>,
    ) -> impl Future<Output = Result<Verified, Rejection>> + Send {
        let _ = request;
        ready(Ok(Verified::unproven()))
    }

    /// Reads a request: a probe, an event, or something to reject. Asked for requests and for replays.
    ///
    /// It runs on the connection's task, so it must not block.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] is a response of 400, 401 or 403. Alegra counts it as a failure, and other
    /// providers may too. So reject only what cannot be delivered, and deliver an event of an unknown
    /// kind.
    fn decode(&self, request: &Incoming<'_>) -> Result<Received<Self::Event>, Rejection>;
}

/// An event of a provider.
pub trait Event: Send + Sync + 'static {
    /// The kind of event, as the sender names it.
    ///
    /// Outcomes, metrics and records are labelled with it if it is one of [`Rules::events`], and with
    /// `"other"` if it is not. A record keeps another name beside the label, see
    /// [`Record::kind`](crate::Record::kind).
    fn name(&self) -> &str;

    /// The id of the object that the event is about.
    fn id(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// A text that is the same for two deliveries of one event, and different for any other event of
    /// the same provider and tenant. An id that a retry does not keep is none.
    ///
    /// `None`, the default, means that there is no such text: treat the delivery as an upsert, and
    /// never drop it as a duplicate.
    fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        None
    }
}
