use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use super::EventStrikes;
use crate::{
    clock, metrics,
    outcome::{Outcome, OutcomeKind},
    provider::Rules,
    trace,
};

/// The counts, and what is needed to count.
pub(super) struct Tally {
    pub(super) provider: &'static str,
    pub(super) limit: Option<u32>,
    patience: Option<Duration>,
    events: &'static [&'static str],
    unlabelled: Tenant,
    labelled: RwLock<HashMap<Arc<str>, Arc<Tenant>>>,
    publishing: Mutex<()>,
    pub(super) last_delivery: Time,
    pub(super) last_success: Time,
    pub(super) refused: AtomicU64,
    pub(super) last_refused: Time,
}

impl Tally {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            provider: rules.name,
            limit: rules.strikes,
            patience: rules.deadline_limit,
            events: rules.events,
            unlabelled: Tenant::new(None, rules.events.len()),
            labelled: RwLock::default(),
            publishing: Mutex::default(),
            last_delivery: Time::default(),
            last_success: Time::default(),
            refused: AtomicU64::new(0),
            last_refused: Time::default(),
        }
    }

    pub(super) fn events(&self) -> Vec<EventStrikes> {
        let mut all = Vec::new();
        self.each_tenant(|tenant| {
            let unread = tenant.unread.load(Relaxed);
            if unread > 0 {
                all.push(tenant.strikes(None, unread));
            }
            for (index, counter) in tenant.counters.iter().enumerate() {
                if counter.seen.load(Relaxed) {
                    let event = Some(self.name(index));
                    all.push(tenant.strikes(event, counter.count.load(Relaxed)));
                }
            }
        });
        all
    }

    pub(super) fn count(&self, outcome: &Outcome) {
        if !outcome.admitted {
            self.refused.fetch_add(1, Relaxed);
            self.last_refused.set(SystemTime::now());
            return;
        }
        if outcome.late_end || outcome.kind == OutcomeKind::Probe {
            return;
        }
        // A look at the clock costs as much as all else that is counted here.
        let came = outcome.received_at.unwrap_or_else(SystemTime::now);
        self.last_delivery.set(came);
        let is_success = self.is_success(outcome);
        if is_success {
            self.last_success.set(came);
        }
        let event = outcome.event.map(|name| self.index(name));
        self.with_tenant(outcome.tenant.as_ref(), |tenant| match event {
            Some(index) if is_success => self.success(tenant, index),
            Some(index) => self.failure(tenant, index),
            // It may have been of any event, so it is the success of none.
            None if is_success => {}
            None => self.unread_failure(tenant),
        });
    }

    fn is_success(&self, outcome: &Outcome) -> bool {
        let in_time = self.patience.is_none_or(|limit| outcome.duration() < limit);
        in_time && outcome.status.is_some_and(|status| status.is_success())
    }

    fn success(&self, tenant: &Tenant, index: usize) {
        let counter = &tenant.counters[index];
        if !counter.seen.load(Relaxed) {
            counter.seen.store(true, Relaxed);
        }
        if cleared(&tenant.unread) {
            self.publish_unread();
        }
        if cleared(&counter.count) {
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
        self.publish_unread();
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

    fn publish(&self, index: usize) {
        self.publish_worst(self.name(index), |tenant| &tenant.counters[index].count);
    }

    fn publish_unread(&self) {
        self.publish_worst(metrics::NO_EVENT, |tenant| &tenant.unread);
    }

    /// The worst of a count, over all tenants, for whoever watches.
    fn publish_worst(&self, event: &'static str, count: impl Fn(&Tenant) -> &AtomicU32) {
        if metrics::ON {
            // What is read last is to be said last.
            let _one_at_a_time = self.publishing.lock();
            let mut worst = 0;
            self.each_tenant(|tenant| worst = worst.max(count(tenant).load(Relaxed)));
            metrics::consecutive_failures(self.provider, event, worst);
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

/// Brings a count back to zero; whether it stood above. Like all that is told of a success it is read
/// before it is written: mostly nothing changes, and a write takes the line from the other cores.
fn cleared(count: &AtomicU32) -> bool {
    count.load(Relaxed) > 0 && count.swap(0, Relaxed) > 0
}

/// A time that may be set by many; 0 for never.
#[derive(Default)]
pub(super) struct Time(AtomicU64);

impl Time {
    /// Unless it is a later one already.
    fn set(&self, time: SystemTime) {
        let time = clock::epoch_ms(time);
        if self.0.load(Relaxed) < time {
            self.0.fetch_max(time, Relaxed);
        }
    }

    pub(super) fn get(&self) -> Option<SystemTime> {
        let ms = self.0.load(Relaxed);
        (ms > 0).then(|| clock::from_epoch_ms(ms))
    }
}
