//! (c) The same by hand, with the guarantees of the layer: the secret compared in constant time, the
//! probe answered, body limit and deadline, a handler that neither deadline nor hang-up ends, a bound
//! on handlers, panics answered, late ends told, the raw body kept beside the event.
//!
//! As an experienced integrator writes it on the usual crates. It still knows one event a route,
//! keeps money as floats, and refuses whatever drifts from the types.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use subtle::ConstantTimeEq;
use tokio::{sync::Semaphore, time::timeout_at};

use super::{SECRET, handle, plain::Event};

const DEADLINE: Duration = Duration::from_secs(3);
const LIMIT: usize = 1024 * 1024;

pub fn router<E: Event>() -> Router {
    Router::new()
        .route("/webhooks/{secret}", post(receive::<E>))
        .with_state(Arc::new(Semaphore::new(1024)))
}

struct Delivery<E> {
    event: E,
    raw: Bytes,
    received_at: SystemTime,
}

async fn receive<E: Event>(
    State(slots): State<Arc<Semaphore>>,
    Path(secret): Path<String>,
    body: Body,
) -> Response {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    if !bool::from(secret.as_bytes().ct_eq(SECRET.as_bytes())) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let raw = match timeout_at(deadline, Limited::new(body, LIMIT).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        Ok(Err(_)) => return StatusCode::BAD_REQUEST.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    if raw.trim_ascii().is_empty() {
        return StatusCode::OK.into_response();
    }
    let event = match serde_json::from_slice::<E>(&raw) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "the body is no event");
            return StatusCode::BAD_REQUEST.into_response();
        }
    };
    let Ok(Ok(slot)) = timeout_at(deadline, slots.acquire_owned()).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let delivery = Delivery {
        event,
        raw,
        received_at: SystemTime::now(),
    };
    let answered = Arc::new(AtomicBool::new(false));
    let is_answered = Arc::clone(&answered);
    let mut handler = tokio::spawn(async move {
        let _slot = slot;
        let status = on_event(delivery).await;
        if is_answered.load(Ordering::Acquire) {
            tracing::warn!(%status, "the handler ended after the answer");
        }
        status
    });
    match timeout_at(deadline, &mut handler).await {
        Ok(Ok(status)) => status.into_response(),
        Ok(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(_) => {
            answered.store(true, Ordering::Release);
            StatusCode::ACCEPTED.into_response()
        }
    }
}

async fn on_event<E: Event>(delivery: Delivery<E>) -> StatusCode {
    std::hint::black_box((&delivery.raw, delivery.received_at));
    handle(delivery.event.id())
}
