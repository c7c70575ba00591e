use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE, request::Parts};
use tokio::time::Instant;
use tower::Service;

use crate::{
    background::{Background, NoSlot, Slot},
    dead_letter::DeadLetter,
    delivery::Delivery,
    handler::{self, OnFailure, Policy},
    journal::{Facts, Journal},
    panic::{Panicked, caught, let_go},
    provider::{Event, Provider, ReceivedKind},
    record::Record,
    rejection::{Rejection, RejectionKind},
    request::body::RequestBody,
    response::body::ResponseBody,
    service::Webhook,
};

impl<S, P> Webhook<S, P>
where
    P: Provider,
{
    /// Drives a [`Record`] or a [`DeadLetter`] to the same handler again.
    ///
    /// The provider reads the body anew, and the handler gets the delivery in a bare `POST /` with
    /// the content type of JSON. Access, deadline, [`Strikes`](crate::Strikes) and
    /// [`Outcome`](crate::Outcome) are matters of a request from outside, and this is none: there is
    /// no time limit but the
    /// [`handler_limit`](crate::WebhookLayer::handler_limit). The handler takes a slot like any
    /// other, waiting for one as long as it takes, and once begun it finishes even if the returned
    /// future is dropped.
    ///
    /// **Done** is what is answered with the handler's own 2xx; no other 2xx comes out of here. The
    /// log has one event for a handler that ran.
    ///
    /// # Letters
    ///
    /// A letter is marked in this layer's [store](crate::WebhookLayer::dead_letters), which has to be
    /// the one that it came from: as done, or, if the handler failed, with one more attempt and the
    /// new reason. The answer waits a second for that at most. If the letter could not be marked the
    /// response has [`Unmarked`] in its extensions: the letter will be offered again, so a handler
    /// should take the same delivery twice. What never got to the handler leaves the letter as it
    /// was. Do not replay one letter twice at the same time: the second may undo that it is done.
    ///
    /// # Errors
    ///
    /// The inner service's own, from becoming ready or from the call. All else that keeps a record
    /// from being done is a response with its [`Rejection`] in the extensions, as for requests: 400
    /// for a record of another provider or a body that the provider takes for no event, 401 or 403
    /// when the provider refuses it (a company that left Bsale's allow-list), 500 for a panic of the
    /// handler's or the provider's code, 503 when the application is draining or the handler was cut off.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use tower::{Layer, service_fn};
    /// use tower_webhook::{Access, Record, RequestBody, WebhookLayer, alegra::Alegra};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let handler = service_fn(async |_request: http::Request<RequestBody>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(RequestBody::default()))
    /// });
    /// let webhook = WebhookLayer::new(Alegra::new(), Access::open()).layer(handler);
    ///
    /// let record: Record = serde_json::from_str(
    ///     r#"{"version":1,"provider":"alegra","event":"delete-item","received_at_ms":1730000000000,
    ///         "body":"{\"subject\":\"delete-item\",\"message\":{\"item\":{\"id\":\"865\"}}}"}"#,
    /// )?;
    /// let response = webhook.replay(&record).await?;
    /// assert_eq!(response.status(), StatusCode::OK);
    /// # Ok(())
    /// # }
    /// ```
    pub fn replay<R>(&self, what: impl Into<Replay>) -> ReplayFuture<R, S::Error>
    where
        S: Service<Request<RequestBody>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        R: Send + 'static,
    {
        let Replay { record, letter } = what.into();
        let config = self.config();
        let without_store = letter.is_some() && config.keeper.is_none();
        let delivery = self.decode(&record, letter);
        let mut inner = self.get_ref().clone();
        ReplayFuture(Box::pin(async move {
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(rejection) => {
                    let_go(inner);
                    return Ok(config.refuse(rejection));
                }
            };
            let slot = match begin(&config.background, &delivery, &mut inner).await {
                Ok(slot) => slot,
                Err(why) => {
                    let_go(inner);
                    let_go(delivery);
                    return match why {
                        Unready::Refused(kind) => Ok(config.refuse(Rejection::new(kind))),
                        Unready::Error(error) => Err(error),
                    };
                }
            };
            let head = head(&delivery);
            let policy = Policy {
                on_failure: OnFailure::Replayed,
                ..config.policy(Instant::now())
            };
            let limit = config.handler_limit;
            let ended = handler::spawn(inner, head, delivery, slot, limit, policy).await;
            let mut answer = config.answer(ended.unwrap_or_else(|error| Err(error.into())));
            if let (Ok(response), true) = (&mut answer, without_store) {
                response.extensions_mut().insert(Unmarked(()));
            }
            answer
        }))
    }

    fn decode(
        &self,
        record: &Record,
        letter: Option<DeadLetter>,
    ) -> Result<Delivery<P::Event>, Rejection> {
        let config = self.config();
        if record.provider() != config.rules.name {
            return Err(Rejection::malformed("the record is of another provider"));
        }
        let received = caught(|| {
            let ReceivedKind::Event(event) = config.provider.replay(record.body())?.0 else {
                return Err(Rejection::malformed("the record holds a probe"));
            };
            let name = config.rules.known(event.name());
            Ok((event, name))
        });
        let (event, name) =
            received.map_err(|Panicked| Rejection::new(RejectionKind::Panicked))??;
        let facts = Facts {
            tenant: record.tenant().map(Into::into),
            event: Some(name),
            body_size: Some(record.body().len()),
            admitted: true,
            ..Facts::new(config.rules.name, Instant::now())
        };
        let mut journal = Journal::silent(facts);
        if let (Some(keeper), Some(letter)) = (&config.keeper, letter) {
            journal.resume(Arc::clone(keeper), letter);
        }
        Ok(Delivery::new(
            event,
            record.body().clone(),
            record.received_at(),
            None,
            journal,
        ))
    }
}

