//! One connection of the hyper example, with limits on how long a client may take to say something.
//!
//! The layer's deadline begins when the head of a request has been read. The time before is the
//! server's to bound; `axum::serve` does not.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::Watcher},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time::timeout};
use tower::{Service, ServiceExt};

const HEAD_LIMIT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// One connection, HTTP/1 or HTTP/2, until it ends or the server does.
pub(crate) async fn serve<S, B>(stream: TcpStream, app: S, watcher: Watcher)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = Arc::clone(&begun);
    let service = app.map_request(move |request| {
        has_begun.store(true, Ordering::Relaxed);
        request
    });

    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL);
    let connection = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let mut connection = Box::pin(watcher.watch(connection));

    // Which HTTP it is, hyper-util learns from the first bytes, and waits for them without limit.
    let in_time = timeout(HEAD_LIMIT, &mut connection).await;
    if in_time.is_err() && begun.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}
