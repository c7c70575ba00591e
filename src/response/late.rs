use http::{Response, StatusCode};

use super::{
    body::ResponseBody,
    rejection::{Rejection, RejectionKind},
};

/// What the provider hears when the handler is not done by the deadline. The handler goes on
/// either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Late {
    /// A success: `202 Accepted` for Alegra, `200 OK` for Bsale.
    ///
    /// The delivery counts as received, so nobody sends it again. Until the handler ends it lives
    /// in this process alone: a crash after the answer loses it.
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

    pub(crate) fn response<B>(self, success: StatusCode) -> Response<ResponseBody<B>> {
        match self {
            Self::Accept => {
                let mut response = Response::new(ResponseBody::empty());
                *response.status_mut() = success;
                response
            }
            Self::Refuse => Rejection::new(RejectionKind::Late).into_response(),
        }
    }
}
