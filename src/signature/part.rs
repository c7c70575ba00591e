use std::{fmt, sync::Arc};

use http::HeaderName;

use crate::provider::{Incoming, header_name};

/// A part of the bytes that a sender signs.
///
/// # Examples
///
/// What Slack signs:
///
/// ```
/// use tower_webhook::signature::Part;
///
/// let parts = [
///     Part::text("v0:"),
///     Part::timestamp_header("x-slack-request-timestamp"),
///     Part::text(":"),
///     Part::body(),
/// ];
/// ```
#[derive(Clone)]
pub struct Part(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Body,
    Text(String),
    Header(HeaderName),
    TimestampHeader(HeaderName),
    TimestampEntry(String),
    By(Arc<dyn Fn(&Incoming<'_>) -> String + Send + Sync>),
}

impl Part {
    /// The body, byte for byte.
    #[must_use]
    pub fn body() -> Self {
        Self(Kind::Body)
    }

    /// A fixed text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self(Kind::Text(text.into()))
    }

    /// The value of a header. A request without it, or with two of it, is refused.
    ///
    /// # Panics
    ///
    /// If it is no name of a header.
    #[must_use]
    #[track_caller]
    pub fn header(name: &str) -> Self {
        Self(Kind::Header(header_name(name)))
    }

    /// The value of a header that holds the time of the request. It is signed as it is written, and
    /// compared with the clock: see [`Scheme::tolerance`](super::Scheme::tolerance).
    ///
    /// The time is a Unix time. A number below 100,000,000,000 counts seconds, a larger one milliseconds.
    ///
    /// # Panics
    ///
    /// If it is no name of a header.
    #[must_use]
    #[track_caller]
    pub fn timestamp_header(name: &str) -> Self {
        Self(Kind::TimestampHeader(header_name(name)))
    }

    /// Like [`timestamp_header`](Self::timestamp_header) for a time in the header of the signature: what
    /// follows `prefix` in the one entry that starts with it. For Stripe's `t=1700000000,v1=…` the prefix
    /// is `t=`.
    #[must_use]
    pub fn timestamp_entry(prefix: impl Into<String>) -> Self {
        Self(Kind::TimestampEntry(prefix.into()))
    }

    /// What a closure makes of the request: a value of the query, or a text that only some requests have.
    /// The closure returns an empty text for nothing. It runs on the connection's task, so it must not
    /// block.
    ///
    /// # Examples
    ///
    /// Mercado Pago signs `request-id:` and the header, and neither of them if there is no such header:
    ///
    /// ```
    /// use tower_webhook::signature::Part;
    ///
    /// let part = Part::by(|request| match request.header("x-request-id") {
    ///     Some(id) => format!("request-id:{id};"),
    ///     None => String::new(),
    /// });
    /// ```
    #[must_use]
    pub fn by(text: impl Fn(&Incoming<'_>) -> String + Send + Sync + 'static) -> Self {
        Self(Kind::By(Arc::new(text)))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Body => f.write_str("Body"),
            Kind::Text(text) => write!(f, "Text({text:?})"),
            Kind::Header(name) => write!(f, "Header({name})"),
            Kind::TimestampHeader(name) => write!(f, "TimestampHeader({name})"),
            Kind::TimestampEntry(prefix) => write!(f, "TimestampEntry({prefix:?})"),
            Kind::By(_) => f.write_str("By"),
        }
    }
}
