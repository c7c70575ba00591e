//! The one deadline over body, slot, readiness and handler; what becomes of a handler after it;
//! hanging up; and the drain. Times are exact: the clock is paused.

mod util;

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{future::join_all, poll};
use http::{Request, Response, StatusCode, header::RETRY_AFTER, request::Parts};
use http_body::{Body, Frame};
use http_body_util::Full;
use tokio::{
    task::coop,
    time::{Instant, advance, sleep, timeout},
};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Late, Outcome, OutcomeKind, Provider, Received, Rejection, RejectionKind,
    RequestBody, ResponseFuture, Rules, WebhookLayer,
    alegra::{self, Alegra},
};

use self::util::{
    ALEGRA, BSALE, Broken, Does, Handler, Nothing, Outcomes, Reply, Script, Step, alegra, bsale,
    ms, post, post_body, rejection, send,
};

const D: u64 = 300;
const NEVER: Option<u64> = None;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// What an answer is told by: its status, the layer's reason if it is one of its own refusals, and
/// after how many milliseconds it came.
type Answer = (u16, Option<RejectionKind>, u128);

/// A handler's own answer.
fn handled(at: u64) -> Answer {
    (204, None, at.into())
}

fn late(status: u16) -> Answer {
    (status, None, D.into())
}

fn refused(kind: RejectionKind) -> Answer {
    (kind.status().as_u16(), Some(kind), D.into())
}

async fn answer<R>(request: impl Future<Output = Result<Response<R>, Broken>>) -> Answer {
    let start = Instant::now();
    let response = timeout(2 * HOUR, request).await.expect("an answer in time");
    let response = response.expect("no error");
    let asks_for_a_retry = response.headers().contains_key(RETRY_AFTER);
    assert_eq!(asks_for_a_retry, response.status() == 503, "Retry-After");
    let status = response.status().as_u16();
    (status, rejection(&response), start.elapsed().as_millis())
}

/// A delivery's way to its answer, and how long each piece of it takes; by default no time at all.
struct Way {
    body: Option<u64>,
    slot: Option<u64>,
    readiness: Option<u64>,
    handler: Option<u64>,
}

const AT_ONCE: Way = Way {
    body: Some(0),
    slot: Some(0),
    readiness: Some(0),
    handler: Some(0),
};

impl Way {
    async fn over<P: Provider>(self, layer: WebhookLayer<P>, body: &'static str) -> Answer {
        let layer = layer.deadline(ms(D)).max_in_flight(1);
        if self.slot != Some(0) {
            let occupant = Handler::new(answers_after(self.slot));
            assert!(poll!(pin!(send(&layer, &occupant, post(body)))).is_pending());
            // Its timer is to be older than the deadline's, and so the first of the two to fire.
            tokio::task::yield_now().await;
            assert_eq!(occupant.called(), 1);
        }
        let pause = self.body.map_or(Step::Hang, |time| Step::Wait(ms(time)));
        let body = Script::new([pause, Step::Data(body.as_bytes())]);
        let handler = Handler::new(answers_after(self.handler));
        let handler = handler.ready_after(self.readiness.map(ms));
        answer(send(&layer, &handler, post_body(body))).await
    }

    async fn alegra(self) -> Answer {
        self.over(alegra(), ALEGRA).await
    }

    async fn bsale(self) -> Answer {
        self.over(bsale(), BSALE).await
    }

    async fn refusing(self) -> Answer {
        self.over(alegra().late(Late::Refuse), ALEGRA).await
    }
}

fn answers_after(time: Option<u64>) -> Does {
    match time {
        Some(time) => Does::AnswerAfter(ms(time), StatusCode::NO_CONTENT),
        None => Does::Never,
    }
}

fn three_hundred() -> WebhookLayer<Alegra> {
    alegra().deadline(ms(D))
}

