use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{
    metrics,
    outcome::{Outcome, OutcomeKind},
    provider::Rules,
    trace,
};

/// Counts the answers in a row that the provider may have taken for failures. For alarms only: the
/// layer decides nothing by it.
///
/// From [`WebhookLayer::strikes`](crate::WebhookLayer::strikes). Clones are cheap and share the
/// counts. Alegra deletes a subscription after ten failed answers in a row, so there is a count for
/// each tenant and event. Every answer that is no 2xx in time is a strike, and so is a client that
/// hung up. An answer to a wrong credential is none. With open access there is none before a signature
/// holds, except for a request that could [not be verified](crate::RejectionKind::Unavailable). A request
/// by a method that brings no delivery, HEAD for instance, is no strike. Only a 2xx for the same event
/// resets its count; a probe does not.
///
/// A failure whose event could not be read counts for every event that the tenant has had so far.
/// Until the tenant's next success it also counts under `None`, and an event whose first answer fails
/// starts from that count.
///
/// The page on [monitoring](crate::guide::monitoring#strikes) says what the log has of them, what is
/// no strike, and how to watch them.
#[derive(Debug, Clone)]
pub struct Strikes {
    provider: &'static str,
    limit: Option<u32>,
    /// How long the provider waits for an answer.
    deadline_limit: Option<Duration>,
    counts: Arc<Mutex<Counts>>,
    publishing: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    strikes: BTreeMap<Key, u32>,
    last_delivery: Option<SystemTime>,
    last_success: Option<SystemTime>,
    refused: u64,
    refused_since_success: u64,
    last_refused: Option<SystemTime>,
}

/// A tenant and an event. `None` as the event has the failures whose event could not be read.
type Key = (Option<Arc<str>>, Option<Arc<str>>);

/// An event, its count before, and its count now.
type Change = (Option<Arc<str>>, u32, u32);

/// The count of one event of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStrikes {
    tenant: Option<Arc<str>>,
    event: Option<Arc<str>>,
    count: u32,
}

impl EventStrikes {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The kind of event; `None` for failures whose event could not be read.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// Failed answers in a row.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
}

