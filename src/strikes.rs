use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use http::StatusCode;

use crate::{
    clock, metrics,
    outcome::{Outcome, OutcomeKind},
    provider::Rules,
    trace,
};

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
    shared: Arc<Shared>,
}

struct Shared {
    provider: &'static str,
    limit: Option<u32>,
    patience: Option<Duration>,
    events: &'static [&'static str],
    unlabelled: Tenant,
    labelled: RwLock<HashMap<Arc<str>, Arc<Tenant>>>,
    last_delivery: Time,
    last_success: Time,
    refused: AtomicU64,
    last_refused: Time,
}

/// The count of one event of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStrikes {
    tenant: Option<Arc<str>>,
    event: Option<&'static str>,
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
    pub fn event(&self) -> Option<&'static str> {
        self.event
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
            shared: Arc::new(Shared {
                provider: rules.name,
                limit: rules.strikes,
                patience: rules.deadline_limit,
                events: rules.events,
                unlabelled: Tenant::new(None, rules.events.len()),
                labelled: RwLock::default(),
                last_delivery: Time::default(),
                last_success: Time::default(),
                refused: AtomicU64::new(0),
                last_refused: Time::default(),
            }),
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
        let mut all = Vec::new();
        self.shared.each_tenant(|tenant| {
            let unread = tenant.unread.load(Relaxed);
            if unread > 0 {
                all.push(tenant.strikes(None, unread));
            }
            for (index, counter) in tenant.counters.iter().enumerate() {
                if counter.seen.load(Relaxed) {
                    let event = Some(self.shared.name(index));
                    all.push(tenant.strikes(event, counter.count.load(Relaxed)));
                }
            }
        });
        all
    }

    /// After how many strikes in a row the provider deletes the subscription: 10 for Alegra.
    /// `None` where none is documented.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.shared.limit
    }

    /// When the last request with the right credential ended that was no probe.
    #[must_use]
    pub fn last_delivery(&self) -> Option<SystemTime> {
        self.shared.last_delivery.get()
    }

    /// When a delivery was last answered with a 2xx.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.shared.last_success.get()
    }

    /// How many requests [`Access`](crate::Access) turned away.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Relaxed)
    }

    /// When it turned the last one away.
    #[must_use]
    pub fn last_refused(&self) -> Option<SystemTime> {
        self.shared.last_refused.get()
    }

    pub(crate) fn count(&self, outcome: &Outcome) {
        let shared = &self.shared;
        if !outcome.admitted {
            shared.refused.fetch_add(1, Relaxed);
            shared.last_refused.set_now();
            return;
        }
        if outcome.late_end || outcome.kind == OutcomeKind::Probe {
            return;
        }
        shared.last_delivery.set_now();
        let event = outcome.event.map(|name| shared.index(name));
        let is_2xx = outcome
            .status
            .is_some_and(|status| StatusCode::is_success(&status));
        let in_time = shared.patience.is_none_or(|limit| outcome.duration < limit);
        if is_2xx && in_time {
            shared.last_success.set_now();
        }
        shared.with_tenant(outcome.tenant.as_ref(), |tenant| match event {
            Some(index) if is_2xx && in_time => shared.success(tenant, index),
            Some(index) => shared.failure(tenant, index),
            None => shared.unread_failure(tenant),
        });
    }
}

impl Shared {
    fn success(&self, tenant: &Tenant, index: usize) {
        let counter = &tenant.counters[index];
        counter.seen.store(true, Relaxed);
        tenant.unread.store(0, Relaxed);
        if counter.count.swap(0, Relaxed) > 0 {
            self.publish(index);
        }
    }

    fn failure(&self, tenant: &Tenant, index: usize) {
        let counter = &tenant.counters[index];
        // What could not be read before may have been of this event.
        let unread = match counter.seen.swap(true, Relaxed) {
            true => 0,
            false => tenant.unread.load(Relaxed),
        };
        self.add(tenant, index, 1 + unread);
    }

