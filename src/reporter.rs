use bytes::Bytes;

use crate::{
    background::Slot,
    dead_letter::{Confirmation, LetterReason},
    delivery::Delivery,
    journal::{End, Journal},
    provider::Event,
    record::Record,
};

/// The answering future's hold on the journal: alone while it receives, together with the handler's
/// task from the delivery on. Dropped before the request's end is told, it tells that the request
/// was given up.
pub(crate) struct Reporter<E>(Held<E>);

enum Held<E> {
    Journal(Journal),
    Delivery(Delivery<E>),
    Nothing,
}

impl<E> Reporter<E> {
    pub(crate) fn new(journal: Journal) -> Self {
        Self(Held::Journal(journal))
    }

    pub(crate) fn set_body_size(&mut self, bytes: usize) {
        if let Held::Journal(journal) = &mut self.0 {
            journal.body_size = Some(bytes);
        }
    }

    /// Tells the end of the request, unless it is told already; whether this was it.
    pub(crate) fn settle(&self, end: End) -> bool {
        self.journal().is_some_and(|journal| journal.settle(end))
    }

    /// The same at the deadline, unless the handler is at its end.
    pub(crate) fn settle_late(&self, end: End) -> bool {
        self.journal()
            .is_some_and(|journal| journal.settle_late(end))
    }

    /// Has the body stored that could not be read as a delivery.
    pub(crate) fn store_undecoded(
        &self,
        reason: LetterReason,
        acknowledged: bool,
        body: Bytes,
    ) -> Option<Confirmation> {
        let journal = self.journal()?;
        let record = || Record::undecoded(journal.provider(), journal.tenant.as_deref(), body);
        let kept = journal.failed(reason, acknowledged, record)?;
        Some(kept.confirmation)
    }

    /// Lets go: whatever was not told by now was given up.
    pub(crate) fn close(&mut self) {
        if let Some(journal) = self.journal() {
            journal.give_up();
        }
        self.let_go();
    }

    /// The same once the end is told.
    pub(crate) fn let_go(&mut self) {
        self.0 = Held::Nothing;
    }

    fn journal(&self) -> Option<&Journal> {
        match &self.0 {
            Held::Journal(journal) => Some(journal),
            Held::Delivery(delivery) => Some(delivery.journal()),
            Held::Nothing => None,
        }
    }
}

impl<E: Event> Reporter<E> {
    /// Moves the journal into the delivery that `make` makes of it.
    pub(crate) fn deliver(&mut self, make: impl FnOnce(Journal) -> Delivery<E>) {
        match std::mem::replace(&mut self.0, Held::Nothing) {
            Held::Journal(journal) => self.0 = Held::Delivery(make(journal)),
            Held::Delivery(_) | Held::Nothing => unreachable!("a request is delivered once"),
        }
    }

    /// The slot of the delivery's handler.
    pub(crate) fn hold(&self, slot: Slot) -> Slot {
        self.held().hold(slot)
    }

    /// Has the delivery stored that gets to no handler.
    pub(crate) fn store_unhandled(
        &self,
        reason: LetterReason,
        acknowledged: bool,
    ) -> Option<Confirmation> {
        let delivery = self.held();
        let record = || Record::of(delivery);
        let kept = delivery.journal().failed(reason, acknowledged, record)?;
        Some(kept.confirmation)
    }

    /// Has the delivery stored whose handler is late, unless it is at its end.
    pub(crate) fn store_pending(&self) -> Option<Confirmation> {
        let delivery = self.held();
        let record = || Record::of(delivery);
        let kept = delivery.journal().late(record)?;
        Some(kept.confirmation)
    }

    /// The handler's own hold on the delivery.
    pub(crate) fn delivery(&self) -> Delivery<E> {
        self.held().clone()
    }

    fn held(&self) -> &Delivery<E> {
        match &self.0 {
            Held::Delivery(delivery) => delivery,
            Held::Journal(_) | Held::Nothing => unreachable!("a handler runs for a delivery"),
        }
    }
}

impl<E> Drop for Reporter<E> {
    fn drop(&mut self) {
        self.close();
    }
}
