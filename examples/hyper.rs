//! Webhooks on plain hyper: no framework, the deliveries come out of the request's extensions.
//!
//! ```text
//! cargo run --example hyper
//! ```
//!
//! It prints the lines to paste into a shell. Settings are in `examples/support/mod.rs`.
//!
//! What a framework would do is done by hand: the routing here, the limits on slow clients in
//! `examples/support/connection.rs`.
//!
//! What fails goes out to the provider here. A store for it is one more line of the layer's,
//! `.dead_letters(…)`, as in the example `axum`.

#[path = "support/connection.rs"]
mod connection;
mod support;

use std::{convert::Infallible, process::ExitCode, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Provider, RequestBody, ResponseBody, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

use support::{
    curl,
    describe::Describe,
    desk::Desk,
    log,
    settings::{self, Settings},
    stop::Stop,
};

type Body = ResponseBody<Empty<Bytes>>;

#[tokio::main]
async fn main() -> ExitCode {
    support::exit(run().await)
}

async fn run() -> Result<(), String> {
    settings::flags("hyper", "", [])?;
    let settings = Settings::from_env()?;
    log::init();
    let mut stop = Stop::listen()?;
    let (listener, addr) = settings.listen().await?;
    support::say(format_args!("listening on http://{addr}"));
    curl::print_lines(addr, &settings.secret);

    let desk = Desk::new(settings.print, settings.behaviour);
    let alegra = layer(Alegra::new(), &settings.access);
    let bsale = layer(Bsale::new(), &settings.access);
    let handlers = [alegra.background(), bsale.background()];

    let for_alegra = desk.clone();
    let alegra = alegra.layer(service_fn(move |request| {
        handle::<alegra::Event>(for_alegra.clone(), request)
    }));
    let bsale = bsale.layer(service_fn(move |request| {
        handle::<bsale::Event>(desk.clone(), request)
    }));
    let app = service_fn(move |request: Request<Incoming>| {
        let (alegra, bsale) = (alegra.clone(), bsale.clone());
        async move {
            let path = request.uri().path();
            if is_under("/webhooks/alegra/", path) {
                alegra.oneshot(request).await
            } else if is_under("/webhooks/bsale/", path) {
                bsale.oneshot(request).await
            } else {
                Ok(not_found())
            }
        }
    });

    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection::serve(stream, app.clone(), graceful.watcher()));
                }
                // Out of file descriptors, most likely: wait for some to come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            () = stop.asked() => break,
        }
    }
    drop(listener);
    stop.finish(handlers, graceful.shutdown()).await;
    Ok(())
}

fn layer<P: Provider>(provider: P, access: &Access) -> WebhookLayer<P> {
    WebhookLayer::new(provider, access.clone())
        .handler_limit(Duration::from_secs(60))
        .on_outcome(log::late_end)
}

/// Whether nothing but one more segment, the secret, follows the prefix.
fn is_under(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|secret| !secret.contains('/'))
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The handler, for either provider.
async fn handle<E>(
    desk: Desk,
    request: Request<RequestBody>,
) -> Result<Response<Empty<Bytes>>, Infallible>
where
    E: Describe,
{
    let mut response = Response::new(Empty::new());
    *response.status_mut() = match request.extensions().get::<Delivery<E>>().cloned() {
        Some(delivery) => desk.handle(&delivery).await,
        // There is no layer around this handler, or it is another provider's.
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Ok(response)
}
