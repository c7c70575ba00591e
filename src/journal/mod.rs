mod end;
mod facts;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use self::{end::End, facts::Facts};
use crate::{
    dead_letter::{Confirmation, Custody, DeadLetter, Keeper, Letter},
    observers::Observers,
    outcome::LetterReason,
    record::Record,
};

/// What the answering future and the handler's task of one delivery both report to.
///
/// Whoever comes first has the request's one outcome; the handler's end is told in any case. What
/// the store is told of the delivery goes through here as well, so that the two agree on what is
/// left to do.
pub(crate) struct Journal {
    facts: Facts,
    observers: Option<Arc<Observers>>,
    keeper: Option<Arc<Keeper>>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// The request had its outcome.
    settled: bool,
    /// It was a success.
    acknowledged: bool,
    /// It will be one, unless the store or the handler fails: the letter is on its way.
    promised: bool,
    /// The handler's failure is about to be its outcome.
    claimed: bool,
    /// A drain did not wait for it.
    left_over: bool,
    /// A handler has it.
    begun: bool,
    /// The handler is at its end, told or not, or there will be none.
    ended: bool,
    custody: Option<Arc<Custody>>,
}

impl Progress {
    /// Whether a success went out; of a request that has no answer yet, whether one will.
    fn acknowledged_or(&self, acknowledges: bool) -> bool {
        match self.settled {
            true => self.acknowledged,
            false => acknowledges,
        }
    }
}

/// A letter on its way into the store.
pub(crate) struct Kept {
    pub(crate) confirmation: Confirmation,
    /// Whether the request had its outcome already.
    pub(crate) settled: bool,
}

impl Journal {
    pub(crate) fn new(
        facts: Facts,
        observers: Arc<Observers>,
        keeper: Option<Arc<Keeper>>,
    ) -> Self {
        Self {
            observers: Some(observers),
            keeper,
            ..Self::silent(facts)
        }
    }

    /// Of a delivery that is no request from outside: only the log hears of it.
    pub(crate) fn silent(facts: Facts) -> Self {
        Self {
            facts,
            observers: None,
            keeper: None,
            progress: Mutex::default(),
        }
    }

    /// Of a letter that is in the store already.
    pub(crate) fn resume(&mut self, keeper: Arc<Keeper>, letter: DeadLetter) {
        let custody = Custody::resume(Arc::clone(&keeper), letter);
        self.progress().custody = Some(custody);
        self.keeper = Some(keeper);
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn has_store(&self) -> bool {
        self.keeper.is_some()
    }

    /// The end of the request, unless it had one already, or the handler's failure is about to be it.
    pub(crate) fn settle(&self, end: End) {
        self.settle_if(end, |_| true);
    }

    /// The same, unless the handler is at its end: its answer is on the way. Whether this was it.
    pub(crate) fn settle_late(&self, end: End) -> bool {
        self.settle_if(end, |progress| !progress.ended)
    }

    fn settle_if(&self, end: End, may: impl FnOnce(&Progress) -> bool) -> bool {
        let mut progress = self.progress();
        let first = !progress.settled && !progress.claimed && may(&progress);
        if first {
            progress.settled = true;
            progress.acknowledged = end.answer().is_some_and(|status| status.is_success());
            drop(progress);
            self.tell(end, false);
        }
        first
    }

    /// The end of the handler, which is the request's end too unless that is past.
    pub(crate) fn handler_ended(&self, end: End) {
        let (late_end, _) = self.close();
        self.tell(end, late_end);
    }

    /// The same for a success, which the store hears of if it has the delivery.
    pub(crate) fn handler_succeeded(&self, end: End) -> Option<Confirmation> {
        let (late_end, custody) = self.close();
        let confirmation = custody.map(|custody| custody.done().go());
        self.tell(end, late_end);
        confirmation
    }

    /// Whether the request's end is past, and what the store has of it.
    fn close(&self) -> (bool, Option<Arc<Custody>>) {
        let mut progress = self.progress();
        progress.ended = true;
        let late_end = std::mem::replace(&mut progress.settled, true);
        (late_end, progress.custody.clone())
    }

    /// From now on a handler has it. Of interest to the store alone.
    pub(crate) fn handler_begins(&self) {
        self.progress().begun = true;
    }

    /// Has the store keep what the handler still has when the request's success leaves, unless the
    /// handler is at its end.
    pub(crate) fn late(&self, record: impl FnOnce() -> Record) -> Option<Kept> {
        self.still_running(record, |progress| progress.promised = true)
    }

    /// Has the store keep what the handler still has, or is about to have, when a drain is over.
    pub(crate) fn left_over(&self, record: impl FnOnce() -> Record) {
        // Who drains waits for the store's calls, not for this one.
        let _ = self.still_running(record, |progress| progress.left_over = true);
    }

    fn still_running(
        &self,
        record: impl FnOnce() -> Record,
        note: impl FnOnce(&mut Progress),
    ) -> Option<Kept> {
        self.keep(record, |progress| {
            if progress.ended {
                return None;
            }
            note(progress);
            let reason = match progress.left_over {
                true => LetterReason::Shutdown,
                false => LetterReason::Pending,
            };
            Some((reason, progress.promised))
        })
    }

    /// Has the store keep what a handler could not do, or what gets to none. The end is still to be
    /// told; `acknowledges` says whether it is to be a success then.
    pub(crate) fn failed(
        &self,
        reason: LetterReason,
        acknowledges: bool,
        record: impl FnOnce() -> Record,
    ) -> Option<Kept> {
        self.keep(record, |progress| {
            progress.ended = true;
            Some((reason, acknowledges))
        })
    }

    /// The same for a handler's failure that goes out as it is: it is the request's end as well from
    /// here on, unless that is past.
    pub(crate) fn failed_openly(
        &self,
        reason: LetterReason,
        record: impl FnOnce() -> Record,
    ) -> Option<Kept> {
        self.keep(record, |progress| {
            progress.ended = true;
            progress.claimed = true;
            Some((reason, false))
        })
    }

    fn keep(
        &self,
        record: impl FnOnce() -> Record,
        letter: impl FnOnce(&mut Progress) -> Option<(LetterReason, bool)>,
    ) -> Option<Kept> {
        let keeper = self.keeper.as_ref()?;
        // The provider's code is asked for the record's fields: not under the lock.
        let record = record();
        let mut progress = self.progress();
        let (reason, acknowledges) = letter(&mut progress)?;
        let letter = Letter {
            reason,
            acknowledged: progress.acknowledged_or(acknowledges),
            tried: progress.begun,
        };
        let custody = progress
            .custody
            .get_or_insert_with(|| Custody::new(Arc::clone(keeper), record));
        let taken = custody.store(letter);
        let settled = progress.settled;
        drop(progress);
        Some(Kept {
            confirmation: taken.go(),
            settled,
        })
    }

    fn tell(&self, end: End, late_end: bool) {
        self.facts.tell(self.observers.as_deref(), end, late_end);
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