impl Strikes {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            provider: rules.name,
            limit: rules.strikes,
            deadline_limit: rules.deadline_limit,
            counts: Arc::default(),
            publishing: Arc::default(),
        }
    }

    /// The highest count, if any is above zero.
    #[must_use]
    pub fn worst(&self) -> Option<EventStrikes> {
        let strikes = self.events().into_iter().filter(|event| event.count > 0);
        strikes.max_by_key(|event| event.count)
    }

    /// Each event that a tenant has had so far, those at zero included, sorted by tenant and event.
    #[must_use]
    pub fn events(&self) -> Vec<EventStrikes> {
        let counts = self.counts();
        let strikes = counts.strikes.iter();
        let events = strikes.map(|((tenant, event), count)| EventStrikes {
            tenant: tenant.clone(),
            event: event.clone(),
            count: *count,
        });
        events.collect()
    }

    /// After how many strikes in a row the provider deletes the subscription: 10 for Alegra.
    /// `None` if no limit is documented.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// The time of the last delivery: the last request that was no probe and no
    /// [stranger's](Self::refused), by a method that can bring a delivery.
    #[must_use]
    pub fn last_delivery(&self) -> Option<SystemTime> {
        self.counts().last_delivery
    }

    /// The time of the last delivery that was answered with a 2xx while the provider still waited.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.counts().last_success
    }

    /// How many requests of strangers came to nothing: those that [`Access`](crate::Access) refused or
    /// panicked at, and with [`Access::open`](crate::Access::open) all that ended before a signature held
    /// or an event was read.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counts().refused
    }

    /// How many of those since the last success, or since the start. Many of them and no delivery
    /// may mean that a key or a secret was changed on one side only.
    #[must_use]
    pub fn refused_since_success(&self) -> u64 {
        self.counts().refused_since_success
    }

    /// The time of the last of those.
    #[must_use]
    pub fn last_refused(&self) -> Option<SystemTime> {
        self.counts().last_refused
    }

    /// Counts first and tells the log and the metrics after that: those may panic, or read the
    /// counts.
    pub(crate) fn count(&self, outcome: &Outcome) {
        let in_time = self
            .deadline_limit
            .is_none_or(|limit| outcome.duration() < limit);
        let is_success = in_time && outcome.status().is_some_and(|status| status.is_success());

        let changes = self.counts().count(outcome, is_success);
        for (event, before, now) in &changes {
            self.publish(event.as_ref());
            // An unread failure is told with the events that it may belong to, if there are any.
            if event.is_some() || changes.len() == 1 {
                self.alarm(outcome.tenant(), event.as_deref(), *before, *now);
            }
        }
    }

    /// Logs a count that has just reached 30 %, 70 % or all of the limit.
    fn alarm(&self, tenant: Option<&str>, event: Option<&str>, before: u32, now: u32) {
        let Some(limit) = self.limit else { return };
        let reached = |percent: u64| {
            let mark = u64::from(limit) * percent;
            u64::from(before) * 100 < mark && mark <= u64::from(now) * 100
        };
        if [30, 70, 100].into_iter().any(reached) {
            trace::strikes(self.provider, tenant, event, now, limit);
        }
    }

    /// Sets the gauge of an event to its worst count over all tenants.
    fn publish(&self, event: Option<&Arc<str>>) {
        // One at a time, so that the last value set is the last one read.
        let _guard = self.publishing.lock();
        let counts = self.counts();
        let of_event = counts
            .strikes
            .iter()
            .filter(|((_, of), _)| of.as_ref() == event);
        let worst = of_event.map(|(_, count)| *count).max().unwrap_or(0);
        drop(counts);
        metrics::consecutive_failures(self.provider, event, worst);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        let counts = self.counts.lock();
        counts.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn count(&mut self, outcome: &Outcome, is_success: bool) -> Vec<Change> {
        if outcome.is_stranger() {
            self.refused += 1;
            self.refused_since_success += 1;
            self.last_refused = self.last_refused.max(Some(SystemTime::now()));
            return Vec::new();
        }
        if outcome.late_end || !outcome.may_be_delivery || outcome.kind() == OutcomeKind::Probe {
            return Vec::new();
        }
        let received_at = outcome.received_at.unwrap_or_else(SystemTime::now);
        self.last_delivery = self.last_delivery.max(Some(received_at));
        if is_success {
            self.last_success = self.last_success.max(Some(received_at));
            self.refused_since_success = 0;
        }
        match &outcome.event {
            Some(event) if is_success => self.success(&outcome.tenant, event),
            Some(event) => self.failure(&outcome.tenant, event),
            // It may have been any event, so it is a success of none.
            None if is_success => Vec::new(),
            None => self.unread_failure(&outcome.tenant),
        }
    }

    fn success(&mut self, tenant: &Option<Arc<str>>, event: &Arc<str>) -> Vec<Change> {
        let unread = self.strikes.remove(&(tenant.clone(), None));
        let count = self
            .strikes
            .insert((tenant.clone(), Some(event.clone())), 0);
        let reset = [(None, unread), (Some(event.clone()), count)].into_iter();
        reset
            .filter_map(|(event, count)| Some((event, count.filter(|count| *count > 0)?, 0)))
            .collect()
    }

    fn failure(&mut self, tenant: &Option<Arc<str>>, event: &Arc<str>) -> Vec<Change> {
        let unread = self.strikes.get(&(tenant.clone(), None)).copied();
        let count = self.strikes.entry((tenant.clone(), Some(event.clone())));
        let is_new = matches!(count, Entry::Vacant(_));
        let count = count.or_insert(0);
        let before = *count;
        // An earlier failure that could not be read may have been one of this event.
        *count += 1 + unread.filter(|_| is_new).unwrap_or(0);
        vec![(Some(event.clone()), before, *count)]
    }

    fn unread_failure(&mut self, tenant: &Option<Arc<str>>) -> Vec<Change> {
        let unread = (tenant.clone(), None);
        self.strikes.entry(unread.clone()).or_insert(0);
        // The tenant's events are sorted after its unread failures.
        let strikes = self.strikes.range_mut(unread..);
        strikes
            .take_while(|((of, _), _)| of == tenant)
            .map(|((_, event), count)| {
                *count += 1;
                (event.clone(), *count - 1, *count)
            })
            .collect()
    }
}
