use std::{
    pin::Pin,
    sync::{
        Mutex, PoisonError,
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
/// time, and every second request pays for a call that changes nothing. While this timer is on, none
/// of them is the first to be due.
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
        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_on(begun) {
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

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(3);

    fn due(pace: &Pace) -> Option<Instant> {
        let timer = pace.timer.lock().expect("no panic");
        timer.as_ref().map(|timer| timer.deadline())
    }

    fn keep(pace: &Pace) {
        pace.keep(Instant::now() + SPAN, SPAN);
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_all_who_begin_before_it_is_due() {
        let pace = Pace::new();
        assert_eq!(due(&pace), None);
        keep(&pace);
        let first = Some(Instant::now() + SPAN);
        assert_eq!(due(&pace), first);
        tokio::time::advance(SPAN - Duration::from_millis(1)).await;
        keep(&pace);
        assert_eq!(due(&pace), first);
        tokio::time::advance(Duration::from_millis(1)).await;
        keep(&pace);
        assert_eq!(due(&pace), Some(Instant::now() + SPAN));
    }

    #[test]
    fn the_runtime_of_its_timer_may_be_gone() {
        let pace = Pace::new();
        for spans in [1, 3] {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                tokio::time::advance(SPAN * spans).await;
                keep(&pace);
                assert_eq!(due(&pace), Some(Instant::now() + SPAN));
            });
        }
    }
}
