use http::StatusCode;

use crate::rejection::RejectionKind;

/// What the provider hears when the handler is not done by the deadline. The handler goes on
/// either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Late {
    /// A success: `202 Accepted` for Alegra, `200 OK` for Bsale.
    ///
    /// The delivery counts as received, so nobody sends it again. Without a
    /// [store](crate::WebhookLayer::dead_letters) it lives in this process alone until the handler
    /// ends: a crash after the answer loses it. With one it is stored before the answer leaves.
    #[default]
    Accept,
    /// `503 Service Unavailable` with `Retry-After`.
    ///
    /// For Alegra that is a strike, ten of which in a row cost the subscription, and no provider
    /// documents that it would send the delivery again.
    Refuse,
}

impl Late {
    pub(crate) fn status(self, success: StatusCode) -> StatusCode {
        match self {
            Self::Accept => success,
            Self::Refuse => RejectionKind::Late.status(),
        }
    }
}
