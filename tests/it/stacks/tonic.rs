//! tonic: a webhook's route beside gRPC services, on one port.

use axum::{Router, routing::post};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};
use tower_webhook::Background;

use super::{
    axum::on_alegra,
    wire::{self, Client, Upload, Version, WRONG, listen, soon, whole},
};
use crate::util::{ALEGRA, alegra, ms};

/// An answer of the health service that says `SERVING`, and one that says `NOT_SERVING`: the flag
/// of compression, four bytes of length, and field 1.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
const NOT_SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 2];

/// The question after the health of the whole server: an empty message.
const WHOLE_SERVER: &[u8] = &[0; 5];

/// An app of both, what reports its health, and what drains its webhook.
fn app() -> (HealthReporter, Background, Router) {
    let (reporter, health) = tonic_health::server::health_reporter();
    let layer = alegra();
    let background = layer.background();
    let webhook = Router::new().route("/webhooks/{secret}", post(on_alegra).route_layer(layer));
    let app = webhook.merge(Routes::new(health).into_axum_router());
    (reporter, background, app)
}

fn grpc(method: &str) -> Request<Upload> {
    let mut request = wire::to(
        &format!("/grpc.health.v1.Health/{method}"),
        whole(WHOLE_SERVER),
    );
    let grpc = "application/grpc".parse().unwrap();
    request.headers_mut().insert(CONTENT_TYPE, grpc);
    request
}

/// The next message of a gRPC stream.
async fn message(answer: &mut Response<Incoming>) -> Bytes {
    let frame = soon(answer.frame()).await.expect("no end").unwrap();
    frame.into_data().expect("no trailers")
}

#[tokio::test]
async fn webhooks_and_grpc_calls_are_answered_beside_each_other() {
    let (_reporter, _, app) = app();
    let mut client = Client::dial(Version::Http2, listen(app).await).await;
    let mut status = async |request| client.send(request).await.status().as_u16();
    assert_eq!(status(wire::post(whole(""))).await, 200);
    assert_eq!(status(wire::post(whole(ALEGRA))).await, 204);
    assert_eq!(status(wire::to(WRONG, whole(ALEGRA))).await, 404);

    let answer = client.send(grpc("Check")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), SERVING);
}

#[tokio::test]
async fn a_grpc_stream_still_streams_beside_webhooks_and_does_not_hold_a_drain() {
    let (reporter, background, app) = app();
    let mut client = Client::dial(Version::Http2, listen(app).await).await;
    let mut watch = client.send(grpc("Watch")).await;
    assert_eq!(message(&mut watch).await, SERVING);
    let delivery = client.send(wire::post(whole(ALEGRA))).await;
    assert_eq!(delivery.status(), StatusCode::NO_CONTENT);
    assert_eq!(soon(background.drain(ms(60_000))).await, 0);
    reporter
        .set_service_status("", ServingStatus::NotServing)
        .await;
    assert_eq!(message(&mut watch).await, NOT_SERVING);
}

/// tonic's own fallback answers an unknown path with 200.
#[tokio::test]
async fn a_fallback_makes_an_unknown_path_404() {
    let (_reporter, _, app) = app();
    let with_fallback = app.clone().fallback(async || StatusCode::NOT_FOUND);
    for (app, status) in [(app, 200), (with_fallback, 404)] {
        let unknown = wire::to("/webhook/a-slip", whole(ALEGRA));
        let mut client = Client::dial(Version::Http2, listen(app).await).await;
        assert_eq!(client.send(unknown).await.status(), status);
    }
}
