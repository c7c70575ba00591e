use std::fmt;

use http::{
    HeaderValue, Response, StatusCode,
    header::{ACCEPT_ENCODING, RETRY_AFTER},
};

use super::body::ResponseBody;
use crate::provider::{Refusal, RefusalKind};

/// What a `503` of ours asks for. Long enough for a restart, short enough to be worth it.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request was refused.
///
/// Every refusal of the layer is a response, never an `Err`, and carries its `Rejection` in the
/// response's extensions, where outer layers find it:
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    kind: RejectionKind,
    refusal: Option<Refusal>,
}

/// The kinds of [`Rejection`], in the order in which a request meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The credential is missing or wrong: `404 Not Found`.
    NotFound,
    /// The provider sends nothing by this method: `405 Method Not Allowed`, with `Allow`.
    Method,
    /// The body is compressed: `415 Unsupported Media Type`, with `Accept-Encoding: identity`.
    Encoding,
    /// The body is over the limit: `413 Payload Too Large`.
    TooLarge,
    /// The body was not complete by the deadline: `408 Request Timeout`.
    Timeout,
    /// The body broke off: `400 Bad Request`.
    Truncated,
    /// The provider's code took the signature for missing or wrong: `401 Unauthorized`.
    Unauthorized,
    /// The body is no envelope of the provider's: `400 Bad Request`.
    Malformed,
    /// The sender is not on the allow-list: `403 Forbidden`.
    Forbidden,
    /// No slot, or no readiness of the inner service, by the deadline; the handler did not run:
    /// `503 Service Unavailable`, with `Retry-After`.
    Busy,
    /// The application is shutting down and the handler did not run: `503 Service Unavailable`,
    /// with `Retry-After`.
    Draining,
    /// The handler was not done by the deadline, and [`Late::Refuse`](crate::Late::Refuse) is set
    /// or the [store](crate::WebhookLayer::dead_letters) did not confirm that it has the delivery:
    /// `503 Service Unavailable`, with `Retry-After`.
    Late,
    /// The handler panicked, or the provider's code, or the closure of
    /// [`Access::by`](crate::Access::by): `500 Internal Server Error`.
    Panicked,
    /// The handler was cut off by its
    /// [`handler_limit`](crate::WebhookLayer::handler_limit), or because the runtime stopped:
    /// `503 Service Unavailable`.
    Interrupted,
}

impl RejectionKind {
    /// The status that the provider hears.
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
            Self::Busy | Self::Draining | Self::Late | Self::Interrupted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short name for logs and metrics: `"not_found"`, `"too_large"`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::Encoding => "encoding",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
            Self::Forbidden => "forbidden",
            Self::Busy => "busy",
            Self::Draining => "draining",
            Self::Late => "late",
            Self::Panicked => "panicked",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Rejection {
    pub(crate) fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            refusal: None,
        }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The status that the provider hears.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// `Allow` is the one header that depends on the provider; the service adds it.
    pub(crate) fn into_response<B>(self) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = self.status();
        match self.kind {
            RejectionKind::Encoding => {
                response
                    .headers_mut()
                    .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            RejectionKind::Busy | RejectionKind::Draining | RejectionKind::Late => {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self {
            kind: match refusal.kind {
                RefusalKind::Malformed => RejectionKind::Malformed,
                RefusalKind::Unauthorized => RejectionKind::Unauthorized,
                RefusalKind::Forbidden => RejectionKind::Forbidden,
            },
            refusal: Some(refusal),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(refusal) = &self.refusal {
            return refusal.fmt(f);
        }
        f.write_str(match self.kind {
            RejectionKind::NotFound => "the credential is missing or wrong",
            RejectionKind::Method => "the provider sends nothing by this method",
            RejectionKind::Encoding => "the body is compressed",
            RejectionKind::TooLarge => "the body is over the limit",
            RejectionKind::Timeout => "the body was not complete by the deadline",
            RejectionKind::Truncated => "the body broke off",
            RejectionKind::Unauthorized => "the signature is missing or wrong",
            RejectionKind::Malformed => "the body is no envelope of the provider's",
            RejectionKind::Forbidden => "the sender is not on the allow-list",
            RejectionKind::Busy => "no handler was free by the deadline",
            RejectionKind::Draining => "the application is shutting down",
            RejectionKind::Late => "the handler was not done by the deadline",
            RejectionKind::Panicked => "the handler, or other code of the application's, panicked",
            RejectionKind::Interrupted => "the handler was cut off before its end",
        })
    }
}

impl std::error::Error for Rejection {}
