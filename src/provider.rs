use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};

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
/// use tower_webhook::{Event, Provider, Received, Refusal, Rules};
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
///     fn receive(&self, _head: &Parts, body: &Bytes) -> Result<Received<Ping>, Refusal> {
///         match serde_json::from_slice(body) {
///             Ok(Body::Probe { challenge }) => Ok(Received::echo(challenge)),
///             Ok(Body::Ping { id }) => Ok(Received::event(Ping(id))),
///             Err(_) => Err(Refusal::malformed("the body is neither a challenge nor a ping")),
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
    /// A [`Refusal`] is answered 400, 401 or 403. Alegra counts such an answer as a failure, and of
    /// most providers nobody knows, so refuse only what cannot be delivered: an event of an unknown
    /// kind should be delivered as one.
    fn receive(&self, head: &Parts, body: &Bytes) -> Result<Received<Self::Event>, Refusal>;

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
    fn replay(&self, body: &Bytes) -> Result<Received<Self::Event>, Refusal> {
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
    Event(E),
}

impl<E> Received<E> {
    /// An event, to be delivered to the handler.
    #[must_use]
    pub fn event(event: E) -> Self {
        Self(ReceivedKind::Event(event))
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
            ReceivedKind::Event(event) => Some(event),
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

/// Why a provider takes a request for no delivery. Made by its constructors.
///
/// The reason is a text of the provider's own code, so nothing of the request can leak through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) reason: &'static str,
    pub(crate) position: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    Malformed,
    Unauthorized,
    Forbidden,
}

impl Refusal {
    /// The body cannot be read at all: `400 Bad Request`.
    #[must_use]
    pub fn malformed(reason: &'static str) -> Self {
        Self::new(RefusalKind::Malformed, reason)
    }

    /// The sender did not prove who it is (a missing or wrong signature): `401 Unauthorized`.
    #[must_use]
    pub fn unauthorized(reason: &'static str) -> Self {
        Self::new(RefusalKind::Unauthorized, reason)
    }

    /// The sender is known and not welcome: `403 Forbidden`.
    #[must_use]
    pub fn forbidden(reason: &'static str) -> Self {
        Self::new(RefusalKind::Forbidden, reason)
    }

    /// Adds where in the body it went wrong, both counted from 1.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }

    fn new(kind: RefusalKind, reason: &'static str) -> Self {
        Self {
            kind,
            reason,
            position: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match self.position {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// What a provider demands of whoever receives its webhooks.
///
/// Made with [`Rules::new`] and the setters, each of which replaces a default.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) name: &'static str,
    pub(crate) methods: Vec<Method>,
    pub(crate) deadline: Duration,
    pub(crate) deadline_limit: Option<Duration>,
    pub(crate) success: StatusCode,
    pub(crate) body_limit: usize,
    pub(crate) strikes: Option<u32>,
    pub(crate) events: &'static [&'static str],
}

impl Rules {
    /// Rules for the provider of that name: POST only, an answer within 3 seconds and no known
    /// upper bound, `200 OK` for success, bodies up to 1 MiB, no limit of strikes, no known events.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            methods: vec![Method::POST],
            deadline: Duration::from_secs(3),
            deadline_limit: None,
            success: StatusCode::OK,
            body_limit: 1024 * 1024,
            strikes: None,
            events: &[],
        }
    }

    /// Takes probes by this method too. An event that arrives by anything but POST is still
    /// answered `405 Method Not Allowed`.
    #[must_use]
    pub fn probe_method(mut self, method: Method) -> Self {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
        self
    }

    /// The default deadline: how long after `call()` the answer leaves at the latest.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long the provider itself waits: a layer's deadline has to be shorter.
    #[must_use]
    pub fn deadline_limit(mut self, limit: Duration) -> Self {
        self.deadline_limit = Some(limit);
        self
    }

    /// The status of a success that the handler did not state itself: of a late answer.
    #[must_use]
    pub fn success(mut self, status: StatusCode) -> Self {
        self.success = status;
        self
    }

    /// The default limit of a body, in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// After how many failed answers in a row the provider deletes the subscription. It makes the
    /// [`Strikes`](crate::Strikes) say so in time; nothing else hangs on it.
    #[must_use]
    pub fn strikes(mut self, limit: u32) -> Self {
        self.strikes = Some(limit);
        self
    }

    /// Every name that [`Event::name`] may give besides `"other"`.
    #[must_use]
    pub fn events(mut self, names: &'static [&'static str]) -> Self {
        self.events = names;
        self
    }

    /// The name, if it is one of those announced: labels are a closed set.
    pub(crate) fn known(&self, name: &'static str) -> &'static str {
        if self.events.contains(&name) {
            name
        } else {
            "other"
        }
    }
}
