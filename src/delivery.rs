use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    clock,
    json::envelope::without_bom,
    panic::{Panicked, caught},
    provider::{Event, Rules},
    record::Record,
};

/// One event, as the handler is given it: typed, with the raw bytes beside.
///
/// It stands in the request's extensions, `request.extensions().get::<Delivery<E>>()`, and is an
/// axum extractor with the feature `axum`. A clone costs one reference count; [`Debug`] prints
/// nothing of the body.
pub struct Delivery<E> {
    inner: Arc<Inner<E>>,
}

struct Inner<E> {
    provider: &'static str,
    tenant: Option<Arc<str>>,
    event_name: &'static str,
    event: E,
    raw: Bytes,
    received_at: SystemTime,
    deadline: Option<Instant>,
}

impl<E: Event> Delivery<E> {
    /// A replay has no `deadline`.
    pub(crate) fn new(
        rules: &Rules,
        tenant: Option<Arc<str>>,
        event: E,
        raw: Bytes,
        received_at: SystemTime,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                provider: rules.name,
                tenant,
                event_name: rules.known(event.name()),
                event,
                raw,
                received_at,
                deadline,
            }),
        }
    }

    /// [`Event::idempotency_key`] of the event.
    ///
    /// It is unique within one provider and [tenant](Self::tenant): two accounts can have invoices of
    /// the same id. `None` means that the delivery cannot be recognised; treat it as an upsert, never
    /// drop it as a duplicate.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<String> {
        self.inner.event.idempotency_key()
    }
}

impl<E> Delivery<E> {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &E {
        &self.inner.event
    }

    /// The body as it arrived, byte for byte.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.inner.raw
    }

    /// The body, read into a type of your own: for what the typed event does not name.
    ///
    /// # Errors
    ///
    /// When the body does not fit the type. The error's text may quote the body, so think twice
    /// before it is logged.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(without_bom(&self.inner.raw))
    }

    /// The tenant: the label of the request's secret, or what the closure of
    /// [`Access::by`](crate::Access::by) returned.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.inner.tenant.as_deref()
    }

    /// When the body had been read.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.inner.received_at
    }

    /// The time until the deadline, or zero after it.
    ///
    /// A [replayed](crate::Webhook::replay) delivery has no deadline: [`Duration::MAX`].
    #[must_use]
    pub fn time_left(&self) -> Duration {
        match self.inner.deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        }
    }

    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.inner.provider
    }

    /// The kind of event: one of the provider's known names, or `"other"`.
    pub(crate) fn event_name(&self) -> &'static str {
        self.inner.event_name
    }
}

impl<E: Event> Delivery<E> {
    /// The delivery as a record. If the event's own code panics, the record has no id and no key.
    pub(crate) fn record(&self) -> Record {
        caught(|| Record::from(self)).unwrap_or_else(|Panicked| self.bare_record())
    }

    fn bare_record(&self) -> Record {
        Record {
            event: self.event_name().into(),
            received_at_ms: clock::epoch_ms(self.received_at()),
            ..Record::undecoded(self.provider(), self.tenant(), self.raw().clone())
        }
    }
}

impl<E: Event> From<&Delivery<E>> for Record {
    fn from(delivery: &Delivery<E>) -> Self {
        Self {
            id: delivery.event().id().map(Into::into),
            idempotency_key: delivery.idempotency_key().map(Into::into),
            ..delivery.bare_record()
        }
    }
}

impl<E> Clone for Delivery<E> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<E> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("provider", &self.provider())
            .field("tenant", &self.tenant())
            .field("event", &self.event_name())
            .field("len", &self.inner.raw.len())
            .finish_non_exhaustive()
    }
}
