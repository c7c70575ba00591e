use std::{
    pin::Pin,
    sync::{
        Mutex, TryLockError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock;

/// A timer for nobody, due before those of the requests.
///
/// tokio interrupts its own wait for events, by a system call, whenever it is given a timer that is
/// due before all others that it knows of. Where handlers are quick there is no other most of the
/// time, and request after request pays for a call that changes nothing. While this timer is on, none
/// of them is the first to be due.
///
/// There is one, in the runtime that happened to make it: others that share the layer go without.
/// It holds on to that runtime's resources, though to none of its tasks, until the next is made or
/// the layer is gone.
pub(crate) struct Pace {
    since: Instant,
    /// When the timer is due, in nanoseconds after `since`.
    due: AtomicU64,
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            due: AtomicU64::new(0),
            timer: Mutex::default(),
        }
    }

    /// Sees to it that there is a timer before `deadline`, of a request that began `span` before it.
    pub(crate) fn keep(&self, deadline: Instant, span: Duration) {
        let begun = self.after(deadline).saturating_sub(nanos(span));
        if !self.is_on(begun) {
            self.begin(begun, deadline);
        }
    }

    #[cold]
    fn begin(&self, begun: u64, deadline: Instant) {
        let mut timer = match self.timer.try_lock() {
            Ok(timer) => timer,
            // In a runtime without timers it panics to make one; the next may have them.
            Err(TryLockError::Poisoned(timer)) => timer.into_inner(),
            // Somebody is at it; to wait for that one would cost more than to go without.
            Err(TryLockError::WouldBlock) => return,
        };
        if self.is_on(begun) || !is_live() {
            return;
        }
        let mut sleep = Box::pin(sleep_until(deadline));
        // tokio hears of a timer when it is first asked.
        let _ = clock::poll(sleep.as_mut(), &mut Context::from_waker(Waker::noop()));
        *timer = Some(sleep);
        self.due.store(self.after(deadline), Relaxed);
    }

    fn is_on(&self, now: u64) -> bool {
        now < self.due.load(Relaxed)
    }

    fn after(&self, time: Instant) -> u64 {
        nanos(time.saturating_duration_since(self.since))
    }
}

/// Whether tokio's clock is the system's. A test may pause it, and tokio then winds it on to the next
/// timer when there is nothing to do: one that nobody waits for would wind it on, too.
fn is_live() -> bool {
    let before = std::time::Instant::now();
    let now = Instant::now().into_std();
    let after = std::time::Instant::now();
    before <= now && now <= after
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::PoisonError;

    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::panic::caught;

    const SPAN: Duration = Duration::from_secs(3);
    const BEFORE: Duration = Duration::from_nanos(1);

    fn due(pace: &Pace) -> Option<Instant> {
        let timer = pace.timer.lock().unwrap_or_else(PoisonError::into_inner);
        timer.as_ref().map(|timer| timer.deadline())
    }

    fn runtime() -> Runtime {
        let mut runtime = Builder::new_current_thread();
        runtime.enable_time().build().expect("a runtime")
    }

    #[tokio::test]
    async fn one_timer_serves_all_who_begin_before_it_is_due() {
        let pace = Pace::new();
        assert_eq!(due(&pace), None);
        let first = Instant::now() + SPAN;
        for begun in [first - SPAN, first - BEFORE] {
            pace.keep(begun + SPAN, SPAN);
            assert_eq!(due(&pace), Some(first));
        }
        pace.keep(first + SPAN, SPAN);
        assert_eq!(due(&pace), Some(first + SPAN));
    }

    #[tokio::test]
    async fn nobody_waits_for_the_one_who_makes_it() {
        let pace = Pace::new();
        let deadline = Instant::now() + SPAN;
        let busy = pace.timer.lock().expect("no panic");
        pace.keep(deadline, SPAN);
        drop(busy);
        assert_eq!(due(&pace), None);
        pace.keep(deadline, SPAN);
        assert_eq!(due(&pace), Some(deadline));
    }

    #[test]
    fn a_runtime_without_timers_keeps_them_from_nobody_else() {
        let pace = Pace::new();
        let deadline = pace.since + SPAN;
        let without = Builder::new_current_thread().build().expect("a runtime");
        let panicked = caught(|| without.block_on(async { pace.keep(deadline, SPAN) }));
        assert!(panicked.is_err());
        assert_eq!(due(&pace), None);
        runtime().block_on(async { pace.keep(deadline, SPAN) });
        assert_eq!(due(&pace), Some(deadline));
    }

    #[test]
    fn the_runtime_of_its_timer_may_be_gone() {
        let pace = Pace::new();
        for spans in [1, 2] {
            runtime().block_on(async {
                let deadline = pace.since + SPAN * spans;
                pace.keep(deadline, SPAN);
                assert_eq!(due(&pace), Some(deadline));
            });
        }
    }

    #[test]
    fn a_clock_that_was_paused_is_left_alone() {
        runtime().block_on(async {
            let pace = Pace::new();
            tokio::time::pause();
            for ahead in [Duration::ZERO, SPAN] {
                tokio::time::advance(ahead).await;
                pace.keep(Instant::now() + SPAN, SPAN);
                assert_eq!(due(&pace), None);
            }
            tokio::time::resume();
            pace.keep(Instant::now() + SPAN, SPAN);
            assert_eq!(due(&pace), None);
        });
    }
}
