//! A simulation of Alegra against three receivers whose handlers fail in every way: with a store it
//! loses neither a subscription nor a delivery.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Delivery, Event as _, OutcomeKind, RejectionKind, RequestBody, WebhookLayer,
    alegra::{self, Alegra},
};

use crate::util::{
    Broken, Chance, Does, Keeps, Outcomes, PANIC, Reply, Store, alegra, delivery, key_of, ms, pass,
    post, quiet_panics, rejection,
};

const DELIVERIES: u64 = 10_000;
const RECEIVERS: usize = 3;
const D: Duration = ms(3000);
const PATIENCE: Duration = ms(5000);
const SEED: u64 = 20_251_121;

#[rustfmt::skip]
const EVENTS: [&str; 12] = [
    "new-client", "edit-client", "delete-client", "new-item", "edit-item", "delete-item",
    "new-invoice", "edit-invoice", "delete-invoice", "new-bill", "edit-bill", "delete-bill",
];

/// No handler ever succeeds with one of these.
const ALWAYS_FAILS: &str = "edit-bill";

/// What the handler does with that delivery.
fn plan(event: &str, key: u64) -> Does {
    let mut chance = Chance::new(SEED ^ key);
    let is_late = chance.percent(30);
    let after = match is_late {
        false => ms(chance.below(2000)),
        true => ms(3001 + chance.below(7000)),
    };
    if event != ALWAYS_FAILS && chance.percent(55) {
        return Does::AnswerAfter(after, 204);
    }
    chance.pick(&[
        Does::AnswerAfter(after, 500),
        Does::FailAfter(after),
        Does::PanicInCall,
        Does::PanicAfter(after),
        Does::Never,
    ])
}

/// Keys of what was handled with success, and when.
type Handled = Arc<Mutex<BTreeMap<u64, Instant>>>;

/// A service that does what is planned for its delivery.
fn follows_the_plan(
    handled: Handled,
) -> impl Service<Request<RequestBody>, Response = Reply, Error = Broken, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |request: Request<RequestBody>| {
        let delivery = request.extensions().get::<Delivery<alegra::Event>>();
        let delivery = delivery.expect("a delivery");
        let key = key_of(delivery.raw());
        let does = plan(delivery.event().name(), key);
        assert!(!matches!(does, Does::PanicInCall), "{PANIC}");
        let handled = Arc::clone(&handled);
        async move {
            let result = does.run().await;
            let status = result.as_ref().map(Reply::status);
            if status.is_ok_and(|status| status.is_success()) {
                handled.lock().unwrap().insert(key, Instant::now());
            }
            result
        }
    })
}

/// What Alegra was answered for one delivery.
#[derive(Clone, Debug)]
struct Heard {
    event: &'static str,
    sent: Instant,
    took: Duration,
    /// `None` if there was no answer.
    status: Option<u16>,
    rejection: Option<RejectionKind>,
    /// Whether the store had confirmed a letter of it by then.
    was_kept: bool,
}

impl Heard {
    fn is_success(&self) -> bool {
        self.took < PATIENCE && matches!(self.status, Some(200..300))
    }
}

/// One count of failures in a row for each event.
#[derive(Default)]
struct Subscriptions {
    strikes: BTreeMap<&'static str, u32>,
    deleted: BTreeSet<&'static str>,
}

impl Subscriptions {
    fn hear(&mut self, heard: &Heard) {
        let strikes = self.strikes.entry(heard.event).or_default();
        *strikes = if heard.is_success() { 0 } else { *strikes + 1 };
        if *strikes >= 10 {
            self.deleted.insert(heard.event);
        }
    }
}

/// What came of a simulation.
struct Played {
    heard: BTreeMap<u64, Heard>,
    handled: BTreeMap<u64, Instant>,
    subscriptions: Subscriptions,
    outcomes: [Outcomes; RECEIVERS],
    layers: [WebhookLayer<Alegra>; RECEIVERS],
}

