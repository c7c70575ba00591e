use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};

/// What a provider has read from a request. Made by its constructors.
pub struct Received<E> {
    pub(crate) kind: ReceivedKind<E>,
    pub(crate) tenant: Option<Arc<str>>,
}

pub(crate) enum ReceivedKind<E> {
    Probe(Response<Bytes>),
    Event(E),
}

impl<E> Received<E> {
    /// An event for the handler.
    #[must_use]
    pub fn event(event: E) -> Self {
        Self::of(ReceivedKind::Event(event))
    }

    /// A probe, or a test delivery that no handler needs: answered `200 OK` with an empty body.
    #[must_use]
    pub fn probe() -> Self {
        Self::of(ReceivedKind::Probe(Response::new(Bytes::new())))
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
        Self::of(ReceivedKind::Probe(reply))
    }

    /// The tenant that the body names: a team, an account. It becomes the delivery's
    /// [tenant](crate::Delivery::tenant).
    ///
    /// If the URL's secret or the signature's key has another label, the response is `401
    /// Unauthorized`: one tenant's key must not speak for another tenant. A name that is empty, longer
    /// than 256 bytes, or has control characters is `400 Bad Request`.
    ///
    /// It is logged, stored, and remembered by [`Strikes`](crate::Strikes). So name a tenant only where a
    /// secret or a signature has proven the request.
    #[must_use]
    pub fn tenant(mut self, label: impl Into<String>) -> Self {
        self.tenant = Some(label.into().into());
        self
    }

    fn of(kind: ReceivedKind<E>) -> Self {
        Self { kind, tenant: None }
    }

    /// The event, or `None` for a probe.
    #[must_use]
    pub fn into_event(self) -> Option<E> {
        match self.kind {
            ReceivedKind::Event(event) => Some(event),
            ReceivedKind::Probe(_) => None,
        }
    }
}

/// Prints the variant and no content.
impl<E> fmt::Debug for Received<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ReceivedKind::Probe(_) => "Received(Probe)",
            ReceivedKind::Event(_) => "Received(Event)",
        })
    }
}
