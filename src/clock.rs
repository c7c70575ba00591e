use std::time::Duration;

use tokio::time::Instant;

/// That long after `start`. A time that no clock can tell lies beyond the life of this process, and
/// a year from now does as well.
pub(crate) fn after(start: Instant, span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    start.checked_add(span).unwrap_or_else(|| start + YEAR)
}
