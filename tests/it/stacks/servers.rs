//! Whole servers on a loopback socket, by `axum::serve`: what a client hears that keeps writing or
//! closes its side, and how a server shuts down while connections are open.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    routing::{any, post},
};
use futures::future::join;
use http::{
    Request, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tonic::service::Routes;
use tower_webhook::{Delivery, LetterReason, OutcomeKind, WebhookLayer, alegra, alegra::Alegra};

use super::wire::{self, Client, Version, soon, to, whole};
use crate::util::{ALEGRA, Keeps, PANIC, SECRET, Store, alegra, ms, quiet_panics};

const PATH: &str = "/webhooks/{secret}";
const WRONG: &str = "/webhooks/0123456789abcdef0123456789abcdef";

/// A running server. It stops accepting when it is closed, and ends with its last connection.
struct Server {
    address: SocketAddr,
    close: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Server {
    async fn start(app: Router) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (close, closed) = oneshot::channel();
        let server = axum::serve(listener, app).with_graceful_shutdown(async {
            let _ = closed.await;
        });
        let ended = tokio::spawn(async { server.await.unwrap() });
        Self {
            address,
            close,
            ended,
        }
    }

    async fn of(layer: WebhookLayer<Alegra>) -> Self {
        let ok = async |_: Delivery<alegra::Event>| StatusCode::NO_CONTENT;
        Self::start(Router::new().route(PATH, any(ok).layer(layer))).await
    }

    /// The status of the answer to a POST to the secret's path, on a connection of its own.
    async fn hears(&self, body: &'static str) -> u16 {
        let mut client = Client::dial(Version::Http1, self.address).await;
        let answer = soon(client.send(wire::post(whole(body)))).await;
        answer.status().as_u16()
    }

    /// Connects, and writes this much.
    async fn begin(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

/// The head of a POST to the secret's path, with one more header.
fn head(header: &str) -> String {
    format!("POST /webhooks/{SECRET} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n")
}

/// A whole POST of a delivery.
fn delivery() -> String {
    head(&format!("content-length: {}", ALEGRA.len())) + ALEGRA
}

/// A handler that says when it begins, and ends when it is told to.
#[derive(Clone, Default)]
struct Held(Arc<(Notify, Notify)>);

impl Held {
    fn app(&self, layer: WebhookLayer<Alegra>) -> Router {
        let handler = async |State(held): State<Self>, _: Delivery<alegra::Event>| {
            held.0.0.notify_one();
            held.0.1.notified().await;
            StatusCode::NO_CONTENT
        };
        Router::new()
            .route(PATH, any(handler).layer(layer))
            .with_state(self.clone())
    }

    async fn begun(&self) {
        soon(self.0.0.notified()).await;
    }

    fn finish(&self) {
        self.0.1.notify_one();
    }
}

// What a client hears

#[tokio::test]
async fn a_client_that_keeps_writing_hears_413() {
    let server = Server::of(alegra()).await;
    let size = 3 * 1024 * 1024;
    let spaces = " ".repeat(size);
    for request in [
        head(&format!("content-length: {size}")) + &spaces,
        head("transfer-encoding: chunked") + &format!("{size:x}\r\n{spaces}\r\n0\r\n\r\n"),
    ] {
        let (reader, mut writer) = TcpStream::connect(server.address)
            .await
            .unwrap()
            .into_split();
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        // The server may close the connection before it has read everything.
        let (_, read) = soon(join(
            writer.write_all(request.as_bytes()),
            reader.read_line(&mut line),
        ))
        .await;
        read.unwrap();
        assert!(line.starts_with("HTTP/1.1 413 "), "{line:?}");
    }
}

/// `any` adds nothing to the layer's answers. `post` adds `Allow` to the 404 of a caller that lacks
/// the secret.
#[tokio::test]
async fn a_layer_on_the_method_router_sees_every_method() {
    let ok = async |_: Delivery<alegra::Event>| StatusCode::NO_CONTENT;
    for (route, allow) in [
        (any(ok).layer(alegra()), None),
        (post(ok).layer(alegra()), Some("POST")),
    ] {
        let server = Server::start(Router::new().route(PATH, route)).await;
        let mut client = Client::dial(Version::Http1, server.address).await;
        for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
            let request = |path: &str| {
                let mut request = to(path, whole(""));
                *request.method_mut() = method.parse().unwrap();
                request
            };
            let answer = soon(client.send(request(WRONG))).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method}");
            let allowed = answer.headers().get(ALLOW);
            assert_eq!(allowed.map(|value| value.to_str().unwrap()), allow);

            let answer = soon(client.send(request(&format!("/webhooks/{SECRET}")))).await;
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(answer.headers()[ALLOW], "POST");
        }
    }
}

#[tokio::test]
async fn a_connection_goes_on_after_a_panic() {
    quiet_panics();
    let handler = async |_: Delivery<alegra::Event>| -> StatusCode { panic!("{PANIC}") };
    let server = Server::start(Router::new().route(PATH, any(handler).layer(alegra()))).await;
    let mut client = Client::dial(Version::Http1, server.address).await;
    for _ in 0..3 {
        let answer = soon(client.send(wire::post(whole(ALEGRA)))).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    let probe = soon(client.send(wire::post(whole("")))).await;
    assert_eq!(probe.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handler_outlives_a_client_that_closes_its_side() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let layer = alegra().on_outcome(move |outcome| {
        let _ = tell.send((outcome.kind(), outcome.is_late_end()));
    });
    let held = Held::default();
    let server = Server::start(held.app(layer)).await;
    let mut stream = server.begin(delivery().as_bytes()).await;
    held.begun().await;
    stream.shutdown().await.unwrap();
    assert_eq!(soon(told.recv()).await, Some((OutcomeKind::GivenUp, false)));
    held.finish();
    assert_eq!(soon(told.recv()).await, Some((OutcomeKind::Handled, true)));
}

// How a server shuts down

#[tokio::test]
async fn with_a_store_a_draining_server_stores_what_arrives() {
    let store = Store::new(Keeps::AT_ONCE);
    let layer = alegra().deadline(ms(300)).dead_letters(store.clone());
    let background = layer.background();
    let held = Held::default();
    let server = Server::start(held.app(layer)).await;
    assert_eq!(server.hears(ALEGRA).await, 202);

    let drain = tokio::spawn({
        let background = background.clone();
        async move { background.drain(ms(60_000)).await }
    });
    while !background.is_draining() {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.hears(ALEGRA).await, 202);
    assert_eq!(server.hears("").await, 200);
    let reasons: Vec<LetterReason> = store.letters().iter().map(|it| it.reason()).collect();
    assert_eq!(reasons, [LetterReason::Pending, LetterReason::Draining]);
    assert!(!drain.is_finished(), "one handler is still running");

    held.finish();
    assert_eq!(soon(drain).await.unwrap(), 0);
    server.close.send(()).unwrap();
    soon(server.ended).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_drain_after_the_listener_closed_waits_for_late_handlers() {
    let layer = alegra().deadline(ms(300));
    let background = layer.background();
    let held = Held::default();
    let server = Server::start(held.app(layer)).await;
    assert_eq!(server.hears(ALEGRA).await, 202);

    server.close.send(()).unwrap();
    soon(server.ended).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    assert_eq!(background.drain(ms(0)).await, 1);
    held.finish();
    assert_eq!(soon(background.drain(ms(60_000))).await, 0);
}

#[tokio::test]
async fn open_connections_do_not_hold_a_drain() {
    let layer = alegra();
    let background = layer.background();
    let server = Server::of(layer).await;
    let mut kept_alive = BufReader::new(server.begin(delivery().as_bytes()).await);
    let mut line = String::new();
    soon(kept_alive.read_line(&mut line)).await.unwrap();
    assert!(line.starts_with("HTTP/1.1 204 "), "{line:?}");
    let silent = server.begin(b"").await;
    let half_a_head = server.begin(b"POST /webhooks/").await;
    let half_a_preface = server.begin(b"PRI * HT").await;
    let half_a_body = head("content-length: 100") + "{";
    let half_a_body = server.begin(half_a_body.as_bytes()).await;
    assert_eq!(soon(background.drain(ms(60_000))).await, 0);
    drop((kept_alive, silent, half_a_head, half_a_preface, half_a_body));
}

#[tokio::test]
async fn beside_grpc_a_fallback_makes_an_unknown_path_404_and_a_stream_does_not_hold_a_drain() {
    let layer = alegra();
    let background = layer.background();
    let ok = async |_: Delivery<alegra::Event>| StatusCode::NO_CONTENT;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let app = Routes::new(health)
        .into_axum_router()
        .route(PATH, any(ok).layer(layer));
    let unknown = || to("/webhook/a-slip", whole(ALEGRA));

    let server = Server::start(app.clone()).await;
    let mut client = Client::dial(Version::Http2, server.address).await;
    let answer = soon(client.send(unknown())).await;
    assert_eq!(answer.status(), StatusCode::OK, "tonic's own fallback");

    let server = Server::start(app.fallback(async || StatusCode::NOT_FOUND)).await;
    let mut client = Client::dial(Version::Http2, server.address).await;
    let answer = soon(client.send(unknown())).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let uri = "http://localhost/grpc.health.v1.Health/Watch";
    let watch = Request::post(uri).header(CONTENT_TYPE, "application/grpc");
    let stream = soon(client.send(watch.body(whole(&[0; 5][..])).unwrap())).await;
    assert_eq!(stream.status(), StatusCode::OK);
    let answer = soon(client.send(wire::post(whole(ALEGRA)))).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(soon(background.drain(ms(60_000))).await, 0);
    drop(stream);
}
