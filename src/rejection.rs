use std::{borrow::Cow, fmt};

use http::{
    HeaderValue, Response, StatusCode,
    header::{ACCEPT_ENCODING, RETRY_AFTER},
};

use crate::{body::ResponseBody, panic::Panicked};

/// The `Retry-After` of a `503`: long enough for a restart.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request was rejected.
///
/// The layer rejects a request with a response, never with an `Err`. The response carries the
/// `Rejection` in its extensions, where outer layers find it:
///
/// ```
/// # use http::Response;
/// use tower_webhook::{Rejection, RejectionKind};
///
/// fn is_intruder<B>(response: &Response<B>) -> bool {
///     response
///         .extensions()
///         .get::<Rejection>()
///         .is_some_and(|rejection| rejection.kind() == RejectionKind::NotFound)
/// }
/// ```
///
/// A [`Provider`](crate::Provider) returns one for a request that it does not accept. The reason is
/// a fixed text of the provider's code, so it cannot leak anything of the request. The library's own
/// reasons add numbers, and names of headers and fields that the provider's code has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    kind: RejectionKind,
    reason: Cow<'static, str>,
}

/// The kinds of [`Rejection`], in the order in which a request meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The credential is missing or wrong: `404 Not Found`.
    NotFound,
    /// The provider never uses this method: `405 Method Not Allowed`, with `Allow`.
    Method,
    /// The body is compressed: `415 Unsupported Media Type`, with `Accept-Encoding: identity`.
    Encoding,
    /// The body is over the limit, the layer's or that of a layer outside of it:
    /// `413 Payload Too Large`.
    TooLarge,
    /// The body was not complete by the deadline: `408 Request Timeout`.
    Timeout,
    /// The body ended before its announced length, or with an error: `400 Bad Request`.
    Truncated,
    /// The provider's code found the signature missing or wrong, or the request proves one tenant and
    /// names another: `401 Unauthorized`.
    Unauthorized,
    /// The provider's code could not find out whether the request is the provider's, or not by the
    /// deadline. The handler did not run: `503 Service Unavailable`, with `Retry-After`.
    Unavailable,
    /// The body is not one of the provider's: `400 Bad Request`.
    Malformed,
    /// The sender is not on the allow-list: `403 Forbidden`.
    Forbidden,
    /// No slot was free, or the inner service was not ready, by the deadline. The handler did not
    /// run: `503 Service Unavailable`, with `Retry-After`.
    Busy,
    /// The application is shutting down and the handler did not run: `503 Service Unavailable`,
    /// with `Retry-After`.
    Draining,
    /// The handler was not done by the deadline, and [`Late::Refuse`](crate::Late::Refuse) is set
    /// or the [store](crate::WebhookLayer::dead_letters) did not confirm that it has the delivery:
    /// `503 Service Unavailable`, with `Retry-After`.
    Late,
    /// The handler panicked, or other code of the application: the service's `clone` or `poll_ready`,
    /// the request's body, the provider's code, the closure of [`Access::by`](crate::Access::by). `500
    /// Internal Server Error`.
    Panicked,
    /// The handler was cut off by its
    /// [`handler_limit`](crate::WebhookLayer::handler_limit), or because the runtime stopped:
    /// `503 Service Unavailable`.
    Interrupted,
}

impl RejectionKind {
    /// The status of the response.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Truncated | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unavailable | Self::Busy | Self::Draining | Self::Late | Self::Interrupted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short name for logs and metrics: `"not_found"`, `"too_large"`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.texts().0
    }

    /// The short name, and the reason of a rejection that has no other.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("not_found", "the credential is missing or wrong"),
            Self::Method => ("method", "the provider does not use this method"),
            Self::Encoding => ("encoding", "the body is compressed"),
            Self::TooLarge => ("too_large", "the body is over the limit"),
            Self::Timeout => ("timeout", "the body was not complete by the deadline"),
            Self::Truncated => ("truncated", "the body ended early"),
            Self::Unauthorized => ("unauthorized", "the signature is missing or wrong"),
            Self::Unavailable => (
                "unavailable",
                "the request could not be verified by the deadline",
            ),
            Self::Malformed => ("malformed", "the body is not in the provider's format"),
            Self::Forbidden => ("forbidden", "the sender is not on the allow-list"),
            Self::Busy => ("busy", "no slot, or no ready service, by the deadline"),
            Self::Draining => ("draining", "the application is shutting down"),
            Self::Late => ("late", "the handler was not done by the deadline"),
            Self::Panicked => ("panicked", "the handler or other code of yours panicked"),
            Self::Interrupted => ("interrupted", "the handler was cancelled before it ended"),
        }
    }
}

impl Rejection {
    /// The body cannot be read at all: `400 Bad Request`.
    #[must_use]
    pub fn malformed(reason: &'static str) -> Self {
        Self::because(RejectionKind::Malformed, reason)
    }

    /// The signature is missing or wrong: `401 Unauthorized`.
    #[must_use]
    pub fn unauthorized(reason: &'static str) -> Self {
        Self::because(RejectionKind::Unauthorized, reason)
    }

    /// The request could not be verified, because of something on the receiver's side: the database of
    /// keys is down. `503 Service Unavailable`, with `Retry-After`. The log has an ERROR.
    #[must_use]
    pub fn unavailable(reason: &'static str) -> Self {
        Self::because(RejectionKind::Unavailable, reason)
    }

    /// The sender is known, and may not deliver here: `403 Forbidden`.
    #[must_use]
    pub fn forbidden(reason: &'static str) -> Self {
        Self::because(RejectionKind::Forbidden, reason)
    }

    /// Adds the place of the error in the body. Line and column count from 1.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Self {
        self.reason = format!("{} (line {line}, column {column})", self.reason).into();
        self
    }

    pub(crate) fn new(kind: RejectionKind) -> Self {
        Self::because(kind, kind.texts().1)
    }

    /// The user's code panicked.
    pub(crate) fn panicked(_: Panicked) -> Self {
        Self::new(RejectionKind::Panicked)
    }

    /// `reason` must hold nothing of a key, a signature or a body.
    pub(crate) fn because(kind: RejectionKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
        }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The response, without `Allow`: only that header depends on the provider.
    pub(crate) fn into_response<B>(self) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::default());
        *response.status_mut() = self.status();
        let header = match self.kind {
            RejectionKind::Encoding => {
                Some((ACCEPT_ENCODING, HeaderValue::from_static("identity")))
            }
            RejectionKind::Unavailable
            | RejectionKind::Busy
            | RejectionKind::Draining
            | RejectionKind::Late => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            _ => None,
        };
        response.headers_mut().extend(header);
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Rejection {}