#[rustfmt::skip]
fn body(time: Option<u64>) -> Way { Way { body: time, ..AT_ONCE } }
#[rustfmt::skip]
fn slot(time: Option<u64>) -> Way { Way { slot: time, ..AT_ONCE } }
#[rustfmt::skip]
fn readiness(time: Option<u64>) -> Way { Way { readiness: time, ..AT_ONCE } }
#[rustfmt::skip]
fn handler(time: Option<u64>) -> Way { Way { handler: time, ..AT_ONCE } }

// The grid

#[tokio::test(start_paused = true)]
async fn a_slow_body() {
    let timeout = refused(RejectionKind::Timeout);
    assert_eq!(body(Some(D - 1)).alegra().await, handled(D - 1));
    assert_eq!(body(Some(D)).alegra().await, timeout);
    assert_eq!(body(Some(D + 1)).alegra().await, timeout);
    assert_eq!(body(NEVER).alegra().await, timeout);
    assert_eq!(body(Some(D - 1)).bsale().await, handled(D - 1));
    assert_eq!(body(Some(D)).bsale().await, timeout);
    assert_eq!(body(Some(D + 1)).bsale().await, timeout);
    assert_eq!(body(NEVER).bsale().await, timeout);
    assert_eq!(body(Some(D - 1)).refusing().await, handled(D - 1));
    assert_eq!(body(Some(D)).refusing().await, timeout);
    assert_eq!(body(Some(D + 1)).refusing().await, timeout);
    assert_eq!(body(NEVER).refusing().await, timeout);
}

#[tokio::test(start_paused = true)]
async fn a_slow_slot() {
    let busy = refused(RejectionKind::Busy);
    assert_eq!(slot(Some(D - 1)).alegra().await, handled(D - 1));
    assert_eq!(slot(Some(D)).alegra().await, busy);
    assert_eq!(slot(Some(D + 1)).alegra().await, busy);
    assert_eq!(slot(NEVER).alegra().await, busy);
    assert_eq!(slot(Some(D - 1)).bsale().await, handled(D - 1));
    assert_eq!(slot(Some(D)).bsale().await, busy);
    assert_eq!(slot(Some(D + 1)).bsale().await, busy);
    assert_eq!(slot(NEVER).bsale().await, busy);
    assert_eq!(slot(Some(D - 1)).refusing().await, handled(D - 1));
    assert_eq!(slot(Some(D)).refusing().await, busy);
    assert_eq!(slot(Some(D + 1)).refusing().await, busy);
    assert_eq!(slot(NEVER).refusing().await, busy);
}

