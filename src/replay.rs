use std::sync::Arc;

use http::{Request, Response, request::Parts};
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
    delivery::{Delivery, Origin},
    job::Job,
    panic::{caught, discard},
    provider::{Incoming, Provider, ReceivedKind},
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
    let mut report = Report::new(config.rules.name, Instant::now(), None);
    report.admitted(record.tenant().map(Into::into), true, true);
    let (mut head, delivery) = match read(&*provider, &config, &mut report, &record) {
        Ok(read) => read,
        Err(rejection) => {
            discard(inner);
            return Ok(config.refuse(rejection));
        }
    };
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
    let body = RequestBody::new(delivery.raw().clone());
    delivery.clone().insert_into(&mut head.extensions);
    let request = Request::from_parts(head, body);
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

/// The head of the replayed request, and its delivery.
fn read<P: Provider>(
    provider: &P,
    config: &Config,
    report: &mut Report,
    record: &Record,
) -> Result<(Parts, Delivery<P::Event>), Rejection> {
    if record.provider() != config.rules.name {
        return Err(Rejection::malformed("the record is of another provider"));
    }
    let head = record.head.parts()?;
    let request = Incoming::new(&head, record.body()).with_tenant(record.tenant());
    let received = caught(|| provider.decode(&request)).map_err(Rejection::panicked)??;
    let ReceivedKind::Event(event) = received.kind else {
        return Err(Rejection::malformed("the record holds a probe"));
    };
    if let Err(rejection) = report.names_tenant(received.tenant) {
        discard(event);
        return Err(rejection);
    }
    let origin = Origin {
        tenant: report.tenant().cloned(),
        head: record.head.clone(),
        raw: record.body().clone(),
        received_at: record.received_at(),
        deadline: None,
        idempotency_key: record.idempotency_key.clone(),
    };
    let delivery = caught(|| Delivery::new(&config.rules, event, origin));
    Ok((head, delivery.map_err(Rejection::panicked)?))
}
