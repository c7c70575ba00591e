//! What the log, the counts and the user's observer are told of one request.

use std::{sync::Arc, time::SystemTime};

use tokio::time::Instant;

use crate::{
    metrics,
    outcome::{End, Outcome},
    panic::caught,
    rejection::{Rejection, RejectionKind},
    strikes::Strikes,
    trace,
};

/// Who is told of the outcomes of a layer's requests, besides the log.
#[derive(Clone)]
pub(crate) struct Observers {
    pub(crate) strikes: Strikes,
    pub(crate) user: Option<Observer>,
}

pub(crate) type Observer = Arc<dyn Fn(&Outcome) + Send + Sync>;

/// Tells the outcome of one request, and the end of its handler if that comes later.
///
/// The first end is the request's outcome, the second is a late end. A report that is dropped while
/// the handler runs tells of an interrupted handler. One that is dropped before any end tells that the
/// client gave up.
pub(crate) struct Report {
    /// What is known of the request so far. Each end fills in the rest.
    outcome: Outcome,
    started: Instant,
    /// `None` for a replay: only the log hears of it.
    observers: Option<Arc<Observers>>,
    /// Whether the outcome of the request was a success; `None` before it is told.
    pub(crate) was_success: Option<bool>,
    /// Whether a handler has the delivery. Its end is then to be told too.
    pub(crate) has_handler: bool,
}

impl Report {
    pub(crate) fn new(
        provider: &'static str,
        started: Instant,
        observers: Option<Arc<Observers>>,
    ) -> Self {
        Self {
            outcome: Outcome::new(provider),
            started,
            observers,
            was_success: None,
            has_handler: false,
        }
    }

    pub(crate) fn tenant(&self) -> Option<&Arc<str>> {
        self.outcome.tenant.as_ref()
    }

    /// Access admits the request. `is_trusted`: by a credential; `may_be_delivery`: whether a delivery
    /// can come by the method.
    pub(crate) fn admitted(
        &mut self,
        tenant: Option<Arc<str>>,
        is_trusted: bool,
        may_be_delivery: bool,
    ) {
        self.outcome.is_trusted = is_trusted;
        self.outcome.may_be_delivery = may_be_delivery;
        self.outcome.tenant = tenant;
    }

    /// The request is no stranger's.
    pub(crate) fn trusted(&mut self) {
        self.outcome.is_trusted = true;
    }

    pub(crate) fn is_trusted(&self) -> bool {
        self.outcome.is_trusted
    }

    /// The key or the body names a tenant. Fails if another one is known: one tenant's key must not speak
    /// for another tenant.
    pub(crate) fn names_tenant(&mut self, named: Option<Arc<str>>) -> Result<(), Rejection> {
        if named.as_ref().is_some_and(|named| !is_label(named)) {
            return Err(Rejection::malformed(
                "the name of the tenant is empty, too long, or has control characters",
            ));
        }
        match (&self.outcome.tenant, named) {
            (Some(known), Some(named)) if *known != named => Err(Rejection::unauthorized(
                "the request proves one tenant and names another",
            )),
            (None, Some(named)) => {
                self.outcome.tenant = Some(named);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn body_read(&mut self, bytes: usize) {
        self.outcome.body_size = Some(bytes);
    }

    pub(crate) fn decoded(&mut self, event: Arc<str>, received_at: SystemTime) {
        self.outcome.event = Some(event);
        self.outcome.received_at = Some(received_at);
    }

    /// Tells the end of a delivery: that of its handler, if it got to one.
    pub(crate) fn delivery_ended(&mut self, end: End) {
        self.has_handler = false;
        self.tell(end);
    }

    pub(crate) fn tell(&mut self, mut end: End) {
        let outcome = &mut self.outcome;
        outcome.late_end = self.was_success.is_some();
        if outcome.late_end {
            // The layer never sent this status.
            end.status = end.status.filter(|_| end.rejection.is_none());
        } else {
            end.status = end.sent();
            self.was_success = Some(end.status.is_some_and(|status| status.is_success()));
        }
        outcome.duration = self.started.elapsed();
        outcome.end = end;
        self.tell_observers();
    }

    /// An outcome may be told while a panic unwinds, and a second panic would abort the process.
    fn tell_observers(&self) {
        let outcome = &self.outcome;
        let logged = caught(|| trace::outcome(outcome));
        let Some(observers) = &self.observers else {
            return;
        };
        let _ = caught(|| observers.strikes.count(outcome));
        let _ = caught(|| metrics::outcome(outcome));
        let Some(user) = &observers.user else { return };
        if caught(|| user(outcome)).is_err() && logged.is_ok() {
            let _ = caught(|| trace::observer_panicked(outcome));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.has_handler {
            // The runtime stops.
            self.delivery_ended(End::rejected(&Rejection::new(RejectionKind::Interrupted)));
        } else if self.was_success.is_none() && self.observers.is_some() {
            self.tell(End::given_up());
        }
    }
}

/// Whether a tenant of this name may be in the log and in a record: the sender may have written it.
fn is_label(name: &str) -> bool {
    (1..=256).contains(&name.len()) && !name.chars().any(char::is_control)
}
