//! The feature `metrics`: which names there are, which labels, and what they are worth.

mod util;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, StatusCode};
use http_body_util::Full;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit, with_local_recorder,
};
use tokio::time::sleep;
use tower_webhook::{Access, Failed, Late, WebhookLayer, alegra::Alegra, bsale::Bsale};

use self::util::{
    BSALE, Does, Handler, PANIC, Step, alegra,
    letters::{Care, Letters, delivery, quiet_panics},
    ms, post, post_body, send,
};

const NORTH: &str = "0123456789abcdef-north";
const SOUTH: &str = "0123456789abcdef-south";

/// Every metric so far, by its name and its labels: `name{label=value,…}`.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Values>>);

#[derive(Default)]
struct Values {
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, f64>,
    histograms: BTreeMap<String, Vec<f64>>,
    panics: bool,
}

/// One metric of a [`Recorded`].
struct One(Recorded, String);

impl Recorded {
    /// What a test does, on a runtime and a clock of its own, is recorded here.
    fn of<F: Future<Output = ()>>(test: impl FnOnce(Self) -> F) {
        quiet_panics();
        let recorded = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = runtime.expect("a runtime");
        with_local_recorder(&recorded.clone(), || runtime.block_on(test(recorded)));
    }

    /// Of all counters of that name: the labels, and the value.
    fn counters(&self, name: &str) -> Vec<(String, u64)> {
        brief(&self.0.lock().unwrap().counters, name)
    }

    fn gauges(&self, name: &str) -> Vec<(String, f64)> {
        brief(&self.0.lock().unwrap().gauges, name)
    }

    fn histograms(&self, name: &str) -> Vec<(String, Vec<f64>)> {
        brief(&self.0.lock().unwrap().histograms, name)
    }

    fn names(&self) -> BTreeSet<String> {
        let values = self.0.lock().unwrap();
        let names = values.counters.keys().chain(values.gauges.keys());
        names.chain(values.histograms.keys()).cloned().collect()
    }

    fn one(&self, key: &Key) -> Arc<One> {
        let panics = self.0.lock().unwrap().panics;
        assert!(!panics, "{PANIC}");
        let labels = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()));
        let labels = labels.collect::<Vec<_>>().join(",");
        Arc::new(One(self.clone(), format!("{}{{{labels}}}", key.name())))
    }
}

fn brief<T: Clone>(values: &BTreeMap<String, T>, name: &str) -> Vec<(String, T)> {
    let labelled = |(key, value): (&String, &T)| {
        let labels = key
            .strip_prefix(name)?
            .strip_prefix('{')?
            .strip_suffix('}')?;
        Some((labels.to_owned(), value.clone()))
    };
    values.iter().filter_map(labelled).collect()
}

