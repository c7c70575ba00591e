//! What a request costs in process, without sockets: a probe, a notice, an invoice. The floor reads
//! the body and answers; the difference is the layer's.

use std::{convert::Infallible, hint::black_box};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{Access, Delivery, RequestBody, WebhookLayer, alegra, bsale};

const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

const BODIES: [(&str, &str); 4] = [
    ("probe", ""),
    ("bsale", include_str!("../tests/data/bsale/document.json")),
    (
        "client",
        include_str!("../tests/data/alegra/new-client.json"),
    ),
    (
        "invoice",
        include_str!("../tests/data/alegra/new-invoice.json"),
    ),
];

fn request(body: &'static str) -> Request<Full<Bytes>> {
    Request::post(format!("/webhooks/{SECRET}"))
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .expect("a request")
}

fn answer() -> Response<Full<Bytes>> {
    Response::new(Full::default())
}

fn receive(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let floor = service_fn(async |request: Request<Full<Bytes>>| {
        let Ok(body) = request.into_body().collect().await;
        black_box(body.to_bytes());
        Ok::<_, Infallible>(answer())
    });
    let on_alegra = service_fn(async |request: Request<RequestBody>| {
        black_box(request.extensions().get::<Delivery<alegra::Event>>());
        Ok::<_, Infallible>(answer())
    });
    let on_bsale = service_fn(async |request: Request<RequestBody>| {
        black_box(request.extensions().get::<Delivery<bsale::Event>>());
        Ok::<_, Infallible>(answer())
    });
    let alegra = WebhookLayer::new(alegra::Alegra::new(), Access::path([SECRET])).layer(on_alegra);
    let bsale = WebhookLayer::new(bsale::Bsale::new(), Access::path([SECRET])).layer(on_bsale);

    let mut group = c.benchmark_group("receive");
    for (name, body) in BODIES {
        group.bench_function(BenchmarkId::new("floor", name), |b| {
            b.iter(|| runtime.block_on(floor.oneshot(request(body))));
        });
        group.bench_function(BenchmarkId::new("layer", name), |b| {
            b.iter(|| match name {
                "bsale" => runtime.block_on(bsale.clone().oneshot(request(body))),
                _ => runtime.block_on(alegra.clone().oneshot(request(body))),
            });
        });
    }
    group.finish();
}

criterion_group!(benches, receive);
criterion_main!(benches);
