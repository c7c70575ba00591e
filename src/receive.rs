//! From the head to the handler: body, decode, slot, readiness.

use std::{future::poll_fn, sync::Arc, task::Poll, time::SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body::Body;
use tokio::time::{Instant, timeout_at};
use tower::Service;

use crate::{
    answer::Failed,
    background::NoSlot,
    body::{RequestBody, ResponseBody},
    collect::collect,
    config::Config,
    dead_letter::{Confirmation, LetterWriter},
    delivery::{Delivery, Inner},
    job::{Failure, Job},
    outcome::LetterReason,
    panic::{Panicked, caught, discard},
    provider::{Event, Provider, ReceivedKind},
    record::Record,
    rejection::{Rejection, RejectionKind},
    report::{End, Report},
    supervise,
};

/// Steps 3 to 6 of the manual's table. Dropping the future before the handler has begun ends the
/// request.
pub(crate) async fn receive<S, P, B, R>(
    provider: Arc<P>,
    config: Arc<Config>,
    mut report: Report,
    mut inner: S,
    request: Request<B>,
    deadline: Instant,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    P: Provider,
    B: Body + Send,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    let (mut head, body) = request.into_parts();
    let raw = match collect(body, config.body_limit, deadline).await {
        Ok(raw) => raw,
        Err(kind) => {
            discard((inner, head));
            return Ok(refuse(&config, &mut report, Rejection::new(kind)));
        }
    };
    report.body_read(raw.len());

    let (event, name) = match decode(&*provider, &config, &head, &raw) {
        Ok(Decoded::Event(event, name)) => (event, name),
        Ok(Decoded::Probe(reply)) => {
            discard((inner, head));
            report.tell(End::probe(reply.status()));
            return Ok(reply.map(ResponseBody::own));
        }
        Err(rejection) => {
            let is_post = head.method == Method::POST;
            discard((inner, head));
            let reason = match rejection.kind() {
                RejectionKind::Malformed => LetterReason::Malformed,
                RejectionKind::Panicked => LetterReason::Panicked,
                _ => return Ok(refuse(&config, &mut report, rejection)),
            };
            // By other methods no event comes, and under open access anybody could fill the
            // store.
            let store = config.store.clone();
            let store = store.filter(|_| is_post && !config.access.is_open());
            let confirmation = store.map(|store| {
                let record = || {
                    Record::undecoded(config.rules.name, report.tenant().map(AsRef::as_ref), raw)
                };
                let accepts = config.failed == Failed::Accept;
                LetterWriter::new(store).store(reason, accepts, false, record)
            });
            let failure = Failure::rejected(rejection, reason);
            return fail(&config, &mut report, failure, confirmation, deadline).await;
        }
    };
    let delivery = Delivery::from(Inner {
        provider: config.rules.name,
        tenant: report.tenant().cloned(),
        event_name: name,
        event,
        raw,
        received_at: SystemTime::now(),
        deadline: Some(deadline),
    });
    report.decoded(name, delivery.received_at());

    let writer = config.store.clone().map(LetterWriter::new);
    let mut job = Job::new(Arc::clone(&config), report, &delivery, writer);
    if let Err(failure) = admit(&mut job, &mut inner, deadline).await {
        discard((inner, head, delivery));
        let confirmation = job.store_failure(failure.reason);
        return fail(&config, &mut job.report, failure, confirmation, deadline).await;
    }
    let body = RequestBody::new(delivery.raw().clone());
    head.extensions.insert(delivery);
    supervise::start(job, inner, Request::from_parts(head, body)).await
}

enum Decoded<E> {
    Probe(Response<Bytes>),
    /// With its name for labels.
    Event(E, &'static str),
}

/// Step 4: what the provider's code says of the request.
fn decode<P: Provider>(
    provider: &P,
    config: &Config,
    head: &Parts,
    raw: &Bytes,
) -> Result<Decoded<P::Event>, Rejection> {
    let decoded = caught(|| match provider.receive(head, raw)?.0 {
        ReceivedKind::Probe(reply) => Ok(Decoded::Probe(reply)),
        // The other methods are for probes.
        ReceivedKind::Event(event) if head.method != Method::POST => {
            discard(event);
            Err(Rejection::new(RejectionKind::Method))
        }
        ReceivedKind::Event(event) => {
            let name = config.rules.known(event.name());
            Ok(Decoded::Event(event, name))
        }
    });
    decoded.unwrap_or_else(|Panicked| Err(Rejection::new(RejectionKind::Panicked)))
}

/// Step 5: a slot first, then the inner service's readiness.
pub(crate) async fn admit<S, E, R>(
    job: &mut Job<E>,
    inner: &mut S,
    deadline: Instant,
) -> Result<(), Failure<R, S::Error>>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    let busy = || Failure::rejected(Rejection::new(RejectionKind::Busy), LetterReason::Busy);
    let background = job.config.background.clone();
    let slot = match background.try_slot() {
        Ok(slot) => Some(slot),
        Err(NoSlot::Draining) => None,
        Err(NoSlot::Busy) => match timeout_at(deadline, background.slot()).await {
            Ok(slot) => slot,
            Err(_) => return Err(busy()),
        },
    };
    let Some(slot) = slot else {
        let draining = Rejection::new(RejectionKind::Draining);
        return Err(Failure::rejected(draining, LetterReason::Draining));
    };
    job.hold(slot);
    let ready = poll_fn(|cx| match caught(|| inner.poll_ready(cx)) {
        Ok(ready) => ready.map_err(Failure::error),
        Err(Panicked) => Poll::Ready(Err(Failure::broken_off(
            RejectionKind::Panicked,
            LetterReason::Panicked,
        ))),
    });
    let ready = tokio::select! { biased;
        ready = timeout_at(deadline, ready) => ready,
        never = job.store_left_over() => match never {},
    };
    match ready {
        // Something may have blocked this thread beyond the deadline.
        Ok(Ok(())) if Instant::now() >= deadline => Err(busy()),
        Ok(ready) => ready,
        Err(_) => Err(busy()),
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

/// Answers what gets to no handler: with a success if the store confirms that it has it.
async fn fail<R, E>(
    config: &Config,
    report: &mut Report,
    failure: Failure<R, E>,
    confirmation: Option<Confirmation>,
    deadline: Instant,
) -> Result<Response<ResponseBody<R>>, E> {
    let is_stored = match confirmation {
        Some(confirmation) if config.failed == Failed::Accept => {
            let until = config.store_until(deadline);
            matches!(timeout_at(until, confirmation).await, Ok(Ok(())))
        }
        _ => false,
    };
    let (end, answer) = failure.settle(config, is_stored);
    report.tell(end);
    answer
}
