//! The steps of a request, one by one.

mod contenders;

use std::hint::black_box;

use bytes::Bytes;
use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use http::{Request, request::Parts};
use serde_json::from_str;
use tower_webhook::{Provider, alegra::Alegra, bsale::Bsale};

use self::contenders::{
    bodies,
    plain::{self, NewClient, NewInvoice, Notice},
};

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
        b.iter(|| from_str::<E>(black_box(body)).expect("it fits").id().len());
    });
    group.bench_function(format!("{name}/typed event"), |b| {
        b.iter(|| provider.receive(&head, black_box(&bytes)).expect("it fits"));
    });
}

fn head() -> Parts {
    Request::new(()).into_parts().0
}

criterion_group!(benches, decode);
criterion_main!(benches);
