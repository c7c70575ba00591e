//! What one request costs in process, without sockets, beside other receivers. A group is one body.

mod contenders;
mod in_process;

use std::fmt::Debug;

use axum::body::Body;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};
use tower_webhook::{Provider, WebhookLayer};

use self::{
    contenders::{
        by_hand, exact, floor, json, ours,
        plain::{self, NewClient, NewInvoice, Notice},
    },
    in_process::{CLIENT, INVOICE, NOTICE, Sent, long_invoice, signed},
};

/// Without (b), which does not answer probes.
fn probe(c: &mut Criterion) {
    let mut group = Group::new(c, "probe", Sent::new(""));
    group.row("(a) floor", &floor::router());
    group.row("(c) by hand", &by_hand::router::<exact::Event>());
    group.layer(&ours::alegra());
}

fn deliver(c: &mut Criterion) {
    let alegra = ours::alegra();
    Group::new(c, "bsale", Sent::new(NOTICE)).all::<Notice, Notice, _>(&ours::bsale());
    Group::new(c, "client", Sent::new(CLIENT)).all::<NewClient, exact::Event, _>(&alegra);
    Group::new(c, "invoice", Sent::new(INVOICE)).all::<NewInvoice, exact::Event, _>(&alegra);
    Group::new(c, "invoice-100kb", Sent::new(long_invoice()))
        .all::<NewInvoice, exact::Event, _>(&alegra);
}

fn check_signatures(c: &mut Criterion) {
    for (body, sent) in [
        ("invoice", Sent::signed(INVOICE)),
        ("invoice-100kb", Sent::signed(long_invoice())),
    ] {
        let mut group = Group::new(c, body, sent);
        group.row("(f) tower-github-webhook", &signed::github());
        group.row("(g) webhook-verify", &signed::verify());
        group.row("(h) layer, HMAC provider", &ours::service(&signed::layer()));
        group.row(
            "(h') (h) without the check",
            &ours::service(&signed::unchecked()),
        );
        group.bare_hmac();
    }
}

struct Group<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    runtime: Runtime,
    sent: Sent,
}

impl<'a> Group<'a> {
    fn new(c: &'a mut Criterion, name: &str, sent: Sent) -> Self {
        Self {
            group: c.benchmark_group(name),
            runtime: Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime"),
            sent,
        }
    }

    /// `E` is the event of (b) and (c'), `X` that of (c).
    fn all<E: plain::Event, X: by_hand::Receive, P: Provider>(mut self, layer: &WebhookLayer<P>) {
        self.row("(a) floor", &floor::router());
        self.row("(b) timeout, limit, Json", &json::router::<E>());
        self.row("(c) by hand", &by_hand::router::<X>());
        self.row("(c') by hand, plain structs", &by_hand::router::<E>());
        self.layer(layer);
    }

    fn layer<P: Provider>(&mut self, layer: &WebhookLayer<P>) {
        self.row("(d) layer", &ours::router(layer.clone()));
        self.row("(d') layer, route_service", &ours::route_service(layer));
        self.row("(e) layer, no axum", &ours::service(layer));
    }

    fn bare_hmac(&mut self) {
        let body = self.sent.body();
        let mac = signed::mac(&body);
        self.group.bench_function("(i) bare HMAC", |b| {
            b.iter(|| assert!(signed::is_signed(&body, &mac)));
        });
    }

    fn row<S, B>(&mut self, name: &str, service: &S)
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Clone,
    {
        let Self {
            group,
            runtime,
            sent,
        } = self;
        // A server clones the service for each request.
        let respond = async |request| {
            let response = service.clone().oneshot(request).await;
            let response = response.expect("a response");
            assert!(response.status().is_success(), "{}", response.status());
        };
        group.bench_function(name, |b| {
            b.to_async(&*runtime)
                .iter_batched(|| sent.request(), respond, BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, probe, deliver, check_signatures);
criterion_main!(benches);
