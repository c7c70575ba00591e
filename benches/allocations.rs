//! How often a request allocates and what a parked handler holds, counted and not timed. Every figure
//! of ours has a bound, which is what it was when it was last looked at; one that is over it ends this
//! with an error.
//!
//! With the default features: each metric of the feature `metrics` costs an allocation for its labels.

mod contenders;

use std::{convert::Infallible, fmt::Debug, process::ExitCode};

use allocation_counter::measure;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, DeadLetter, Delivery, Provider, RequestBody, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

use self::contenders::{
    SECRET, bare,
    bodies::{CLIENT, INVOICE, NOTICE},
    by_hand, exact,
    floor::floor,
    json, ours,
    plain::{self, NewClient, NewInvoice, Notice},
    sent::Sent,
};

fn main() -> ExitCode {
    let mut table = Table::default();
    println!("allocations of one request to the layer alone, besides those of its body and answer");
    requests(&mut table);
    println!("allocations of one stage");
    stages(&mut table);
    println!("allocations of decoding, and of serde_json for plain structs of the same fields");
    decodings(&mut table);
    println!("allocations of one request, whole, with axum");
    with_axum(&mut table);
    println!("bytes held for a handler that is parked, besides its own future and event");
    table.row("parked handler", 957, parked());
    table.end()
}

fn requests(table: &mut Table) {
    let storing = || ours::alegra().dead_letters(async |_: DeadLetter| Ok::<_, &str>(()));
    let (fails, wrong) = (StatusCode::INTERNAL_SERVER_ERROR, "/webhooks/guess");
    let alegra = |body: &'static str, status| layered(&ours::alegra(), &Sent::new(body), status);
    let stored = |body: &'static str, status| layered(&storing(), &Sent::new(body), status);
    let decoding_client = decoding(&Alegra::new(), CLIENT);

    table.row("probe", 0, alegra("", StatusCode::OK));
    let refused = layered(
        &ours::alegra(),
        &Sent::new(CLIENT).to(wrong),
        StatusCode::OK,
    );
    table.row("wrong secret", 3, refused);
    let malformed = alegra("[]]", StatusCode::OK) - decoding(&Alegra::new(), "[]]");
    table.row("no envelope, besides reading", 4, malformed);
    let notice = layered(&ours::bsale(), &Sent::new(NOTICE), StatusCode::OK);
    let notice = notice - decoding(&Bsale::new(), NOTICE);
    table.row("notice, besides decoding", 7, notice);
    let client = alegra(CLIENT, StatusCode::OK) - decoding_client;
    table.row("client, besides decoding", 7, client);
    let invoice = alegra(INVOICE, StatusCode::OK) - decoding(&Alegra::new(), INVOICE);
    table.row("invoice, besides decoding", 7, invoice);
    let with_store = stored(CLIENT, StatusCode::OK) - decoding_client;
    table.row("client with a store", 7, with_store);
    table.row(
        "client that is stored",
        28,
        stored(CLIENT, fails) - decoding_client,
    );
}

fn stages(table: &mut Table) {
    let knock = |sent: &Sent| layered(&bare::knock(), sent, StatusCode::OK);
    let access = |access, sent| {
        layered(
            &WebhookLayer::new(bare::Knock, access),
            &sent,
            StatusCode::OK,
        )
    };
    let invoice = Sent::new(INVOICE);

    table.row("access: open", 0, access(Access::open(), Sent::new("")));
    let labelled = Access::path([("shop", SECRET)]);
    table.row("access: a label", 0, access(labelled, Sent::new("")));
    table.row("collect: one frame", 1, knock(&invoice));
    table.row(
        "collect: frames of 64 bytes",
        2,
        knock(&invoice.clone().frames(64)),
    );
    table.row(
        "collect: frames of one byte",
        3,
        knock(&invoice.clone().frames(1)),
    );
    let unread = layered(&bare::unread(), &invoice, StatusCode::OK);
    table.row("delivery and task", 6, unread - knock(&invoice));
}

