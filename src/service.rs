use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request::Parts};
use http_body::{Body, SizeHint};
use tokio::time::Instant;
use tower::Service;

use crate::{
    access::Admission,
    clock,
    config::Config,
    future::ResponseFuture,
    handler::{Broken, Ended},
    head,
    journal::Facts,
    panic::{Panicked, let_go},
    provider::Provider,
    rejection::{Rejection, RejectionKind},
    reporter::Reporter,
    request::body::RequestBody,
    response::body::ResponseBody,
};

/// Receives webhooks and calls the inner service with the deliveries. Made by
/// [`WebhookLayer`](crate::WebhookLayer).
///
/// It is always ready itself: it waits for the inner service's readiness inside, on the clone that
/// it will call, so that a probe is answered even while the application is saturated.
///
/// # Clone
///
/// A clone clones the inner service and shares all else.
pub struct Webhook<S, P> {
    inner: S,
    config: Arc<Config<P>>,
}

impl<S, P> Webhook<S, P> {
    pub(crate) fn new(inner: S, config: Arc<Config<P>>) -> Self {
        Self { inner, config }
    }

    pub(crate) fn config(&self) -> Arc<Config<P>> {
        Arc::clone(&self.config)
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

    /// The inner service, out of its wrapping.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, P, B, R> Service<Request<B>> for Webhook<S, P>
where
    P: Provider,
    B: Body,
    S: Service<Request<RequestBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, P, B>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// Not here; the future does, in tokio's words, where it has to wait outside of a tokio runtime
    /// with time.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let started = Instant::now();
        let facts = Facts::new(self.config.rules.name, started);
        let mut reporter = Reporter::new(Arc::clone(&self.config), facts);
        let deadline = clock::after(started, self.config.deadline);
        let (head, body) = request.into_parts();
        let length = body.size_hint();
        match enter(&head, &length, &mut reporter) {
            Ok(()) => ResponseFuture::receive(self.inner.clone(), head, body, deadline, reporter),
            Err(kind) => {
                let_go(body);
                let_go(head);
                ResponseFuture::reject(kind, deadline, reporter)
            }
        }
    }
}

/// What needs nothing but the head: the credential first, and nothing told to who has none.
fn enter<P: Provider>(
    head: &Parts,
    length: &SizeHint,
    reporter: &mut Reporter<P>,
) -> Result<(), RejectionKind> {
    let admission = reporter.config().access.admit(head);
    let Admission(tenant) = admission.map_err(|Panicked| RejectionKind::Panicked)?;
    reporter.admit(tenant.ok_or(RejectionKind::NotFound)?);
    let config = reporter.config();
    head::check(head, length, &config.rules.methods, config.body_limit)
}

impl<P> Config<P> {
    /// The response of a refusal, complete.
    pub(crate) fn refuse<R>(&self, rejection: Rejection) -> Response<ResponseBody<R>> {
        let allow = (rejection.kind() == RejectionKind::Method).then(|| self.allow.clone());
        let mut response = rejection.into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(http::header::ALLOW, allow);
        }
        response
    }

    /// The answer to what was received and not handled with success, or not yet.
    pub(crate) fn success<R>(&self) -> Response<ResponseBody<R>> {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = self.rules.success;
        response
    }

    /// The handler's end as an answer.
    pub(crate) fn answer<R, E>(
        &self,
        ended: Ended<Response<R>, E>,
    ) -> Result<Response<ResponseBody<R>>, E> {
        let kind = match ended {
            Ok(response) => return Ok(response.map(ResponseBody::handler)),
            Err(Broken::Error(error)) => return Err(error),
            Err(Broken::Stored) => return Ok(self.success()),
            Err(Broken::Panicked) => RejectionKind::Panicked,
            Err(Broken::Interrupted) => RejectionKind::Interrupted,
        };
        Ok(self.refuse(Rejection::new(kind)))
    }
}

impl<S: Clone, P> Clone for Webhook<S, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
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
