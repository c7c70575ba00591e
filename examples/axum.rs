//! Webhooks of Alegra and Bsale on axum, with a file of dead letters and `GET /health`.
//!
//! ```sh
//! export ALEGRA_SECRET=$(openssl rand -hex 16) BSALE_SECRET=$(openssl rand -hex 16)
//! cargo run --example axum
//! curl -i -X POST "http://127.0.0.1:3000/webhooks/alegra/$ALEGRA_SECRET"
//! ```
//!
//! `axum::serve` has no timeout for request heads: it never closes connections that are idle, or
//! that sent half a head or half an HTTP/2 preface. Put a proxy in front that does, or serve the
//! router with the loop of the example `hyper`: `TowerToHyperService::new(app.clone())`.

use std::{env, error::Error, time::Duration};

use axum::routing::{any, get};
use axum::{Json, Router, extract::State, http::StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, signal, sync::oneshot, time::timeout};
use tower_webhook::{
    Access, Background, Delivery, JsonLines, Provider, Strikes, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let letters = JsonLines::open("dead-letters.jsonl")?;
    let alegra = layer(Alegra::new(), "ALEGRA_SECRET", &letters)?;
    let bsale = layer(Bsale::new(), "BSALE_SECRET", &letters)?;
    let handlers = [alegra.background(), bsale.background()];
    let health = (alegra.strikes(), handlers.clone(), letters);

    // `any` lets the layer answer every method: without the secret, all of them get 404.
    // Take care with `TraceLayer`: its default span logs the URI, and the URI holds the secret.
    let app = Router::new()
        .route("/webhooks/alegra/{secret}", any(on_alegra).layer(alegra))
        .route("/webhooks/bsale/{secret}", any(on_bsale).layer(bsale))
        .route("/health", get(on_health).with_state(health));
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(closed.await) });
    let server = tokio::spawn(server.into_future());

    stop_signal().await;
    tracing::info!("stopping");
    // With a store, drain first: the server still stores what arrives, and answers it with a
    // success. Then close the listener, and wait for the last answers: idle connections never end.
    // Orchestrators commonly leave 30 s between SIGTERM and SIGKILL.
    let limit = Duration::from_secs(20);
    tokio::join!(handlers[0].drain(limit), handlers[1].drain(limit));
    drop(close);
    let _ = timeout(Duration::from_secs(5), server).await;
    Ok(())
}

fn layer<P: Provider>(
    provider: P,
    variable: &str,
    letters: &JsonLines,
) -> Result<WebhookLayer<P>, String> {
    let secret = env::var(variable)
        .map_err(|_| format!("set {variable} to a secret, for example $(openssl rand -hex 16)"))?;
    let access = Access::try_path([secret]).map_err(|error| format!("{variable}: {error}"))?;
    Ok(WebhookLayer::new(provider, access)
        .handler_limit(Duration::from_secs(60))
        .dead_letters(letters.clone()))
}

async fn on_alegra(delivery: Delivery<alegra::Event>) -> StatusCode {
    match delivery.event() {
        alegra::Event::NewInvoice(invoice) => {
            tracing::info!(id = ?invoice.id, total = ?invoice.total, "new invoice");
        }
        other => tracing::info!(subject = ?other.subject(), "other event"),
    }
    StatusCode::NO_CONTENT
}

async fn on_bsale(delivery: Delivery<bsale::Event>) -> StatusCode {
    match delivery.event() {
        bsale::Event::Notification(change) => {
            let path = change.resource_path().map(|path| path.to_string());
            tracing::info!(topic = ?change.topic, ?path, "change");
        }
        other => tracing::info!(topic = ?other.topic(), "other event"),
    }
    StatusCode::NO_CONTENT
}

type Health = (Strikes, [Background; 2], JsonLines);

/// Answers 503 while draining, and from 7 of the 10 strikes that cost a subscription at Alegra.
async fn on_health(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    let (strikes, handlers, letters) = health;
    // Many strangers and no success: was a secret changed on one side only?
    let refused = strikes.refused_since_success();
    let strikes = strikes.worst().map_or(0, |event| event.count());
    let draining = handlers.iter().any(Background::is_draining);
    let in_flight: usize = handlers.iter().map(Background::in_flight).sum();
    let status = match draining || strikes >= 7 {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::OK,
    };
    let waiting = letters.waiting();
    let report = json!({
        "strikes": strikes,
        "refused": refused,
        "in_flight": in_flight,
        "dead_letters": waiting,
    });
    (status, Json(report))
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
