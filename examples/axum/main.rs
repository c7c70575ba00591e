//! Webhooks of Alegra and Bsale on axum, with a store for what fails.
//!
//! ```text
//! cargo run --example axum
//! cargo run --example axum -- --demo
//! cargo run --example axum -- --replay
//! ```
//!
//! It prints the lines to paste into a shell; with `--demo` it first plays the providers against
//! itself, over a real socket, and shows what came of it. Settings are in `examples/support/mod.rs`.
//!
//! What a handler fails is kept in `DEAD_LETTERS` and is a success to the provider. What waits there
//! is offered at the start: `--replay` drives it to the handlers while the server serves already,
//! the example `replay` does so while it is stopped. The demo has a file of its own, unless
//! `DEAD_LETTERS` or `--replay` ask for the real one. `GET /health` says how things are.

mod demo;
mod health;
mod samples;
mod store;
#[path = "../support/mod.rs"]
mod support;

use std::{process::ExitCode, sync::Arc, time::Duration};

use axum::{Router, extract::State, handler::Handler};
use futures::FutureExt;
use http::{Request, StatusCode};
use tokio::sync::oneshot;
use tower::Layer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tower_webhook::{
    Access, Delivery, JsonLines, Provider, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};
use tracing::{Level, Span, info_span};

use health::Health;
use store::Store;
use support::{
    curl,
    desk::Desk,
    letters::Place,
    log,
    replay::{self, Routes, Summary},
    settings::{self, Settings},
    stop::Stop,
};

#[tokio::main]
async fn main() -> ExitCode {
    support::exit(run().await)
}

async fn run() -> Result<(), String> {
    let known = ["--demo", "--replay"];
    let [wants_demo, wants_replay] = settings::flags("axum", "[DEAD_LETTERS=FILE|off] ", known)?;
    let settings = Settings::from_env()?;
    let place = Place::from_env()?;
    log::init();
    let mut stop = Stop::listen()?;
    let (listener, addr) = settings.listen().await?;
    let store = match place {
        Place::Unset if wants_demo && !wants_replay => Store::open_own()?,
        place => Store::open(place)?,
    };
    support::say(format_args!("listening on http://{addr}"));
    store.offer(wants_replay);

    let desk = Desk::new(settings.print, settings.behaviour);
    let alegra = layer(Alegra::new(), &settings.access, store.letters.as_ref());
    let bsale = layer(Bsale::new(), &settings.access, store.letters.as_ref());
    let handlers = [alegra.background(), bsale.background()];
    let health = Health::new(&alegra, &bsale, store.letters.clone());
    let alegra = alegra.layer(on_alegra.with_state(desk.clone()));
    let bsale = bsale.layer(on_bsale.with_state(desk.clone()));
    // The same services for what comes from the store.
    let routes = Routes::default()
        .with("alegra", alegra.clone())
        .with("bsale", bsale.clone());
    let routes = Arc::new(routes);

    // Other paths stay 404. Other methods come to the layer too, which counts them as what they are:
    // deliveries that a proxy spoilt.
    let app = Router::new()
        .route_service("/webhooks/alegra/{secret}", alegra)
        .route_service("/webhooks/bsale/{secret}", bsale)
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(Level::INFO)),
        )
        // Asked every few seconds, it has no place in the log.
        .merge(health.router());

    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = closed.await;
    });
    let server = tokio::spawn(server.into_future());
    let replayed = match &store.letters {
        Some(letters) if wants_replay => {
            let replay = replay_all(letters.clone(), Arc::clone(&routes));
            tokio::spawn(replay).map(drop).boxed()
        }
        _ => async {}.boxed(),
    };
    let replayed = replayed.shared();

    let until_asked = async {
        if wants_demo {
            replayed.clone().await;
            let letters = store.letters.as_ref();
            let addr = curl::reachable(addr);
            demo::play(addr, &settings.secret, &desk, letters, &routes).await;
        }
        curl::print_lines(addr, &settings.secret);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = until_asked => {}
        () = stop.asked() => {}
    }
    let close = async {
        drop(close);
        // The replay is over as soon as it finds the layers draining.
        let _ = tokio::join!(server, replayed);
    };
    stop.finish_serving(handlers, close).await;
    store.close();
    Ok(())
}

fn layer<P: Provider>(
    provider: P,
    access: &Access,
    letters: Option<&JsonLines>,
) -> WebhookLayer<P> {
    let layer = WebhookLayer::new(provider, access.clone())
        .handler_limit(Duration::from_secs(60))
        .on_outcome(log::late_end);
    match letters {
        Some(letters) => layer.dead_letters(letters.clone()),
        None => layer,
    }
}

/// Drives what waits to the handlers, beside what comes from outside: who stopped serving for it
/// would earn strikes. So an old delivery may reach its handler after a newer one of the same
/// object; see `docs/PAYLOADS.md`.
async fn replay_all(letters: JsonLines, routes: Arc<Routes>) {
    let mut summary = Summary::default();
    replay::run(&letters, &routes, |_| true, &mut summary).await;
    support::say(format_args!(
        "replay: {summary}; {} left",
        letters.waiting()
    ));
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
