//! Webhooks of Alegra and Bsale beside a gRPC health service, on one port.
//!
//! ```sh
//! export ALEGRA_SECRET=$(openssl rand -hex 16) BSALE_SECRET=$(openssl rand -hex 16)
//! cargo run --example tonic
//! curl -i -X POST "http://127.0.0.1:3000/webhooks/alegra/$ALEGRA_SECRET"
//! ```
//!
//! To keep what fails, add a store and drain before the listener closes, as the example `axum` does.
//! `hyper` shows the timeouts that `axum::serve` lacks.

use std::{env, error::Error, time::Duration};

use axum::{Router, http::StatusCode, routing::any};
use tokio::{net::TcpListener, signal, sync::oneshot, time::timeout};
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tower_webhook::{
    Access, Delivery, Provider, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let alegra = layer(Alegra::new(), "ALEGRA_SECRET")?;
    let bsale = layer(Bsale::new(), "BSALE_SECRET")?;
    let handlers = [alegra.background(), bsale.background()];
    let (health, health_service) = tonic_health::server::health_reporter();

    // The layers belong around their routes alone: around the server they would read gRPC requests.
    let webhooks = Router::new()
        .route("/webhooks/alegra/{secret}", any(on_alegra).layer(alegra))
        .route("/webhooks/bsale/{secret}", any(on_bsale).layer(bsale));
    // tonic answers an unknown path with 200, and a provider with a wrong URL would take that for
    // a success.
    let app = Routes::new(health_service)
        .into_axum_router()
        .merge(webhooks)
        .fallback(async || StatusCode::NOT_FOUND);
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(closed.await) });
    let server = tokio::spawn(server.into_future());

    stop_signal().await;
    health
        .set_service_status("", ServingStatus::NotServing)
        .await;
    drop(close);
    // Orchestrators commonly leave 30 s between SIGTERM and SIGKILL.
    let limit = Duration::from_secs(20);
    tokio::join!(handlers[0].drain(limit), handlers[1].drain(limit));
    // Idle connections and gRPC streams never end by themselves.
    let _ = timeout(Duration::from_secs(5), server).await;
    Ok(())
}

fn layer<P: Provider>(provider: P, variable: &str) -> Result<WebhookLayer<P>, String> {
    let secret = env::var(variable)
        .map_err(|_| format!("set {variable} to a secret, for example $(openssl rand -hex 16)"))?;
    let access = Access::try_path([secret]).map_err(|error| format!("{variable}: {error}"))?;
    Ok(WebhookLayer::new(provider, access).handler_limit(Duration::from_secs(60)))
}

async fn on_alegra(delivery: Delivery<alegra::Event>) -> StatusCode {
    if let alegra::Event::NewInvoice(invoice) = delivery.event() {
        tracing::info!(id = ?invoice.id, total = ?invoice.total, "new invoice");
    }
    StatusCode::NO_CONTENT
}

async fn on_bsale(delivery: Delivery<bsale::Event>) -> StatusCode {
    if let bsale::Event::Notification(change) = delivery.event() {
        let path = change.resource_path().map(|path| path.to_string());
        tracing::info!(topic = ?change.topic, ?path, "change");
    }
    StatusCode::NO_CONTENT
}

async fn stop_signal() {
    let interrupt = signal::ctrl_c();
    #[cfg(unix)]
    let mut signals = signal::unix::signal(signal::unix::SignalKind::terminate()).expect("SIGTERM");
    #[cfg(unix)]
    let terminate = signals.recv();
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { _ = interrupt => {}, _ = terminate => {} }
}
