//! What one request costs in process, without sockets, beside what else receives webhooks. Groups are
//! bodies, so that the figures of one group are of one run and may be divided by each other.

mod contenders;

use std::fmt::Debug;

use axum::body::Body;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::Request;
use tokio::runtime::Runtime;
use tower::{Service, service_fn};
use tower_webhook::Provider;

use self::contenders::{
    bodies, by_hand,
    driver::{runtime, time},
    exact::Event,
    floor::{self, floor},
    json, ours,
    plain::{self, NewClient, NewInvoice, Notice},
    sent::Sent,
    signed,
};

fn receive(c: &mut Criterion) {
    let alegra = ours::alegra();
    let bsale = ours::bsale();
    let invoice = bodies::invoice(100_000);
    Group::new(c, "probe", Bytes::new()).all::<NewClient, Event, _>(&alegra);
    Group::new(c, "bsale", bodies::NOTICE).all::<Notice, Notice, _>(&bsale);
    Group::new(c, "client", bodies::CLIENT).all::<NewClient, Event, _>(&alegra);
    Group::new(c, "invoice", bodies::INVOICE).all::<NewInvoice, Event, _>(&alegra);
    Group::new(c, "invoice of 100 KB", invoice).all::<NewInvoice, Event, _>(&alegra);
}

/// Those that check a signature and decode nothing.
fn verify(c: &mut Criterion) {
    let bodies = [
        ("bsale, signed", Bytes::from(bodies::NOTICE)),
        ("invoice, signed", Bytes::from(bodies::INVOICE)),
        ("invoice of 100 KB, signed", bodies::invoice(100_000)),
    ];
    for (name, body) in bodies {
        let mut group = Group::new(c, name, body.clone());
        group.sent = Sent::signed(body);
        group.contender("(f) tower-github-webhook", &signed::github());
        group.contender("(g) webhook-verify", &signed::verify());
        group.contender("(h) layer, HMAC provider", &signed::service());
    }
}

struct Group<'a> {
    group: criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>,
    runtime: Runtime,
    sent: Sent,
}

impl<'a> Group<'a> {
    fn new(c: &'a mut Criterion, name: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        Self {
            group,
            runtime: runtime(),
            sent: Sent::new(body),
        }
    }

    fn all<E: plain::Event, X: by_hand::Receive, P: Provider>(
        mut self,
        layer: &tower_webhook::WebhookLayer<P>,
    ) {
        self.contender("(a) floor", &service_fn(floor));
        self.contender("(a') floor, in a task", &floor::router());
        self.contender("(b) timeout, limit, Json", &json::router::<E>());
        self.contender("(c) by hand, same guarantees", &by_hand::router::<X>());
        self.contender("(c') by hand, plain structs", &by_hand::router::<E>());
        self.contender("(d) layer, axum extractor", &ours::router(layer));
        self.contender("(e) layer alone", &ours::service(layer));
    }

    fn contender<S>(&mut self, name: &str, service: &S)
    where
        S: Service<Request<Body>, Response: Send, Error: Debug + Send, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let Self {
            group,
            runtime,
            sent,
        } = self;
        group.bench_function(name, |b| time(b, runtime, service, sent));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = receive, verify
}
criterion_main!(benches);
