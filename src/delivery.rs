use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Extensions;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    clock,
    json::envelope::without_bom,
    kept_head::KeptHead,
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
    label: Arc<str>,
    event: E,
    origin: Origin,
}

/// In the extensions beside a delivery, of whatever type that is.
#[cfg(feature = "axum")]
#[derive(Clone)]
pub(crate) struct AnyDelivery;

/// What comes with an event, from a request or from a record.
pub(crate) struct Origin {
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) head: KeptHead,
    pub(crate) raw: Bytes,
    pub(crate) received_at: SystemTime,
    /// `None` for a replay.
    pub(crate) deadline: Option<Instant>,
    /// Of the record, for a replay.
    pub(crate) idempotency_key: Option<Box<str>>,
}

impl<E: Event> Delivery<E> {
    pub(crate) fn new(rules: &Rules, event: E, origin: Origin) -> Self {
        Self {
            inner: Arc::new(Inner {
                provider: rules.name,
                label: Arc::clone(rules.label(event.name())),
                event,
                origin,
            }),
        }
    }

    /// [`Event::idempotency_key`] of the event, or that of the [record](crate::Record) that is replayed
    /// where the event has none.
    ///
    /// It is unique within one provider and [tenant](Self::tenant): two accounts can have invoices of
    /// the same id. `None` means that the delivery cannot be recognised; treat it as an upsert, never
    /// drop it as a duplicate.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<Cow<'_, str>> {
        let key = self.inner.event.idempotency_key();
        key.or_else(|| self.inner.origin.idempotency_key.as_deref().map(Cow::from))
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
        &self.inner.origin.raw
    }

    /// The body, read into a type of your own: for what the typed event does not name.
    ///
    /// # Errors
    ///
    /// When the body does not fit the type. The error's text may quote the body, so think twice
    /// before it is logged.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(without_bom(&self.inner.origin.raw))
    }

    /// The tenant: the label of the request's secret or key, what the closure of
    /// [`Access::by`](crate::Access::by) returned, or what the body [names](crate::Received::tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.inner.origin.tenant.as_deref()
    }

    /// When the body had been read.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.inner.origin.received_at
    }

    /// The time until the deadline, or zero after it.
    ///
    /// A [replayed](crate::Webhook::replay) delivery has no deadline: [`Duration::MAX`].
    #[must_use]
    pub fn time_left(&self) -> Duration {
        match self.inner.origin.deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        }
    }

    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.inner.provider
    }

    /// Puts the delivery into the extensions of the handler's request.
    pub(crate) fn insert_into(self, extensions: &mut Extensions)
    where
        E: Send + Sync + 'static,
    {
        extensions.insert(self);
        #[cfg(feature = "axum")]
        extensions.insert(AnyDelivery);
    }

    /// The kind of event: one of the provider's known names, or `"other"`.
    pub(crate) fn label(&self) -> &Arc<str> {
        &self.inner.label
    }
}

impl<E: Event> Delivery<E> {
    /// The delivery as a record. If the event's own code panics, the record has no id and no key.
    pub(crate) fn record(&self) -> Record {
        caught(|| Record::from(self)).unwrap_or_else(|Panicked| self.bare_record())
    }

    fn bare_record(&self) -> Record {
        Record {
            event: (**self.label()).into(),
            received_at_ms: clock::epoch_ms(self.received_at()),
            ..Record::undecoded(
                self.provider(),
                self.tenant(),
                self.inner.origin.head.clone(),
                self.raw().clone(),
            )
        }
    }
}

impl<E: Event> From<&Delivery<E>> for Record {
    fn from(delivery: &Delivery<E>) -> Self {
        let event = delivery.event();
        let kind = Some(event.name()).filter(|name| **name != **delivery.label());
        Self {
            kind: kind.map(|kind| shown(kind).into()),
            id: event.id().map(Into::into),
            idempotency_key: delivery.idempotency_key().map(Into::into),
            ..delivery.bare_record()
        }
    }
}

/// A sender's text, escaped and cut.
fn shown(text: &str) -> String {
    const MOST: usize = 64;
    let start = text.chars().take(MOST).flat_map(char::escape_debug);
    let cut = text.chars().nth(MOST).map(|_| '…');
    start.chain(cut).collect()
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
            .field("event", &self.label())
            .field("len", &self.inner.origin.raw.len())
            .finish_non_exhaustive()
    }
}
