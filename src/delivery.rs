use std::{
    fmt,
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::request::Parts;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    background::{LeftOver, Slot},
    clock,
    journal::Journal,
    json::envelope::BYTE_ORDER_MARK,
    panic::{Panicked, caught, let_go},
    provider::Event,
    record::Record,
    request::body::{Replayed, RequestBody},
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
    event: Box<E>,
    raw: Bytes,
    received_at: SystemTime,
    deadline: Option<Instant>,
    journal: Journal,
}

impl<E: Event> Delivery<E> {
    /// A replayed delivery has no deadline.
    pub(crate) fn new(
        event: Box<E>,
        raw: Bytes,
        received_at: SystemTime,
        deadline: Option<Instant>,
        journal: Journal,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                event,
                raw,
                received_at,
                deadline,
                journal,
            }),
        }
    }

    /// [`Event::idempotency_key`] of the event.
    ///
    /// It tells two events of the same provider and the same [tenant](Self::tenant) apart, and no
    /// more: two accounts may well have an invoice of the same id. `None` means that the
    /// delivery cannot be recognised; treat it as an upsert, never drop it as a duplicate.
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
    pub fn json<'a, T>(&'a self) -> Result<T, serde_json::Error>
    where
        T: Deserialize<'a>,
    {
        let raw = &*self.inner.raw;
        serde_json::from_slice(raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw))
    }

    /// Who it is for: the label beside the secret that opened the door, or what the closure of
    /// [`Access::by`](crate::Access::by) returned.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.inner.journal.facts().tenant.as_deref()
    }

    /// When the body had been read.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.inner.received_at
    }

    /// How long until the layer answers in the handler's place; zero once it has.
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
        self.inner.journal.facts().provider
    }

    /// The kind of event: one of the provider's known names, or `"other"`.
    pub(crate) fn event_name(&self) -> &'static str {
        self.inner.journal.facts().event.unwrap_or("other")
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    pub(crate) fn handed(&self) -> Handed<E> {
        Handed(Arc::downgrade(&self.inner))
    }

    /// Puts it into the extensions, where the handler looks for it.
    pub(crate) fn attach(&self, head: &mut Parts)
    where
        E: Event,
    {
        head.extensions.insert(self.clone());
    }

    /// What arrived, for the handler to read again.
    pub(crate) fn body(&self) -> RequestBody
    where
        E: Event,
    {
        RequestBody::of(self.inner.clone())
    }

    /// A slot that has the delivery stored if a drain leaves it over, where there is a store.
    pub(crate) fn hold(&self, mut slot: Slot) -> Slot
    where
        E: Event,
    {
        if self.journal().has_store() {
            slot.hold(self.inner.clone());
        }
        slot
    }
}

/// A delivery that is with its handler, and gone as soon as the handler lets go of it.
///
/// Whoever waits for the handler holds it by this. A server has many requests under way at once, and
/// one that is handled may wait for its turn to be answered: until then the event, and what the body
/// owns, is there for the next. The block in which the journal stands stays.
pub(crate) struct Handed<E>(Weak<Inner<E>>);

impl<E> Handed<E> {
    /// What the delivery says, unless it is gone.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Delivery<E>) -> T) -> Option<T> {
        let inner = self.0.upgrade()?;
        let delivery = Delivery { inner };
        let answer = question(&delivery);
        // It may have become the delivery's end, and the event is not ours.
        let_go(delivery);
        Some(answer)
    }
}

/// The journal's word to what a drain leaves over.
impl<E: Event> LeftOver for Inner<E> {
    fn shut_down(self: Arc<Self>) {
        let delivery = Delivery { inner: self };
        delivery.journal().left_over(|| Record::of(&delivery));
    }
}

impl<E: Event> Replayed for Inner<E> {
    fn raw(&self) -> &Bytes {
        &self.raw
    }
}

impl Record {
    /// The record of a delivery. If the event's own code panics, it has no id and no key.
    pub(crate) fn of<E: Event>(delivery: &Delivery<E>) -> Self {
        caught(|| Self::from(delivery)).unwrap_or_else(|Panicked| Self {
            event: delivery.event_name().into(),
            received_at_ms: clock::epoch_ms(delivery.received_at()),
            ..Self::undecoded(
                delivery.provider(),
                delivery.tenant(),
                delivery.raw().clone(),
            )
        })
    }
}

impl<E: Event> From<&Delivery<E>> for Record {
    fn from(delivery: &Delivery<E>) -> Self {
        Self {
            provider: delivery.provider().into(),
            tenant: delivery.tenant().map(Into::into),
            event: delivery.event_name().into(),
            id: delivery.event().id().map(Into::into),
            idempotency_key: delivery.idempotency_key().map(Into::into),
            received_at_ms: clock::epoch_ms(delivery.received_at()),
            body: delivery.raw().clone(),
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
