mod event;
mod tally;

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::SystemTime,
};

pub use self::event::EventStrikes;
use self::tally::Tally;
use crate::{outcome::Outcome, provider::Rules};

/// How many answers in a row the provider may have taken for failures: for alarms, never for
/// decisions.
///
/// From [`WebhookLayer::strikes`](crate::WebhookLayer::strikes). Clones are cheap and all speak of
/// the same counts. Alegra deletes a subscription after ten failed answers in a row, so it counts
/// per event, and so does this: for each tenant and event, whatever was no 2xx in time, a client
/// that hung up included. Only a 2xx for the same event brings its count back to zero; a probe does
/// not. A failure whose event could not be read may have been of any, and counts toward every event
/// that the tenant had so far; it is counted under no event too, for those that it never had, until
/// the tenant's next success.
///
/// A request with a wrong secret is no strike: the provider has the right one, and a stranger must
/// not be able to raise an alarm. But a secret that was changed on one side only looks exactly like
/// that, so what [`Access`](crate::Access) turned away is counted apart, see
/// [`refused`](Self::refused).
///
/// The log has a WARN when a count reaches 30 % of the provider's limit, an ERROR at 70 % (3 and 7
/// of Alegra's 10) and at the limit itself.
///
/// The counts are those of this process: of several receivers behind one URL each sees its share of
/// the answers, and a restart forgets. The provider's own count is known to nobody but the provider.
#[derive(Clone)]
pub struct Strikes {
    tally: Arc<Tally>,
}

impl Strikes {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            tally: Arc::new(Tally::new(rules)),
        }
    }

    /// The highest count, if any is above zero.
    #[must_use]
    pub fn worst(&self) -> Option<EventStrikes> {
        let strikes = self.events().into_iter().filter(|event| event.count > 0);
        strikes.max_by_key(|event| event.count)
    }

    /// Each event that a tenant had so far, those at zero included.
    #[must_use]
    pub fn events(&self) -> Vec<EventStrikes> {
        self.tally.events()
    }

    /// After how many strikes in a row the provider deletes the subscription: 10 for Alegra.
    /// `None` where none is documented.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.tally.limit
    }

    /// When the last delivery came: the last request with the right credential that was no probe.
    #[must_use]
    pub fn last_delivery(&self) -> Option<SystemTime> {
        self.tally.last_delivery.get()
    }

    /// When the last delivery came that was answered with a 2xx while the provider still waited.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.tally.last_success.get()
    }

    /// How many requests [`Access`](crate::Access) turned away, or broke down over.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.tally.refused.load(Relaxed)
    }

    /// When it turned the last one away.
    #[must_use]
    pub fn last_refused(&self) -> Option<SystemTime> {
        self.tally.last_refused.get()
    }

    pub(crate) fn count(&self, outcome: &Outcome) {
        self.tally.count(outcome);
    }
}

impl fmt::Debug for Strikes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strikes")
            .field("provider", &self.tally.provider)
            .field("limit", &self.limit())
            .field("worst", &self.worst())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}
