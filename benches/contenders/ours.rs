//! (d) The layer with the axum extractor, and (e) the layer alone around a plain tower service.

use std::convert::Infallible;

use axum::{Router, body::Body, handler::HandlerWithoutStateExt};
use http::{Request, Response, StatusCode};
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

pub fn router<P: Provider>(layer: &WebhookLayer<P>) -> Router {
    let webhook = layer.layer(on_delivery::<P::Event>.into_service());
    Router::new()
        .route_service("/webhooks/{secret}", webhook)
        // As `axum::serve` does: else the layers are applied anew for each request.
        .with_state(())
}

async fn on_delivery<E: Event>(delivery: Delivery<E>) -> StatusCode {
    handle(delivery.event().id().unwrap_or_default())
}

pub fn service<P: Provider>(
    layer: &WebhookLayer<P>,
) -> impl Service<
    Request<Body>,
    Response = Response<ResponseBody<Body>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ use<P> {
    layer.layer(service_fn(async |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<P::Event>>();
        let id = delivery.and_then(|delivery| delivery.event().id());
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = handle(id.unwrap_or_default());
        Ok(answer)
    }))
}
