use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response, request::Parts};
use http_body::{Body, SizeHint};
use tokio::time::Instant;
use tower::{BoxError, Service};

use crate::{
    access::Admission,
    body::{Answer, RequestBody, ResponseBody},
    clock,
    config::Config,
    head,
    job::Job,
    panic::{Panicked, caught, discard},
    provider::{Event, Provider},
    receive::{Started, receive},
    rejection::{Rejection, RejectionKind},
    replay::{Replay, replay},
    report::Report,
    supervise::Supervised,
};

/// Receives webhooks and calls the inner service with the deliveries. Made by
/// [`WebhookLayer`](crate::WebhookLayer).
///
/// It is always ready itself: it waits for the inner service's readiness inside, on the clone that
/// it will call, so that it answers a probe even while the application is saturated.
///
/// # Clone
///
/// A clone clones the inner service and shares all else.
pub struct Webhook<S, P> {
    inner: S,
    provider: Arc<P>,
    config: Arc<Config>,
}

impl<S, P> Webhook<S, P> {
    pub(crate) fn new(inner: S, provider: Arc<P>, config: Arc<Config>) -> Self {
        Self {
            inner,
            provider,
            config,
        }
    }

    /// The inner service.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, mutably.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, P, B, R> Service<Request<B>> for Webhook<S, P>
where
    P: Provider,
    B: Body<Error: Into<BoxError>> + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<R, S::Error>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// `call` does not. Its future panics, with tokio's message, if it reads a body outside of a tokio
    /// runtime with time.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let started = Instant::now();
        let config = Arc::clone(&self.config);
        let observers = Some(Arc::clone(&config.observers));
        let report = Report::new(config.rules.name, started, observers);
        let deadline = clock::after(started, config.deadline);
        let mut job = Job::new(config, report, Some(deadline));
        let (head, body) = request.into_parts();
        let length = caught(|| body.size_hint()).unwrap_or_default();
        let cloned = || caught(|| self.inner.clone()).map_err(|Panicked| RejectionKind::Panicked);
        match check(&mut job, &head, &length).and_then(|()| cloned()) {
            Ok(inner) => {
                let provider = Arc::clone(&self.provider);
                ResponseFuture::new(receive(provider, job, inner, head, body))
            }
            Err(kind) => {
                discard(body);
                discard(head);
                ResponseFuture::new(async move { Err(Ok(job.refuse(Rejection::new(kind)))) })
            }
        }
    }
}

/// Steps 1 and 2: the credential, and what the head alone gives away.
fn check<E: Event>(job: &mut Job<E>, head: &Parts, length: &SizeHint) -> Result<(), RejectionKind> {
    let config = &job.config;
    let admission = config.access.admit(head);
    let Admission(tenant) = admission.map_err(|Panicked| RejectionKind::Panicked)?;
    let tenant = tenant.ok_or(RejectionKind::NotFound)?;
    let may_be_delivery = head::may_be_delivery(&head.method, &config.rules.methods);
    let is_trusted = !config.access.is_open();
    job.report.admitted(tenant, is_trusted, may_be_delivery);
    head::check(head, length, &config.rules.methods, config.body_limit)
}

/// The answer to one request, from [`Webhook`].
///
/// Dropping it before the handler has begun ends the request. Dropping it later does not cancel the
/// handler, which runs in a task of its own.
#[must_use = "futures do nothing unless they are polled"]
pub struct ResponseFuture<R, E>(State<R, E>);

enum State<R, E> {
    Receiving(Pin<Box<dyn Future<Output = Started<R, E>> + Send>>),
    Supervised(Supervised<R, E>),
    Answered,
}

impl<R, E> ResponseFuture<R, E> {
    fn new(received: impl Future<Output = Started<R, E>> + Send + 'static) -> Self {
        Self(State::Receiving(Box::pin(received)))
    }
}

impl<R, E> Future for ResponseFuture<R, E> {
    type Output = Answer<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Receiving(future) = &mut self.0 {
            match ready!(future.as_mut().poll(cx)) {
                Ok(supervised) => self.0 = State::Supervised(supervised),
                Err(answer) => return Poll::Ready(answer),
            }
        }
        let State::Supervised(supervised) = &mut self.0 else {
            panic!("polled after completion");
        };
        let answer = ready!(Pin::new(supervised).poll(cx));
        // Drops the supervision, which moves to a task: a late handler needs it, and nobody polls this
        // future again.
        self.0 = State::Answered;
        Poll::Ready(answer)
    }
}

impl<R, E> fmt::Debug for ResponseFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<S, P: Provider> Webhook<S, P> {
    /// Gives a [`Record`](crate::Record) or a [`DeadLetter`](crate::DeadLetter) to the same handler
    /// again.
    ///
    /// The provider's code reads the delivery again, and verifies nothing. The handler gets it in a
    /// request to `/`, by the same method and with the same content type (`application/json` if there
    /// was none), and with the headers and the query that the provider's [`Rules`](crate::Rules) keep.
    /// There is no check of access, no deadline, no [`Outcome`](crate::Outcome) and no
    /// [strike](crate::Strikes). The handler waits for a slot as long as it takes. Once it has started
    /// it runs to its end, or to its [`handler_limit`](crate::WebhookLayer::handler_limit), even if the
    /// returned future is dropped.
    ///
    /// A 2xx is the handler's own, or the provider's [success](crate::Rules::exact_success) in its
    /// place, and means that the delivery is done. The log has one event for a handler that ran.
    ///
    /// # Letters
    ///
    /// A letter is marked in this layer's [store](crate::WebhookLayer::dead_letters), which has to be
    /// the one that it came from: as done, or, if the handler failed, with one more attempt and the
    /// new reason. The answer waits for that, a second at most. If the store has not confirmed it by
    /// then, the response has [`Unmarked`](crate::Unmarked) in its extensions. Such a letter will be
    /// offered again, so a handler has to take the same delivery twice. A replay that never got to
    /// the handler leaves the letter as it was. Do not replay one letter twice at the same time: the
    /// second replay may store a letter that the first has marked as done.
    ///
    /// # Errors
    ///
    /// The inner service's own, from becoming ready or from the call. Every other failure is a response
    /// with its [`Rejection`] in the extensions, as for requests: `400 Bad Request` for a record of
    /// another provider, one that was edited badly, or a body that holds no event, `401 Unauthorized`
    /// or `403 Forbidden` when the provider's code refuses it (a company that is no longer on Bsale's
    /// allow-list), `500 Internal Server Error` when the handler or the provider's code panics, and
    /// `503 Service Unavailable` when the application is draining or the handler was cut off.
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
    pub fn replay<R>(&self, what: impl Into<Replay>) -> ResponseFuture<R, S::Error>
    where
        S: Service<Request<RequestBody>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        R: Send + 'static,
    {
        let provider = Arc::clone(&self.provider);
        let config = Arc::clone(&self.config);
        let inner = caught(|| self.inner.clone());
        let what = what.into();
        ResponseFuture::new(async move {
            Err(match inner {
                Ok(inner) => replay(provider, config, inner, what).await,
                Err(Panicked) => Ok(config.refuse(Rejection::new(RejectionKind::Panicked))),
            })
        })
    }
}

impl<S: Clone, P> Clone for Webhook<S, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            provider: Arc::clone(&self.provider),
            config: Arc::clone(&self.config),
        }
    }
}

impl<S: fmt::Debug, P> fmt::Debug for Webhook<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("inner", &self.inner)
            .field("config", &self.config)
            .finish()
    }
}
