use std::{any::type_name, convert::Infallible, future::pending, sync::Arc};

use bytes::Bytes;
use http::{Response, request::Parts};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    background::Slot,
    body::{Answer, ResponseBody},
    config::Config,
    dead_letter::{Confirmation, LetterWriter},
    delivery::Delivery,
    json::envelope::without_bom,
    kept_head::KeptHead,
    outcome::{AskedFor, End, LetterReason, OutcomeKind},
    panic::discard,
    policy::Failed,
    provider::Event,
    record::Record,
    rejection::{Rejection, RejectionKind},
    report::Report,
};

/// A request, and what has to be done for it until its handler has ended: report, store, give the slot
/// back.
pub(crate) struct Job<E> {
    pub(crate) config: Arc<Config>,
    pub(crate) report: Report,
    /// `None` for a replay.
    pub(crate) deadline: Option<Instant>,
    /// `None` without a store, and before the body is decoded.
    storage: Option<Storage<E>>,
    slot: Option<Slot>,
}

/// What is needed to store the delivery.
struct Storage<E> {
    writer: LetterWriter,
    delivery: Delivery<E>,
    /// Becomes true when a drain gives up on the handler. `None` before there is a slot, and once the
    /// delivery is stored because of the drain.
    left_over: Option<watch::Receiver<bool>>,
    /// Whether a drain has given up on the handler.
    is_left_over: bool,
    /// Whether the provider is to hear a late success once the store has the letter.
    is_promised: bool,
}

impl<E: Event> Job<E> {
    pub(crate) fn new(config: Arc<Config>, report: Report, deadline: Option<Instant>) -> Self {
        Self {
            config,
            report,
            deadline,
            storage: None,
            slot: None,
        }
    }

    /// Without a `writer` the delivery is never stored.
    pub(crate) fn decoded(&mut self, delivery: &Delivery<E>, writer: Option<LetterWriter>) {
        let event = Arc::clone(delivery.label());
        self.report.decoded(event, delivery.received_at());
        self.storage = writer.map(|writer| Storage {
            writer,
            delivery: delivery.clone(),
            left_over: None,
            is_left_over: false,
            is_promised: false,
        });
    }

    pub(crate) fn hold(&mut self, slot: Slot) {
        if let Some(storage) = &mut self.storage {
            storage.left_over = Some(slot.left_over());
        }
        self.slot = Some(slot);
    }

    /// Drops the delivery, which may panic, then gives the slot back.
    pub(crate) fn release(&mut self) {
        discard(self.storage.take());
        self.slot = None;
    }

    /// Whether the layer answers a stored failure with a success.
    pub(crate) fn accepts_failures(&self) -> bool {
        self.config.failed == Failed::Accept && self.deadline.is_some()
    }

    /// Stores what failed. `None` without a store.
    pub(crate) fn store_failure(&mut self, reason: LetterReason) -> Option<Confirmation> {
        self.store(reason, self.accepts_failures())
    }

    /// Stores a refused request that may be an event. `None` without a store, and for a stranger's, who
    /// could fill the store.
    pub(crate) fn store_unread(
        &self,
        kind: RejectionKind,
        head: &Parts,
        body: Bytes,
    ) -> Option<Confirmation> {
        let Config { rules, access, .. } = &*self.config;
        let reason = letter_reason(kind);
        let kept = KeptHead::of(head, rules, access);
        let is_empty = without_bom(&body).trim_ascii().is_empty() && kept.query.is_none();
        let may_be_event = rules.event_methods.contains(&head.method) && !is_empty;
        if reason == LetterReason::Other || !may_be_event || !self.report.is_trusted() {
            return None;
        }
        let mut writer = LetterWriter::new(self.config.store.clone()?);
        let tenant = self.report.tenant().map(AsRef::as_ref);
        let record = || Record::undecoded(rules.name, tenant, kept, body);
        Some(writer.store(reason, self.accepts_failures(), false, record))
    }

    /// Stores the delivery before its late success goes out. `None` without a store.
    pub(crate) fn store_late(&mut self) -> Option<Confirmation> {
        self.storage.as_mut()?.is_promised = true;
        self.store_unfinished()
    }

    /// Waits until a drain gives up on the handler, and stores the delivery then. Never ends.
    pub(crate) async fn store_left_over(&mut self) -> Infallible {
        let Some(storage) = &mut self.storage else {
            return pending().await;
        };
        if let Some(left_over) = &mut storage.left_over {
            if left_over.wait_for(|gave_up| *gave_up).await.is_ok() {
                storage.is_left_over = true;
                let receiver = storage.left_over.take();
                self.store_unfinished();
                // Only now: the drain waits until there is no receiver, then for the call to the store.
                drop(receiver);
            }
        }
        pending().await
    }

    /// Marks the letter as done, if there is one.
    pub(crate) fn mark_done(&mut self) -> Option<Confirmation> {
        self.storage.as_mut()?.writer.done()
    }

