//! Webhooks of Alegra and Bsale on plain hyper, with a timeout for request heads.
//!
//! ```sh
//! export ALEGRA_SECRET=$(openssl rand -hex 16) BSALE_SECRET=$(openssl rand -hex 16)
//! cargo run --example hyper
//! curl -i -X POST "http://127.0.0.1:3000/webhooks/alegra/$ALEGRA_SECRET"
//! ```
//!
//! To keep what fails, add a store and drain before the listener closes, as the example `axum` does.

use std::{convert::Infallible, env, error::Error, pin::pin, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, signal, time};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Provider, RequestBody, ResponseBody, WebhookLayer,
    alegra::{self, Alegra},
    bsale::{self, Bsale},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let alegra = layer(Alegra::new(), "ALEGRA_SECRET")?;
    let bsale = layer(Bsale::new(), "BSALE_SECRET")?;
    let handlers = [alegra.background(), bsale.background()];
    let alegra = alegra.layer(service_fn(on_alegra));
    let bsale = bsale.layer(service_fn(on_bsale));
    let app = service_fn(move |request: Request<Incoming>| {
        let (alegra, bsale) = (alegra.clone(), bsale.clone());
        async move {
            let path = request.uri().path();
            if path.starts_with("/webhooks/alegra/") {
                alegra.oneshot(request).await
            } else if path.starts_with("/webhooks/bsale/") {
                bsale.oneshot(request).await
            } else {
                let response = Response::builder().status(StatusCode::NOT_FOUND);
                Ok(response.body(ResponseBody::default()).expect("a response"))
            }
        }
    });

    let mut http = http1::Builder::new();
    // Closes a connection without a complete request head by then, idle connections included.
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10));
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop_signal());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = TowerToHyperService::new(app.clone());
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    tokio::spawn(connections.watch(connection));
                }
                // The process is probably out of file descriptors: wait for some to be closed.
                Err(_) => time::sleep(Duration::from_millis(100)).await,
            },
            () = &mut stop => break,
        }
    }
    drop(listener);

    // Orchestrators commonly leave 30 s between SIGTERM and SIGKILL.
    let limit = Duration::from_secs(25);
    let connections = time::timeout(limit, connections.shutdown());
    let [alegra, bsale] = &handlers;
    let _ = tokio::join!(alegra.drain(limit), bsale.drain(limit), connections);
    Ok(())
}

fn layer<P: Provider>(provider: P, variable: &str) -> Result<WebhookLayer<P>, String> {
    let secret = env::var(variable)
        .map_err(|_| format!("set {variable} to a secret, for example $(openssl rand -hex 16)"))?;
    let access = Access::try_path([secret]).map_err(|error| format!("{variable}: {error}"))?;
    Ok(WebhookLayer::new(provider, access).handler_limit(Duration::from_secs(60)))
}

type Answer = Result<Response<Empty<Bytes>>, Infallible>;

async fn on_alegra(request: Request<RequestBody>) -> Answer {
    let event = request.extensions().get().map(Delivery::event);
    if let Some(alegra::Event::NewInvoice(invoice)) = event {
        tracing::info!(id = ?invoice.id, total = ?invoice.total, "new invoice");
    }
    Ok(Response::default())
}

async fn on_bsale(request: Request<RequestBody>) -> Answer {
    let event = request.extensions().get().map(Delivery::event);
    if let Some(bsale::Event::Notification(change)) = event {
        let path = change.resource_path().map(|path| path.to_string());
        tracing::info!(topic = ?change.topic, ?path, "change");
    }
    Ok(Response::default())
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
