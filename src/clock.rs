use std::{
    future::pending,
    time::{Duration, SystemTime},
};

use tokio::{task::coop, time::Instant};

/// Waits until `deadline`, even in a task that has used up its cooperation budget. The timer is made
/// when this is first polled.
pub(crate) async fn sleep_until(deadline: Instant) {
    coop::unconstrained(tokio::time::sleep_until(deadline)).await;
}

/// Whether the deadline has come.
pub(crate) fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Waits until the deadline has come; for ever without one.
pub(crate) async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => pending().await,
    }
}

/// The time `span` after `start`. If the clock cannot represent it, a year after `start`, or `start`
/// itself at the end of the clock.
pub(crate) fn after(start: Instant, span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    let end = start.checked_add(span).or_else(|| start.checked_add(YEAR));
    end.unwrap_or(start)
}

/// Milliseconds since 1970, and zero for a time before.
pub(crate) fn epoch_ms(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn from_epoch_ms(ms: u64) -> SystemTime {
    // Only a record that somebody else wrote can hold a time beyond the platform's clock.
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(ms))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_end_of_the_clock_is_its_end() {
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