    /// Whether the store has a letter that promises the provider a success.
    pub(crate) fn is_kept(&self) -> bool {
        let storage = self.storage.as_ref();
        storage.is_some_and(|storage| storage.writer.is_kept())
    }

    /// Answers a request that is refused before it is a delivery.
    pub(crate) fn refuse<R>(&mut self, rejection: Rejection) -> Response<ResponseBody<R>> {
        self.report.tell(End::rejected(&rejection));
        self.config.refuse(rejection)
    }

    /// Answers a delivery that never got to a handler: with a success if the store confirms in time that
    /// it has the delivery.
    pub(crate) async fn finish_unhandled<R, X>(
        &mut self,
        failure: Box<Failure<R, X>>,
        confirmation: Option<Confirmation>,
    ) -> Answer<R, X> {
        let is_stored = match (confirmation, self.deadline) {
            (Some(confirmation), Some(deadline)) if self.accepts_failures() => {
                let until = self.config.store_until(deadline);
                timeout_at(until, confirmation).await == Ok(Ok(()))
            }
            _ => false,
        };
        let answer = self.finish(Err(failure), is_stored);
        self.release();
        answer
    }

    /// Reports the end of the delivery and returns the answer: the handler's, the failure's, or a
    /// success if the store has the delivery.
    pub(crate) fn finish<R, X>(&mut self, end: HandlerEnd<R, X>, is_stored: bool) -> Answer<R, X> {
        match end {
            Ok(response) => {
                let mut end = End::answered(response.status());
                let response = self.config.handled(response);
                end.status = Some(response.status());
                self.report.delivery_ended(end);
                Ok(response)
            }
            Err(failure) if is_stored => {
                let end = failure
                    .end
                    .stored(failure.reason, self.config.rules.success);
                self.report.delivery_ended(end);
                discard(failure.answer);
                Ok(self.config.success())
            }
            Err(failure) => {
                self.report.delivery_ended(failure.end);
                failure.answer
            }
        }
    }

    fn store_unfinished(&mut self) -> Option<Confirmation> {
        let storage = self.storage.as_ref()?;
        let reason = if storage.is_left_over {
            LetterReason::Shutdown
        } else {
            LetterReason::Pending
        };
        self.store(reason, storage.is_promised)
    }

    /// `accepts`: whether a success is to go out, if the request has no outcome yet.
    fn store(&mut self, reason: LetterReason, accepts: bool) -> Option<Confirmation> {
        let acknowledged = self.report.was_success.unwrap_or(accepts);
        let Storage {
            writer, delivery, ..
        } = self.storage.as_mut()?;
        let tried = self.report.has_handler;
        Some(writer.store(reason, acknowledged, tried, || delivery.record()))
    }
}

/// How a handler ended: with a success of its own, or with a failure.
pub(crate) type HandlerEnd<R, E> = Result<Response<R>, Box<Failure<R, E>>>;

/// Why a delivery failed, and the answer if it is not stored. Boxed, since failures are rare and
/// larger than successes.
pub(crate) struct Failure<R, E> {
    pub(crate) reason: LetterReason,
    end: End,
    pub(crate) answer: Answer<R, E>,
}

impl<R, E> Failure<R, E> {
    /// The layer refuses the delivery or has cut its handler off, or the application's code panicked.
    pub(crate) fn rejected(kind: RejectionKind) -> Box<Self> {
        Self::rejection(Rejection::new(kind))
    }

    /// The same, where there is a rejection already.
    pub(crate) fn rejection(rejection: Rejection) -> Box<Self> {
        Box::new(Self {
            reason: letter_reason(rejection.kind()),
            end: End::rejected(&rejection),
            answer: Ok(rejection.into_response()),
        })
    }

    /// The inner service returned an error.
    pub(crate) fn error(error: E) -> Box<Self> {
        Box::new(Self {
            reason: LetterReason::Error,
            end: End::new(OutcomeKind::Failed, None),
            answer: Err(error),
        })
    }

    /// The handler of a delivery of `V` answered with a status that is no success.
    pub(crate) fn status<V>(response: Response<R>) -> Box<Self> {
        let end = match response.extensions().get() {
            Some(AskedFor(asked)) if *asked != type_name::<V>() => {
                End::mismatched(response.status(), asked, type_name::<V>())
            }
            _ => End::answered(response.status()),
        };
        Box::new(Self {
            reason: LetterReason::Status,
            end,
            answer: Ok(response.map(ResponseBody::handler)),
        })
    }
}

/// `Other` for refusals that are never stored.
fn letter_reason(kind: RejectionKind) -> LetterReason {
    match kind {
        RejectionKind::Malformed => LetterReason::Malformed,
        RejectionKind::Panicked => LetterReason::Panicked,
        RejectionKind::Draining => LetterReason::Draining,
        RejectionKind::Interrupted => LetterReason::Interrupted,
        RejectionKind::Busy => LetterReason::Busy,
        _ => LetterReason::Other,
    }
}
