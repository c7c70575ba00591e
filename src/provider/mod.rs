mod rules;

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header, request::Parts};

pub use self::rules::Rules;
use crate::rejection::Rejection;

/// A third party that sends webhooks: what it demands of a receiver, and how its requests are read.
///
/// A provider sees whole requests that already passed [`Access`](crate::Access), the method, the
/// encoding and the size; it never sees the inner service. It only says what a request *is*.
///
/// # Examples
///
/// A provider whose probe is a JSON body with a `challenge` field that it wants echoed:
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
    /// What a handler is given.
    type Event: Event;

    /// What the provider demands. Read once, when the layer is made.
    fn rules(&self) -> Rules;

    /// Says what a request is: a probe, an event, or something to refuse.
    ///
    /// Runs on the connection's task, so it must not block. A signature is checked here, over the
    /// raw bytes, before anything is decoded.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] is answered 400, 401 or 403. Alegra counts such an answer as a failure, and of
    /// most providers nobody knows, so refuse only what cannot be delivered: an event of an unknown
    /// kind should be delivered as one.
    fn receive(&self, head: &Parts, body: &Bytes) -> Result<Received<Self::Event>, Rejection>;

    /// Reads the body of a [`Record`](crate::Record) again, for
    /// [`Webhook::replay`](crate::Webhook::replay).
    ///
    /// The body was accepted once and its head is gone, so a provider that checks a signature in
    /// [`receive`](Self::receive) decodes here without the check. The default calls `receive` with
    /// the head of a bare `POST /`.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    fn replay(&self, body: &Bytes) -> Result<Received<Self::Event>, Rejection> {
        let mut request = http::Request::new(());
        *request.method_mut() = Method::POST;
        self.receive(&request.into_parts().0, body)
    }
}

/// What a provider delivers.
pub trait Event: Send + Sync + 'static {
    /// The kind of event, one of those in [`Rules::events`], else `"other"`.
    ///
    /// It labels outcomes, logs and records, so it is never a sender's free text.
    fn name(&self) -> &'static str;

    /// The id of the object that the event is about.
    fn id(&self) -> Option<&str>;

    /// A text that two deliveries of one and the same event share and no other event of the same
    /// provider and tenant has.
    ///
    /// `None`, the default, means that no such text can be made: treat the delivery as an upsert,
    /// never drop it as a duplicate.
    fn idempotency_key(&self) -> Option<String> {
        None
    }
}

/// What a provider found in a request. Made by its constructors.
pub struct Received<E>(pub(crate) ReceivedKind<E>);

pub(crate) enum ReceivedKind<E> {
    Probe(Response<Bytes>),
    /// Boxed at once: it may be large, and goes through many hands.
    Event(Box<E>),
}

impl<E> Received<E> {
    /// An event, to be delivered to the handler.
    #[must_use]
    pub fn event(event: E) -> Self {
        Self(ReceivedKind::Event(Box::new(event)))
    }

    /// A probe, answered `200 OK` with an empty body.
    #[must_use]
    pub fn probe() -> Self {
        Self(ReceivedKind::Probe(Response::new(Bytes::new())))
    }

    /// A probe that wants part of itself back: `200 OK`, `text/plain` and
    /// `x-content-type-options: nosniff`, so that no browser runs what a stranger had us echo.
    #[must_use]
    pub fn echo(text: impl Into<String>) -> Self {
        let mut reply = Response::new(Bytes::from(text.into()));
        let headers = reply.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        Self(ReceivedKind::Probe(reply))
    }

    /// A probe that wants an answer of another form. It goes out as it is, so prefer
    /// [`echo`](Self::echo) wherever the answer holds the sender's text.
    #[must_use]
    pub fn reply(reply: Response<Bytes>) -> Self {
        Self(ReceivedKind::Probe(reply))
    }

    /// The event, or `None` for a probe.
    #[must_use]
    pub fn into_event(self) -> Option<E> {
        match self.0 {
            ReceivedKind::Event(event) => Some(*event),
            ReceivedKind::Probe(_) => None,
        }
    }
}

/// Says which it is, and nothing of what is in it.
impl<E> fmt::Debug for Received<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            ReceivedKind::Probe(_) => "Received(Probe)",
            ReceivedKind::Event(_) => "Received(Event)",
        })
    }
}
