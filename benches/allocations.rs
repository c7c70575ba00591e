//! Counts how often a request allocates and how many bytes a parked handler holds. A count above its
//! limit ends this program with an error.
//!
//! The limits hold for the default features: with `metrics`, each metric allocates its labels.

mod contenders;
mod in_process;

use std::{convert::Infallible, fmt::Debug, process::ExitCode};

use allocation_counter::measure;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    DeadLetter, Delivery, Incoming, Provider, RequestBody, WebhookLayer, alegra::Alegra,
    bsale::Bsale,
};

use self::{
    contenders::{
        by_hand, exact, floor, json, ours,
        plain::{self, NewClient, NewInvoice, Notice},
    },
    in_process::{CLIENT, INVOICE, NOTICE, Sent, signed},
};

/// Allocations of the layer for a delivery, decoding excluded.
const DELIVERY: u64 = 10;
/// More for a body in several frames: the buffer, and cutting it to the size of the body.
const FRAMES: u64 = 2;
const PROBE: u64 = 1;
const PARKED_HANDLER_BYTES: u64 = 3 * 1024;

fn main() -> ExitCode {
    let mut table = Table::default();
    println!("allocations of the layer for one request, without decoding");
    layer(&mut table);
    println!("allocations of decoding, and of serde_json with plain structs");
    decoding(&mut table);
    println!("allocations of one whole request for a client, through axum");
    through_axum(&mut table);
    println!("bytes that a parked handler holds, without its own future and event");
    table.limited("parked handler", parked_handler(), PARKED_HANDLER_BYTES);
    table.end()
}

fn layer(table: &mut Table) {
    let alegra = || responding(&ours::alegra(), StatusCode::NO_CONTENT);
    let bsale = responding(&ours::bsale(), StatusCode::NO_CONTENT);
    let with_store = || ours::alegra().dead_letters(async |_: DeadLetter| Ok::<_, Infallible>(()));
    let failing = responding(&with_store(), StatusCode::INTERNAL_SERVER_ERROR);
    let with_store = responding(&with_store(), StatusCode::NO_CONTENT);
    let client = || Sent::new(CLIENT).request();
    let decoding_client = decode(&Alegra::new(), CLIENT);
    let decoding_invoice = decode(&Alegra::new(), INVOICE);

    let probe = whole(&alegra(), || Sent::new("").request());
    table.limited("probe", probe, PROBE);
    let notice = whole(&bsale, || Sent::new(NOTICE).request()) - decode(&Bsale::new(), NOTICE);
    table.limited("notice", notice, DELIVERY);
    let plain = whole(&alegra(), client) - decoding_client;
    table.limited("client", plain, DELIVERY);
    let stored = whole(&with_store, client) - decoding_client;
    table.limited("client, with a store", stored, DELIVERY);
    let invoice = Sent::new(INVOICE);
    let one_frame = whole(&alegra(), || invoice.request()) - decoding_invoice;
    table.limited("invoice", one_frame, DELIVERY);
    let frames = whole(&alegra(), || invoice.in_frames_of_one_byte()) - decoding_invoice;
    table.limited("invoice, frames of one byte", frames, DELIVERY + FRAMES);

    let stored = whole(&failing, client) - decoding_client;
    table.row("client that becomes a letter", stored);
    let wrong = Sent::new(CLIENT).to("/webhooks/guess");
    table.row("wrong secret", whole(&alegra(), || wrong.request()));
}

fn decoding(table: &mut Table) {
    table.row("notice", decode(&Bsale::new(), NOTICE));
    table.row("notice, plain structs", decode_plain::<Notice>(NOTICE));
    table.row("client", decode(&Alegra::new(), CLIENT));
    table.row("client, plain structs", decode_plain::<NewClient>(CLIENT));
    table.row("invoice", decode(&Alegra::new(), INVOICE));
    let invoice = decode_plain::<NewInvoice>(INVOICE);
    table.row("invoice, plain structs", invoice);
}

fn through_axum(table: &mut Table) {
    let client = || Sent::new(CLIENT).request();
    table.row("(a) floor", whole(&floor::router(), client));
    let json = json::router::<NewClient>();
    table.row("(b) timeout, limit, Json", whole(&json, client));
    let by_hand = by_hand::router::<exact::Event>();
    table.row("(c) by hand", whole(&by_hand, client));
    let by_hand = by_hand::router::<NewClient>();
    table.row("(c') by hand, plain structs", whole(&by_hand, client));
    table.row("(d) layer", whole(&ours::router(ours::alegra()), client));
}

/// The layer around a handler that responds with this status and does not allocate.
fn responding<P: Provider>(
    layer: &WebhookLayer<P>,
    status: StatusCode,
) -> impl Service<Request<Body>, Error = Infallible> + Clone + use<P> {
    layer.layer(service_fn(
        move |request: Request<RequestBody>| async move {
            let delivery = request.extensions().get::<Delivery<P::Event>>();
            assert!(delivery.is_some(), "the layer adds the delivery");
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        },
    ))
}

/// Counts one request, from the call to the dropped response. The first requests, which set up what
/// later ones share, are not counted, and neither is the making of the request.
fn whole<S>(service: &S, request: impl Fn() -> Request<Body>) -> u64
where
    S: Service<Request<Body>, Error: Debug> + Clone,
{
    let runtime = runtime();
    let send = |request| drop(runtime.block_on(service.clone().oneshot(request)));
    for _ in 0..3 {
        send(request());
    }
    let counted = request();
    measure(|| send(counted)).count_total
}

fn decode<P: Provider>(provider: &P, body: &'static str) -> u64 {
    let head = Request::new(()).into_parts().0;
    let body = Bytes::from_static(body.as_bytes());
    let decode = || drop(provider.decode(&Incoming::new(&head, &body)));
    decode();
    measure(decode).count_total
}

fn decode_plain<E: plain::Event>(body: &str) -> u64 {
    measure(|| drop(serde_json::from_str::<E>(body).expect("the body fits"))).count_total
}

/// Counts what remains while a handler still runs whose request is answered.
fn parked_handler() -> u64 {
    const HANDLERS: usize = 1000;
    let layer = signed::layer();
    let webhook = layer.layer(service_fn(|request: Request<RequestBody>| async move {
        drop(request);
        std::future::pending::<Result<Response<Body>, Infallible>>().await
    }));
    let sent = Sent::signed("parked");
    let runtime = runtime();
    let park = |handlers: usize| {
        let requests = (0..handlers).map(|_| webhook.clone().oneshot(sent.request()));
        let responses = runtime.block_on(futures::future::join_all(requests));
        for response in responses {
            assert_eq!(response.expect("a response").status(), StatusCode::OK);
        }
    };
    park(1);
    let held = measure(|| park(HANDLERS)).bytes_current;
    assert_eq!(layer.background().in_flight(), HANDLERS + 1);
    held.unsigned_abs() / HANDLERS as u64
}

/// With a paused clock: a slow machine does not miss deadlines.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

#[derive(Default)]
struct Table {
    too_many: u32,
}

impl Table {
    fn row(&mut self, name: &str, count: u64) {
        println!("  {name:<30}{count:>5}");
    }

    fn limited(&mut self, name: &str, count: u64, limit: u64) {
        let mark = if count > limit { "  TOO MANY" } else { "" };
        println!("  {name:<30}{count:>5}  at most {limit}{mark}");
        self.too_many += u32::from(count > limit);
    }

    fn end(&self) -> ExitCode {
        if self.too_many == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("{} counts are above their limits", self.too_many);
        ExitCode::FAILURE
    }
}
