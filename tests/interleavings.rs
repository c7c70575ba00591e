//! A hundred thousand interleavings of what can go wrong at once: hang-ups, the deadline, handlers
//! that fail in each way, stores that do, limits, slots, readiness, a drain. Whatever happens, the
//! answer, the outcomes, the store and the strikes have to tell the same story.

mod util;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, StatusCode};
use tokio::{
    task::JoinSet,
    time::{Instant, Sleep, sleep},
};
use tower::{Layer, Service};
use tower_webhook::{
    Access, Failed, Late, Outcome, OutcomeKind, RejectionKind, RequestBody, WebhookLayer,
    alegra::Alegra,
};

use self::util::{
    Broken, Outcomes, PANIC, Reply, Script, Step,
    letters::{Care, Chance, Entry, Letters, delivery, pass, quiet_panics},
    ms, rejection, reply,
};

/// How long things take: on the paused clock, or in reality.
#[derive(Clone, Copy)]
struct Scale {
    deadline: Duration,
    steps: &'static [Duration],
    /// Of a handler that is all but never done.
    long: Duration,
    paused: bool,
}

const PAUSED: Scale = Scale {
    deadline: ms(300),
    steps: &[
        ms(0),
        ms(0),
        ms(1),
        ms(100),
        ms(299),
        ms(300),
        ms(301),
        ms(600),
        ms(1299),
        ms(1300),
        ms(1301),
        ms(2500),
    ],
    long: ms(20_000),
    paused: true,
};

const REAL: Scale = Scale {
    deadline: ms(4),
    steps: &[ms(0), ms(0), ms(1), ms(2), ms(3), ms(4), ms(5), ms(8)],
    long: ms(25),
    paused: false,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sends {
    Event,
    Malformed,
    Probe,
    /// A body that never ends.
    Nothing,
    WrongSecret,
}

#[derive(Clone, Copy, Debug)]
enum Ready {
    After(Duration),
    Never,
    Fails,
    Panics,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Status(u16, Duration),
    Fail(Duration),
    PanicInCall,
    Panic(Duration),
}

/// One delivery of a case.
#[derive(Clone, Debug)]
struct Plan {
    begins: Duration,
    sends: Sends,
    ready: Ready,
    does: Does,
    hangs_up: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    plans: Vec<Plan>,
    slots: usize,
    late: Late,
    failed: Failed,
    handler_limit: Option<Duration>,
    drain: Option<(Duration, Duration)>,
    /// Whether the store keeps everything at once.
    sound: bool,
}

impl Case {
    fn new(seed: u64, scale: &Scale) -> Self {
        let mut chance = Chance::new(seed);
        let deliveries = 1 + chance.below(3);
        Self {
            seed,
            plans: (0..deliveries)
                .map(|_| Plan::new(&mut chance, scale))
                .collect(),
            slots: chance.pick(&[1, 1, 2, 8]),
            late: chance.pick(&[Late::Accept, Late::Accept, Late::Refuse]),
            failed: chance.pick(&[Failed::Accept, Failed::Accept, Failed::Refuse]),
            handler_limit: chance.percent(30).then(|| chance.pick(&scale.steps[2..])),
            drain: chance
                .percent(35)
                .then(|| (chance.pick(scale.steps), chance.pick(scale.steps))),
            sound: chance.percent(40),
        }
    }
}

impl Plan {
    fn new(chance: &mut Chance, scale: &Scale) -> Self {
        let after = |chance: &mut Chance| match chance.percent(10) {
            true => scale.long,
            false => chance.pick(scale.steps),
        };
        Self {
            begins: chance.pick(scale.steps),
            sends: match chance.below(100) {
                0..88 => Sends::Event,
                88..94 => Sends::Malformed,
                94..96 => Sends::Probe,
                96..98 => Sends::Nothing,
                _ => Sends::WrongSecret,
            },
            ready: match chance.below(100) {
                0..60 => Ready::After(ms(0)),
                60..85 => Ready::After(chance.pick(scale.steps)),
                85..92 => Ready::Never,
                92..96 => Ready::Fails,
                _ => Ready::Panics,
            },
            does: match chance.below(100) {
                0..45 => Does::Status(204, after(chance)),
                45..65 => Does::Status(chance.pick(&[500, 302, 404]), after(chance)),
                65..80 => Does::Fail(after(chance)),
                80..88 => Does::PanicInCall,
                _ => Does::Panic(after(chance)),
            },
            hangs_up: chance.percent(35).then(|| chance.pick(scale.steps)),
        }
    }
}

/// What the store does with that call; a matter of chance, and the same each time.
fn care(case: &Case, scale: &Scale, key: u64, what: &str) -> Care {
    let mut chance = Chance::new(case.seed ^ (key + 1).rotate_left(40) ^ (what.len() as u64) << 32);
    if case.sound {
        return Care::KeepAfter(chance.pick(&[ms(0), ms(1)]));
    }
    let after = chance.pick(scale.steps);
    match chance.below(10) {
        0..5 => Care::KeepAfter(after),
        5..7 => Care::FailAfter(after),
        7 => Care::PanicInCall,
        8 => Care::PanicAfter(after),
        _ if scale.paused => Care::Hang,
        // For as long as anybody waits for it.
        _ => Care::KeepAfter(ms(1200)),
    }
}

/// What is known of a handler, from itself.
#[derive(Clone, Copy, Debug, Default)]
struct Handled {
    called: Option<Instant>,
    ended: bool,
    succeeded: bool,
}

/// An inner service that follows the plan of its delivery.
#[derive(Clone)]
struct Handler {
    plan: Plan,
    handled: Arc<Mutex<Handled>>,
    ready: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

impl Service<Request<RequestBody>> for Handler {
    type Response = Reply;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self.plan.ready {
            Ready::After(Duration::ZERO) => Poll::Ready(Ok(())),
            Ready::After(delay) => {
                let mut ready = self.ready.lock().unwrap();
                let ready = ready.get_or_insert_with(|| Box::pin(sleep(delay)));
                ready.as_mut().poll(cx).map(Ok)
            }
            Ready::Never => Poll::Pending,
            Ready::Fails => Poll::Ready(Err(Broken)),
            Ready::Panics => panic!("{PANIC}"),
        }
    }

    fn call(&mut self, _request: Request<RequestBody>) -> Self::Future {
        self.handled.lock().unwrap().called = Some(Instant::now());
        let ended = Ended(Arc::clone(&self.handled));
        let does = self.plan.does;
        assert!(!matches!(does, Does::PanicInCall), "{PANIC}");
        Box::pin(async move {
            match does {
                Does::Status(status, after) => {
                    pass(after).await;
                    let status = StatusCode::from_u16(status).expect("a status");
                    ended.0.lock().unwrap().succeeded = status.is_success();
                    Ok(reply(status))
                }
                Does::Fail(after) => {
                    pass(after).await;
                    Err(Broken)
                }
                Does::Panic(after) => {
                    pass(after).await;
                    panic!("{PANIC}")
                }
                Does::PanicInCall => unreachable!("it panicked before"),
            }
        })
    }
}

/// Says that the handler's future is gone, however it went.
struct Ended(Arc<Mutex<Handled>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().unwrap().ended = true;
    }
}

