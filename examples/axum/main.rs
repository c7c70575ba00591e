//! Webhooks of Alegra and Bsale on axum.
//!
//! ```text
//! cargo run --example axum
//! cargo run --example axum -- --demo
//! ```
//!
//! It prints the lines to paste into a shell; with `--demo` it first plays the providers against
//! itself, over a real socket, and shows what came of it. Settings are in `examples/support/mod.rs`.

mod demo;
mod samples;
#[path = "../support/mod.rs"]
mod support;

use std::{process::ExitCode, time::Duration};

use axum::{Router, extract::State, routing::post};
use http::{Request, StatusCode};
use tokio::sync::oneshot;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tower_webhook::{
    Access, Delivery, Provider, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};
use tracing::{Level, Span, info_span};

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
    let wants_demo = settings::flag("axum", Some("--demo"))?;
    let settings = Settings::from_env()?;
    log::init();
    let mut stop = Stop::listen()?;
    let (listener, addr) = settings.listen().await?;
    support::say(format_args!("listening on http://{addr}"));

    let desk = Desk::new(settings.print, settings.behaviour);
    let alegra = layer(Alegra::new(), &settings.access);
    let bsale = layer(Bsale::new(), &settings.access);
    let handlers = [alegra.background(), bsale.background()];

    // `route_layer` on the method's router: other paths stay 404, other methods 405.
    let app = Router::new()
        .route(
            "/webhooks/alegra/{secret}",
            post(on_alegra).route_layer(alegra),
        )
        .route(
            "/webhooks/bsale/{secret}",
            post(on_bsale).route_layer(bsale),
        )
        .with_state(desk.clone())
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(Level::INFO)),
        );

    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = closed.await;
    });
    let server = tokio::spawn(server.into_future());

    let until_asked = async {
        if wants_demo {
            demo::play(curl::reachable(addr), &settings.secret, &desk).await;
        }
        curl::print_lines(addr, &settings.secret);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = until_asked => {}
        () = stop.asked() => {}
    }
    drop(close);
    stop.finish(handlers, server).await;
    Ok(())
}

fn layer<P: Provider>(provider: P, access: &Access) -> WebhookLayer<P> {
    WebhookLayer::new(provider, access.clone())
        .handler_limit(Duration::from_secs(60))
        .on_outcome(log::late_end)
}

/// The default span of [`TraceLayer`] holds the URI, and the URI holds the secret.
fn span<B>(request: &Request<B>) -> Span {
    info_span!("request", method = %request.method())
}

async fn on_alegra(State(desk): State<Desk>, delivery: Delivery<alegra::Event>) -> StatusCode {
    desk.handle(&delivery).await
}

async fn on_bsale(State(desk): State<Desk>, delivery: Delivery<bsale::Event>) -> StatusCode {
    desk.handle(&delivery).await
}
