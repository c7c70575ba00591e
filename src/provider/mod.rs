mod rules;

use std::fmt;

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};

pub use self::rules::Rules;
use crate::rejection::Rejection;

/// A third party that sends webhooks: what it requires of a receiver, and how to read its requests.
///
/// A provider gets complete requests, after the checks of [`Access`](crate::Access), method,
/// encoding and size. It only says what a request *is*, and never sees the inner service.
///
/// # Examples
///
/// A provider that probes with a JSON body and wants its `challenge` field back:
///
/// ```
/// use bytes::Bytes;
/// use http::request::Parts;
/// use tower_webhook::{Event, Provider, Received, Rejection, Rules};
///
/// struct Acme;
///
/// #[derive(serde::Deserialize)]
/// #[serde(untagged)]
/// enum Body {
///     Probe { challenge: String },
///     Ping { id: String },
/// }
///
/// struct Ping(String);
///
/// impl Event for Ping {
///     fn name(&self) -> &'static str {
///         "ping"
///     }
///     fn id(&self) -> Option<&str> {
///         Some(&self.0)
///     }
/// }
///
/// impl Provider for Acme {
///     type Event = Ping;
///
///     fn rules(&self) -> Rules {
///         Rules::new("acme").events(&["ping"])
///     }
///
///     fn receive(&self, _head: &Parts, body: &Bytes) -> Result<Received<Ping>, Rejection> {
///         match serde_json::from_slice(body) {
///             Ok(Body::Probe { challenge }) => Ok(Received::echo(challenge)),
///             Ok(Body::Ping { id }) => Ok(Received::event(Ping(id))),
///             Err(_) => Err(Rejection::malformed("the body is neither a challenge nor a ping")),
///         }
///     }
/// }
/// ```
pub trait Provider: Send + Sync + 'static {
    /// The event that a handler gets.
    type Event: Event;

    /// What the provider requires. Read once, when the layer is made.
    fn rules(&self) -> Rules;

    /// Reads a request: a probe, an event, or something to reject.
    ///
    /// It runs on the connection's task, so it must not block. Check a signature here, over the raw
    /// bytes, before you decode anything.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] is a response of 400, 401 or 403. Alegra counts it as a failure, and other
    /// providers may too. So reject only what cannot be delivered, and deliver an event of an unknown
    /// kind.
    fn receive(&self, head: &Parts, body: &Bytes) -> Result<Received<Self::Event>, Rejection>;

    /// Reads the body of a [`Record`](crate::Record) again, for
    /// [`Webhook::replay`](crate::Webhook::replay).
    ///
    /// The body was accepted before, and its head is gone. So a provider that checks a signature in
    /// [`receive`](Self::receive) decodes here without the check. The default calls `receive` with
    /// the head of a `POST /` without headers.
    ///
    /// # Errors
    ///
    /// Like [`receive`](Self::receive).
    fn replay(&self, body: &Bytes) -> Result<Received<Self::Event>, Rejection> {
        let mut request = http::Request::new(());
        *request.method_mut() = Method::POST;
        self.receive(&request.into_parts().0, body)
    }
}

/// An event of a provider.
pub trait Event: Send + Sync + 'static {
    /// The kind of event: one of those in [`Rules::events`], else `"other"`.
    ///
    /// It is a label of outcomes, logs and records, so never return the sender's own text.
    fn name(&self) -> &'static str;

    /// The id of the object that the event is about.
    fn id(&self) -> Option<&str>;

    /// A text that is the same for two deliveries of one event, and different for any other event of
    /// the same provider and tenant.
    ///
    /// `None`, the default, means that there is no such text: treat the delivery as an upsert, and
    /// never drop it as a duplicate.
    fn idempotency_key(&self) -> Option<String> {
        None
    }
}

/// What a provider has read from a request. Made by its constructors.
pub struct Received<E>(pub(crate) ReceivedKind<E>);

pub(crate) enum ReceivedKind<E> {
    Probe(Response<Bytes>),
    Event(E),
}

impl<E> Received<E> {
    /// An event for the handler.
    #[must_use]
    pub fn event(event: E) -> Self {
        Self(ReceivedKind::Event(event))
    }

    /// A probe, answered `200 OK` with an empty body.
    #[must_use]
    pub fn probe() -> Self {
        Self(ReceivedKind::Probe(Response::new(Bytes::new())))
    }

    /// A probe that wants a text of the request back: `200 OK`, `text/plain` and
    /// `x-content-type-options: nosniff`, so that no browser runs the echoed text.
    #[must_use]
    pub fn echo(text: impl Into<String>) -> Self {
        let mut reply = Response::new(Bytes::from(text.into()));
        let headers = reply.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Self::reply(reply)
    }

    /// A probe that wants another response, which is sent unchanged. Use [`echo`](Self::echo) if the
    /// response holds the sender's text.
    #[must_use]
    pub fn reply(reply: Response<Bytes>) -> Self {
        Self(ReceivedKind::Probe(reply))
    }

    /// The event, or `None` for a probe.
    #[must_use]
    pub fn into_event(self) -> Option<E> {
        match self.0 {
            ReceivedKind::Event(event) => Some(event),
            ReceivedKind::Probe(_) => None,
        }
    }
}

/// Prints the variant and no content.
impl<E> fmt::Debug for Received<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            ReceivedKind::Probe(_) => "Received(Probe)",
            ReceivedKind::Event(_) => "Received(Event)",
        })
    }
}