/// What the sender heard, if it waited: the status and the rejection, or that the service failed.
#[derive(Debug)]
struct Heard {
    answer: Option<Result<(u16, Option<RejectionKind>), Broken>>,
    took: Duration,
    /// When it was heard, the store had confirmed a letter of it.
    was_kept: bool,
}

async fn deliver(
    layer: WebhookLayer<Alegra>,
    handler: Handler,
    key: u64,
    letters: Letters,
) -> Heard {
    let plan = handler.plan.clone();
    pass(plan.begins).await;
    let sent = Instant::now();
    let body = match plan.sends {
        Sends::Event | Sends::WrongSecret => Step::Owned(delivery("new-item", key).into()),
        Sends::Malformed => Step::Owned(format!("no envelope: {key}").into()),
        Sends::Probe => Step::Data(b""),
        Sends::Nothing => Step::Hang,
    };
    let path = match plan.sends {
        Sends::WrongSecret => "/".to_owned(),
        _ => format!("/{key}"),
    };
    let request = Request::post(path).body(Script::new([body]));
    let mut webhook = layer.layer(handler);
    let answering = webhook.call(request.expect("a request"));
    let answer = match plan.hangs_up {
        None => Some(answering.await),
        Some(at) => tokio::select! {
            biased;
            () = pass(at) => None,
            answer = answering => Some(answer),
        },
    };
    Heard {
        answer: answer.map(|answer| answer.map(|it| (it.status().as_u16(), rejection(&it)))),
        took: sent.elapsed(),
        was_kept: letters.was_kept(key, None),
    }
}

/// What became of one delivery.
#[derive(Debug)]
struct Story<'a> {
    case: &'a Case,
    plan: &'a Plan,
    heard: Heard,
    handled: Handled,
    outcomes: Vec<Outcome>,
    entries: Vec<Entry>,
    /// Whether the store has it, not done.
    is_kept: bool,
    strikes: u32,
}

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

