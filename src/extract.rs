use std::{any::type_name, fmt};

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{
    delivery::{AnyDelivery, Delivery},
    outcome::AskedFor,
    provider::Event,
};

impl<E: Event, S: Sync> FromRequestParts<S> for Delivery<E> {
    type Rejection = MissingDelivery;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let delivery = parts.extensions.get::<Self>().cloned();
        delivery.ok_or(MissingDelivery {
            asked: type_name::<E>(),
        })
    }
}

/// `Option<Delivery<E>>` is `None` on a route without a layer, and an error under the layer of another
/// provider.
impl<E: Event, S: Sync> OptionalFromRequestParts<S> for Delivery<E> {
    type Rejection = MissingDelivery;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        if parts.extensions.get::<AnyDelivery>().is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map(Some)
    }
}

/// The rejection of [`Delivery`] as an extractor: the route has no layer, or that of another provider.
///
/// It is a mistake in the application. The response is `500 Internal Server Error`, and its text
/// names both possible causes. If the layer is that of another provider, the log has an ERROR that
/// names the type that the handler asks for, and the one that the layer gives it.
#[derive(Debug)]
pub struct MissingDelivery {
    asked: &'static str,
}

impl MissingDelivery {
    /// `500 Internal Server Error`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl fmt::Display for MissingDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the request holds no Delivery<{}>: either this route has no WebhookLayer around it, \
             or it has that of another provider",
            self.asked
        )
    }
}

impl std::error::Error for MissingDelivery {}

impl IntoResponse for MissingDelivery {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_string()));
        *response.status_mut() = self.status();
        response.extensions_mut().insert(AskedFor(self.asked));
        response
    }
}
