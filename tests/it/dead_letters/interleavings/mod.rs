//! 100,000 random cases of what can happen at once: hang-ups, the deadline, handlers and stores
//! that fail in each way, limits, slots, readiness, a drain. In each, the answer, the outcomes, the
//! store and the strikes have to agree.

mod actors;
mod case;
mod observed;

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_webhook::{Access, WebhookLayer, alegra::Alegra};

use self::{
    actors::{Handler, deliver},
    case::{Case, PAUSED, REAL, Scale, Sends, keeps},
    observed::Observed,
};
use crate::util::{Outcomes, Store, ms, pass, paused_runtime, quiet_panics};

/// How often each kind of end was seen.
type Tally = BTreeMap<String, u32>;

async fn play(case: &Case, scale: Scale, tally: &mut Tally) {
    let store = {
        let case = case.clone();
        Store::scripted(move |key, what| keeps(&case, &scale, key, what))
    };
    let access =
        Access::by(|head| Some(head.uri.path()[1..].to_owned()).filter(|it| !it.is_empty()));
    let layer = WebhookLayer::new(Alegra::new(), access)
        .deadline(scale.deadline)
        .late(case.late)
        .failed(case.failed)
        .max_in_flight(case.slots)
        .dead_letters(store.clone());
    let layer = match case.handler_limit {
        Some(limit) => layer.handler_limit(limit),
        None => layer,
    };
    let (layer, outcomes) = Outcomes::of(layer);

    let handlers = case.plans.iter().map(|plan| Handler {
        plan: plan.clone(),
        handled: Arc::default(),
        ready: Arc::default(),
    });
    let handlers: Vec<_> = handlers.collect();
    let mut senders = Vec::new();
    for (key, handler) in (0..).zip(&handlers) {
        let sender = deliver(layer.clone(), handler.clone(), key, store.clone());
        senders.push(tokio::spawn(sender));
    }
    if let Some((begins, limit)) = case.drain {
        pass(begins).await;
        let begun = Instant::now();
        let left = layer.background().drain(limit).await;
        if scale.paused {
            assert!(begun.elapsed() <= limit + ms(1000), "{case:#?}");
            let running = running(&handlers, begun + limit);
            assert!(left >= running.len(), "{left} {case:#?}");
            for key in running {
                let is_kept = store.was_kept(key, Some("shutdown"));
                assert!(is_kept || !case.sound, "{key} left over: {case:#?}");
                *tally.entry("left over".to_owned()).or_default() += 1;
            }
        }
    }
    let mut heard = Vec::new();
    for sender in senders {
        heard.push(sender.await.expect("no panic comes out of the layer"));
    }
    settle(&layer, scale).await;

    assert_eq!(layer.background().in_flight(), 0, "{case:#?}");
    assert_eq!(store.violations(), [""; 0], "{case:#?}");
    let plans = case.plans.iter();
    let wrong = plans.filter(|it| it.sends == Sends::WrongSecret);
    let refused = layer.strikes().refused();
    assert_eq!(refused, wrong.count() as u64, "{case:#?}");
    let kept = store.keys();
    let strikes = layer.strikes().events();
    for ((key, heard), handler) in (0..).zip(heard).zip(&handlers) {
        let tenant = Some(key.to_string());
        let outcomes = outcomes.all().into_iter();
        let strikes = strikes.iter().filter(|it| it.tenant() == tenant.as_deref());
        let observed = Observed {
            case,
            plan: &handler.plan,
            heard,
            handled: *handler.handled.lock().unwrap(),
            outcomes: outcomes
                .filter(|it| it.tenant() == tenant.as_deref())
                .collect(),
            calls: store.calls_of(key),
            is_kept: kept.contains(&key),
            strikes: strikes.map(tower_webhook::EventStrikes::count).sum(),
        };
        if handler.plan.sends != Sends::WrongSecret {
            observed.check(&scale);
        }
        for outcome in &observed.outcomes {
            let late = if outcome.is_late_end() { ", late" } else { "" };
            let why = outcome.stored().map_or("", |reason| reason.as_str());
            let end = format!("{} {why}{late}", outcome.kind().as_str());
            *tally.entry(end).or_default() += 1;
        }
    }
}

/// The keys of handlers that were called before that and still run.
fn running(handlers: &[Handler], before: Instant) -> Vec<u64> {
    let handled = handlers.iter().map(|it| *it.handled.lock().unwrap());
    (0..)
        .zip(handled)
        .filter(|(_, it)| it.called.is_some_and(|at| at < before) && !it.ended)
        .map(|(key, _)| key)
        .collect()
}

/// Until all handlers have ended, and all calls to the store but those that hang.
async fn settle(layer: &WebhookLayer<Alegra>, scale: Scale) {
    if scale.paused {
        return sleep(ms(60_000)).await;
    }
    layer.background().drain(scale.long * 1000).await;
}

/// Plays that many cases from a seed on, and starts a new runtime from time to time.
fn paused(seed: u64, cases: u64) {
    quiet_panics();
    let mut tally = Tally::new();
    for first in (seed..seed + cases).step_by(500) {
        paused_runtime().block_on(async {
            for seed in first..(first + 500).min(seed + cases) {
                play(&Case::new(seed, &PAUSED), PAUSED, &mut tally).await;
            }
        });
    }
    println!("{cases} cases: {tally:#?}");
    for end in ENDS {
        let seen = tally.get(end).copied().unwrap_or_default();
        assert!(u64::from(seen) > cases / 2000, "{end:?} seen {seen} times");
    }
}

/// Every kind of end that the cases have to show.
#[rustfmt::skip]
const ENDS: [&str; 20] = [
    "probe ", "handled ", "handled , late", "late ", "given_up ", "rejected ", "failed ",
    "failed , late", "stored status", "stored error", "stored panicked", "stored interrupted",
    "stored busy", "stored draining", "stored malformed", "stored status, late",
    "stored error, late", "stored panicked, late", "stored interrupted, late", "left over",
];

#[test]
fn everything_agrees() {
    std::thread::scope(|threads| {
        for seed in [1_000_000, 2_000_000, 3_000_000, 4_000_000] {
            threads.spawn(move || paused(seed, 25_000));
        }
    });
}

/// In real time and on threads, in no fixed order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_agrees_on_many_threads() {
    quiet_panics();
    let mut cases = JoinSet::new();
    for seed in 9_000_000..9_003_000 {
        if cases.len() >= 200 {
            cases.join_next().await.expect("cases").expect("no panic");
        }
        cases.spawn(async move {
            play(&Case::new(seed, &REAL), REAL, &mut Tally::new()).await;
        });
    }
    while let Some(case) = cases.join_next().await {
        case.expect("no panic");
    }
}
