mod base64;
mod format;

use std::{fmt, time::SystemTime};

use bytes::Bytes;

use crate::{
    clock,
    delivery::Delivery,
    panic::{Panicked, caught},
    provider::Event,
};

/// A delivery in its owned form, for queues and files: what is known of it, and the raw body.
///
/// It holds no decoded event, so nothing of the delivery can be lost or reinterpreted on the way:
/// the same provider reads the body again, see [`Webhook::replay`](crate::Webhook::replay). It
/// serializes as a versioned object whose body is text, or base64 when it is not UTF-8. [`Debug`]
/// prints nothing of the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    provider: Box<str>,
    tenant: Option<Box<str>>,
    event: Box<str>,
    id: Option<Box<str>>,
    idempotency_key: Option<Box<str>>,
    received_at_ms: u64,
    body: Bytes,
}

impl Record {
    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// [`Delivery::tenant`].
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The kind of event: one of the provider's known names, or `"other"`.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The id of the object that the event is about.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// [`Delivery::idempotency_key`]. Without one, keep every record.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// When the body had been read, to the millisecond.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        clock::from_epoch_ms(self.received_at_ms)
    }

    /// The body as it arrived, byte for byte.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl Record {
    /// A body that was not taken for an event.
    pub(crate) fn undecoded(provider: &str, tenant: Option<&str>, body: Bytes) -> Self {
        Self {
            provider: provider.into(),
            tenant: tenant.map(Into::into),
            event: "other".into(),
            id: None,
            idempotency_key: None,
            received_at_ms: clock::epoch_ms(SystemTime::now()),
            body,
        }
    }

    /// Of a delivery, come what may: an event whose own code panics has no id and no key.
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

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("provider", &self.provider)
            .field("tenant", &self.tenant)
            .field("event", &self.event)
            .field("len", &self.body.len())
            .finish_non_exhaustive()
    }
}
