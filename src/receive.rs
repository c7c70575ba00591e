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
use tokio::task::coop;
use tower::{BoxError, Service};

use crate::{
    body::{Answer, RequestBody, ResponseBody},
    clock,
    collect::collect,
    dead_letter::LetterWriter,
    delivery::Delivery,
    head,
    job::{Failure, Job},
    json::envelope::without_bom,
    outcome::{End, OutcomeKind},
    panic::{Panicked, caught, discard},
    provider::{Event, Provider, ReceivedKind},
    rejection::{Rejection, RejectionKind},
    supervise::{self, Supervised},
};

/// The started handler, or the answer to a request that reaches none.
pub(crate) type Started<R, E> = Result<Supervised<R, E>, Answer<R, E>>;

/// Steps 3 to 5 of the table in the manual, `src/manual.md`, and the start of the handler. Dropping the
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

        let delivery = match decode(&*provider, &job, &head, &raw) {
            Ok(ReceivedKind::Event(delivery)) => delivery,
            Ok(ReceivedKind::Probe(reply)) => {
                discard(inner);
                discard(head);
                job.report
                    .tell(End::new(OutcomeKind::Probe, Some(reply.status())));
                return Err(Ok(reply.map(ResponseBody::own)));
            }
            Err(rejection) => {
                let is_post = head.method == Method::POST;
                discard(inner);
                discard(head);
                if !matches!(
                    rejection.kind(),
                    RejectionKind::Malformed | RejectionKind::Panicked
                ) {
                    return Err(Ok(job.refuse(rejection)));
                }
                let failure = Failure::rejection(rejection);
                // Only a POST can be a delivery, and under open access anybody could fill the store.
                let is_empty = without_bom(&raw).trim_ascii().is_empty();
                let may_be_stored = is_post && !is_empty && !job.config.access.is_open();
                let confirmation = may_be_stored
                    .then(|| job.store_unread(failure.reason, raw))
                    .flatten();
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
        head.extensions.insert(delivery.clone());
        let request = Request::from_parts(head, body);
        let handler = supervise::start(&mut job, inner, request, delivery);
        Ok(Supervised::new(job, handler))
    }
}

/// Step 4: what the provider's code says of the request.
fn decode<P: Provider>(
    provider: &P,
    job: &Job<P::Event>,
    head: &Parts,
    raw: &Bytes,
) -> Result<ReceivedKind<Delivery<P::Event>>, Rejection> {
    let decoded = caught(|| match provider.receive(head, raw)?.0 {
        ReceivedKind::Probe(reply) => Ok(ReceivedKind::Probe(reply)),
        // The other methods are for probes.
        ReceivedKind::Event(event) if head.method != Method::POST => {
            discard(event);
            Err(Rejection::new(RejectionKind::Method))
        }
        ReceivedKind::Event(event) => Ok(ReceivedKind::Event(Delivery::new(
            &job.config.rules,
            job.report.tenant().cloned(),
            event,
            raw.clone(),
            SystemTime::now(),
            job.deadline,
        ))),
    });
    decoded.unwrap_or_else(|Panicked| Err(Rejection::new(RejectionKind::Panicked)))
}

/// Step 5: takes a slot first, then waits for the inner service's readiness.
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
