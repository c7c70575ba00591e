//! tower's contract of readiness: the layer is always ready, and calls only a clone that was ready.
//! [`Handler`] panics when it is called unready, and its clones are not ready; the answer would be
//! 500.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, TryFutureExt, future::join_all, task::noop_waker_ref};
use http::Request;
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::{
    Layer, Service, ServiceExt,
    buffer::Buffer,
    limit::ConcurrencyLimit,
    load_shed::{LoadShed, error::Overloaded},
};
use tower_webhook::{OutcomeKind, RejectionKind, RequestBody, Webhook, alegra::Alegra};

use crate::util::{
    ALEGRA, Broken, Does, Handler, Outcomes, Reply, Unready, alegra, answer, begun, ms, post,
};

const D: u64 = 300;

/// The status that a delivery is answered with, and when, in milliseconds.
async fn deliver<S>(webhook: &Webhook<S, Alegra>) -> (u16, u128)
where
    S: Service<Request<RequestBody>, Response = Reply> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    let request = webhook.clone().oneshot(post(ALEGRA)).map_err(|_| Broken);
    let (status, _, after) = answer(request).await;
    (status.expect("no error"), after.as_millis())
}

fn is_ready<S>(mut webhook: Webhook<S, Alegra>) -> bool
where
    Webhook<S, Alegra>: Service<Request<Full<Bytes>>>,
{
    let mut cx = Context::from_waker(noop_waker_ref());
    matches!(webhook.poll_ready(&mut cx), Poll::Ready(Ok(())))
}

#[tokio::test]
async fn the_layer_is_ready_whatever_the_inner_service_is() {
    let never = Handler::new(Does::Never).ready_after(None);
    assert!(is_ready(alegra().layer(never)));
    assert!(is_ready(alegra().layer(Unready(|| Broken))));
}

#[tokio::test(start_paused = true)]
async fn the_clone_that_was_ready_is_the_one_that_is_called() {
    let handler = Handler::answers(204).ready_after(Some(ms(10)));
    let webhook = alegra().layer(handler.clone());
    assert_eq!(deliver(&webhook).await, (204, 10));
    assert_eq!(deliver(&webhook).await, (204, 10));
    let both = join_all([deliver(&webhook), deliver(&webhook)]).await;
    assert_eq!(both, [(204, 10), (204, 10)]);
    assert_eq!(handler.called(), 4);
}

/// Nobody calls `poll_ready` of the layer before: it is always ready, so the contract allows that.
#[tokio::test(start_paused = true)]
async fn the_layer_may_be_called_without_being_asked() {
    let handler = Handler::new(Does::AnswerAfter(ms(10), 200)).ready_after(Some(ms(10)));
    let mut webhook = alegra().layer(ConcurrencyLimit::new(handler.clone(), 2));
    let answers: Vec<_> = (0..10).map(|_| webhook.call(post(ALEGRA))).collect();
    for response in join_all(answers).await {
        assert_eq!(response.unwrap().status(), 200);
    }
    assert_eq!((handler.called(), handler.finished()), (10, 10));
}

/// The stack that was built may have been asked for its readiness already.
#[tokio::test]
async fn the_inner_service_that_was_made_ready_stays_ready() {
    let mut inner = Handler::answers(204);
    inner.ready().await.unwrap();
    let mut webhook = alegra().layer(inner);
    let answer = webhook.call(post(ALEGRA)).await.unwrap();
    assert_eq!(answer.status(), 204);
    let reply = webhook.get_mut().call(Request::default()).await.unwrap();
    assert_eq!(reply.status(), 204);
}

// Around tower's own services

fn limited(inner: Handler) -> (Webhook<ConcurrencyLimit<Handler>, Alegra>, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(1));
    let inner = ConcurrencyLimit::with_semaphore(inner, Arc::clone(&permits));
    (alegra().deadline(ms(D)).layer(inner), permits)
}

