use std::{any::type_name, fmt, marker::PhantomData};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{delivery::Delivery, outcome::AskedFor, provider::Event};

impl<E: Event, S: Sync> FromRequestParts<S> for Delivery<E> {
    type Rejection = MissingDelivery<E>;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(MissingDelivery(PhantomData))
    }
}

/// The rejection of [`Delivery`] as an extractor: the route has no layer, or that of another provider.
///
/// It is a mistake in the application. The response is `500 Internal Server Error`, and its text
/// names both possible causes. If the layer is that of another provider, the log has an ERROR that
/// names the type that the handler asks for, and the one that the layer gives it.
pub struct MissingDelivery<E>(PhantomData<fn() -> E>);

impl<E> MissingDelivery<E> {
    /// `500 Internal Server Error`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl<E> fmt::Display for MissingDelivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the request holds no Delivery<{}>: either this route has no WebhookLayer around it, \
             or it has that of another provider",
            type_name::<E>()
        )
    }
}

impl<E> fmt::Debug for MissingDelivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MissingDelivery")
    }
}

impl<E> std::error::Error for MissingDelivery<E> {}

impl<E> IntoResponse for MissingDelivery<E> {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_string()));
        *response.status_mut() = self.status();
        let asked = AskedFor(type_name::<E>());
        response.extensions_mut().insert(asked);
        response
    }
}
