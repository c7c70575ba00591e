//! The rows whose ratios decide, in turns of one or two milliseconds each. criterion runs one row after
//! the other, and a machine that is shared changes its pace meanwhile; here a ratio is of two turns of
//! one round, and what is printed is the median over many rounds.

mod contenders;

use std::{
    env,
    fmt::Debug,
    hint::black_box,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use tokio::runtime::Runtime;
use tower::{Service, service_fn};
use tower_webhook::{Access, Provider, WebhookLayer, alegra::Alegra, bsale::Bsale};

use self::contenders::{
    bare, bodies, by_hand,
    driver::{in_a_row, runtime},
    exact::Event,
    floor::floor,
    json, ours,
    plain::{self, NewClient, NewInvoice, Notice},
    sent::Sent,
};

/// At least.
const TURN: Duration = Duration::from_millis(1);
const ROUNDS: usize = 1500;

fn main() {
    // As criterion has it: without cargo's word that it is a bench, one round each to see that they run.
    let has = |flag: &str| env::args().any(|argument| argument == flag);
    let is_bench = has("--bench") && !has("--test");
    let rounds = if is_bench { ROUNDS } else { 1 };
    let large = bodies::invoice(100_000);
    let text = std::str::from_utf8(&large).expect("JSON is text");

    decode::<_, Notice>("bsale", &Bsale::new(), bodies::NOTICE, rounds);
    decode::<_, NewClient>("client", &Alegra::new(), bodies::CLIENT, rounds);
    decode::<_, NewInvoice>("invoice", &Alegra::new(), bodies::INVOICE, rounds);
    decode::<_, NewInvoice>("invoice of 100 KB", &Alegra::new(), text, rounds);

    let (alegra, bsale) = (ours::alegra(), ours::bsale());
    receive::<Notice, Notice, _>("bsale", &bsale, bodies::NOTICE, rounds);
    receive::<NewClient, Event, _>("client", &alegra, bodies::CLIENT, rounds);
    receive::<NewInvoice, Event, _>("invoice", &alegra, bodies::INVOICE, rounds);
    receive::<NewInvoice, Event, _>("invoice of 100 KB", &alegra, large.clone(), rounds);

    layer(rounds);
}

/// The typed event, beside `serde_json` and plain structs of the same fields. Text is what is known to
/// be UTF-8; what arrives are bytes.
fn decode<P: Provider, E: plain::Event>(name: &str, provider: &P, body: &str, rounds: usize) {
    let head = Request::new(()).into_parts().0;
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let mut turns = Turns::default();
    turns.row("plain structs, of text", || {
        serde_json::from_str::<E>(black_box(body)).expect("it fits")
    });
    turns.row("plain structs, of bytes", || {
        serde_json::from_slice::<E>(black_box(&bytes)).expect("it fits")
    });
    turns.row("typed event, of bytes", || {
        provider.receive(&head, black_box(&bytes)).expect("it fits")
    });
    let bases = ["plain structs, of text", "plain structs, of bytes"];
    turns.take(&format!("decode: {name}"), &bases, rounds);
}

/// Whole requests, as in `receive.rs`.
fn receive<E: plain::Event, X: by_hand::Receive, P: Provider>(
    name: &str,
    layer: &WebhookLayer<P>,
    body: impl Into<Bytes>,
    rounds: usize,
) {
    let (runtime, sent) = (runtime(), Sent::new(body));
    let (json, by_hand) = (json::router::<E>(), by_hand::router::<X>());
    let ours = ours::router(layer);
    let mut turns = Turns::default();
    turns.service("(b) timeout, limit, Json", &runtime, &json, &sent);
    turns.service("(c) by hand, same guarantees", &runtime, &by_hand, &sent);
    turns.service("(d) layer, axum extractor", &runtime, &ours, &sent);
    let bases = ["(b) timeout, limit, Json", "(c) by hand, same guarantees"];
    turns.take(&format!("receive: {name}"), &bases, rounds);
}

/// What the layer costs that neither decodes nor spawns.
fn layer(rounds: usize) {
    let (runtime, sent) = (runtime(), Sent::new(""));
    let open = ours::service(&WebhookLayer::new(bare::Knock, Access::open()));
    let secret = ours::service(&bare::knock());
    let floor = service_fn(floor);
    let mut turns = Turns::default();
    turns.service("floor", &runtime, &floor, &sent);
    turns.service("layer, open", &runtime, &open, &sent);
    turns.service("layer, a secret", &runtime, &secret, &sent);
    turns.take("probe", &["floor"], rounds);
}

#[derive(Default)]
struct Turns<'a> {
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'static str,
    /// Does it that many times; how long it took.
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
    times: u64,
    /// Nanoseconds for one, in each turn.
    seen: Vec<f64>,
}

impl<'a> Turns<'a> {
    fn add(&mut self, name: &'static str, run: impl FnMut(u64) -> Duration + 'a) {
        self.rows.push(Row {
            name,
            run: Box::new(run),
            times: 1,
            seen: Vec::new(),
        });
    }

    fn row<T>(&mut self, name: &'static str, mut act: impl FnMut() -> T + 'a) {
        self.add(name, move |times| {
            let start = Instant::now();
            for _ in 0..times {
                black_box(act());
            }
            start.elapsed()
        });
    }

    fn service<S>(
        &mut self,
        name: &'static str,
        runtime: &'a Runtime,
        service: &'a S,
        sent: &'a Sent,
    ) where
        S: Service<Request<Body>, Response: Send, Error: Debug + Send, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        self.add(name, |times| in_a_row(runtime, service, sent, times));
    }

    fn take(mut self, title: &str, bases: &[&str], rounds: usize) {
        if rounds > 1 {
            self.rows.iter_mut().for_each(Row::warm_up);
        }
        for round in 0..rounds {
            for turn in 0..self.rows.len() {
                let row = (round + turn) % self.rows.len();
                self.rows[row].take();
            }
        }
        println!("\n{title}");
        for row in &self.rows {
            println!("  {:30}{:>10.0} ns", row.name, median(&row.seen));
            let others = self.rows.iter().filter(|base| base.name != row.name);
            for base in others.filter(|base| bases.contains(&base.name)) {
                row.print_beside(base);
            }
        }
    }
}

impl Row<'_> {
    /// Until as many as make a turn are known, also where somebody else has the processor for a while.
    fn warm_up(&mut self) {
        while (0..3).any(|_| (self.run)(self.times) < TURN) {
            self.times *= 2;
        }
    }

    fn take(&mut self) {
        let time = (self.run)(self.times);
        self.seen.push(time.as_nanos() as f64 / self.times as f64);
    }

    fn print_beside(&self, base: &Row<'_>) {
        let pairs = || self.seen.iter().zip(&base.seen);
        let ratios: Vec<f64> = pairs().map(|(one, other)| one / other).collect();
        let more: Vec<f64> = pairs().map(|(one, other)| one - other).collect();
        let (low, high) = (quantile(&ratios, 0.25), quantile(&ratios, 0.75));
        println!(
            "    × {:.2} ({low:.2}–{high:.2}), {:+.0} ns, of {}",
            median(&ratios),
            median(&more),
            base.name
        );
    }
}

fn median(of: &[f64]) -> f64 {
    quantile(of, 0.5)
}

fn quantile(of: &[f64], share: f64) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[((of.len() - 1) as f64 * share) as usize]
}
