//! A server and a client of one connection on a loopback socket.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, unbounded_channel},
    },
    task::JoinHandle,
    time::timeout,
};
use tower::{BoxError, Service};
use tower_webhook::{OutcomeKind, WebhookLayer, alegra::Alegra};

use crate::util::{SECRET, alegra};

#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// No tenant's secret.
pub(super) const WRONG: &str = "/webhooks/0123456789abcdef0123456789abcdef";

pub(super) const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

pub(super) type Upload = BoxBody<Bytes, io::Error>;

/// A body of a known length.
pub(super) fn whole(body: impl Into<Bytes>) -> Upload {
    http_body_util::Full::new(body.into())
        .map_err(|never| match never {})
        .boxed()
}

/// The beginning of a body that never ends.
pub(super) fn part(body: impl Into<Bytes>) -> Upload {
    let frame = Ok(Frame::data(body.into()));
    BodyExt::boxed(StreamBody::new(
        stream::iter([frame]).chain(stream::pending()),
    ))
}

/// A POST to the secret's path.
pub(super) fn post(body: Upload) -> Request<Upload> {
    to(&format!("/webhooks/{SECRET}"), body)
}

pub(super) fn to(path: &str, body: Upload) -> Request<Upload> {
    let uri = format!("http://localhost{path}");
    Request::post(uri).body(body).expect("a request")
}

/// The client's side of the connection. Dropping it hangs up.
pub(super) struct Client {
    sender: Sender,
    connection: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Upload>),
    Http2(http2::SendRequest<Upload>),
}

impl Client {
    pub(super) async fn send(&mut self, request: Request<Upload>) -> Response<Incoming> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        };
        response.expect("an answer")
    }

    /// Connects to that address.
    pub(super) async fn dial(version: Version, address: SocketAddr) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.expect("a connection"));
        let (sender, connection) = match version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.expect("http1");
                let connection = tokio::spawn(async { drop(connection.await) });
                (Sender::Http1(sender), connection)
            }
            Version::Http2 => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, stream).await.expect("http2");
                let connection = tokio::spawn(async { drop(connection.await) });
                (Sender::Http2(sender), connection)
            }
        };
        Self { sender, connection }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Serves one connection by hyper, at that address.
pub(super) async fn listen<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(service));
        // How the connection ends is not what is tested.
        let server = auto::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(stream, service).await);
    });
    address
}

/// Awaits it for at most ten seconds.
pub(super) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(10), future)
        .await
        .expect("an end")
}

/// A layer that sends the kind of each outcome, and whether it is a late end.
pub(super) fn told() -> (WebhookLayer<Alegra>, UnboundedReceiver<(OutcomeKind, bool)>) {
    let (tell, told) = unbounded_channel();
    let layer = alegra().on_outcome(move |outcome| {
        let _ = tell.send((outcome.kind(), outcome.is_late_end()));
    });
    (layer, told)
}

/// What a handler does that says when it begins, and ends when it is told to.
#[derive(Clone, Default)]
pub(super) struct Held {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Held {
    pub(super) async fn run(&self) {
        self.begun.notify_one();
        self.go_on.notified().await;
    }

    pub(super) async fn begun(&self) {
        soon(self.begun.notified()).await;
    }

    pub(super) fn finish(&self) {
        self.go_on.notify_one();
    }
}