#[tokio::test(start_paused = true)]
async fn behind_a_limit_of_one_deliveries_are_handled_one_after_the_other() {
    let handler = Handler::new(Does::AnswerAfter(ms(100), 204));
    let (webhook, permits) = limited(handler);
    let both = join_all([deliver(&webhook), deliver(&webhook)]).await;
    assert_eq!(both, [(204, 100), (204, 200)]);
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn behind_a_limit_of_one_requests_do_not_wait_for_each_others_deadlines() {
    let handler = Handler::new(Does::Never);
    let (webhook, _permits) = limited(handler.clone());
    let all = join_all([(); 4].map(|()| deliver(&webhook))).await;
    assert_eq!(all, [(202, 300), (503, 300), (503, 300), (503, 300)]);
    assert_eq!(handler.called(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_before_its_handler_started_releases_the_permit() {
    let handler = Handler::new(Does::Never).ready_after(None);
    let (webhook, permits) = limited(handler.clone());
    let waiting = begun(deliver(&webhook)).await;
    assert_eq!(permits.available_permits(), 0);
    drop(waiting);
    assert_eq!(permits.available_permits(), 1);
    assert_eq!(handler.called(), 0);
}

/// A server may keep the future until the answer is written.
#[tokio::test(start_paused = true)]
async fn a_refusal_releases_the_permit_though_its_future_lives_on() {
    let (webhook, permits) = limited(Handler::new(Does::Never).ready_after(None));
    let mut kept = pin!(webhook.clone().call(post(ALEGRA)));
    let busy = (Ok(503), Some(RejectionKind::Busy), ms(D));
    assert_eq!(answer(kept.as_mut()).await, busy);
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_after_its_handler_started_keeps_the_permit() {
    let handler = Handler::new(Does::AnswerAfter(ms(100), 204));
    let (webhook, permits) = limited(handler.clone());
    drop(begun(deliver(&webhook)).await);
    assert_eq!(permits.available_permits(), 0);
    assert_eq!(deliver(&webhook).await, (204, 200));
    assert_eq!(handler.finished(), 2);
}

#[tokio::test(start_paused = true)]
async fn deliveries_pass_through_a_buffer_of_one() {
    let handler = Handler::new(Does::AnswerAfter(ms(100), 204));
    let webhook = alegra().layer(Buffer::new(handler.clone().map_err(|Broken| "broken"), 1));
    let all = join_all([(); 4].map(|()| deliver(&webhook))).await;
    assert_eq!(all, [(204, 100); 4]);
    assert_eq!(handler.called(), 4);
}

/// The buffer holds two requests, one in its worker and one in its queue; both count as running.
#[tokio::test(start_paused = true)]
async fn a_full_buffer_is_busy_and_the_probe_is_answered() {
    let never = Handler::new(Does::Never).ready_after(None);
    let inner = Buffer::new(never.map_err(|Broken| "broken"), 1);
    let webhook = alegra().deadline(ms(D)).layer(inner);
    let all = join_all([(); 3].map(|()| deliver(&webhook))).await;
    assert_eq!(all, [(202, 300), (202, 300), (503, 300)]);
    let probe = webhook.oneshot(post("")).now_or_never();
    let probe = probe.expect("no waiting").unwrap();
    assert_eq!(probe.status(), 200);
}

/// `LoadShed` is always ready and sheds in `call()`, so the layer sees a handler that fails.
#[tokio::test(start_paused = true)]
async fn an_overloaded_load_shed_is_the_inner_services_error() {
    let never = Handler::new(Does::Never).ready_after(None);
    let (layer, outcomes) = Outcomes::of(alegra());
    let webhook = layer.layer(LoadShed::new(never.map_err(|Broken| "broken")));
    let error = webhook.oneshot(post(ALEGRA)).await.unwrap_err();
    assert!(error.is::<Overloaded>());
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, None, false)]);
}