fn decodings(table: &mut Table) {
    table.row("a notice", 2, decoding(&Bsale::new(), NOTICE));
    table.compare("a notice, plain structs", plain::<Notice>(NOTICE));
    table.row("a client", 19, decoding(&Alegra::new(), CLIENT));
    table.compare("a client, plain structs", plain::<NewClient>(CLIENT));
    table.row("an invoice", 10, decoding(&Alegra::new(), INVOICE));
    table.compare("an invoice, plain structs", plain::<NewInvoice>(INVOICE));
}

fn with_axum(table: &mut Table) {
    let client = Sent::new(CLIENT);
    table.compare("(a) floor", whole(&service_fn(floor), &client));
    table.compare(
        "(b) timeout, limit, Json",
        whole(&json::router::<NewClient>(), &client),
    );
    table.compare(
        "(c) by hand",
        whole(&by_hand::router::<exact::Event>(), &client),
    );
    table.compare(
        "(c') by hand, plain structs",
        whole(&by_hand::router::<NewClient>(), &client),
    );
    table.row(
        "(d) layer, axum extractor",
        38,
        whole(&ours::router(&ours::alegra()), &client),
    );
}

/// One request to a layer around a handler that answers with that status.
fn layered<P: Provider>(layer: &WebhookLayer<P>, sent: &Sent, status: StatusCode) -> u64 {
    let handler = service_fn(move |request: Request<RequestBody>| async move {
        let has_it = request.extensions().get::<Delivery<P::Event>>().is_some();
        assert!(has_it, "the handler runs for a delivery");
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = status;
        Ok::<_, Infallible>(answer)
    });
    // What the answer of a handler costs is no matter of the layer's.
    whole(&layer.layer(handler), sent) - measure(|| drop(Body::empty())).count_total
}

/// One request, from the call to the end of the response's head. What is set up once is set up
/// before: the first requests are not counted.
fn whole<S>(service: &S, sent: &Sent) -> u64
where
    S: Service<Request<Body>, Error: Debug> + Clone,
{
    let runtime = runtime();
    let send = |request| drop(runtime.block_on(service.clone().oneshot(request)));
    for _ in 0..3 {
        send(sent.request());
    }
    let counted = sent.request();
    measure(|| send(counted)).count_total
}

fn decoding<P: Provider>(provider: &P, body: &'static str) -> u64 {
    let head = Request::new(()).into_parts().0;
    let body = Bytes::from_static(body.as_bytes());
    let decode = || drop(provider.receive(&head, &body));
    decode();
    measure(decode).count_total
}

fn plain<E: plain::Event>(body: &str) -> u64 {
    measure(|| drop(serde_json::from_str::<E>(body).expect("it fits"))).count_total
}

/// What stays while a handler is parked whose answer is long out: its task, its delivery, the body.
fn parked() -> u64 {
    const HANDLERS: usize = 1000;
    let handler = service_fn(|request: Request<RequestBody>| async move {
        drop(request);
        std::future::pending::<()>().await;
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let layer = bare::unread().deadline(std::time::Duration::from_millis(50));
    let webhook = layer.layer(handler);
    let runtime = runtime();
    let sent = Sent::new("parked");
    let send = |handlers: usize| {
        let requests: Vec<_> = (0..handlers).map(|_| sent.request()).collect();
        runtime.block_on(async {
            let requests = requests
                .into_iter()
                .map(|request| webhook.clone().oneshot(request));
            for answer in futures::future::join_all(requests).await {
                assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
            }
        });
    };
    send(1);
    let held = measure(|| send(HANDLERS)).bytes_current;
    assert_eq!(
        layer.background().in_flight(),
        HANDLERS + 1,
        "all are parked"
    );
    held.unsigned_abs() / HANDLERS as u64
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

#[derive(Default)]
struct Table {
    over: u32,
}

impl Table {
    fn row(&mut self, name: &str, bound: u64, figure: u64) {
        let over = figure > bound;
        let mark = if over { "  OVER" } else { "" };
        println!("  {name:<30}{figure:>5}  at most {bound}{mark}");
        self.over += u32::from(over);
    }

    /// A figure of somebody else's.
    fn compare(&mut self, name: &str, figure: u64) {
        println!("  {name:<30}{figure:>5}");
    }

    fn end(&self) -> ExitCode {
        if self.over == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("{} figures are over their bounds", self.over);
        ExitCode::FAILURE
    }
}