async fn play(store: Option<&Store>) -> Played {
    quiet_panics();
    let handled = Handled::default();
    let made = std::array::from_fn::<_, RECEIVERS, _>(|_| {
        let layer = alegra().max_in_flight(60).handler_limit(ms(12_000));
        Outcomes::of(match store {
            Some(store) => layer.dead_letters(store.clone()),
            None => layer,
        })
    });
    let layers = made.each_ref().map(|(layer, _)| layer.clone());
    let services = layers
        .each_ref()
        .map(|layer| layer.layer(follows_the_plan(Arc::clone(&handled))));

    let subscriptions = Arc::new(Mutex::new(Subscriptions::default()));
    let mut chance = Chance::new(SEED);
    let mut under_way = JoinSet::new();
    for key in 0..DELIVERIES {
        pass(ms(chance.below(40))).await;
        let event = chance.pick(&EVENTS);
        let receiver = usize::try_from(key).expect("an index") % RECEIVERS;
        let service = services[receiver].clone();
        let answering = service.oneshot(post(delivery(event, key)));
        let (store, subscriptions) = (store.cloned(), Arc::clone(&subscriptions));
        under_way.spawn(async move {
            let heard = hears(answering, event, key, store).await;
            subscriptions.lock().unwrap().hear(&heard);
            (key, heard)
        });
    }
    let heard = under_way.join_all().await.into_iter().collect();
    for layer in &layers {
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
    }
    let handled = handled.lock().unwrap().clone();
    let subscriptions = std::mem::take(&mut *subscriptions.lock().unwrap());
    Played {
        heard,
        handled,
        subscriptions,
        outcomes: made.map(|(_, outcomes)| outcomes),
        layers,
    }
}

async fn hears<R>(
    answering: impl Future<Output = Result<Response<R>, Broken>>,
    event: &'static str,
    key: u64,
    store: Option<Store>,
) -> Heard {
    let sent = Instant::now();
    let answer = timeout(PATIENCE, answering).await;
    let answer = answer.ok().and_then(Result::ok);
    Heard {
        event,
        sent,
        took: sent.elapsed(),
        status: answer.as_ref().map(|answer| answer.status().as_u16()),
        rejection: answer.as_ref().and_then(rejection),
        was_kept: store.is_some_and(|store| store.was_kept(key, None)),
    }
}

impl Played {
    fn keys(&self, which: impl Fn(u64, &Heard) -> bool) -> BTreeSet<u64> {
        let heard = self.heard.iter().filter(|(key, heard)| which(**key, heard));
        heard.map(|(key, _)| *key).collect()
    }

    /// No delivery may be like that.
    #[track_caller]
    fn none(&self, what: &str, which: impl Fn(u64, &Heard) -> bool) {
        let keys = self.keys(which);
        assert!(keys.is_empty(), "{what}: {} {keys:?}", keys.len());
    }

    /// How long after it was sent it was handled with success.
    fn handled_after(&self, key: u64) -> Option<Duration> {
        let at = self.handled.get(&key)?;
        Some(at.duration_since(self.heard[&key].sent))
    }

    fn count(&self, kind: OutcomeKind, late_end: bool) -> usize {
        let outcomes = self.outcomes.iter().flat_map(Outcomes::all);
        outcomes
            .filter(|outcome| outcome.kind() == kind && outcome.is_late_end() == late_end)
            .count()
    }

    /// The strikes of each receiver are those of its outcomes, in their order.
    #[track_caller]
    fn strikes_are_those_of_the_outcomes(&self) {
        for (layer, outcomes) in self.layers.iter().zip(&self.outcomes) {
            let outcomes = outcomes.all();
            let mut expected = BTreeMap::new();
            for outcome in outcomes.iter().filter(|it| !it.is_late_end()) {
                let strikes = expected.entry(outcome.event()).or_insert(0);
                let is_success = outcome.status().is_some_and(|status| status.is_success());
                *strikes = if is_success { 0 } else { *strikes + 1 };
            }
            let counted = layer.strikes().events();
            let counted: BTreeMap<_, _> =
                counted.iter().map(|it| (it.event(), it.count())).collect();
            assert_eq!(counted, expected);
        }
    }
}

/// A store that answers within a third of a second.
fn sound(key: u64, what: &'static str) -> Keeps {
    let mut chance = Chance::new(SEED ^ key.rotate_left(20) ^ what.len() as u64);
    Keeps::After(ms(chance.below(300)))
}

