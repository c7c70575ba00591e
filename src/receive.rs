//! From the head to the handler: body, decode, slot, readiness.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::SystemTime,
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body::Body;
use tokio::{
    task::coop,
    time::{Instant, timeout_at},
};
use tower::{BoxError, Service};

use crate::{
    body::{Answer, RequestBody, ResponseBody},
    clock,
    collect::collect,
    dead_letter::LetterWriter,
    delivery::{Delivery, Origin},
    head,
    job::{Failure, Job},
    kept_head::KeptHead,
    outcome::{End, OutcomeKind},
    panic::{Caught, Panicked, caught, discard},
    provider::{Event, Incoming, Provider, ReceivedKind, Verified},
    rejection::{Rejection, RejectionKind},
    supervise::{self, Supervised},
};

/// The started handler, or the answer to a request that reaches none.
pub(crate) type Started<R, E> = Result<Supervised<R, E>, Answer<R, E>>;

/// Steps 3 to 6 of the table in the manual, `src/manual.md`, and the start of the handler. Dropping the
/// future ends the request.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` reserves the space of an argument twice"
)]
pub(crate) fn receive<S, P, B, R>(
    provider: Arc<P>,
    mut job: Job<P::Event>,
    mut inner: S,
    mut head: Parts,
    body: B,
) -> impl Future<Output = Started<R, S::Error>> + Send
where
    P: Provider,
    B: Body<Error: Into<BoxError>> + Send,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    async move {
        let deadline = job.deadline.expect("only a replay has none");
        let raw = match collect(body, job.config.body_limit, deadline).await {
            Ok(raw) if !head::is_truncated(&head, raw.len()) => raw,
            // It may end early without an error: hyper reports none for an HTTP/2 stream that is reset
            // with `NO_ERROR`.
            read => {
                let kind = read.err().unwrap_or(RejectionKind::Truncated);
                discard(inner);
                discard(head);
                return Err(Ok(job.refuse(Rejection::new(kind))));
            }
        };
        job.report.body_read(raw.len());

        let verified = match verify(&*provider, &mut job, &head, &raw).await {
            Ok(verified) => verified,
            // Never stored: a replay is not verified.
            Err(rejection) => {
                discard(inner);
                discard(head);
                return Err(Ok(job.refuse(rejection)));
            }
        };
        let delivery = match decode(&*provider, &mut job, &head, &raw, verified) {
            Ok(ReceivedKind::Event(delivery)) => delivery,
            Ok(ReceivedKind::Probe(reply)) => {
                discard(inner);
                discard(head);
                job.report
                    .tell(End::new(OutcomeKind::Probe, Some(reply.status())));
                return Err(Ok(reply.map(ResponseBody::own)));
            }
            Err(rejection) => {
                discard(inner);
                let confirmation = job.store_unread(rejection.kind(), &head, raw);
                discard(head);
                if confirmation.is_none() {
                    return Err(Ok(job.refuse(rejection)));
                }
                let failure = Failure::rejection(rejection);
                return Err(job.finish_unhandled(failure, confirmation).await);
            }
        };
        let writer = job.config.store.clone().map(LetterWriter::new);
        job.decoded(&delivery, writer);

        // The budget of the task that polls this may be used up by others.
        if let Err(failure) = coop::unconstrained(reserve(&mut job, &mut inner)).await {
            discard(inner);
            discard(head);
            discard(delivery);
            let confirmation = job.store_failure(failure.reason);
            return Err(job.finish_unhandled(failure, confirmation).await);
        }
        let body = RequestBody::new(raw);
        delivery.clone().insert_into(&mut head.extensions);
        let request = Request::from_parts(head, body);
        let handler = supervise::start(&mut job, inner, request, delivery);
        Ok(Supervised::new(job, handler))
    }
}

