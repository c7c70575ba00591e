//! What the log has of a handler that asks for the delivery of another provider.

use std::any::type_name;

use axum::{
    Router,
    body::Body,
    handler::Handler,
    http::Request,
    routing::{MethodRouter, post},
};
use tower::{ServiceExt, util::MapRequestLayer};
use tower_webhook::{Delivery, alegra, bsale};

use crate::{
    log,
    util::{ALEGRA, SECRET, Store, alegra},
};

async fn on_bsale(_: Delivery<bsale::Event>) {}

/// The status of the answer of that route to a delivery of Alegra's.
async fn status(route: MethodRouter) -> u16 {
    let app = Router::new().route("/webhooks/{secret}", route);
    let request = Request::post(format!("/webhooks/{SECRET}")).body(Body::from(ALEGRA));
    let response = app.oneshot(request.expect("a request")).await;
    response.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn one_error_names_both_types() {
    let log = log();
    let store = Store::default();
    for (layer, expected) in [(alegra(), 500), (alegra().dead_letters(store.clone()), 202)] {
        assert_eq!(status(post(on_bsale).layer(layer)).await, expected);
        let text = log.take();
        let errors: Vec<_> = text.lines().filter(|line| line.contains("ERROR")).collect();
        let [error] = errors[..] else {
            panic!("one error, not {errors:?}");
        };
        assert!(error.contains(type_name::<alegra::Event>()), "{error}");
        assert!(error.contains(type_name::<bsale::Event>()), "{error}");
    }
    assert_eq!(store.letters().len(), 1);
}

/// The type would be the same.
#[tokio::test]
async fn a_delivery_that_an_inner_layer_has_removed_is_no_other_type() {
    let log = log();
    let without = MapRequestLayer::new(|mut request: Request<_>| {
        request.extensions_mut().clear();
        request
    });
    let handler = (async |_: Delivery<alegra::Event>| {}).layer(without);
    assert_eq!(status(post(handler).layer(alegra())).await, 500);
    let text = log.take();
    assert!(
        text.contains("webhook request failed") && !text.contains("asks for"),
        "{text}"
    );
}
