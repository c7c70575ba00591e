//! (d) The layer on an axum route, and (e) the layer around a plain tower service.

use std::convert::Infallible;

use axum::{Router, body::Body, handler::HandlerWithoutStateExt, routing::any};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_webhook::{
    Access, Delivery, Event, Provider, RequestBody, ResponseBody, WebhookLayer, alegra::Alegra,
    bsale::Bsale,
};

use super::{SECRET, handle};

pub fn alegra() -> WebhookLayer<Alegra> {
    WebhookLayer::new(Alegra::new(), Access::path([SECRET]))
}

pub fn bsale() -> WebhookLayer<Bsale> {
    WebhookLayer::new(Bsale::new(), Access::path([SECRET]))
}

/// (d) As the README shows it.
pub fn router<P: Provider>(layer: WebhookLayer<P>) -> Router {
    let webhook = any(on_delivery::<P::Event>).layer(layer);
    Router::new()
        .route("/webhooks/{secret}", webhook)
        // `axum::serve` does the same. Without it, each request applies the layer again.
        .with_state(())
}

/// (d') The same handler as a service, without axum's choice by method.
pub fn route_service<P: Provider>(layer: &WebhookLayer<P>) -> Router {
    let webhook = layer.layer(on_delivery::<P::Event>.into_service());
    Router::new().route_service("/webhooks/{secret}", webhook)
}

async fn on_delivery<E: Event>(delivery: Delivery<E>) -> StatusCode {
    handle(&delivery.event().id().unwrap_or_default())
}

/// (e) No router and no extractor.
pub fn service<P: Provider>(
    layer: &WebhookLayer<P>,
) -> impl Service<
    Request<Body>,
    Response = Response<ResponseBody<Empty<Bytes>>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ use<P> {
    layer.layer(service_fn(async |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<P::Event>>();
        let delivery = delivery.expect("the layer adds the delivery");
        let mut response = Response::new(Empty::new());
        *response.status_mut() = handle(&delivery.event().id().unwrap_or_default());
        Ok(response)
    }))
}