fn owned<T: Clone>(values: &[(&str, T)]) -> Vec<(String, T)> {
    let values = values.iter();
    values
        .map(|(labels, value)| ((*labels).to_owned(), value.clone()))
        .collect()
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

impl One {
    fn gauge(&self, change: impl FnOnce(&mut f64)) {
        let mut values = self.0.0.lock().unwrap();
        change(values.gauges.entry(self.1.clone()).or_default());
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        let mut values = self.0.0.lock().unwrap();
        *values.counters.entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, _value: u64) {
        unreachable!("the layer only adds");
    }
}

impl GaugeFn for One {
    fn increment(&self, value: f64) {
        self.gauge(|gauge| *gauge += value);
    }

    fn decrement(&self, value: f64) {
        self.gauge(|gauge| *gauge -= value);
    }

    fn set(&self, value: f64) {
        self.gauge(|gauge| *gauge = value);
    }
}

impl HistogramFn for One {
    fn record(&self, value: f64) {
        let mut values = self.0.0.lock().unwrap();
        let recorded = values.histograms.entry(self.1.clone());
        recorded.or_default().push(value);
    }
}

fn status(status: u16) -> Handler {
    let status = StatusCode::from_u16(status).expect("a status");
    Handler::new(Does::Answer(status))
}

async fn sends(layer: &WebhookLayer<Alegra>, handler: &Handler, event: &str) {
    let _ = send(layer, handler, post(delivery(event, 1))).await;
}

fn to(secret: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(format!("/webhooks/{secret}"));
    request.body(Full::new(body.into())).expect("a request")
}

#[test]
fn each_request_is_counted_once_and_under_known_names() {
    Recorded::of(async |recorded| {
        let letters = Letters::always(Care::KeepAfter(ms(1)));
        let layer = alegra().handler_limit(ms(9000)).max_in_flight(8);
        sends(&layer, &status(204), "new-item").await;
        sends(&layer, &status(200), "new-item").await;
        sends(&layer, &status(500), "new-item").await;
        sends(&layer, &Handler::new(Does::Fail), "edit-bill").await;
        sends(&layer, &Handler::new(Does::PanicInCall), "edit-bill").await;
        sends(&layer, &Handler::new(Does::Never), "edit-bill").await;
        let never_ready = Handler::new(Does::Never).ready_after(None);
        sends(&layer, &never_ready, "edit-bill").await;
        for body in ["", r#"{"subject":"a sender's own"}"#, "no envelope"] {
            let _ = send(&layer, &status(204), post(body)).await;
        }
        let never = Handler::new(Does::Never);
        let hung_up = send(&layer, &never, post(delivery("new-bill", 1)));
        assert!(hung_up.now_or_never().is_none());
        let stored = layer.clone().dead_letters(letters);
        sends(&stored, &status(500), "delete-item").await;
        let bsale = WebhookLayer::new(Bsale::new(), Access::path([("north", NORTH)]));
        let _ = send(&bsale, &status(200), to(NORTH, BSALE)).await;
        let _ = send(&bsale, &status(200), to(SOUTH, BSALE)).await;
        // Ends after their answers are no requests of their own.
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);

        let expected = [
            ("provider=alegra,event=delete-item,outcome=stored", 1),
            ("provider=alegra,event=edit-bill,outcome=failed", 2),
            ("provider=alegra,event=edit-bill,outcome=late", 1),
            ("provider=alegra,event=edit-bill,outcome=rejected", 1),
            ("provider=alegra,event=new-bill,outcome=given_up", 1),
            ("provider=alegra,event=new-item,outcome=failed", 1),
            ("provider=alegra,event=new-item,outcome=handled", 2),
            ("provider=alegra,event=none,outcome=probe", 1),
            ("provider=alegra,event=none,outcome=rejected", 1),
            ("provider=alegra,event=other,outcome=handled", 1),
            ("provider=bsale,event=document,outcome=handled", 1),
            ("provider=bsale,event=none,outcome=rejected", 1),
        ];
        assert_eq!(
            recorded.counters("webhook_requests_total"),
            owned(&expected)
        );
        let refused = [("provider=bsale", 1)];
        assert_eq!(
            recorded.counters("webhook_access_refused_total"),
            owned(&refused)
        );
        let late = [("provider=alegra", 1)];
        assert_eq!(recorded.counters("webhook_late_total"), owned(&late));

        // Neither a tenant nor anything of a sender's own, anywhere; and no other names.
        let names = recorded.names();
        for text in ["north", NORTH, SOUTH, "sender", "tenant", "envelope"] {
            assert!(
                !names.iter().any(|name| name.contains(text)),
                "{text}: {names:?}"
            );
        }
        let bare = |name: &String| name.split('{').next().map(str::to_owned);
        let bare: BTreeSet<_> = names.iter().filter_map(bare).collect();
        let expected = [
            "webhook_access_refused_total",
            "webhook_body_bytes",
            "webhook_consecutive_failures",
            "webhook_dead_letters_total",
            "webhook_handlers_in_flight",
            "webhook_late_total",
            "webhook_requests_total",
            "webhook_response_seconds",
        ];
        assert!(bare.iter().eq(&expected), "{bare:?}");
    });
}