/// Step 4: what the provider's code can prove of the request.
async fn verify<P: Provider>(
    provider: &P,
    job: &mut Job<P::Event>,
    head: &Parts,
    raw: &Bytes,
) -> Result<Verified, Rejection> {
    let deadline = job.deadline.expect("only a replay has none");
    let tenant = job.report.tenant().cloned();
    let request = Incoming::new(head, raw).with_tenant(tenant.as_deref());
    // A stranger who sends the body slowly must not look like a database of keys that is down.
    let is_early = deadline - Instant::now() >= job.config.deadline / 2;
    let mut verifying = pin!(Caught::new(async { provider.verify(&request).await }, ()));
    // The budget of the task that polls this may be used up by others.
    let verified = coop::unconstrained(timeout_at(deadline, verifying.as_mut())).await;
    let verified = match verified {
        Ok(verified) => verified.map_err(Rejection::panicked)??,
        Err(_) => {
            verifying.stop();
            return Err(Rejection::new(match is_early {
                true => RejectionKind::Unavailable,
                false => RejectionKind::Timeout,
            }));
        }
    };
    if verified.is_signed {
        job.report.trusted();
    }
    job.report.names_tenant(verified.tenant.clone())?;
    Ok(verified)
}

/// Step 5: what the provider's code says that the request is.
fn decode<P: Provider>(
    provider: &P,
    job: &mut Job<P::Event>,
    head: &Parts,
    raw: &Bytes,
    verified: Verified,
) -> Result<ReceivedKind<Delivery<P::Event>>, Rejection> {
    let Verified { is_probe, key, .. } = verified;
    let request = Incoming::new(head, raw)
        .with_tenant(job.report.tenant().map(|it| &**it))
        .with_key(key.as_deref());
    let received = caught(|| provider.decode(&request)).map_err(Rejection::panicked)??;
    if let Err(rejection) = job.report.names_tenant(received.tenant) {
        discard(received.kind);
        return Err(rejection);
    }
    let rules = &job.config.rules;
    match received.kind {
        ReceivedKind::Probe(reply) => Ok(ReceivedKind::Probe(reply)),
        // The other methods are for probes.
        ReceivedKind::Event(event) if !rules.event_methods.contains(&head.method) => {
            discard(event);
            Err(Rejection::new(RejectionKind::Method))
        }
        ReceivedKind::Event(event) if is_probe => {
            discard(event);
            Err(Rejection::unauthorized(
                "an event came in a request that `verify` takes for a probe",
            ))
        }
        ReceivedKind::Event(event) => {
            let origin = Origin {
                tenant: job.report.tenant().cloned(),
                head: KeptHead::of(head, rules, &job.config.access),
                raw: raw.clone(),
                received_at: SystemTime::now(),
                deadline: job.deadline,
                idempotency_key: None,
            };
            // The event's own code, its name, may panic too.
            let delivery =
                caught(|| Delivery::new(rules, event, origin)).map_err(Rejection::panicked)?;
            // With neither a credential nor a signature, the application takes events from anybody.
            job.report.trusted();
            Ok(ReceivedKind::Event(delivery))
        }
    }
}

/// Step 6: takes a slot first, then waits for the inner service's readiness.
pub(crate) async fn reserve<S, E, R>(
    job: &mut Job<E>,
    inner: &mut S,
) -> Result<(), Box<Failure<R, S::Error>>>
where
    E: Event,
    S: Service<Request<RequestBody>, Response = Response<R>>,
{
    let busy = || Failure::rejected(RejectionKind::Busy);
    let deadline = job.deadline;
    let slot = tokio::select! { biased;
        slot = job.config.background.slot() => slot,
        () = clock::passed(deadline) => return Err(busy()),
    };
    job.hold(slot.ok_or_else(|| Failure::rejected(RejectionKind::Draining))?);
    let ready = poll_fn(|cx| match caught(|| inner.poll_ready(cx)) {
        Ok(ready) => ready.map_err(Failure::error),
        Err(Panicked) => Poll::Ready(Err(Failure::rejected(RejectionKind::Panicked))),
    });
    let ready = tokio::select! { biased;
        ready = ready => ready,
        () = clock::passed(deadline) => return Err(busy()),
        // A replay that gets to no handler leaves its letter as it is.
        never = job.store_left_over(), if deadline.is_some() => match never {},
    };
    // Something may have blocked this thread beyond the deadline.
    if clock::is_past(deadline) {
        discard(ready);
        return Err(busy());
    }
    ready
}
