use std::{
    collections::VecDeque,
    error::Error,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::sync::oneshot;

use super::{
    Confirmation, DeadLetter, DeadLetters, ErasedDeadLetters,
    call::{OVERLOADED, unwound},
};
use crate::{
    background::{Background, StoreCall},
    clock, metrics,
    outcome::LetterReason,
    panic::{caught, let_go},
    record::Record,
    trace,
};

/// What one letter weighs besides its body, about.
const LETTER_OVERHEAD: usize = 1024;

/// The store, as the layer's requests and handlers use it.
pub(crate) struct Keeper {
    store: Box<dyn ErasedDeadLetters>,
    background: Background,
}

impl Keeper {
    pub(crate) fn new(store: impl DeadLetters, background: Background) -> Self {
        Self {
            store: Box::new(store),
            background,
        }
    }
}

/// One delivery in the care of the store, from its first letter on.
///
/// What the store is told of it comes in order, one call after the other, each in a task of its own
/// that nobody who waits can drop.
pub(crate) struct Custody {
    keeper: Arc<Keeper>,
    id: Box<str>,
    record: Record,
    attempts: u32,
    /// By a success that the provider heard before, for this letter.
    acknowledged: bool,
    /// The store has a letter of it that promises the provider a success.
    kept: AtomicBool,
    steps: Mutex<Steps>,
}

#[derive(Default)]
struct Steps {
    waiting: VecDeque<(Step, oneshot::Sender<()>)>,
    under_way: bool,
    /// The store was told of it, now or earlier.
    known: bool,
}

#[derive(Clone, Copy)]
enum Step {
    Store(Letter),
    Done,
}

/// What a letter says beyond the delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter {
    pub(crate) reason: LetterReason,
    pub(crate) acknowledged: bool,
    /// Whether a handler had the delivery this time.
    pub(crate) tried: bool,
}

/// A step that stands in line, or was refused. Whoever holds a lock lets go of it first.
#[must_use]
pub(crate) struct Taken {
    confirmation: Confirmation,
    next: Next,
}

enum Next {
    Nothing,
    Run(Run),
    Refused(Step),
}

impl Taken {
    /// Has to be called within a runtime.
    pub(crate) fn go(self) -> Confirmation {
        match self.next {
            Next::Nothing => {}
            Next::Run(run) => drop(tokio::spawn(run.take_steps())),
            Next::Refused(step) => self.confirmation.custody().failed(&step, &OVERLOADED),
        }
        self.confirmation
    }
}

impl Custody {
    pub(crate) fn new(keeper: Arc<Keeper>, record: Record) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            id: fresh_id(),
            record,
            attempts: 0,
            acknowledged: false,
            kept: AtomicBool::new(false),
            steps: Mutex::default(),
        })
    }

    /// Of a delivery that the store has already.
    pub(crate) fn resume(keeper: Arc<Keeper>, letter: DeadLetter) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            id: letter.id,
            record: letter.record,
            attempts: letter.attempts,
            acknowledged: letter.acknowledged,
            kept: AtomicBool::new(letter.acknowledged),
            steps: Mutex::new(Steps {
                known: true,
                ..Steps::default()
            }),
        })
    }

    pub(crate) fn store(self: &Arc<Self>, letter: Letter) -> Taken {
        self.take(Step::Store(letter))
    }

    pub(crate) fn done(self: &Arc<Self>) -> Taken {
        self.take(Step::Done)
    }

    fn take(self: &Arc<Self>, step: Step) -> Taken {
        let (confirm, confirmed) = oneshot::channel();
        let mut next = Next::Nothing;
        let mut steps = self.steps();
        if !steps.under_way {
            let weight = self.record.body().len() + LETTER_OVERHEAD;
            // What the store has, it has to hear the end of. There are no more of those than there
            // were handlers at once, and their bodies were there anyway.
            let must = steps.known;
            match self.keeper.background.store_call(weight, must) {
                Some(call) => {
                    steps.under_way = true;
                    next = Next::Run(Run {
                        custody: Arc::clone(self),
                        over: false,
                        _call: call,
                    });
                }
                None => next = Next::Refused(step),
            }
        }
        if !matches!(next, Next::Refused(_)) {
            steps.known = true;
            steps.waiting.push_back((step, confirm));
        }
        drop(steps);
        Taken {
            confirmation: Confirmation::of(self, confirmed),
            next,
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    async fn call(&self, step: Step) -> Result<(), Box<dyn Error + Send + Sync>> {
        match step {
            Step::Store(letter) => {
                let letter = self.letter(letter);
                unwound(|| self.keeper.store.store(letter)).await
            }
            Step::Done => unwound(|| self.keeper.store.done(&self.id)).await,
        }
    }

    fn confirmed(&self, step: Step) {
        let promises = matches!(step, Step::Store(letter) if letter.acknowledged);
        self.kept.store(promises, Ordering::Release);
        if let Step::Store(letter) = step {
            metrics::dead_letter(self.keeper.background.provider(), letter.reason);
        }
    }

    /// Neither the error nor the log is ours; what panics there takes no later step along.
    fn failed(&self, step: &Step, error: &dyn Error) {
        let Record {
            provider,
            tenant,
            event,
            ..
        } = &self.record;
        let _ = caught(|| {
            trace::store_failed(provider, tenant.as_deref(), event, step.name(), error);
        });
    }

    fn letter(&self, letter: Letter) -> DeadLetter {
        DeadLetter {
            id: self.id.clone(),
            reason: letter.reason,
            attempts: self.attempts.saturating_add(letter.tried.into()),
            acknowledged: letter.acknowledged || self.acknowledged,
            record: self.record.clone(),
        }
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The steps of a custody being taken.
struct Run {
    custody: Arc<Custody>,
    over: bool,
    _call: StoreCall,
}

impl Run {
    async fn take_steps(mut self) {
        while let Some((step, confirm)) = self.next() {
            match self.custody.call(step).await {
                Ok(()) => {
                    self.custody.confirmed(step);
                    let _nobody_waits = confirm.send(());
                }
                Err(error) => {
                    self.custody.failed(&step, &*error);
                    let_go(error);
                }
            }
        }
    }

    fn next(&mut self) -> Option<(Step, oneshot::Sender<()>)> {
        let mut steps = self.custody.steps();
        let next = steps.waiting.pop_front();
        steps.under_way = next.is_some();
        self.over = next.is_none();
        next
    }
}

impl Drop for Run {
    /// Cut short, by a runtime that stops: who waits hears of it, and a later step begins anew.
    fn drop(&mut self) {
        if !self.over {
            let mut steps = self.custody.steps();
            steps.under_way = false;
            let waiting = std::mem::take(&mut steps.waiting);
            drop(steps);
            drop(waiting);
        }
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Store(letter) => letter.reason.as_str(),
            Self::Done => "done",
        }
    }
}

/// A name that no other letter has, of this process or another; in the order of time.
fn fresh_id() -> Box<str> {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = clock::epoch_ms(SystemTime::now());
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{now:012x}-{:016x}-{next:x}", *PROCESS).into()
}
