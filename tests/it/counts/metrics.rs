//! The feature `metrics`: its names, their labels and values. The recorder is of one thread alone,
//! so these tests need no process of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::FutureExt;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit, with_local_recorder,
};
use tokio::time::sleep;
use tower_webhook::{Access, Failed, Late, WebhookLayer, bsale::Bsale};

use super::{answers, sends};
use crate::util::{
    BSALE, Does, Handler, Keeps, NORTH, PANIC, SOUTH, Script, Step, Store, alegra, delivery, ms,
    paused_runtime, post, post_body, post_to, quiet_panics, send, two_tenants,
};

/// The values of every metric so far, by its name and labels: `name{label=value,…}`. A counter and a
/// gauge have one value.
#[derive(Clone, Default)]
struct Recorded {
    values: Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    panics: Arc<AtomicBool>,
}

/// One metric of a [`Recorded`].
struct One(Recorded, String);

impl Recorded {
    /// Runs a test on a runtime of its own and records its metrics.
    fn of<F: Future<Output = ()>>(test: impl FnOnce(Self) -> F) {
        quiet_panics();
        let recorded = Self::default();
        with_local_recorder(&recorded.clone(), || {
            paused_runtime().block_on(test(recorded));
        });
    }

    /// Labels and values of all metrics of that name: `label=value,… [1.0]`.
    fn all(&self, name: &str) -> Vec<String> {
        let values = self.values.lock().unwrap();
        let labelled = values.iter().filter_map(|(key, values)| {
            let labels = key.strip_prefix(name)?.strip_prefix('{')?;
            Some(format!("{} {values:?}", labels.strip_suffix('}')?))
        });
        labelled.collect()
    }

    fn names(&self) -> BTreeSet<String> {
        self.values.lock().unwrap().keys().cloned().collect()
    }

    fn one(&self, key: &Key) -> Arc<One> {
        assert!(!self.panics.load(Ordering::SeqCst), "{PANIC}");
        let labels = key.labels();
        let labels = labels.map(|label| format!("{}={}", label.key(), label.value()));
        let labels = labels.collect::<Vec<_>>().join(",");
        Arc::new(One(self.clone(), format!("{}{{{labels}}}", key.name())))
    }
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
    fn change(&self, change: impl FnOnce(&mut Vec<f64>)) {
        let mut values = self.0.values.lock().unwrap();
        change(values.entry(self.1.clone()).or_default());
    }

    fn add(&self, value: f64) {
        self.change(|values| match values.first_mut() {
            Some(sum) => *sum += value,
            None => values.push(value),
        });
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, _value: u64) {
        unreachable!("the layer only adds");
    }
}

impl GaugeFn for One {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.change(|values| *values = vec![value]);
    }
}

impl HistogramFn for One {
    fn record(&self, value: f64) {
        self.change(|values| values.push(value));
    }
}

