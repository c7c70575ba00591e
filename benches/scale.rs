//! What a delivery costs as things grow: the body, the handlers that are late, the secrets, the
//! companies.

mod contenders;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{Request, Response};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, RequestBody, ResponseBody, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

use self::contenders::{
    SECRET, bare, bodies,
    driver::{runtime, time},
    handle, ours,
    sent::Sent,
};

/// Has to grow as the body does.
fn body(c: &mut Criterion) {
    let runtime = runtime();
    let service = ours::service(&ours::alegra());
    let mut group = c.benchmark_group("body");
    for bytes in [1_000, 10_000, 100_000, 1_000_000] {
        let body = bodies::invoice(bytes);
        group.throughput(Throughput::Bytes(body.len() as u64));
        let sent = Sent::new(body);
        group.bench_function(BenchmarkId::from_parameter(bytes), |b| {
            time(b, &runtime, &service, &sent);
        });
    }
}

/// A new delivery while others, long answered, still have their handlers.
fn late_handlers(c: &mut Criterion) {
    let mut group = c.benchmark_group("late handlers");
    for parked in [0_usize, 1, 1_000, 100_000] {
        let runtime = runtime();
        let end = Arc::new(Notify::new());
        let service = parking(parked + 1, &end);
        runtime.block_on(park(&service, parked));
        let sent = Sent::new(bodies::INVOICE);
        group.bench_function(BenchmarkId::from_parameter(parked), |b| {
            time(b, &runtime, &service, &sent);
        });
        end.notify_waiters();
    }
}

/// A handler that parks for the body `park` until the end, and answers all others at once.
fn parking(
    capacity: usize,
    end: &Arc<Notify>,
) -> impl Service<
    Request<Body>,
    Response = Response<ResponseBody<Body>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ use<> {
    let end = Arc::clone(end);
    let handler = service_fn(move |request: Request<RequestBody>| {
        let end = Arc::clone(&end);
        async move {
            if request.headers().contains_key("x-park") {
                drop(request);
                end.notified().await;
            }
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = handle("");
            Ok(answer)
        }
    });
    bare::unread()
        .deadline(Duration::from_millis(100))
        .max_in_flight(capacity)
        .layer(handler)
}

/// Sends so many that park, each until it is answered as late.
async fn park<S>(service: &S, parked: usize)
where
    S: Service<
            Request<Body>,
            Response = Response<ResponseBody<Body>>,
            Error = Infallible,
            Future: Send,
        > + Clone
        + Send
        + 'static,
{
    let sent = Sent::new(bodies::INVOICE);
    let requests: Vec<_> = (0..parked)
        .map(|_| {
            let mut request = sent.request();
            request.headers_mut().insert("x-park", 1.into());
            tokio::spawn(service.clone().oneshot(request))
        })
        .collect();
    for answer in requests {
        let answer = answer.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), 200);
    }
}

fn secrets(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("secrets");
    for secrets in [1, 100, 10_000] {
        let others = (1..secrets).map(|other| format!("{other:032x}"));
        let access = Access::path(others.chain([SECRET.to_owned()]));
        let service = ours::service(&WebhookLayer::new(Alegra::new(), access));
        let sent = Sent::new(bodies::INVOICE);
        group.bench_function(BenchmarkId::from_parameter(secrets), |b| {
            time(b, &runtime, &service, &sent);
        });
    }
}

/// A label a secret: each of the tenants has counts of its own.
fn tenants(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("tenants");
    for tenants in [1_u32, 100, 10_000] {
        let labelled = |tenant: u32| (format!("shop-{tenant}"), format!("{tenant:032x}"));
        let access = Access::path((0..tenants).map(labelled));
        let service = ours::service(&WebhookLayer::new(Alegra::new(), access));
        let sent = Sent::new(bodies::INVOICE).to(&format!("/webhooks/{:032x}", tenants / 2));
        group.bench_function(BenchmarkId::from_parameter(tenants), |b| {
            time(b, &runtime, &service, &sent);
        });
    }
}

fn companies(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("companies");
    for companies in [1, 100, 10_000] {
        let bsale = Bsale::new().companies(11_420..11_420 + companies);
        let service = ours::service(&WebhookLayer::new(bsale, Access::path([SECRET])));
        let sent = Sent::new(Bytes::from(bodies::NOTICE));
        group.bench_function(BenchmarkId::from_parameter(companies), |b| {
            time(b, &runtime, &service, &sent);
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = body, late_handlers, secrets, tenants, companies
}
criterion_main!(benches);
