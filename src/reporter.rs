use std::{mem, sync::Arc, time::SystemTime};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    background::Slot,
    config::Config,
    dead_letter::{Confirmation, Custody, Letter, LetterReason},
    delivery::Delivery,
    journal::{End, Facts, Journal},
    panic::caught,
    provider::Provider,
    record::Record,
};

/// What the answering future reports by: alone while it receives, and from the delivery on to the
/// journal that it shares with the handler's task. Dropped before the request's end is told, it
/// tells that the request was given up.
pub(crate) struct Reporter<P: Provider> {
    held: Held<P::Event>,
    config: Arc<Config<P>>,
}

enum Held<E> {
    Facts(Facts),
    Delivery(Delivery<E>),
    /// All is told.
    Nothing,
}

impl<P: Provider> Reporter<P> {
    pub(crate) fn new(config: Arc<Config<P>>, facts: Facts) -> Self {
        Self {
            held: Held::Facts(facts),
            config,
        }
    }

    pub(crate) fn config(&self) -> &Config<P> {
        &self.config
    }

    /// The credential was right.
    pub(crate) fn admit(&mut self, tenant: Option<Arc<str>>) {
        if let Held::Facts(facts) = &mut self.held {
            facts.admitted = true;
            facts.tenant = tenant;
        }
    }

    pub(crate) fn set_body_size(&mut self, bytes: usize) {
        if let Held::Facts(facts) = &mut self.held {
            facts.body_size = Some(bytes);
        }
    }

    /// Tells the end of the request, unless it is told already.
    pub(crate) fn settle(&mut self, end: End) {
        if let Held::Delivery(delivery) = &self.held {
            delivery.journal().settle(end);
        } else if let Held::Facts(facts) = mem::replace(&mut self.held, Held::Nothing) {
            facts.tell(Some(&self.config.observers), end, false);
        }
    }

    /// The same at the deadline, unless the handler is at its end; whether this was it.
    pub(crate) fn settle_late(&self, end: End) -> bool {
        self.delivery().journal().settle_late(end)
    }

    /// Lets go: whatever was not told by now was given up.
    pub(crate) fn close(&mut self) {
        self.settle(End::given_up());
        self.let_go();
    }

    /// The same once the end is told.
    pub(crate) fn let_go(&mut self) {
        if let Held::Delivery(_) = self.held {
            // It may be the delivery's end, and the event is not ours: what is told goes out.
            let _ = caught(|| self.held = Held::Nothing);
        }
    }

    /// Makes the delivery of what was received. From here on the journal is shared.
    pub(crate) fn deliver(
        &mut self,
        event: P::Event,
        name: &'static str,
        raw: Bytes,
        deadline: Instant,
    ) {
        let Held::Facts(mut facts) = mem::replace(&mut self.held, Held::Nothing) else {
            unreachable!("a request is delivered once")
        };
        facts.event = Some(name);
        let config = &self.config;
        let journal = Journal::new(facts, Arc::clone(&config.observers), config.keeper.clone());
        let delivery = Delivery::new(event, raw, SystemTime::now(), Some(deadline), journal);
        self.held = Held::Delivery(delivery);
    }

    /// Has the body stored that could not be read as a delivery.
    pub(crate) fn store_undecoded(
        &self,
        reason: LetterReason,
        acknowledged: bool,
        body: Bytes,
    ) -> Option<Confirmation> {
        let Held::Facts(facts) = &self.held else {
            return None;
        };
        let keeper = self.config.keeper.as_ref()?;
        let record = Record::undecoded(facts.provider, facts.tenant.as_deref(), body);
        let letter = Letter {
            reason,
            acknowledged,
            tried: false,
        };
        let custody = Custody::new(Arc::clone(keeper), record);
        Some(custody.store(letter).go())
    }

    /// Has the delivery stored that gets to no handler.
    pub(crate) fn store_unhandled(
        &self,
        reason: LetterReason,
        acknowledged: bool,
    ) -> Option<Confirmation> {
        let delivery = self.delivery();
        let record = || Record::of(delivery);
        let kept = delivery.journal().failed(reason, acknowledged, record)?;
        Some(kept.confirmation)
    }

    /// Has the delivery stored whose handler is late, unless it is at its end.
    pub(crate) fn store_pending(&self) -> Option<Confirmation> {
        let delivery = self.delivery();
        let record = || Record::of(delivery);
        let kept = delivery.journal().late(record)?;
        Some(kept.confirmation)
    }

    /// The slot of the delivery's handler.
    pub(crate) fn hold(&self, slot: Slot) -> Slot {
        self.delivery().hold(slot)
    }

    pub(crate) fn delivery(&self) -> &Delivery<P::Event> {
        match &self.held {
            Held::Delivery(delivery) => delivery,
            Held::Facts(_) | Held::Nothing => unreachable!("a handler runs for a delivery"),
        }
    }
}

impl<P: Provider> Drop for Reporter<P> {
    fn drop(&mut self) {
        self.close();
    }
}