#[test]
fn each_request_is_counted_once_under_known_names() {
    Recorded::of(async |recorded| {
        let store = Store::new(Keeps::After(ms(1)));
        let layer = alegra().handler_limit(ms(9000)).max_in_flight(8);
        for status in [204, 200, 500] {
            answers(&layer, status, post(delivery("new-item", 1))).await;
        }
        let never = Handler::new(Does::Never);
        for handler in [
            Handler::new(Does::Fail),
            Handler::new(Does::PanicInCall),
            never.clone(),
            never.clone().ready_after(None),
        ] {
            sends(&layer, &handler, "edit-bill").await;
        }
        let refusing = layer.clone().late(Late::Refuse);
        sends(&refusing, &never, "edit-bill").await;
        for body in ["", r#"{"subject":"a sender's own"}"#, "no envelope"] {
            answers(&layer, 204, post(body)).await;
        }
        let hung_up = send(&layer, &never, post(delivery("new-bill", 1)));
        assert!(hung_up.now_or_never().is_none());
        let stored = layer.clone().dead_letters(store);
        sends(&stored, &Handler::answers(500), "delete-item").await;
        let bsale = WebhookLayer::new(Bsale::new(), Access::path([("north", NORTH)]));
        answers(&bsale, 200, post_to(NORTH, BSALE)).await;
        answers(&bsale, 200, post_to(SOUTH, BSALE)).await;
        // Late ends are no requests.
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);

        let expected = [
            "provider=alegra,event=delete-item,outcome=stored [1.0]",
            "provider=alegra,event=edit-bill,outcome=failed [2.0]",
            "provider=alegra,event=edit-bill,outcome=late [2.0]",
            "provider=alegra,event=edit-bill,outcome=rejected [1.0]",
            "provider=alegra,event=new-bill,outcome=given_up [1.0]",
            "provider=alegra,event=new-item,outcome=failed [1.0]",
            "provider=alegra,event=new-item,outcome=handled [2.0]",
            "provider=alegra,event=none,outcome=probe [1.0]",
            "provider=alegra,event=none,outcome=rejected [1.0]",
            "provider=alegra,event=other,outcome=handled [1.0]",
            "provider=bsale,event=document,outcome=handled [1.0]",
            "provider=bsale,event=none,outcome=rejected [1.0]",
        ];
        assert_eq!(recorded.all("webhook_requests_total"), expected);
        let refused = recorded.all("webhook_access_refused_total");
        assert_eq!(refused, ["provider=bsale [1.0]"]);
        let late = recorded.all("webhook_late_total");
        assert_eq!(late, ["provider=alegra [2.0]"]);

        // No tenant, nothing that a sender wrote, and no other names.
        let names = recorded.names();
        for text in ["north", NORTH, SOUTH, "sender", "tenant", "envelope"] {
            let is_told = names.iter().any(|name| name.contains(text));
            assert!(!is_told, "{text}: {names:?}");
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
fn the_time_of_an_answer_is_measured_and_not_that_of_a_late_end() {
    Recorded::of(async |recorded| {
        let layer = alegra();
        for after in [250, 1500, 9000] {
            let handler = Handler::new(Does::AnswerAfter(ms(after), 200));
            sends(&layer, &handler, "new-item").await;
        }
        answers(&layer, 204, post_to(NORTH, "a wrong secret")).await;
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        let expected = ["provider=alegra [0.25, 1.5, 3.0, 0.0]"];
        assert_eq!(recorded.all("webhook_response_seconds"), expected);
    });
}

#[test]
fn the_size_of_a_body_is_measured_when_it_was_read_to_its_end() {
    Recorded::of(async |recorded| {
        let layer = alegra();
        let body = delivery("new-item", 1);
        let size = body.len();
        answers(&layer, 204, post(body)).await;
        answers(&layer, 204, post("no envelope")).await;
        answers(&layer, 204, post("")).await;
        let broken = Script::new([Step::Data(b"{\"subj"), Step::Break]);
        let _ = send(&layer, &Handler::answers(204), post_body(broken)).await;
        answers(&layer, 204, post_to(NORTH, "a wrong secret")).await;
        let expected = [format!("provider=alegra [{size}.0, 11.0, 0.0]")];
        assert_eq!(recorded.all("webhook_body_bytes"), expected);
    });
}

#[test]
fn the_gauge_of_failures_in_a_row_shows_the_worst_tenant() {
    Recorded::of(async |recorded| {
        let layer = two_tenants();
        let failures = || recorded.all("webhook_consecutive_failures");
        let body = delivery("new-item", 1);
        for (secret, answer, worst) in [
            (NORTH, 500, 1),
            (NORTH, 500, 2),
            (SOUTH, 500, 2),
            (NORTH, 204, 1),
            (SOUTH, 204, 0),
            (SOUTH, 204, 0),
        ] {
            answers(&layer, answer, post_to(secret, body.clone())).await;
            let expected = [format!("provider=alegra,event=new-item [{worst}.0]")];
            assert_eq!(failures(), expected, "{secret} {answer}");
        }
        // An unreadable delivery may be of any event of that tenant, or of one that it never had.
        let both = |worst: u32| {
            ["new-item", "none"].map(|event| format!("provider=alegra,event={event} [{worst}.0]"))
        };
        answers(&layer, 204, post_to(SOUTH, "no envelope")).await;
        assert_eq!(failures(), both(1));
        answers(&layer, 204, post_to(SOUTH, body)).await;
        assert_eq!(failures(), both(0));
    });
}

#[test]
fn a_recorder_that_panics_costs_no_slot_and_no_letter() {
    Recorded::of(async |recorded| {
        recorded.panics.store(true, Ordering::SeqCst);
        let store = Store::new(Keeps::After(ms(200)));
        let layer = alegra().dead_letters(store.clone());
        // It succeeds while its pending letter is stored.
        let handler = Handler::new(Does::AnswerAfter(ms(3100), 200));
        let answer = send(&layer, &handler, post(delivery("new-item", 1))).await;
        assert_eq!(answer.expect("its own").status(), 200);
        sleep(ms(5000)).await;
        assert_eq!(layer.background().in_flight(), 0);
        let calls = store.calls_of(1).into_iter();
        let calls: Vec<_> = calls.map(|call| (call.what, call.confirmed)).collect();
        assert_eq!(calls, [("pending", Some(true)), ("done", Some(true))]);
        recorded.panics.store(false, Ordering::SeqCst);
    });
}

#[test]
fn handlers_are_in_flight_until_they_end() {
    Recorded::of(async |recorded| {
        let layer = alegra().handler_limit(ms(20_000)).deadline(ms(1000));
        let running = || recorded.all("webhook_handlers_in_flight");
        assert_eq!(running(), [""; 0]);
        for does in [
            Does::Never,
            Does::AnswerAfter(ms(9000), 200),
            Does::PanicAfter(ms(9000)),
            Does::FailAfter(ms(9000)),
        ] {
            sends(&layer, &Handler::new(does), "new-item").await;
        }
        assert_eq!(running(), ["provider=alegra [4.0]"]);
        let never = Handler::new(Does::Never);
        let hung_up = send(&layer, &never, post(delivery("new-bill", 1)));
        assert!(hung_up.now_or_never().is_none());
        assert_eq!(running(), ["provider=alegra [5.0]"]);
        let never_ready = Handler::new(Does::Never).ready_after(None);
        sends(&layer, &never_ready, "new-item").await;
        sends(&layer, &Handler::new(Does::PanicInCall), "new-item").await;
        assert_eq!(running(), ["provider=alegra [5.0]"]);
        sleep(ms(10_000)).await;
        assert_eq!(running(), ["provider=alegra [2.0]"]);
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        assert_eq!(running(), ["provider=alegra [0.0]"]);
    });
}

#[test]
fn letters_are_counted_by_reason_when_the_store_has_confirmed_them() {
    Recorded::of(async |recorded| {
        let layer = |keeps| alegra().dead_letters(Store::new(keeps));
        let sound = layer(Keeps::After(ms(10))).handler_limit(ms(5000));
        for does in [
            Does::Answer(204),
            Does::Answer(500),
            Does::Answer(404),
            Does::Fail,
            Does::PanicInCall,
            Does::Never,
            Does::FailAfter(ms(4000)),
        ] {
            sends(&sound, &Handler::new(does), "new-item").await;
        }
        let never_ready = Handler::new(Does::Never).ready_after(None);
        sends(&sound, &never_ready, "new-item").await;
        answers(&sound, 204, post("no envelope")).await;
        let refusing = sound.clone().failed(Failed::Refuse).late(Late::Refuse);
        sends(&refusing, &Handler::answers(500), "new-item").await;
        assert_eq!(sound.background().drain(ms(60_000)).await, 0);
        sends(&sound, &Handler::answers(204), "new-item").await;
        // What the store does not confirm is no letter.
        for keeps in [Keeps::FailsAfter(ms(10)), Keeps::PanicsInCall, Keeps::Hangs] {
            sends(&layer(keeps), &Handler::answers(500), "new-item").await;
        }
        let expected = [
            "provider=alegra,reason=busy [1.0]",
            "provider=alegra,reason=draining [1.0]",
            "provider=alegra,reason=error [2.0]",
            "provider=alegra,reason=interrupted [1.0]",
            "provider=alegra,reason=malformed [1.0]",
            "provider=alegra,reason=panicked [1.0]",
            "provider=alegra,reason=pending [2.0]",
            "provider=alegra,reason=status [3.0]",
        ];
        assert_eq!(recorded.all("webhook_dead_letters_total"), expected);
    });
}

/// Ten thousand requests with wrong secrets add to one counter and create no other.
#[test]
fn requests_without_access_are_counted_in_one_counter() {
    Recorded::of(async |recorded| {
        let layer = alegra();
        let handler = Handler::answers(204);
        let mut names = BTreeSet::new();
        for guess in 0..10_000 {
            let body = delivery("new-item", guess);
            let _ = send(&layer, &handler, post_to(&format!("guess-{guess}"), body)).await;
            if guess == 0 {
                names = recorded.names();
            }
        }
        let refused = recorded.all("webhook_access_refused_total");
        assert_eq!(refused, ["provider=alegra [10000.0]"]);
        assert_eq!(recorded.names(), names);
        assert_eq!(recorded.all("webhook_consecutive_failures"), [""; 0]);
    });
}
