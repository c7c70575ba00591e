//! A hundred thousand interleavings of what can go wrong at once: hang-ups, the deadline, handlers
//! that fail in each way, stores that do, limits, slots, readiness, a drain. Whatever happens, the
//! answer, the outcomes, the store and the strikes have to tell the same story.

mod actors;
mod case;
mod story;
#[path = "../util/mod.rs"]
mod util;

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_webhook::{Access, WebhookLayer, alegra::Alegra};

use self::{
    actors::{Handler, deliver},
    case::{Case, PAUSED, REAL, Scale, Sends, care},
    story::Story,
    util::{
        Outcomes,
        letters::{Letters, pass, quiet_panics},
        ms,
    },
};

/// How often each kind of end was seen.
type Tally = BTreeMap<String, u32>;

async fn play(case: &Case, scale: Scale, tally: &mut Tally) {
    let letters = {
        let case = case.clone();
        Letters::new(move |key, what| care(&case, &scale, key, what))
    };
    let access =
        Access::by(|head| Some(head.uri.path()[1..].to_owned()).filter(|it| !it.is_empty()));
    let layer = WebhookLayer::new(Alegra::new(), access)
        .deadline(scale.deadline)
        .late(case.late)
        .failed(case.failed)
        .max_in_flight(case.slots)
        .dead_letters(letters.clone());
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
        let sender = deliver(layer.clone(), handler.clone(), key, letters.clone());
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
                let is_kept = letters.was_kept(key, Some("shutdown"));
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
    assert_eq!(letters.violations(), [""; 0], "{case:#?}");
    let refused = case
        .plans
        .iter()
        .filter(|it| it.sends == Sends::WrongSecret);
    assert_eq!(
        layer.strikes().refused(),
        refused.count() as u64,
        "{case:#?}"
    );
    let kept = letters.keys();
    let strikes = layer.strikes().events();
    for ((key, heard), handler) in (0..).zip(heard).zip(&handlers) {
        let tenant = Some(key.to_string());
        let outcomes = outcomes.all().into_iter();
        let strikes = strikes.iter().filter(|it| it.tenant() == tenant.as_deref());
        let story = Story {
            case,
            plan: &handler.plan,
            heard,
            handled: *handler.handled.lock().unwrap(),
            outcomes: outcomes
                .filter(|it| it.tenant() == tenant.as_deref())
                .collect(),
            entries: letters.entries_of(key),
            is_kept: kept.contains(&key),
            strikes: strikes.map(tower_webhook::EventStrikes::count).sum(),
        };
        if handler.plan.sends != Sends::WrongSecret {
            story.holds(&scale);
        }
        for outcome in &story.outcomes {
            let late = if outcome.is_late_end() { ", late" } else { "" };
            let why = outcome.stored().map_or("", |reason| reason.as_str());
            let end = format!("{} {why}{late}", outcome.kind().as_str());
            *tally.entry(end).or_default() += 1;
        }
    }
}

/// Keys of the handlers that were called before that and run still.
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

/// That many cases from a seed on, in runtimes that do not grow old.
fn paused(seed: u64, cases: u64) {
    quiet_panics();
    let mut tally = Tally::new();
    for first in (seed..seed + cases).step_by(500) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(async {
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

/// All that there is to see.
const ENDS: [&str; 20] = [
    "probe ",
    "handled ",
    "handled , late",
    "late ",
    "given_up ",
    "rejected ",
    "failed ",
    "failed , late",
    "stored status",
    "stored error",
    "stored panicked",
    "stored interrupted",
    "stored busy",
    "stored draining",
    "stored malformed",
    "stored status, late",
    "stored error, late",
    "stored panicked, late",
    "stored interrupted, late",
    "left over",
];

#[test]
fn all_tell_the_same_story_in_the_first_quarter() {
    paused(1_000_000, 25_000);
}

#[test]
fn all_tell_the_same_story_in_the_second_quarter() {
    paused(2_000_000, 25_000);
}

#[test]
fn all_tell_the_same_story_in_the_third_quarter() {
    paused(3_000_000, 25_000);
}

#[test]
fn all_tell_the_same_story_in_the_last_quarter() {
    paused(4_000_000, 25_000);
}

/// In reality: threads, and no say in who comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_tell_the_same_story_on_many_threads() {
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
