//! Whole servers on a loopback socket, by `axum::serve`: what a client hears that keeps writing or
//! closes its side, and how a server shuts down while connections are open.

use std::net::SocketAddr;

use axum::{Router, routing::any};
use futures::future::join;
use http::StatusCode;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tower_webhook::{Delivery, LetterReason, OutcomeKind, WebhookLayer, alegra, alegra::Alegra};

use super::wire::{self, Client, Held, Version, soon, told, whole};
use crate::util::{ALEGRA, SECRET, Store, alegra, ms};

/// A running server. It stops accepting when it is closed, and ends with its last connection.
struct Server {
    address: SocketAddr,
    close: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Server {
    /// A server whose handler waits for `held` if there is one.
    async fn start(layer: WebhookLayer<Alegra>, held: Option<&Held>) -> Self {
        let held = held.cloned();
        let handler = async move |_: Delivery<alegra::Event>| {
            if let Some(held) = held {
                held.run().await;
            }
            StatusCode::NO_CONTENT
        };
        let app = Router::new().route("/webhooks/{secret}", any(handler).layer(layer));
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

// What a client hears

#[tokio::test]
async fn a_client_that_keeps_writing_hears_413() {
    let server = Server::start(alegra(), None).await;
    let size = 3 * 1024 * 1024;
    let spaces = " ".repeat(size);
    for request in [
        head(&format!("content-length: {size}")) + &spaces,
        head("transfer-encoding: chunked") + &format!("{size:x}\r\n{spaces}\r\n0\r\n\r\n"),
    ] {
        let (reader, mut writer) = server.begin(b"").await.into_split();
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

#[tokio::test]
async fn a_handler_outlives_a_client_that_closes_its_side() {
    let (layer, mut told) = told();
    let held = Held::default();
    let server = Server::start(layer, Some(&held)).await;
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
    let store = Store::default();
    let layer = alegra().deadline(ms(300)).dead_letters(store.clone());
    let background = layer.background();
    let held = Held::default();
    let server = Server::start(layer, Some(&held)).await;
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
    let server = Server::start(layer, Some(&held)).await;
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
    let server = Server::start(layer, None).await;
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
