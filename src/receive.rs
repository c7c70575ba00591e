//! From the head to the handler: body, decode, slot, readiness.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
    time::SystemTime,
};

use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body::Body;
use tokio::{
    task::coop,
    time::{Instant, timeout_at},
};
use tower::Service;

use crate::{
    answer::Failed,
    background::NoSlot,
    body::{Answer, RequestBody, ResponseBody},
    clock,
    collect::collect,
    config::Config,
    dead_letter::{Confirmation, LetterWriter},
    delivery::{Delivery, Inner},
    job::{Failure, Job},
    panic::{Panicked, caught, discard},
    provider::{Event, Provider, ReceivedKind},
    record::Record,
    rejection::{Rejection, RejectionKind},
    report::{End, Report},
    supervise,
};

/// Steps 3 to 6 of the table in the manual, `src/manual.md`. Dropping the future before the handler
/// has started ends the request.
#[expect(clippy::manual_async_fn, reason = "an `async fn` holds each argument twice")]
pub(crate) fn receive<S, P, B, R>(
    provider: Arc<P>,
    config: Arc<Config>,
    mut report: Report,
    mut inner: S,
    mut head: Parts,
    body: B,
    deadline: Instant,
) -> impl Future<Output = Answer<R, S::Error>> + Send
where
    P: Provider,
    B: Body + Send,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    async move {
        let raw = match collect(body, config.body_limit, deadline).await {
            Ok(raw) => raw,
            Err(kind) => {
                discard(inner);
                discard(head);
                return Ok(refuse(&config, &mut report, Rejection::new(kind)));
            }
        };
        report.body_read(raw.len());

        let delivery = match decode(&*provider, &config, &head, raw.clone(), deadline, &report) {
            Ok(Decoded::Delivery(delivery)) => delivery,
            Ok(Decoded::Probe(reply)) => {
                discard(inner);
                discard(head);
                report.tell(End::probe(reply.status()));
                return Ok(reply.map(ResponseBody::own));
            }
            Err(rejection) => {
                let is_post = head.method == Method::POST;
                discard(inner);
                discard(head);
                if !matches!(
                    rejection.kind(),
                    RejectionKind::Malformed | RejectionKind::Panicked
                ) {
                    return Ok(refuse(&config, &mut report, rejection));
                }
                let failure = Failure::from(rejection);
                // Only POST brings events, and under open access anybody could fill the store.
                let may_be_stored = is_post && !config.access.is_open();
                let store = config.store.clone().filter(|_| may_be_stored);
                let confirmation = store.map(|store| {
                    let tenant = report.tenant().map(AsRef::as_ref);
                    let record = || Record::undecoded(config.rules.name, tenant, raw);
                    let accepts = config.failed == Failed::Accept;
                    LetterWriter::new(store).store(failure.reason, accepts, false, record)
                });
                let is_stored = is_confirmed(&config, confirmation, deadline).await;
                return failure.tell(&config, &mut report, is_stored);
            }
        };
        report.decoded(delivery.event_name(), delivery.received_at());

        let writer = config.store.clone().map(LetterWriter::new);
        let mut job = Job::new(Arc::clone(&config), report, &delivery, writer);
        // The budget of the task that polls this may be used up by others.
        if let Err(failure) = coop::unconstrained(reserve(&mut job, &mut inner)).await {
            discard(inner);
            discard(head);
            discard(delivery);
            let confirmation = job.store_failure(failure.reason);
            let is_stored = is_confirmed(&config, confirmation, deadline).await;
            let answer = failure.tell(&config, &mut job.report, is_stored);
            job.release();
            return answer;
        }
        let body = RequestBody::new(delivery.raw().clone());
        head.extensions.insert(delivery.clone());
        let request = Request::from_parts(head, body);
        supervise::start(job, inner, request, delivery).await
    }
}

enum Decoded<E> {
    Probe(Response<Bytes>),
    Delivery(Delivery<E>),
}

/// Step 4: what the provider's code says of the request.
fn decode<P: Provider>(
    provider: &P,
    config: &Config,
    head: &Parts,
    raw: Bytes,
    deadline: Instant,
    report: &Report,
) -> Result<Decoded<P::Event>, Rejection> {
    let decoded = caught(|| match provider.receive(head, &raw)?.0 {
        ReceivedKind::Probe(reply) => Ok(Decoded::Probe(reply)),
        // The other methods are for probes.
        ReceivedKind::Event(event) if head.method != Method::POST => {
            discard(event);
            Err(Rejection::new(RejectionKind::Method))
        }
        ReceivedKind::Event(event) => Ok(Decoded::Delivery(Delivery::from(Inner {
            provider: config.rules.name,
            tenant: report.tenant().cloned(),
            event_name: config.rules.known(event.name()),
            event,
            raw,
            received_at: SystemTime::now(),
            deadline: Some(deadline),
        }))),
    });
    decoded.unwrap_or_else(|Panicked| Err(Rejection::new(RejectionKind::Panicked)))
}

/// Step 5: takes a slot first, then waits for the inner service's readiness.
pub(crate) async fn reserve<S, E, R>(
    job: &mut Job<E>,
    inner: &mut S,
) -> Result<(), Failure<R, S::Error>>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    let background = job.config.background.clone();
    let slot = match background.try_slot() {
        Ok(slot) => Some(slot),
        Err(NoSlot::Draining) => None,
        Err(NoSlot::Busy) => clock::by(job.deadline, background.slot())
            .await
            .ok_or_else(|| Failure::rejected(RejectionKind::Busy))?,
    };
    job.hold(slot.ok_or_else(|| Failure::rejected(RejectionKind::Draining))?);
    let ready = poll_fn(|cx| match caught(|| inner.poll_ready(cx)) {
        Ok(ready) => ready.map_err(Failure::error),
        Err(Panicked) => Poll::Ready(Err(Failure::rejected(RejectionKind::Panicked))),
    });
    let (deadline, is_replay) = (job.deadline, job.is_replay());
    let ready = tokio::select! { biased;
        ready = clock::by(deadline, ready) => ready,
        // A replay that gets to no handler leaves its letter as it is.
        never = job.store_left_over(), if !is_replay => match never {},
    };
    match ready {
        // Something may have blocked this thread beyond the deadline.
        Some(ready) if deadline.is_none_or(|deadline| Instant::now() < deadline) => ready,
        other => {
            discard(other);
            Err(Failure::rejected(RejectionKind::Busy))
        }
    }
}

/// Answers a request that never was a delivery.
fn refuse<R>(
    config: &Config,
    report: &mut Report,
    rejection: Rejection,
) -> Response<ResponseBody<R>> {
    report.tell(End::rejected(&rejection));
    config.refuse(rejection)
}

/// Whether the store confirms in time that it has what never got to a handler. The answer is a success
/// then.
async fn is_confirmed(
    config: &Config,
    confirmation: Option<Confirmation>,
    deadline: Instant,
) -> bool {
    match confirmation {
        Some(confirmation) if config.failed == Failed::Accept => {
            let until = config.store_until(deadline);
            timeout_at(until, confirmation).await == Ok(Ok(()))
        }
        _ => false,
    }
}