impl Story<'_> {
    #[track_caller]
    fn is(&self, true_that: bool, what: &str) {
        assert!(true_that, "{what}: {self:#?}");
    }

    fn holds(&self, scale: &Scale) {
        let (firsts, lates): (Vec<_>, Vec<_>) = self
            .outcomes
            .iter()
            .partition(|outcome| !outcome.is_late_end());
        self.is(firsts.len() == 1, "one outcome");
        let first = firsts[0];
        let called = self.handled.called.is_some();
        let unanswered = matches!(first.kind(), OutcomeKind::Late | OutcomeKind::GivenUp);
        let due = usize::from(called && unanswered);
        self.is(
            lates.len() == due,
            "a late end where the handler did not answer",
        );
        let handled = self.outcomes.iter();
        let handled = handled.filter(|it| it.kind() == OutcomeKind::Handled);
        let succeeded = usize::from(self.handled.succeeded);
        self.is(handled.count() == succeeded, "told as it was");

        self.the_answer_is_that_of(first);
        self.the_store_agrees_with_all();
        self.the_store_was_asked_in_order();
        if scale.paused {
            let limit = scale.deadline + ms(1000);
            self.is(
                self.heard.answer.is_none() || self.heard.took <= limit,
                "in time",
            );
        }
        let is_2xx = first.status().is_some_and(|status| status.is_success());
        self.is(
            self.strikes == u32::from(!is_2xx),
            "a strike for all but a 2xx",
        );
    }

    fn the_answer_is_that_of(&self, first: &Outcome) {
        let Some(answer) = &self.heard.answer else {
            return;
        };
        self.is(first.kind() != OutcomeKind::GivenUp, "it was answered");
        match answer {
            Err(Broken) => {
                self.is(first.kind() == OutcomeKind::Failed, "an error is a failure");
                self.is(first.status().is_none(), "an error has no status");
            }
            Ok((status, rejection)) => {
                let told = first.status().map(|status| status.as_u16());
                self.is(told == Some(*status), "the status that went out");
                let told = first.rejection().map(tower_webhook::Rejection::kind);
                let is_stored = first.kind() == OutcomeKind::Stored;
                self.is(
                    is_stored || told == *rejection,
                    "the rejection that went out",
                );
                self.is(!is_stored || *status == 202, "stored is a success");
            }
        }
        // A success of the layer's own is heard of what is kept, and of nothing else.
        let claims = matches!(answer, Ok((202, _)));
        self.is(!claims || self.heard.was_kept, "claimed and not kept");
        let is_probe = self.plan.sends == Sends::Probe;
        let is_success = matches!(answer, Ok((200..300, _))) && !is_probe;
        self.is(
            !is_success || self.handled.succeeded || self.is_kept,
            "acknowledged and lost",
        );
    }

    fn the_store_agrees_with_all(&self) {
        for outcome in &self.outcomes {
            let stored = outcome.stored().map(|reason| reason.as_str());
            self.is(
                stored.is_some() == (outcome.kind() == OutcomeKind::Stored),
                "a reason for what is stored",
            );
            let confirmed =
                |entry: &Entry| Some(entry.what) == stored && entry.confirmed == Some(true);
            self.is(
                stored.is_none() || self.entries.iter().any(confirmed),
                "told as stored and not kept",
            );
            let is_failure = match outcome.rejection().map(tower_webhook::Rejection::kind) {
                Some(RejectionKind::Timeout) => false,
                _ => matches!(outcome.kind(), OutcomeKind::Failed | OutcomeKind::Rejected),
            };
            self.is(
                !is_failure || !self.entries.is_empty(),
                "the store was asked",
            );
            let accepts = self.case.failed == Failed::Accept || outcome.is_late_end();
            self.is(
                !is_failure || !accepts || !self.case.sound,
                "a sound store makes a success of a failure",
            );
        }
        let nothing = matches!(self.plan.sends, Sends::Probe | Sends::Nothing);
        self.is(!nothing || self.entries.is_empty(), "nothing to store");
        let letters = self.entries.iter().filter(|entry| entry.what != "done");
        let Some(last) = letters.filter(|it| it.confirmed == Some(true)).last() else {
            return;
        };
        let called = u32::from(self.handled.called.is_some());
        self.is(last.attempts == called, "how often a handler had it");
        if let Some(answer) = &self.heard.answer {
            let claims = matches!(answer, Ok((202, _)));
            self.is(
                !claims || last.acknowledged,
                "an acknowledged letter says so",
            );
            let is_failure = !matches!(answer, Ok((200..300, _)));
            self.is(
                !is_failure || !self.case.sound || !last.acknowledged,
                "a letter of a failure that went out says so",
            );
        }
    }

    fn the_store_was_asked_in_order(&self) {
        let id = self.entries.first().map(|entry| &entry.id);
        let one_id = self.entries.iter().all(|entry| Some(&entry.id) == id);
        self.is(one_id, "one id");
        let dones = self.entries.iter().filter(|entry| entry.what == "done");
        let dones = dones.count();
        self.is(
            dones <= usize::from(self.handled.succeeded),
            "done is what succeeded",
        );
        let hangs = self.entries.iter().any(|entry| entry.care == Care::Hang);
        if self.handled.succeeded && !self.entries.is_empty() && !hangs {
            self.is(dones == 1, "what succeeded is done");
            self.is(
                self.entries.last().is_some_and(|it| it.what == "done"),
                "done is last",
            );
        }
    }
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