    fn unread_failure(&self, tenant: &Tenant) {
        let unread = tenant.unread.fetch_add(1, Relaxed);
        let mut any = false;
        for (index, counter) in tenant.counters.iter().enumerate() {
            if counter.seen.load(Relaxed) {
                any = true;
                self.add(tenant, index, 1);
            }
        }
        if !any {
            self.alarm(unread, &tenant.strikes(None, unread + 1));
        }
    }

    fn add(&self, tenant: &Tenant, index: usize, strikes: u32) {
        let before = tenant.counters[index].count.fetch_add(strikes, Relaxed);
        self.publish(index);
        let now = tenant.strikes(Some(self.name(index)), before + strikes);
        self.alarm(before, &now);
    }

    /// Says so when the count has just reached what calls for somebody.
    fn alarm(&self, before: u32, now: &EventStrikes) {
        let Some(limit) = self.limit else { return };
        let reached = |count: u32| before < count && count <= now.count;
        let share = |percent: u32| (limit.saturating_mul(percent)).div_ceil(100);
        if reached(limit) || reached(share(70)) {
            trace::strikes(now, self.provider, limit, true);
        } else if reached(share(30)) {
            trace::strikes(now, self.provider, limit, false);
        }
    }

    /// The worst count of that event, over all tenants, for whoever watches.
    fn publish(&self, index: usize) {
        if metrics::ON {
            let mut worst = 0;
            self.each_tenant(|tenant| {
                worst = worst.max(tenant.counters[index].count.load(Relaxed));
            });
            metrics::consecutive_failures(self.provider, self.name(index), worst);
        }
    }

    fn index(&self, event: &str) -> usize {
        let known = self.events.iter().position(|name| *name == event);
        known.unwrap_or(self.events.len())
    }

    fn name(&self, index: usize) -> &'static str {
        self.events.get(index).copied().unwrap_or("other")
    }

    fn with_tenant(&self, label: Option<&Arc<str>>, act: impl FnOnce(&Tenant)) {
        let Some(label) = label else {
            return act(&self.unlabelled);
        };
        // Not under the lock: what is done with the tenant may look at all of them.
        let known = self.labelled().get(label).cloned();
        act(&known.unwrap_or_else(|| self.new_tenant(label)));
    }

    fn new_tenant(&self, label: &Arc<str>) -> Arc<Tenant> {
        let labelled = self.labelled.write();
        let mut labelled = labelled.unwrap_or_else(PoisonError::into_inner);
        let tenant = labelled
            .entry(Arc::clone(label))
            .or_insert_with(|| Arc::new(Tenant::new(Some(label), self.events.len())));
        Arc::clone(tenant)
    }

    fn each_tenant(&self, mut act: impl FnMut(&Tenant)) {
        act(&self.unlabelled);
        self.labelled().values().for_each(|tenant| act(tenant));
    }

    fn labelled(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Arc<Tenant>>> {
        self.labelled.read().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Tenant {
    label: Option<Arc<str>>,
    /// Failures since the last success whose event could not be read.
    unread: AtomicU32,
    /// One for each of the provider's events, and one for all others.
    counters: Box<[Counter]>,
}

#[derive(Default)]
struct Counter {
    seen: AtomicBool,
    count: AtomicU32,
}

impl Tenant {
    fn new(label: Option<&Arc<str>>, events: usize) -> Self {
        Self {
            label: label.cloned(),
            unread: AtomicU32::new(0),
            counters: (0..=events).map(|_| Counter::default()).collect(),
        }
    }

    fn strikes(&self, event: Option<&'static str>, count: u32) -> EventStrikes {
        EventStrikes {
            tenant: self.label.clone(),
            event,
            count,
        }
    }
}

/// A time that may be set by many; 0 for never.
#[derive(Default)]
struct Time(AtomicU64);

impl Time {
    fn set_now(&self) {
        let now = clock::epoch_ms(SystemTime::now());
        self.0.fetch_max(now, Relaxed);
    }

    fn get(&self) -> Option<SystemTime> {
        let ms = self.0.load(Relaxed);
        (ms > 0).then(|| clock::from_epoch_ms(ms))
    }
}

impl fmt::Debug for Strikes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strikes")
            .field("provider", &self.shared.provider)
            .field("limit", &self.limit())
            .field("worst", &self.worst())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}
