//! (b) What people write today: axum's `Json` extractor under tower-http's timeout and body limit.
//!
//! It answers the empty probe with a 4xx, loses the handler's work when the client hangs up or the
//! timeout strikes, and knows one event a route.

use std::time::Duration;

use axum::{Json, Router, routing::post};
use http::StatusCode;
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer};

use super::{PATH, handle, plain::Event};

pub fn router<E: Event>() -> Router {
    Router::new()
        .route(PATH, post(on_event::<E>))
        .layer(RequestBodyLimitLayer::new(1024 * 1024))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            Duration::from_secs(3),
        ))
        // axum's own limit of 2 MB would be a second one.
        .layer(axum::extract::DefaultBodyLimit::disable())
}

async fn on_event<E: Event>(Json(event): Json<E>) -> StatusCode {
    handle(event.id())
}
