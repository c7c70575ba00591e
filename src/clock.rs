use std::{
    future::pending,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep_until};

/// Whether the deadline has come.
pub(crate) fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Waits until the deadline has come; for ever without one.
pub(crate) async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// The time `span` after `start`, or a year after `start` if the clock cannot represent it.
pub(crate) fn after(start: Instant, span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    start.checked_add(span).unwrap_or_else(|| start + YEAR)
}

/// Milliseconds since 1970, and zero for a time before.
pub(crate) fn epoch_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn from_epoch_ms(ms: u64) -> SystemTime {
    // Only a record that somebody else wrote can hold a time beyond the platform's clock.
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