/// Why a replay gets to no handler.
enum Unready<E> {
    Refused(RejectionKind),
    /// The inner service's own.
    Error(E),
}

/// A slot for the handler, waiting for one as long as it takes, once the service is ready.
async fn begin<S, E>(
    background: &Background,
    delivery: &Delivery<E>,
    inner: &mut S,
) -> Result<Slot, Unready<S::Error>>
where
    S: Service<Request<RequestBody>>,
    E: Event,
{
    let slot = match background.try_slot() {
        Err(NoSlot::Busy) => background.slot().await,
        slot => slot.ok(),
    };
    let slot = slot.ok_or(Unready::Refused(RejectionKind::Draining))?;
    let slot = delivery.hold(slot);
    let ready = |cx: &mut Context<'_>| match caught(|| inner.poll_ready(cx)) {
        Ok(ready) => ready.map_err(Unready::Error),
        Err(Panicked) => Poll::Ready(Err(Unready::Refused(RejectionKind::Panicked))),
    };
    poll_fn(ready).await?;
    Ok(slot)
}

/// The head of the request that the handler is called with.
fn head<E: Event>(delivery: &Delivery<E>) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    head.method = Method::POST;
    head.headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    delivery.attach(&mut head);
    head
}

/// What [`Webhook::replay`] drives: a [`Record`], or a [`DeadLetter`], which is then marked in the
/// layer's store. Made by `into()`.
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

impl From<&Record> for Replay {
    fn from(record: &Record) -> Self {
        record.clone().into()
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

impl From<&DeadLetter> for Replay {
    fn from(letter: &DeadLetter) -> Self {
        letter.clone().into()
    }
}

/// In the extensions of the response to a [replay](Webhook::replay): whatever the handler answered,
/// the store has not confirmed that it knows, in time or at all.
#[derive(Debug, Clone)]
pub struct Unmarked(pub(crate) ());

/// The answer to a [replay](Webhook::replay).
#[must_use = "futures do nothing unless they are polled"]
pub struct ReplayFuture<R, E>(Replaying<R, E>);

type Replaying<R, E> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<R>>, E>> + Send>>;

impl<R, E> Future for ReplayFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<R, E> fmt::Debug for ReplayFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayFuture").finish_non_exhaustive()
    }
}