#[tokio::test(start_paused = true)]
async fn with_a_store_neither_a_subscription_nor_a_delivery_is_lost() {
    let store = Store::scripted(sound);
    let played = play(Some(&store)).await;

    assert_eq!(played.subscriptions.deleted, BTreeSet::new());
    assert_eq!(played.subscriptions.strikes.len(), EVENTS.len());
    played.none("no success", |_, heard| !heard.is_success());
    played.none("too late", |_, heard| heard.took > D + ms(1000));

    let undone = store.keys();
    let is_handled = |key| played.handled.contains_key(&key);
    played.none("neither handled nor stored", |key, _| {
        !is_handled(key) && !undone.contains(&key)
    });
    played.none("handled and still waiting for a replay", |key, _| {
        is_handled(key) && undone.contains(&key)
    });
    // Deliveries that were handled and stored before: all that were late, and no others.
    let both = played.keys(|key, _| is_handled(key) && store.was_kept(key, None));
    // One that ends in the millisecond of the deadline may be late or in time.
    let after = |key| played.handled_after(key);
    played.none("late and not stored", |key, _| {
        after(key) > Some(D) && !both.contains(&key)
    });
    played.none("in time and stored", |key, _| {
        after(key) < Some(D) && both.contains(&key)
    });
    assert!(!both.is_empty());
    for key in &both {
        let calls = store.calls_of(*key);
        let calls: Vec<_> = calls.iter().map(|call| call.what).collect();
        assert_eq!(calls, ["pending", "done"], "{key}");
    }
    assert_eq!(store.violations(), [""; 0]);

    let mut reasons = BTreeMap::<_, u32>::new();
    for letter in store.waiting() {
        *reasons.entry(letter.reason().as_str()).or_default() += 1;
        assert!(letter.is_acknowledged());
    }
    let expected = ["busy", "error", "interrupted", "panicked", "status"];
    assert!(reasons.keys().eq(&expected), "{reasons:?}");
    played.strikes_are_those_of_the_outcomes();
}

#[tokio::test(start_paused = true)]
async fn without_a_store_a_subscription_is_lost() {
    let played = play(None).await;
    assert!(played.subscriptions.deleted.contains(ALWAYS_FAILS));
    played.strikes_are_those_of_the_outcomes();
}

/// A store of which one call in ten fails, in some way.
fn unsound(key: u64, what: &'static str) -> Keeps {
    let mut chance = Chance::new(SEED ^ key.rotate_left(30) ^ what.len() as u64);
    let after = ms(chance.below(300));
    if chance.percent(90) {
        return Keeps::After(after);
    }
    chance.pick(&[
        Keeps::FailsAfter(after),
        Keeps::PanicsInCall,
        Keeps::PanicsAfter(after),
        Keeps::Hangs,
    ])
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_now_and_then_makes_no_success_of_a_failure() {
    let store = Store::scripted(unsound);
    let played = play(Some(&store)).await;
    assert_eq!(played.subscriptions.deleted, BTreeSet::new());
    played.none("too late", |_, heard| heard.took > D + ms(1000));

    // The layer's own success leaves only when the store has confirmed.
    let claimed = played.keys(|_, heard| heard.status == Some(202));
    played.none("claimed and not kept", |key, heard| {
        claimed.contains(&key) && !heard.was_kept
    });
    let told = played.count(OutcomeKind::Stored, false);
    let late = played.keys(|_, heard| heard.rejection == Some(RejectionKind::Late));
    let late_accepted = played.count(OutcomeKind::Late, false) - late.len();
    assert_eq!(claimed.len(), told + late_accepted);

    // What the provider takes for done is handled or waits for a replay.
    let undone = store.keys();
    let is_handled = |key| played.handled.contains_key(&key);
    let is_nowhere = |key| !is_handled(key) && !undone.contains(&key);
    played.none("lost", |key, heard| heard.is_success() && is_nowhere(key));
    let failures = played.keys(|_, heard| !heard.is_success());
    let not_2xx = |outcome: &tower_webhook::Outcome| {
        let is_success = outcome.status().is_some_and(|status| status.is_success());
        !outcome.is_late_end() && !is_success
    };
    let outcomes = played.outcomes.iter().flat_map(Outcomes::all);
    assert_eq!(outcomes.filter(not_2xx).count(), failures.len());
    assert!(failures.len() > 100, "the store failed often enough");
    played.strikes_are_those_of_the_outcomes();

    // Both, only where the call that it is done failed.
    let twice = played.keys(|key, _| is_handled(key) && undone.contains(&key));
    for key in &twice {
        let last = store.calls_of(*key).pop().expect("a letter");
        assert_eq!((last.what, last.confirmed == Some(true)), ("done", false));
    }
    // What is told as stored is in the store, if only as pending.
    let kept = played.keys(|key, _| !is_handled(key) && store.was_kept(key, None));
    let told_late = played.count(OutcomeKind::Stored, true);
    assert_eq!(kept.len(), told + told_late);
    assert_eq!(store.violations(), [""; 0]);
}