#[tokio::test(start_paused = true)]
async fn a_slow_readiness() {
    let busy = refused(RejectionKind::Busy);
    assert_eq!(readiness(Some(D - 1)).alegra().await, handled(D - 1));
    assert_eq!(readiness(Some(D)).alegra().await, busy);
    assert_eq!(readiness(Some(D + 1)).alegra().await, busy);
    assert_eq!(readiness(NEVER).alegra().await, busy);
    assert_eq!(readiness(Some(D - 1)).bsale().await, handled(D - 1));
    assert_eq!(readiness(Some(D)).bsale().await, busy);
    assert_eq!(readiness(Some(D + 1)).bsale().await, busy);
    assert_eq!(readiness(NEVER).bsale().await, busy);
    assert_eq!(readiness(Some(D - 1)).refusing().await, handled(D - 1));
    assert_eq!(readiness(Some(D)).refusing().await, busy);
    assert_eq!(readiness(Some(D + 1)).refusing().await, busy);
    assert_eq!(readiness(NEVER).refusing().await, busy);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler() {
    assert_eq!(handler(Some(D - 1)).alegra().await, handled(D - 1));
    assert_eq!(handler(Some(D)).alegra().await, late(202));
    assert_eq!(handler(Some(D + 1)).alegra().await, late(202));
    assert_eq!(handler(NEVER).alegra().await, late(202));
    assert_eq!(handler(Some(D - 1)).bsale().await, handled(D - 1));
    assert_eq!(handler(Some(D)).bsale().await, late(200));
    assert_eq!(handler(Some(D + 1)).bsale().await, late(200));
    assert_eq!(handler(NEVER).bsale().await, late(200));
    let refused = refused(RejectionKind::Late);
    assert_eq!(handler(Some(D - 1)).refusing().await, handled(D - 1));
    assert_eq!(handler(Some(D)).refusing().await, refused);
    assert_eq!(handler(Some(D + 1)).refusing().await, refused);
    assert_eq!(handler(NEVER).refusing().await, refused);
}

/// A server drives requests in tasks, where the order of two timers of one instant is another.
#[tokio::test(start_paused = true)]
async fn in_a_task_of_its_own_too_the_clock_wins_at_the_very_deadline() {
    let spawned = async |way: Way| tokio::spawn(way.alegra()).await.unwrap();
    assert_eq!(
        spawned(body(Some(D))).await,
        refused(RejectionKind::Timeout)
    );
    assert_eq!(spawned(slot(Some(D))).await, refused(RejectionKind::Busy));
    assert_eq!(
        spawned(readiness(Some(D))).await,
        refused(RejectionKind::Busy)
    );
    assert_eq!(spawned(handler(Some(D))).await, late(202));
}

#[tokio::test(start_paused = true)]
async fn a_body_counts_as_slow_until_its_end_has_come() {
    let whole = Step::Data(ALEGRA.as_bytes());
    let open_ended = Script::new([whole, Step::Wait(ms(D))]);
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let layer = three_hundred();
    let request = answer(send(&layer, &handler, post_body(open_ended)));
    assert_eq!(request.await, refused(RejectionKind::Timeout));
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_pieces_of_the_way_share_the_one_deadline() {
    let way = |body, slot, readiness, handler| Way {
        body: Some(body),
        slot: Some(slot),
        readiness: Some(readiness),
        handler: Some(handler),
    };
    // The slot is free at an instant of its own, the others begin where the one before ended.
    assert_eq!(way(100, 150, 50, 99).alegra().await, handled(299));
    assert_eq!(way(100, 150, 50, 100).alegra().await, late(202));
    assert_eq!(way(100, 50, 100, 99).alegra().await, handled(299));
    assert_eq!(way(100, 150, 149, 0).alegra().await, handled(299));
    assert_eq!(
        way(100, 150, 150, 0).alegra().await,
        refused(RejectionKind::Busy)
    );
    assert_eq!(
        way(299, 300, 0, 0).alegra().await,
        refused(RejectionKind::Busy)
    );
}

#[tokio::test(start_paused = true)]
async fn the_handler_is_told_how_much_time_is_left() {
    let (layer, left) = (three_hundred(), Arc::new(Mutex::new(Vec::new())));
    let shelf = Arc::clone(&left);
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let shelf = Arc::clone(&shelf);
        async move {
            let delivery = request
                .extensions()
                .get::<Delivery<alegra::Event>>()
                .unwrap();
            shelf.lock().unwrap().push(delivery.time_left());
            sleep(ms(D)).await;
            shelf.lock().unwrap().push(delivery.time_left());
            Ok(util::reply(StatusCode::NO_CONTENT))
        }
    }));
    let slow = Script::new([Step::Wait(ms(100)), Step::Data(ALEGRA.as_bytes())]);
    assert_eq!(answer(webhook.oneshot(post_body(slow))).await, late(202));
    layer.background().drain(Duration::MAX).await;
    assert_eq!(*left.lock().unwrap(), [ms(200), Duration::ZERO]);
}

/// tokio winds a paused clock on to the next timer when there is nothing to do.
#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_over_leaves_no_timer_behind() {
    let (start, layer) = (Instant::now(), alegra());
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    assert_eq!(
        answer(send(&layer, &handler, post(ALEGRA))).await,
        handled(0)
    );
    let (over, is_over) = tokio::sync::oneshot::channel();
    let idle = std::thread::spawn(move || {
        std::thread::sleep(ms(50));
        over.send(())
    });
    is_over.await.unwrap();
    idle.join().unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(layer);
}

