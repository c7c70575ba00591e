//! How outcomes are counted: strikes as the provider counts them, and the feature `metrics`.

#[cfg(feature = "metrics")]
mod metrics;
mod strikes;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_webhook::{Provider, WebhookLayer, alegra::Alegra};

use crate::util::{Handler, delivery, post, send};

/// Sends a request whose handler answers with that status.
async fn answers<P: Provider>(layer: &WebhookLayer<P>, status: u16, request: Request<Full<Bytes>>) {
    let _ = send(layer, &Handler::answers(status), request).await;
}

async fn sends(layer: &WebhookLayer<Alegra>, handler: &Handler, event: &str) {
    let _ = send(layer, handler, post(delivery(event, 1))).await;
}
