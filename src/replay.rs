use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE};
use tokio::{
    task::coop,
    time::{Instant, timeout},
};
use tower::Service;

use crate::{
    background::STORE_TIME,
    body::{Answer, RequestBody},
    config::Config,
    dead_letter::{DeadLetter, LetterWriter},
    delivery::Delivery,
    job::Job,
    panic::{Panicked, caught, discard},
    provider::{Provider, ReceivedKind},
    receive::reserve,
    record::Record,
    rejection::{Rejection, RejectionKind},
    report::Report,
    supervise::{self, ended},
    trace::Span,
};

/// What [`Webhook::replay`](crate::Webhook::replay) gives to the handler again: a [`Record`], or a
/// [`DeadLetter`], which is then marked in the layer's store. Made by `into()`.
#[derive(Debug, Clone)]
pub struct Replay {
    record: Record,
    letter: Option<DeadLetter>,
}

impl From<Record> for Replay {
    fn from(record: Record) -> Self {
        Self {
            record,
            letter: None,
        }
    }
}

impl From<DeadLetter> for Replay {
    fn from(letter: DeadLetter) -> Self {
        Self {
            record: letter.record.clone(),
            letter: Some(letter),
        }
    }
}

impl<T: Clone + Into<Self>> From<&T> for Replay {
    fn from(what: &T) -> Self {
        what.clone().into()
    }
}

/// In the extensions of the response to a [replay](crate::Webhook::replay): the store has not
/// confirmed in time that it knows how the replay ended.
#[derive(Debug, Clone)]
pub struct Unmarked(pub(crate) ());

/// Behind [`Webhook::replay`](crate::Webhook::replay).
pub(crate) async fn replay<S, P, R>(
    provider: Arc<P>,
    config: Arc<Config>,
    mut inner: S,
    what: Replay,
) -> Answer<R, S::Error>
where
    P: Provider,
    S: Service<Request<RequestBody>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    let Replay { record, letter } = what;
    let delivery = match decode(&*provider, &config, &record) {
        Ok(delivery) => delivery,
        Err(rejection) => {
            discard(inner);
            return Ok(config.refuse(rejection));
        }
    };
    let mut report = Report::new(delivery.provider(), Instant::now(), None);
    report.admitted(record.tenant().map(Into::into), true);
    report.body_read(delivery.raw().len());
    let is_letter = letter.is_some();
    let writer = config.store.clone().zip(letter);
    let writer = writer.map(|(store, letter)| LetterWriter::replay(store, letter));
    let mut job = Job::new(config, report, None);
    job.decoded(&delivery, writer);

    if let Err(failure) = coop::unconstrained(reserve(&mut job, &mut inner)).await {
        discard(inner);
        discard(delivery);
        job.release();
        return failure.answer;
    }
    let mut request = Request::new(RequestBody::new(delivery.raw().clone()));
    *request.method_mut() = Method::POST;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(CONTENT_TYPE, json);
    request.extensions_mut().insert(delivery.clone());
    let mut handler = supervise::start(&mut job, inner, request, delivery);
    // In a task, since dropping a replay does not cancel it, and its caller may not poll it.
    let finished = tokio::spawn(Span::current().instrument(async move {
        let end = ended(&mut handler, &mut job).await;
        let confirmation = match &end {
            Ok(_) => job.mark_done(),
            Err(failure) => job.store_failure(failure.reason),
        };
        let is_marked = match confirmation {
            Some(confirmation) => timeout(STORE_TIME, confirmation).await == Ok(Ok(())),
            None => !is_letter,
        };
        let mut answer = job.finish(end, false);
        if let (Ok(response), false) = (&mut answer, is_marked) {
            response.extensions_mut().insert(Unmarked(()));
        }
        job.release();
        answer
    }));
    finished.await.unwrap_or_else(|stopped| {
        // The runtime of the task.
        discard(stopped);
        Ok(Rejection::new(RejectionKind::Interrupted).into_response())
    })
}

fn decode<P: Provider>(
    provider: &P,
    config: &Config,
    record: &Record,
) -> Result<Delivery<P::Event>, Rejection> {
    if record.provider() != config.rules.name {
        return Err(Rejection::malformed("the record is of another provider"));
    }
    let decoded = caught(|| match provider.replay(record.body())?.0 {
        ReceivedKind::Event(event) => Ok(Delivery::new(
            &config.rules,
            record.tenant().map(Into::into),
            event,
            record.body().clone(),
            record.received_at(),
            None,
        )),
        ReceivedKind::Probe(_) => Err(Rejection::malformed("the record holds a probe")),
    });
    decoded.unwrap_or_else(|Panicked| Err(Rejection::new(RejectionKind::Panicked)))
}
