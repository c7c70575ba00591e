use std::{mem, sync::Arc, time::SystemTime};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    background::Slot,
    config::Config,
    dead_letter::{Confirmation, Custody, Letter},
    delivery::{Delivery, Handed},
    journal::{End, Facts, Journal},
    outcome::LetterReason,
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
    Handed(Handed<E>),
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
        match &self.held {
            Held::Facts(_) => {
                if let Held::Facts(facts) = mem::replace(&mut self.held, Held::Nothing) {
                    facts.tell(Some(&self.config.observers), end, false);
                }
            }
            Held::Delivery(delivery) => delivery.journal().settle(end),
            // If it is gone, the handler's end was told.
            Held::Handed(handed) => {
                handed.ask(|delivery| delivery.journal().settle(end));
            }
            Held::Nothing => {}
        }
    }

    /// The same at the deadline, unless the handler is at its end; whether this was it.
    pub(crate) fn settle_late(&self, end: End) -> bool {
        let settled = self.handed(|delivery| delivery.journal().settle_late(end));
        settled.unwrap_or(false)
    }

    /// Lets go: whatever was not told by now was given up.
    pub(crate) fn close(&mut self) {
        self.settle(End::given_up());
        self.let_go();
    }

    /// The same once the end is told.
    pub(crate) fn let_go(&mut self) {
        // It may be the delivery's end, and the event is not ours.
        let _ = caught(|| self.held = Held::Nothing);
    }

    /// Makes the delivery of what was received. From here on the journal is shared.
    pub(crate) fn deliver(
        &mut self,
        event: Box<P::Event>,
        name: &'static str,
        raw: Bytes,
        deadline: Instant,
    ) {
        let Held::Facts(mut facts) = mem::replace(&mut self.held, Held::Nothing) else {
            unreachable!("a request is delivered once")
        };
        let received_at = SystemTime::now();
        facts.event = Some(name);
        facts.received_at = Some(received_at);
        let config = &self.config;
        let journal = Journal::new(facts, Arc::clone(&config.observers), config.keeper.clone());
        let delivery = Delivery::new(event, raw, received_at, Some(deadline), journal);
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
        let kept = self.handed(|delivery| delivery.journal().late(|| Record::of(delivery)));
        Some(kept??.confirmation)
    }

    /// The slot of the delivery's handler.
    pub(crate) fn hold(&self, slot: Slot) -> Slot {
        self.delivery().hold(slot)
    }

    fn delivery(&self) -> &Delivery<P::Event> {
        match &self.held {
            Held::Delivery(delivery) => delivery,
            _ => unreachable!("a slot is for a delivery"),
        }
    }

    /// The delivery, for its handler.
    pub(crate) fn hand_over(&mut self) -> Delivery<P::Event> {
        let handed = Held::Handed(self.delivery().handed());
        match mem::replace(&mut self.held, handed) {
            Held::Delivery(delivery) => delivery,
            _ => unreachable!("a handler runs for a delivery"),
        }
    }

    /// What the delivery says that the handler has; nothing once the handler is at its end and has
    /// let go of it.
    fn handed<T>(&self, question: impl FnOnce(&Delivery<P::Event>) -> T) -> Option<T> {
        match &self.held {
            Held::Handed(handed) => handed.ask(question),
            _ => unreachable!("a handler has the delivery"),
        }
    }
}

impl<P: Provider> Drop for Reporter<P> {
    fn drop(&mut self) {
        self.close();
    }
}
