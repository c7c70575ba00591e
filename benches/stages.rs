//! The steps of a request, one by one: each group varies one and leaves the others as they are.

mod contenders;

use std::{fmt::Debug, hint::black_box};

use axum::body::Body;
use bytes::Bytes;
use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use http::{Request, request::Parts};
use tokio::runtime::Runtime;
use tower::{Service, service_fn};
use tower_webhook::{Access, Provider, WebhookLayer, alegra::Alegra, bsale::Bsale};

use self::contenders::{
    SECRET, bare, bodies,
    driver::{runtime, time},
    floor::{floor, in_a_task},
    ours,
    plain::{self, NewClient, NewInvoice, Notice},
    sent::Sent,
};

/// The credential: a body of no bytes is a probe to a provider of probes, so nothing else is done.
fn access(c: &mut Criterion) {
    let mut stage = Stage::new(c, "access");
    let knock = |access| ours::service(&WebhookLayer::new(bare::Knock, access));
    let secrets = |n: usize| {
        let others = (1..n).map(|other| format!("{other:032x}"));
        Access::path(others.chain([SECRET.to_owned()]))
    };
    let probe = Sent::new("");
    let guess = Sent::new("").to("/webhooks/ffffffffffffffffffffffffffffffff");
    stage.row("floor", &service_fn(floor), &probe);
    stage.row("open", &knock(Access::open()), &probe);
    stage.row("1 secret", &knock(secrets(1)), &probe);
    stage.row("1 secret, a wrong one sent", &knock(secrets(1)), &guess);
    stage.row("100 secrets", &knock(secrets(100)), &probe);
    stage.row("10,000 secrets", &knock(secrets(10_000)), &probe);
}

/// The body, which a provider of probes does not look at, beside `http_body_util`'s `collect`.
fn collect(c: &mut Criterion) {
    let mut stage = Stage::new(c, "collect");
    let service = ours::service(&bare::knock());
    let floor = service_fn(floor);
    let whole = Sent::new(bodies::INVOICE);
    for (name, sent) in [
        ("one frame", whole.clone()),
        ("frames of 64 bytes", whole.clone().frames(64)),
        ("frames of one byte", whole.frames(1)),
        ("100 KB, one frame", Sent::new(bodies::invoice(100_000))),
        (
            "100 KB, frames of 8 KB",
            Sent::new(bodies::invoice(100_000)).frames(8 * 1024),
        ),
    ] {
        stage.row(&format!("{name}/floor"), &floor, &sent);
        stage.row(&format!("{name}/layer"), &service, &sent);
    }
}

/// The typed event, beside `serde_json` with plain owned structs of the same fields.
fn decode(c: &mut Criterion) {
    let large = bodies::invoice(100_000);
    let large = std::str::from_utf8(&large).expect("JSON is text");
    let group = &mut c.benchmark_group("decode");
    side_by_side::<_, Notice>(group, "bsale", &Bsale::new(), bodies::NOTICE);
    side_by_side::<_, NewClient>(group, "client", &Alegra::new(), bodies::CLIENT);
    side_by_side::<_, NewInvoice>(group, "invoice", &Alegra::new(), bodies::INVOICE);
    side_by_side::<_, NewInvoice>(group, "invoice of 100 KB", &Alegra::new(), large);
}

fn side_by_side<P: Provider, E: plain::Event>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    provider: &P,
    body: &str,
) {
    let head = head();
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    group.bench_function(format!("{name}/plain structs"), |b| {
        b.iter(|| serde_json::from_str::<E>(black_box(body)).expect("it fits"));
    });
    group.bench_function(format!("{name}/typed event"), |b| {
        b.iter(|| provider.receive(&head, black_box(&bytes)).expect("it fits"));
    });
}

fn head() -> Parts {
    Request::new(()).into_parts().0
}

/// From a body that was read to the handler's answer: the delivery, its slot, its task. An event of
/// which nothing is read, beside a probe, which has none of it, and beside a bare task.
fn deliver(c: &mut Criterion) {
    let mut stage = Stage::new(c, "deliver");
    let sent = Sent::new(bodies::INVOICE);
    stage.row("floor", &service_fn(floor), &sent);
    stage.row("floor in a task", &service_fn(in_a_task), &sent);
    stage.row("a probe", &ours::service(&bare::knock()), &sent);
    stage.row("a delivery", &ours::service(&bare::unread()), &sent);
}

struct Stage<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    runtime: Runtime,
}

impl<'a> Stage<'a> {
    fn new(c: &'a mut Criterion, name: &str) -> Self {
        Self {
            group: c.benchmark_group(name),
            runtime: runtime(),
        }
    }

    fn row<S>(&mut self, name: &str, service: &S, sent: &Sent)
    where
        S: Service<Request<Body>, Response: Send, Error: Debug + Send, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let Self { group, runtime } = self;
        group.bench_function(name, |b| time(b, runtime, service, sent));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = access, collect, decode, deliver
}
criterion_main!(benches);
