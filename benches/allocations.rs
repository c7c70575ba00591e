//! How often a request allocates, counted and not timed. Every figure has a bound, which is what it
//! was when it was last looked at; one that is over it ends this with an error.
//!
//! With the default features: each metric of the feature `metrics` costs an allocation for its labels.

use std::{convert::Infallible, process::ExitCode};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook::{
    Access, DeadLetter, Delivery, Provider, RequestBody, WebhookLayer, alegra::Alegra, bsale::Bsale,
};

const SECRET: &str = "5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10";

const NOTICE: &str = include_str!("../tests/data/bsale/document.json");
const CLIENT: &str = include_str!("../tests/data/alegra/new-client.json");
const INVOICE: &str = include_str!("../tests/data/alegra/new-invoice.json");

fn main() -> ExitCode {
    let mut table = Table::default();
    let alegra = || WebhookLayer::new(Alegra::new(), Access::path([SECRET]));
    let bsale = || WebhookLayer::new(Bsale::new(), Access::path([SECRET]));
    let storing = alegra().dead_letters(async |_: DeadLetter| Ok::<_, &str>(()));
    let fails = 500;

    table.row("probe", 0, through(&alegra(), SECRET, "", 200));
    table.row("wrong secret", 3, through(&alegra(), "guess", CLIENT, 200));
    for (name, bound, all, decoding) in [
        (
            "no envelope, besides reading",
            4,
            through(&alegra(), SECRET, "[]]", 200),
            decoding(&Alegra::new(), "[]]"),
        ),
        (
            "notice, besides decoding",
            7,
            through(&bsale(), SECRET, NOTICE, 200),
            decoding(&Bsale::new(), NOTICE),
        ),
        (
            "client, besides decoding",
            7,
            through(&alegra(), SECRET, CLIENT, 200),
            decoding(&Alegra::new(), CLIENT),
        ),
        (
            "invoice, besides decoding",
            7,
            through(&alegra(), SECRET, INVOICE, 200),
            decoding(&Alegra::new(), INVOICE),
        ),
        (
            "client with a store",
            7,
            through(&storing, SECRET, CLIENT, 200),
            decoding(&Alegra::new(), CLIENT),
        ),
        (
            "client that is stored",
            28,
            through(&storing, SECRET, CLIENT, fails),
            decoding(&Alegra::new(), CLIENT),
        ),
    ] {
        table.row(name, bound, all - decoding);
    }
    table.row("decoding a notice", 1, decoding(&Bsale::new(), NOTICE));
    table.row("decoding a client", 18, decoding(&Alegra::new(), CLIENT));
    table.row("decoding an invoice", 9, decoding(&Alegra::new(), INVOICE));
    table.end()
}

/// One request, from the call to the end of the response's head. What is set up once is set up
/// before: the first request is not counted.
fn through<P: Provider>(
    layer: &WebhookLayer<P>,
    secret: &str,
    body: &'static str,
    status: u16,
) -> u64 {
    let handler = service_fn(move |request: Request<RequestBody>| async move {
        let has_it = request.extensions().get::<Delivery<P::Event>>().is_some();
        assert!(has_it, "the handler runs for a delivery");
        let mut answer = Response::new(Full::<Bytes>::default());
        *answer.status_mut() = status.try_into().expect("a status");
        Ok::<_, Infallible>(answer)
    });
    let webhook = layer.layer(handler);
    let runtime = runtime();
    let request = || {
        let request = Request::post(format!("/webhooks/{secret}"));
        let body = Full::new(Bytes::from_static(body.as_bytes()));
        request.body(body).expect("a request")
    };
    let send = |request| drop(runtime.block_on(webhook.clone().oneshot(request)));
    for _ in 0..3 {
        send(request());
    }
    let counted = request();
    measure(|| send(counted)).count_total
}

fn decoding<P: Provider>(provider: &P, body: &'static str) -> u64 {
    let head = Request::new(()).into_parts().0;
    let body = Bytes::from_static(body.as_bytes());
    let decode = || drop(provider.receive(&head, &body));
    decode();
    measure(decode).count_total
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
    fn row(&mut self, name: &str, bound: u64, allocations: u64) {
        let over = allocations > bound;
        let mark = if over { "  OVER" } else { "" };
        println!("{name:<28}{allocations:>4}  at most {bound}{mark}");
        self.over += u32::from(over);
    }

    fn end(&self) -> ExitCode {
        if self.over == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("{} figures are over their bounds", self.over);
        ExitCode::FAILURE
    }
}
