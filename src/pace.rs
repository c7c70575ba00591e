use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, TryLockError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    clock,
    panic::{Panicked, caught},
};

/// A timer for nobody, due before those of the requests.
///
/// tokio interrupts its own wait for events, by a system call, whenever it is given a timer that is
/// due before all others that it knows of. Where handlers are quick there is no other most of the
/// time, and request after request pays for a call that changes nothing. While this timer is on, none
/// of them is the first to be due.
///
/// There is one, in the runtime that happened to make it: others that share the layer go without,
/// until it has fired or that runtime has stopped, which one that is kept and not driven does not.
/// It holds on to that runtime's resources, though to none of its tasks, until the next is made or
/// the layer is gone.
#[derive(Default)]
pub(crate) struct Pace {
    on: Arc<On>,
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
}

/// Whether the timer is on: what it wakes when it is due, or its runtime is gone.
#[derive(Default)]
struct On(AtomicBool);

impl Wake for On {
    fn wake(self: Arc<Self>) {
        self.0.store(false, Relaxed);
    }
}

impl Pace {
    /// Sees to it that there is a timer, due at `deadline` if there is none yet. A request whose
    /// body was slow may be due before it, and pays.
    pub(crate) fn keep(&self, deadline: Instant) {
        if !self.on.0.load(Relaxed) {
            self.begin(deadline);
        }
    }

    #[cold]
    fn begin(&self, deadline: Instant) {
        let mut timer = match self.timer.try_lock() {
            Ok(timer) => timer,
            // In a runtime without timers it panics to make one; the next may have them.
            Err(TryLockError::Poisoned(timer)) => timer.into_inner(),
            // Somebody is at it; to wait for that one would cost more than to go without.
            Err(TryLockError::WouldBlock) => return,
        };
        if self.on.0.load(Relaxed) || !is_live() {
            return;
        }
        let mut sleep = Box::pin(sleep_until(deadline));
        let waker = Waker::from(Arc::clone(&self.on));
        // Before it can wake anybody.
        self.on.0.store(true, Relaxed);
        // tokio hears of a timer when it is first asked; in a runtime that stops, by a panic.
        let mut cx = Context::from_waker(&waker);
        match caught(|| clock::poll(sleep.as_mut(), &mut cx)) {
            Ok(Poll::Pending) => *timer = Some(sleep),
            Ok(Poll::Ready(())) | Err(Panicked) => self.on.0.store(false, Relaxed),
        }
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

#[cfg(test)]
mod tests {
    use std::{sync::PoisonError, time::Duration};

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const SPAN: Duration = Duration::from_secs(3);

    /// When the timer is due, if it is on.
    fn due(pace: &Pace) -> Option<Instant> {
        let timer = pace.timer.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.as_ref().filter(|_| pace.on.0.load(Relaxed));
        timer.map(|timer| timer.deadline())
    }

    fn runtime() -> Runtime {
        let mut runtime = Builder::new_current_thread();
        runtime.enable_time().build().expect("a runtime")
    }

    #[tokio::test]
    async fn one_timer_serves_all_who_begin_before_it_is_due() {
        let pace = Pace::default();
        assert_eq!(due(&pace), None);
        let first = Instant::now() + Duration::from_secs(1);
        for later in [Duration::ZERO, SPAN] {
            pace.keep(first + later);
            assert_eq!(due(&pace), Some(first));
        }
        tokio::time::sleep_until(first).await;
        assert_eq!(due(&pace), None);
        pace.keep(first + SPAN);
        assert_eq!(due(&pace), Some(first + SPAN));
    }

    #[tokio::test]
    async fn one_that_would_be_due_at_once_is_no_timer() {
        let pace = Pace::default();
        let start = Instant::now();
        tokio::time::sleep(Duration::from_millis(10)).await;
        pace.keep(start);
        assert_eq!(due(&pace), None);
        pace.keep(start + SPAN);
        assert_eq!(due(&pace), Some(start + SPAN));
    }

    #[tokio::test]
    async fn nobody_waits_for_the_one_who_makes_it() {
        let pace = Pace::default();
        let deadline = Instant::now() + SPAN;
        let busy = pace.timer.lock().expect("no panic");
        pace.keep(deadline);
        drop(busy);
        assert_eq!(due(&pace), None);
        pace.keep(deadline);
        assert_eq!(due(&pace), Some(deadline));
    }

    #[test]
    fn a_runtime_without_timers_keeps_them_from_nobody_else() {
        let pace = Pace::default();
        let deadline = Instant::now() + SPAN;
        let without = Builder::new_current_thread().build().expect("a runtime");
        let panicked = caught(|| without.block_on(async { pace.keep(deadline) }));
        assert!(panicked.is_err());
        assert_eq!(due(&pace), None);
        runtime().block_on(async {
            pace.keep(deadline);
            assert_eq!(due(&pace), Some(deadline));
        });
    }

    #[test]
    fn the_runtime_of_its_timer_may_be_gone() {
        let (pace, start) = (Pace::default(), Instant::now());
        let several = || Builder::new_multi_thread().enable_time().build();
        let runtimes = [runtime(), several().expect("a runtime"), runtime()];
        for (spans, runtime) in (1..).zip(runtimes) {
            let deadline = start + SPAN * spans;
            runtime.block_on(async { pace.keep(deadline) });
            assert_eq!(due(&pace), Some(deadline));
            drop(runtime);
            assert_eq!(due(&pace), None);
        }
    }

    #[test]
    fn a_runtime_that_has_stopped_keeps_it_from_nobody_else() {
        let pace = Pace::default();
        let deadline = Instant::now() + SPAN;
        let stopped = runtime();
        let handle = stopped.handle().clone();
        drop(stopped);
        {
            let _entered = handle.enter();
            pace.keep(deadline);
        }
        assert_eq!(due(&pace), None);
        let live = runtime();
        live.block_on(async { pace.keep(deadline) });
        assert_eq!(due(&pace), Some(deadline));
    }

    #[test]
    fn a_clock_that_was_paused_is_left_alone() {
        runtime().block_on(async {
            let pace = Pace::default();
            tokio::time::pause();
            for ahead in [Duration::ZERO, SPAN] {
                tokio::time::advance(ahead).await;
                pace.keep(Instant::now() + SPAN);
                assert_eq!(due(&pace), None);
            }
            tokio::time::resume();
            pace.keep(Instant::now() + SPAN);
            assert_eq!(due(&pace), None);
        });
    }
}
