//! Sends requests to a service in process, as a connection of a server would: from a task of tokio's
//! multi-thread runtime, one request after the other.

use std::time::{Duration, Instant};

use axum::body::Body;
use criterion::{Bencher, measurement::WallTime};
use http::Request;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

use super::sent::Sent;

/// Requests are made before the clock runs, so many at a time.
const BATCH: u64 = 256;

/// One worker, so that what a request wakes is on its own thread, as it is in a server under load.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Times one request of the service, from the call to the dropped answer.
pub fn time<S>(bencher: &mut Bencher<'_, WallTime>, runtime: &Runtime, service: &S, sent: &Sent)
where
    S: Service<Request<Body>, Future: Send, Response: Send, Error: Send + std::fmt::Debug>
        + Clone
        + Send
        + 'static,
{
    bencher.iter_custom(|rounds| in_a_row(runtime, service, sent, rounds));
}

/// How long so many of them take.
pub fn in_a_row<S>(runtime: &Runtime, service: &S, sent: &Sent, rounds: u64) -> Duration
where
    S: Service<Request<Body>, Future: Send, Response: Send, Error: Send + std::fmt::Debug>
        + Clone
        + Send
        + 'static,
{
    let task = rounds_of(service.clone(), sent.clone(), rounds);
    runtime.block_on(runtime.spawn(task)).expect("no panic")
}

async fn rounds_of<S>(service: S, sent: Sent, rounds: u64) -> Duration
where
    S: Service<Request<Body>, Error: std::fmt::Debug> + Clone,
{
    let mut time = Duration::ZERO;
    let mut left = rounds;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        let requests: Vec<_> = (0..batch).map(|_| sent.request()).collect();
        let start = Instant::now();
        for request in requests {
            // A server clones the service for each of its requests.
            let answer = service.clone().oneshot(request).await;
            drop(answer.expect("an answer"));
        }
        time += start.elapsed();
    }
    time
}