/// The deadline is for the answer's head.
#[tokio::test(start_paused = true)]
async fn the_answers_body_may_stream_on_beyond_the_deadline() {
    let start = Instant::now();
    let webhook = three_hundred().layer(service_fn(async |_: Request<RequestBody>| {
        let body = Script::new([Step::Wait(ms(1000)), Step::Data(b"done")]);
        Ok::<_, Infallible>(Response::new(body))
    }));
    let response = webhook.oneshot(post(ALEGRA)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(util::text(response).await, "done");
    assert_eq!(start.elapsed(), ms(1000));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_may_lie_beyond_all_time() {
    for deadline in [Duration::from_secs(60 * 60 * 24 * 365 * 100), Duration::MAX] {
        let layer = bsale().deadline(deadline);
        let handler = Handler::new(Does::AnswerAfter(HOUR, StatusCode::NO_CONTENT));
        let expected = handled(60 * 60 * 1000);
        assert_eq!(answer(send(&layer, &handler, post(BSALE))).await, expected);
    }
}

// Handlers after the answer

/// What is told of a request whose handler does that, until there is nothing more to tell.
async fn told(layer: WebhookLayer<Alegra>, does: Does) -> Vec<Told> {
    told_of(layer, does, ALEGRA).await
}

async fn told_of<P: Provider>(layer: WebhookLayer<P>, does: Does, body: &'static str) -> Vec<Told> {
    let (layer, outcomes) = Outcomes::of(layer.deadline(ms(D)));
    let _answer = send(&layer, &Handler::new(does), post(body)).await;
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    outcomes.seen()
}

/// Kind, status and whether it is a late end.
type Told = (OutcomeKind, Option<u16>, bool);

const ACCEPTED: Told = (OutcomeKind::Late, Some(202), false);
const REFUSED: Told = (OutcomeKind::Late, Some(503), false);
const HUNG_UP: Told = (OutcomeKind::GivenUp, None, false);
const SUCCEEDED_LATE: Told = (OutcomeKind::Handled, Some(204), true);
const FAILED_LATE: Told = (OutcomeKind::Failed, None, true);

#[tokio::test(start_paused = true)]
async fn the_end_of_a_late_handler_is_told_once() {
    let late = ms(2 * D);
    let success = Does::AnswerAfter(late, StatusCode::NO_CONTENT);
    let failure = Does::AnswerAfter(late, StatusCode::BAD_GATEWAY);
    let own_status = (OutcomeKind::Failed, Some(502), true);
    assert_eq!(told(alegra(), success).await, [ACCEPTED, SUCCEEDED_LATE]);
    assert_eq!(told(alegra(), failure).await, [ACCEPTED, own_status]);
    assert_eq!(
        told(alegra(), Does::FailAfter(late)).await,
        [ACCEPTED, FAILED_LATE]
    );
    assert_eq!(
        told(alegra(), Does::PanicAfter(late)).await,
        [ACCEPTED, FAILED_LATE]
    );
    let accepted = (OutcomeKind::Late, Some(200), false);
    assert_eq!(
        told_of(bsale(), success, BSALE).await,
        [accepted, SUCCEEDED_LATE]
    );
    let refusing = || alegra().late(Late::Refuse);
    assert_eq!(told(refusing(), success).await, [REFUSED, SUCCEEDED_LATE]);
    assert_eq!(told(refusing(), failure).await, [REFUSED, own_status]);
    assert_eq!(
        told(refusing(), Does::FailAfter(late)).await,
        [REFUSED, FAILED_LATE]
    );
    assert_eq!(
        told(refusing(), Does::PanicAfter(late)).await,
        [REFUSED, FAILED_LATE]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_handler_in_time_is_the_requests_end_and_no_other() {
    let early = ms(D - 1);
    let success = Does::AnswerAfter(early, StatusCode::NO_CONTENT);
    let failure = Does::AnswerAfter(early, StatusCode::BAD_GATEWAY);
    assert_eq!(
        told(alegra(), success).await,
        [(OutcomeKind::Handled, Some(204), false)]
    );
    assert_eq!(
        told(alegra(), failure).await,
        [(OutcomeKind::Failed, Some(502), false)]
    );
    assert_eq!(
        told(alegra(), Does::FailAfter(early)).await,
        [(OutcomeKind::Failed, None, false)]
    );
    let panicked = (OutcomeKind::Failed, Some(500), false);
    assert_eq!(told(alegra(), Does::PanicAfter(early)).await, [panicked]);
    assert_eq!(told(alegra(), Does::PanicInCall).await, [panicked]);
}

#[tokio::test(start_paused = true)]
async fn a_late_end_tells_the_time_that_the_handler_took() {
    let (layer, outcomes) = Outcomes::of(three_hundred());
    let handler = Handler::new(answers_after(Some(1000)));
    assert_eq!(
        answer(send(&layer, &handler, post(ALEGRA))).await,
        late(202)
    );
    layer.background().drain(Duration::MAX).await;
    let durations: Vec<_> = outcomes.all().iter().map(Outcome::duration).collect();
    assert_eq!(durations, [ms(D), ms(1000)]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_limit_before_the_deadline_is_the_answer() {
    let (layer, outcomes) = Outcomes::of(three_hundred().handler_limit(ms(100)));
    let start = Instant::now();
    let handler = Handler::new(Does::Never);
    let response = send(&layer, &handler, post(ALEGRA)).await.unwrap();
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rejection(&response), Some(RejectionKind::Interrupted));
    assert!(!response.headers().contains_key(RETRY_AFTER));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Failed, Some(503), false)]);
    assert_eq!(layer.background().in_flight(), 0);
    assert_eq!((handler.called(), handler.finished()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_limit_after_the_deadline_is_a_late_end() {
    let (layer, outcomes) = Outcomes::of(three_hundred().handler_limit(ms(1000)));
    let start = Instant::now();
    let handler = Handler::new(Does::Never);
    assert_eq!(
        answer(send(&layer, &handler, post(ALEGRA))).await,
        late(202)
    );
    assert_eq!(layer.background().in_flight(), 1);
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(start.elapsed(), ms(1000));
    assert_eq!(outcomes.seen(), [ACCEPTED, FAILED_LATE]);
    let why = outcomes.all()[1].rejection().map(Rejection::kind);
    assert_eq!(why, Some(RejectionKind::Interrupted));
}

/// It counts from the handler's beginning, not from the request's.
#[tokio::test(start_paused = true)]
async fn a_handler_limit_leaves_the_rest_of_the_way_alone() {
    let limited = alegra().handler_limit(ms(100));
    let way = |handler| Way {
        body: Some(150),
        handler: Some(handler),
        ..AT_ONCE
    };
    assert_eq!(way(99).over(limited, ALEGRA).await, handled(249));
}

// Hanging up

/// A request that was polled and has no answer yet.
async fn under_way<B>(layer: &WebhookLayer<Alegra>, handler: &Handler, body: B) -> Pending
where
    B: Body + Send + 'static,
{
    let mut webhook = layer.layer(handler.clone());
    let mut request = webhook.call(post_body(body));
    assert!(poll!(&mut request).is_pending());
    request
}

type Pending = ResponseFuture<Full<Bytes>, Broken>;

fn delivery() -> Full<Bytes> {
    Full::from(ALEGRA)
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_before_the_first_poll_has_given_up() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    drop(layer.layer(handler.clone()).call(post(ALEGRA)));
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen(), [HUNG_UP]);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_within_the_body_has_given_up() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let half = Script::new([Step::Data(b"{"), Step::Hang]);
    drop(under_way(&layer, &handler, half).await);
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen(), [HUNG_UP]);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_in_line_for_a_slot_has_given_up() {
    let (layer, outcomes) = Outcomes::of(alegra().max_in_flight(1));
    let occupant = Handler::new(answers_after(Some(100)));
    let first = under_way(&layer, &occupant, delivery()).await;
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    drop(under_way(&layer, &handler, delivery()).await);
    assert_eq!(outcomes.seen(), [HUNG_UP]);
    assert_eq!(answer(first).await, handled(100));
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen().len(), 2);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_before_the_inner_service_is_ready_has_given_up() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Never).ready_after(None);
    let waiting = under_way(&layer, &handler, delivery()).await;
    assert_eq!(layer.background().in_flight(), 1);
    drop(waiting);
    assert_eq!(layer.background().in_flight(), 0);
    assert_eq!(outcomes.seen(), [HUNG_UP]);
    assert_eq!(handler.called(), 0);
}

/// Hanging up before the task had its first turn comes too late as well.
#[tokio::test(start_paused = true)]
async fn who_hangs_up_on_a_running_handler_has_given_up_and_it_finishes() {
    for turns in [0, 1] {
        let (layer, outcomes) = Outcomes::of(alegra());
        let handler = Handler::new(answers_after(Some(100)));
        let running = under_way(&layer, &handler, delivery()).await;
        for _turn in 0..turns {
            tokio::task::yield_now().await;
        }
        assert_eq!(handler.called(), turns);
        drop(running);
        assert_eq!(outcomes.seen(), [HUNG_UP]);
        assert_eq!(layer.background().drain(Duration::MAX).await, 0);
        assert_eq!(outcomes.seen(), [HUNG_UP, SUCCEEDED_LATE]);
        assert_eq!((handler.called(), handler.finished()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_after_the_answer_has_not_given_up() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let mut request = Box::pin(layer.layer(handler).call(post(ALEGRA)));
    assert_eq!(answer(&mut request).await, handled(0));
    drop(request);
    assert_eq!(outcomes.seen(), [(OutcomeKind::Handled, Some(204), false)]);
}

// The drain

const DRAINING: Answer = (503, Some(RejectionKind::Draining), 0);

#[tokio::test(start_paused = true)]
async fn a_drain_without_handlers_is_over_at_once() {
    let background = alegra().background();
    assert!(!background.is_draining());
    assert_eq!(background.drain(Duration::MAX).await, 0);
    assert!(background.is_draining());
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_late_handlers() {
    let (layer, start) = (three_hundred(), Instant::now());
    let handlers = [400, 1000].map(|time| Handler::new(answers_after(Some(time))));
    let requests = handlers
        .iter()
        .map(|handler| answer(send(&layer, handler, post(ALEGRA))));
    assert_eq!(join_all(requests).await, [late(202); 2]);
    assert_eq!(layer.background().in_flight(), 2);
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(start.elapsed(), ms(1000));
}

#[tokio::test(start_paused = true)]
async fn a_drain_says_how_many_are_left_at_its_limit() {
    let (layer, start) = (three_hundred(), Instant::now());
    let handlers = [400, 600, 1000].map(|time| Handler::new(answers_after(Some(time))));
    let requests = handlers
        .iter()
        .map(|handler| answer(send(&layer, handler, post(ALEGRA))));
    assert_eq!(join_all(requests).await, [late(202); 3]);
    assert_eq!(layer.background().drain(Duration::ZERO).await, 3);
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(layer.background().drain(ms(200)).await, 2);
    assert_eq!(start.elapsed(), ms(500));
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
    assert_eq!(start.elapsed(), ms(1000));
}

#[tokio::test(start_paused = true)]
async fn every_drain_under_way_hears_of_the_end() {
    let (layer, start) = (three_hundred(), Instant::now());
    let handler = Handler::new(answers_after(Some(100)));
    let request = answer(send(&layer, &handler, post(ALEGRA)));
    let background = layer.background();
    let drains = async {
        tokio::task::yield_now().await;
        join_all([(); 3].map(|()| background.drain(Duration::MAX))).await
    };
    let (answered, left) = tokio::join!(request, drains);
    assert_eq!((answered, left), (handled(100), vec![0; 3]));
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_drain_refuses_deliveries_and_answers_probes() {
    let layer = alegra();
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    drop(layer.clone().background().drain(Duration::MAX));
    assert_eq!(
        answer(send(&layer, &handler, post(ALEGRA))).await,
        handled(0)
    );
    layer.clone().background().drain(Duration::MAX).await;
    let (clone, outcomes) = Outcomes::of(layer);
    assert_eq!(answer(send(&clone, &handler, post(ALEGRA))).await, DRAINING);
    assert_eq!(
        answer(send(&clone, &handler, post(""))).await,
        (200, None, 0)
    );
    assert_eq!(handler.called(), 1);
    let refused = (OutcomeKind::Rejected, Some(503), false);
    assert_eq!(
        outcomes.seen(),
        [refused, (OutcomeKind::Probe, Some(200), false)]
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_a_drain_does_not_undo_it() {
    let layer = alegra();
    let running = Handler::new(answers_after(Some(100)));
    let _first = under_way(&layer, &running, delivery()).await;
    assert_eq!(
        poll!(pin!(layer.background().drain(Duration::MAX))),
        Poll::Pending
    );
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    assert_eq!(answer(send(&layer, &handler, post(ALEGRA))).await, DRAINING);
    assert_eq!(handler.called(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_refuses_those_in_line_for_a_slot() {
    let layer = three_hundred().max_in_flight(1);
    let occupant = Handler::new(answers_after(Some(200)));
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let first = answer(send(&layer, &occupant, post(ALEGRA)));
    let second = answer(send(&layer, &handler, post(ALEGRA)));
    let drain = async {
        sleep(ms(100)).await;
        layer.background().drain(Duration::MAX).await
    };
    let (first, second, left) = tokio::join!(first, second, drain);
    assert_eq!(first, handled(200));
    assert_eq!(second, (503, Some(RejectionKind::Draining), 100));
    assert_eq!((left, handler.called()), (0, 0));
}

/// It has its slot, so it counts as begun.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_those_that_wait_for_readiness() {
    let layer = three_hundred();
    let handler = Handler::new(answers_after(Some(50))).ready_after(Some(ms(100)));
    let request = under_way(&layer, &handler, delivery()).await;
    let background = layer.background();
    let (answered, left) = tokio::join!(answer(request), background.drain(Duration::MAX));
    assert_eq!((answered, left), (handled(150), 0));
}

/// It was next in line, got the slot, and hung up before it knew.
#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_who_hung_up_in_line() {
    let layer = three_hundred().max_in_flight(1);
    let occupant = Handler::new(answers_after(Some(100)));
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let first = under_way(&layer, &occupant, delivery()).await;
    let second = under_way(&layer, &handler, delivery()).await;
    assert_eq!(answer(first).await, handled(100));
    let background = layer.background();
    let mut drain = pin!(background.drain(Duration::MAX));
    assert!(poll!(&mut drain).is_pending());
    drop(second);
    assert_eq!(poll!(&mut drain), Poll::Ready(0));
    assert_eq!(handler.called(), 0);
}

// Strange bodies

/// Always ready, with frames of nothing; panics when more than `most` of them are taken.
struct Endless {
    frames: usize,
    most: usize,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        assert!(self.frames < self.most, "no turn is left to others");
        self.frames += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

/// In real time, since the paused clock stands still while anything is ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_empty_frames_end_at_the_deadline() {
    let request = tokio::spawn(async {
        let endless = Endless {
            frames: 0,
            most: usize::MAX,
        };
        let layer = alegra().deadline(ms(50));
        send(&layer, &Handler::new(Does::Never), post_body(endless)).await
    });
    let response = timeout(Duration::from_secs(10), request).await;
    let response = response.expect("an end").unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn endless_empty_frames_leave_others_their_turn() {
    let endless = Endless {
        frames: 0,
        most: 10_000,
    };
    let handler = Handler::new(Does::Never);
    let layer = three_hundred();
    let mut request = pin!(send(&layer, &handler, post_body(endless)));
    assert!(poll!(&mut request).is_pending());
    advance(ms(D)).await;
    let response = request.await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn frames_of_one_byte_and_empty_ones_between_are_fine() {
    let frames = ALEGRA.as_bytes().chunks(1).flat_map(|byte| {
        let pause = Step::Wait(ms(1));
        [Step::Data(b""), pause, Step::Data(byte)]
    });
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let layer = three_hundred();
    let request = answer(send(&layer, &handler, post_body(Script::new(frames))));
    assert_eq!(request.await, handled(ALEGRA.len() as u64));
}

/// tokio makes a task that has used up its budget wait its turn, and tells it of its timers only then.
#[tokio::test(start_paused = true)]
async fn a_task_that_has_used_up_its_turn_starts_no_handler_after_the_deadline() {
    let ready = Arc::new(AtomicBool::new(false));
    let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
    let flag = Arc::clone(&ready);
    let gate = Gate {
        opens: move || flag.load(Ordering::SeqCst),
        inner: handler.clone(),
    };
    let mut request = pin!(three_hundred().layer(gate).oneshot(post(ALEGRA)));
    assert!(poll!(&mut request).is_pending());

    advance(ms(D)).await;
    ready.store(true, Ordering::SeqCst);
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
    let response = request.await.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Busy));
    assert_eq!(handler.called(), 0);
}

/// tokio hears only at its next look around that a timer is due which was past when it was made.
#[tokio::test(start_paused = true)]
async fn a_thread_that_was_blocked_on_the_way_starts_no_handler_after_the_deadline() {
    let refused = (503, Some(RejectionKind::Busy));
    for (time, expected) in [(D - 1, (204, None)), (D, refused), (D + 1, refused)] {
        let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
        let decoding = WebhookLayer::new(Blocks(ms(time)), Access::open()).deadline(ms(D));
        let (status, rejection, _) = answer(send(&decoding, &handler, post("{}"))).await;
        assert_eq!((status, rejection), expected, "decoding for {time} ms");
        assert_eq!(handler.called(), usize::from(status == 204));
        assert_eq!(decoding.background().in_flight(), 0);

        let handler = Handler::new(Does::Answer(StatusCode::NO_CONTENT));
        let layer = three_hundred();
        let opens = move || {
            block(ms(time));
            true
        };
        let inner = handler.clone();
        let readiness = layer.layer(Gate { opens, inner });
        let (status, rejection, _) = answer(readiness.oneshot(post(ALEGRA))).await;
        assert_eq!((status, rejection), expected, "ready after {time} ms");
        assert_eq!(handler.called(), usize::from(status == 204));
        assert_eq!(layer.background().in_flight(), 0);
    }
}

/// As code does that blocks its thread: time passes, and tokio cannot look around meanwhile.
fn block(time: Duration) {
    let advanced = pin!(advance(time)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        advanced.is_pending(),
        "it yields once it has wound the clock on"
    );
}

/// Blocks its thread that long while it decodes.
struct Blocks(Duration);

impl Provider for Blocks {
    type Event = Nothing;

    fn rules(&self) -> Rules {
        Rules::new("blocks")
    }

    fn receive(&self, _head: &Parts, _body: &Bytes) -> Result<Received<Nothing>, Rejection> {
        block(self.0);
        Ok(Received::event(Nothing))
    }
}

/// Ready when the gate opens, and the inner service is.
#[derive(Clone)]
struct Gate<F> {
    opens: F,
    inner: Handler,
}

impl<F: Fn() -> bool> Service<Request<RequestBody>> for Gate<F> {
    type Response = Reply;
    type Error = Broken;
    type Future = <Handler as Service<Request<RequestBody>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match (self.opens)() {
            true => self.inner.poll_ready(cx),
            false => Poll::Pending,
        }
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        self.inner.call(request)
    }
}