#[test]
fn the_time_of_an_answer_is_measured_and_no_late_end() {
    Recorded::of(async |recorded| {
        let layer = alegra();
        for after in [250, 1500, 9000] {
            let handler = Handler::new(Does::AnswerAfter(ms(after), StatusCode::OK));
            sends(&layer, &handler, "new-item").await;
        }
        let _ = send(&layer, &status(204), to(NORTH, "a wrong secret")).await;
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        let expected = [("provider=alegra", vec![0.25, 1.5, 3.0, 0.0])];
        assert_eq!(
            recorded.histograms("webhook_response_seconds"),
            owned(&expected)
        );
    });
}

#[test]
fn the_size_of_a_body_is_measured_where_it_was_read_whole() {
    Recorded::of(async |recorded| {
        let layer = alegra();
        let body = delivery("new-item", 1);
        let size = body.len();
        let _ = send(&layer, &status(204), post(body)).await;
        let _ = send(&layer, &status(204), post("no envelope")).await;
        let _ = send(&layer, &status(204), post("")).await;
        let broken = util::Script::new([Step::Data(b"{\"subj"), Step::Break]);
        let _ = send(&layer, &status(204), post_body(broken)).await;
        let _ = send(&layer, &status(204), to(NORTH, "a wrong secret")).await;
        let size = f64::from(u32::try_from(size).expect("a small body"));
        let expected = [("provider=alegra", vec![size, 11.0, 0.0])];
        assert_eq!(recorded.histograms("webhook_body_bytes"), owned(&expected));
    });
}

#[test]
fn of_failures_in_a_row_the_worst_of_all_tenants_is_shown() {
    Recorded::of(async |recorded| {
        let access = Access::path([("north", NORTH), ("south", SOUTH)]);
        let layer = WebhookLayer::new(Alegra::new(), access);
        let failures = || recorded.gauges("webhook_consecutive_failures");
        let of_items = |count: f64| owned(&[("provider=alegra,event=new-item", count)]);
        let body = delivery("new-item", 1);
        for (secret, answer, worst) in [
            (NORTH, 500, 1.0),
            (NORTH, 500, 2.0),
            (SOUTH, 500, 2.0),
            (NORTH, 204, 1.0),
            (SOUTH, 204, 0.0),
            (SOUTH, 204, 0.0),
        ] {
            let _ = send(&layer, &status(answer), to(secret, body.clone())).await;
            assert_eq!(failures(), of_items(worst), "{secret} {answer}");
        }
        // What could not be read may have been of any event of that tenant, or of one that it
        // never had.
        let unread = |items: f64, none: f64| {
            owned(&[
                ("provider=alegra,event=new-item", items),
                ("provider=alegra,event=none", none),
            ])
        };
        let _ = send(&layer, &status(204), to(SOUTH, "no envelope")).await;
        assert_eq!(failures(), unread(1.0, 1.0));
        let _ = send(&layer, &status(204), to(SOUTH, body)).await;
        assert_eq!(failures(), unread(0.0, 0.0));
    });
}

/// The recorder is the application's: what panics there costs no slot and no letter.
#[test]
fn a_recorder_that_panics_costs_nothing() {
    Recorded::of(async |recorded| {
        recorded.0.lock().unwrap().panics = true;
        let letters = Letters::always(Care::KeepAfter(ms(200)));
        let layer = alegra().dead_letters(letters.clone());
        // It succeeds while its pending letter is on the way.
        let handler = Handler::new(Does::AnswerAfter(ms(3100), StatusCode::OK));
        let answer = send(&layer, &handler, post(delivery("new-item", 1))).await;
        assert_eq!(answer.expect("its own").status(), 200);
        sleep(ms(5000)).await;
        assert_eq!(layer.background().in_flight(), 0);
        let told = letters.entries_of(1);
        let told: Vec<_> = told
            .iter()
            .map(|entry| (entry.what, entry.confirmed))
            .collect();
        assert_eq!(told, [("pending", Some(true)), ("done", Some(true))]);
        recorded.0.lock().unwrap().panics = false;
    });
}

