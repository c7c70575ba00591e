use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use tokio::{
    task::coop,
    time::{Instant, Sleep},
};

/// Whether the timer's time has come, however much the task has done in its turn: tokio has a task
/// that used up its budget wait for its timers too, and by then a handler would have begun.
pub(crate) fn poll(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    pin!(coop::unconstrained(timer)).poll(cx)
}

/// Waits until `deadline`, even in a task that has used up its cooperation budget. The timer is made
/// when this is first polled.
pub(crate) async fn sleep_until(deadline: Instant) {
    coop::unconstrained(tokio::time::sleep_until(deadline)).await;
}

/// That long after `start`. A time that no clock can tell lies beyond the life of this process, and
/// a year from then does as well, or where the clock ends.
pub(crate) fn after(start: Instant, span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    let end = start.checked_add(span).or_else(|| start.checked_add(YEAR));
    end.unwrap_or(start)
}

/// Milliseconds since 1970; zero for a clock that stands before.
pub(crate) fn epoch_ms(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn from_epoch_ms(ms: u64) -> SystemTime {
    // Milliseconds of 64 bits outlast every platform's clock by far, or are not its own.
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(ms))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_time_after_the_last() {
        let mut last = Instant::now();
        for seconds in (0..64).rev().map(|bit| Duration::from_secs(1 << bit)) {
            last = last.checked_add(seconds).unwrap_or(last);
        }
        assert_eq!(last.checked_add(Duration::from_secs(1)), None);
        for span in [Duration::from_secs(1), Duration::MAX] {
            assert_eq!(after(last, span), last);
        }
        assert!(after(Instant::now(), Duration::MAX) > Instant::now());
    }
}
