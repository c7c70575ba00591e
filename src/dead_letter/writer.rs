use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::{sync::oneshot, task::JoinHandle};

use super::{DeadLetter, ErasedDeadLetters};
use crate::{
    background::Background,
    clock, metrics,
    outcome::LetterReason,
    panic::{Caught, Panicked, caught, discard},
    record::Record,
    trace,
};

/// The size of a letter without its body, about, in bytes.
const LETTER_OVERHEAD: usize = 1024;

/// A layer's store of dead letters, which [`LetterWriter`] alone calls.
pub(crate) struct Store {
    pub(crate) letters: Box<dyn ErasedDeadLetters>,
    pub(crate) background: Background,
}

/// Calls the store about one delivery, one call at a time.
///
/// Each call has a task of its own, so it is not cancelled when the request is.
pub(crate) struct LetterWriter {
    store: Arc<Store>,
    /// Made for the first call.
    letter: Option<Box<DeadLetter>>,
    /// Whether the store was told of the letter, now or before a replay.
    is_known: bool,
    /// Whether the store has a letter that promises the provider a success. Made for the first call.
    is_kept: Option<Arc<AtomicBool>>,
    last_call: Option<JoinHandle<()>>,
}

/// Resolves when the store has confirmed a call; an error says that it has not and will not.
pub(crate) type Confirmation = oneshot::Receiver<()>;

impl LetterWriter {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            letter: None,
            is_known: false,
            is_kept: None,
            last_call: None,
        }
    }

    /// For a letter that is in the store already.
    pub(crate) fn replay(store: Arc<Store>, letter: DeadLetter) -> Self {
        Self {
            letter: Some(Box::new(letter)),
            is_known: true,
            ..Self::new(store)
        }
    }

    /// Whether the store has confirmed a letter that promises the provider a success.
    pub(crate) fn is_kept(&self) -> bool {
        let is_kept = self.is_kept.as_ref();
        is_kept.is_some_and(|is_kept| is_kept.load(Ordering::Acquire))
    }

    /// Stores the delivery. `acknowledged`: whether the provider gets a success for it; `tried`:
    /// whether a handler has it.
    pub(crate) fn store(
        &mut self,
        reason: LetterReason,
        acknowledged: bool,
        tried: bool,
        record: impl FnOnce() -> Record,
    ) -> Confirmation {
        let first = self
            .letter
            .get_or_insert_with(|| Box::new(DeadLetter::new(fresh_id(), record())));
        let letter = DeadLetter {
            reason,
            attempts: first.attempts.saturating_add(tried.into()),
            acknowledged: first.acknowledged || acknowledged,
            ..DeadLetter::clone(first)
        };
        self.call(letter, Call::Store)
    }

    /// Marks the letter as done, if there is one.
    pub(crate) fn done(&mut self) -> Option<Confirmation> {
        let letter = self.letter.as_deref().filter(|_| self.is_known)?;
        Some(self.call(letter.clone(), Call::Done))
    }

    fn call(&mut self, letter: DeadLetter, call: Call) -> Confirmation {
        let (confirm, confirmed) = oneshot::channel();
        let weight = letter.record.body().len() + LETTER_OVERHEAD;
        // Calls about a letter that the store knows are never refused, or it would stay pending.
        let Some(permit) = self.store.background.store_call(weight, self.is_known) else {
            log_failure(&letter, call, &"too many letters wait for the store");
            return confirmed;
        };
        self.is_known = true;
        let store = Arc::clone(&self.store);
        let is_kept = Arc::clone(self.is_kept.get_or_insert_default());
        let before = self.last_call.take();
        self.last_call = Some(tokio::spawn(async move {
            let _permit = permit;
            if let Some(before) = before {
                before.await.unwrap_or_else(discard);
            }
            let called = async {
                match call {
                    Call::Store => store.letters.store(letter.clone()).await,
                    Call::Done => store.letters.done(&letter.id).await,
                }
            };
            match Caught::new(called, ()).await {
                Ok(Ok(())) => {
                    if call == Call::Store {
                        is_kept.fetch_or(letter.acknowledged, Ordering::Release);
                        metrics::dead_letter(store.background.provider(), letter.reason);
                    }
                    let _ = confirm.send(());
                }
                Ok(Err(error)) => {
                    log_failure(&letter, call, &error);
                    discard(error);
                }
                Err(Panicked) => log_failure(&letter, call, &"the store panicked"),
            }
        }));
        confirmed
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Call {
    Store,
    Done,
}

/// The error's text is the user's code, and may panic.
fn log_failure(letter: &DeadLetter, call: Call, error: &dyn std::fmt::Display) {
    let what = match call {
        Call::Store => letter.reason.as_str(),
        Call::Done => "done",
    };
    let _ = caught(|| trace::store_error(&letter.record, what, error));
}

/// An id that no other letter has, of this process or another, in the order of time.
fn fresh_id() -> Box<str> {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = clock::epoch_ms(SystemTime::now());
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{now:012x}-{:016x}-{next:08x}", *PROCESS).into()
}