#[test]
fn running_handlers_are_shown_until_they_have_ended() {
    Recorded::of(async |recorded| {
        let layer = alegra().handler_limit(ms(20_000)).deadline(ms(1000));
        let running = || recorded.gauges("webhook_handlers_in_flight");
        let handlers = |count: f64| owned(&[("provider=alegra", count)]);
        assert_eq!(running(), []);
        for does in [
            Does::Never,
            Does::AnswerAfter(ms(9000), StatusCode::OK),
            Does::PanicAfter(ms(9000)),
            Does::FailAfter(ms(9000)),
        ] {
            sends(&layer, &Handler::new(does), "new-item").await;
        }
        assert_eq!(running(), handlers(4.0));
        let never = Handler::new(Does::Never);
        let hung_up = send(&layer, &never, post(delivery("new-bill", 1)));
        assert!(hung_up.now_or_never().is_none());
        assert_eq!(running(), handlers(5.0));
        let never_ready = Handler::new(Does::Never).ready_after(None);
        sends(&layer, &never_ready, "new-item").await;
        sends(&layer, &Handler::new(Does::PanicInCall), "new-item").await;
        assert_eq!(running(), handlers(5.0));
        sleep(ms(10_000)).await;
        assert_eq!(running(), handlers(2.0));
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        assert_eq!(running(), handlers(0.0));
    });
}

#[test]
fn letters_are_counted_by_their_reason_once_the_store_has_them() {
    Recorded::of(async |recorded| {
        let layer = |care: Care| alegra().dead_letters(Letters::always(care));
        let sound = layer(Care::KeepAfter(ms(10))).handler_limit(ms(5000));
        let late = Handler::new(Does::FailAfter(ms(4000)));
        let never_ready = Handler::new(Does::Never).ready_after(None);
        let handlers = [
            status(204),
            status(500),
            status(404),
            Handler::new(Does::Fail),
            Handler::new(Does::PanicInCall),
            Handler::new(Does::Never),
            late,
            never_ready,
        ];
        for handler in &handlers {
            sends(&sound, handler, "new-item").await;
        }
        let _ = send(&sound, &status(204), post("no envelope")).await;
        let refusing = sound.clone().failed(Failed::Refuse).late(Late::Refuse);
        sends(&refusing, &status(500), "new-item").await;
        assert_eq!(sound.background().drain(ms(60_000)).await, 0);
        sends(&sound, &status(204), "new-item").await;
        // What the store does not confirm is no letter.
        for care in [Care::FailAfter(ms(10)), Care::PanicInCall, Care::Hang] {
            sends(&layer(care), &status(500), "new-item").await;
        }
        let expected = [
            ("provider=alegra,reason=busy", 1),
            ("provider=alegra,reason=draining", 1),
            ("provider=alegra,reason=error", 2),
            ("provider=alegra,reason=interrupted", 1),
            ("provider=alegra,reason=malformed", 1),
            ("provider=alegra,reason=panicked", 1),
            ("provider=alegra,reason=pending", 2),
            ("provider=alegra,reason=status", 3),
        ];
        assert_eq!(
            recorded.counters("webhook_dead_letters_total"),
            owned(&expected)
        );
    });
}

#[test]
fn what_is_late_is_counted_accepted_or_refused() {
    Recorded::of(async |recorded| {
        let late = Handler::new(Does::AnswerAfter(ms(9000), StatusCode::OK));
        for layer in [alegra(), alegra().late(Late::Refuse)] {
            sends(&layer, &late, "new-item").await;
            assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        }
        let expected = [("provider=alegra", 2)];
        assert_eq!(recorded.counters("webhook_late_total"), owned(&expected));
    });
}

/// Ten thousand strangers make one number larger, and no new ones.
#[test]
fn who_is_turned_away_is_counted_and_not_named() {
    Recorded::of(async |recorded| {
        let layer = alegra();
        let handler = status(204);
        let mut names = BTreeSet::new();
        for guess in 0..10_000 {
            let body = delivery("new-item", guess);
            let _ = send(&layer, &handler, to(&format!("guess-{guess}"), body)).await;
            if guess == 0 {
                names = recorded.names();
            }
        }
        let expected = [("provider=alegra", 10_000)];
        assert_eq!(
            recorded.counters("webhook_access_refused_total"),
            owned(&expected)
        );
        assert_eq!(recorded.names(), names);
        assert_eq!(recorded.gauges("webhook_consecutive_failures"), []);
    });
}
