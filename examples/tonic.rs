//! Webhooks and gRPC on one port: tonic's health service beside the two routes.
//!
//! ```text
//! cargo run --example tonic
//! ```
//!
//! It prints the lines to paste into a shell. Settings are in `examples/support/mod.rs`.
//!
//! The layer is around the webhooks' routes alone. Around the whole server it would take gRPC's
//! requests for deliveries.
//!
//! What fails goes out to the provider here. A store for it is one more line of the layer's,
//! `.dead_letters(…)`, as in the example `axum`.

mod support;

use std::{process::ExitCode, time::Duration};

use axum::{Router, extract::State, handler::Handler};
use http::StatusCode;
use tokio::sync::oneshot;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tower::Layer;
use tower_webhook::{
    Access, Delivery, Provider, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

use support::{
    curl,
    desk::Desk,
    log,
    settings::{self, Settings},
    stop::Stop,
};

#[tokio::main]
async fn main() -> ExitCode {
    support::exit(run().await)
}

async fn run() -> Result<(), String> {
    settings::flags("tonic", "", [])?;
    let settings = Settings::from_env()?;
    log::init();
    let mut stop = Stop::listen()?;
    let (listener, addr) = settings.listen().await?;
    support::say(format_args!("listening on http://{addr}"));
    curl::print_lines(addr, &settings.secret);

    let alegra = layer(Alegra::new(), &settings.access);
    let bsale = layer(Bsale::new(), &settings.access);
    let handlers = [alegra.background(), bsale.background()];
    let (health, health_service) = tonic_health::server::health_reporter();

    let desk = Desk::new(settings.print, settings.behaviour);
    let webhooks = Router::new()
        .route_service(
            "/webhooks/alegra/{secret}",
            alegra.layer(on_alegra.with_state(desk.clone())),
        )
        .route_service(
            "/webhooks/bsale/{secret}",
            bsale.layer(on_bsale.with_state(desk)),
        );
    // tonic answers what it does not know with `200 OK` and an error in a header of gRPC's. A
    // provider whose URL has a slip in it would take that for success, so 404 stands in its place,
    // which gRPC's clients understand as well.
    let app = Routes::new(health_service)
        .into_axum_router()
        .merge(webhooks)
        .fallback(async || StatusCode::NOT_FOUND);

    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = closed.await;
    });
    let server = tokio::spawn(server.into_future());

    stop.asked().await;
    drop(close);
    health
        .set_service_status("", ServingStatus::NotServing)
        .await;
    stop.finish(handlers, server).await;
    Ok(())
}

fn layer<P: Provider>(provider: P, access: &Access) -> WebhookLayer<P> {
    WebhookLayer::new(provider, access.clone())
        .handler_limit(Duration::from_secs(60))
        .on_outcome(log::late_end)
}

async fn on_alegra(State(desk): State<Desk>, delivery: Delivery<alegra::Event>) -> StatusCode {
    desk.handle(&delivery).await
}

async fn on_bsale(State(desk): State<Desk>, delivery: Delivery<bsale::Event>) -> StatusCode {
    desk.handle(&delivery).await
}
