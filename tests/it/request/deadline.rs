//! The one deadline over body, slot, readiness and handler. Times are exact: the clock is paused.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::poll;
use http::{Request, StatusCode};
use tokio::{
    sync::oneshot,
    task::{coop, yield_now},
    time::{Instant, advance, sleep},
};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook::{
    Access, Delivery, Late, Provider, Received, RejectionKind, RequestBody, Rules, WebhookLayer,
    alegra,
};

use crate::util::{
    ALEGRA, Answer, BSALE, Broken, Does, Handler, Other, Reply, Script, Step, alegra, answer,
    begun, bsale, custom, handled, ms, ok, post, post_body, rejection, send, status_of,
    three_hundred,
};

const D: u64 = 300;
const NEVER: Option<u64> = None;
const HOUR: Duration = Duration::from_secs(60 * 60);

fn accepted(status: u16) -> Answer {
    (Ok(status), None, ms(D))
}

fn refused(kind: RejectionKind) -> Answer {
    (Ok(kind.status().as_u16()), Some(kind), ms(D))
}

/// How long each part of a delivery takes; `None` means for ever.
#[derive(Clone, Copy)]
struct Way {
    body: Option<u64>,
    slot: Option<u64>,
    readiness: Option<u64>,
    handler: Option<u64>,
}

const NOW: Way = Way {
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
            // Its timer has to be older than the deadline's, so that it fires first.
            yield_now().await;
            assert_eq!(occupant.called(), 1);
        }
        let pause = self.body.map_or(Step::Hang, |time| Step::Wait(ms(time)));
        let body = Script::new([pause, Step::Data(body.as_bytes())]);
        let handler = Handler::new(answers_after(self.handler));
        let handler = handler.ready_after(self.readiness.map(ms));
        answer(send(&layer, &handler, post_body(body))).await
    }
}

fn answers_after(time: Option<u64>) -> Does {
    match time {
        Some(time) => Does::AnswerAfter(ms(time), 204),
        None => Does::Never,
    }
}

// The grid: each part alone is slow.

/// The answers of Alegra's layer, of Bsale's, and of one that refuses what is late.
async fn answers(way: Way) -> [Answer; 3] {
    [
        way.over(alegra(), ALEGRA).await,
        way.over(bsale(), BSALE).await,
        way.over(alegra().late(Late::Refuse), ALEGRA).await,
    ]
}

/// A part that takes a millisecond less than the deadline is in time; longer ones are answered as
/// expected.
async fn is_late(part: fn(Option<u64>) -> Way, expected: [Answer; 3]) {
    let in_time = [(); 3].map(|()| handled(D - 1));
    assert_eq!(answers(part(Some(D - 1))).await, in_time);
    for time in [Some(D), Some(D + 1), NEVER] {
        assert_eq!(answers(part(time)).await, expected, "{time:?}");
    }
    // A server drives requests in tasks, where two timers of one instant fire in another order.
    let in_a_task = tokio::spawn(part(Some(D)).over(alegra(), ALEGRA));
    assert_eq!(in_a_task.await.unwrap(), expected[0]);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_slow() {
    let busy = || [(); 3].map(|()| refused(RejectionKind::Busy));
    let timeout = [(); 3].map(|()| refused(RejectionKind::Timeout));
    let late = [accepted(202), accepted(200), refused(RejectionKind::Late)];
    is_late(|body| Way { body, ..NOW }, timeout).await;
    is_late(|slot| Way { slot, ..NOW }, busy()).await;
    is_late(|readiness| Way { readiness, ..NOW }, busy()).await;
    is_late(|handler| Way { handler, ..NOW }, late).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_read_when_its_end_has_come() {
    let whole = Step::Data(ALEGRA.as_bytes());
    let open_ended = Script::new([whole, Step::Wait(ms(D))]);
    let handler = Handler::answers(204);
    let request = answer(send(&three_hundred(), &handler, post_body(open_ended))).await;
    assert_eq!(request, refused(RejectionKind::Timeout));
    assert_eq!(handler.called(), 0);
}

/// The thread may be busy until then. What is there already is read, so that it can be stored.
#[tokio::test(start_paused = true)]
async fn one_frame_of_a_body_is_read_after_the_deadline() {
    let mut webhook = three_hundred().layer(Handler::answers(204));
    let frame = || Step::Data(ALEGRA.as_bytes());
    let one = webhook.call(post(ALEGRA));
    let two = webhook.call(post_body(Script::new([frame(), frame()])));
    advance(ms(D)).await;
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!(rejection(&one), Some(RejectionKind::Busy));
    assert_eq!(rejection(&two), Some(RejectionKind::Timeout));
    // Also where it is first polled by a task without budget.
    let late = webhook.call(post(ALEGRA));
    advance(ms(D)).await;
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
    assert_eq!(rejection(&late.await.unwrap()), Some(RejectionKind::Busy));
}

/// The slot is free after that time; each other part starts when the one before has ended.
#[tokio::test(start_paused = true)]
async fn all_parts_share_the_one_deadline() {
    let busy = refused(RejectionKind::Busy);
    for (body, slot, readiness, handler, expected) in [
        (100, 150, 50, 99, handled(299)),
        (100, 150, 50, 100, accepted(202)),
        (100, 50, 100, 99, handled(299)),
        (100, 150, 149, 0, handled(299)),
        (100, 150, 150, 0, busy),
        (299, 300, 0, 0, refused(RejectionKind::Busy)),
    ] {
        let way = Way {
            body: Some(body),
            slot: Some(slot),
            readiness: Some(readiness),
            handler: Some(handler),
        };
        assert_eq!(way.over(alegra(), ALEGRA).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_handler_is_told_how_much_time_is_left() {
    let (layer, left) = (three_hundred(), Arc::new(Mutex::new(Vec::new())));
    let sink = Arc::clone(&left);
    let webhook = layer.layer(service_fn(move |request: Request<RequestBody>| {
        let sink = Arc::clone(&sink);
        async move {
            let delivery = request.extensions().get::<Delivery<alegra::Event>>();
            let delivery = delivery.unwrap();
            sink.lock().unwrap().push(delivery.time_left());
            sleep(ms(D)).await;
            sink.lock().unwrap().push(delivery.time_left());
            ok(Request::default()).await
        }
    }));
    let slow = Script::new([Step::Wait(ms(100)), Step::Data(ALEGRA.as_bytes())]);
    let response = webhook.oneshot(post_body(slow)).await;
    assert_eq!(response.unwrap().status(), StatusCode::ACCEPTED);
    layer.background().drain(Duration::MAX).await;
    assert_eq!(*left.lock().unwrap(), [ms(200), Duration::ZERO]);
}

/// tokio advances a paused clock to the next timer when there is nothing to do.
#[tokio::test(start_paused = true)]
async fn an_answered_delivery_leaves_no_timer_behind() {
    let (start, layer) = (Instant::now(), alegra());
    let handler = Handler::answers(204);
    let answered = answer(send(&layer, &handler, post(ALEGRA))).await;
    assert_eq!(answered, handled(0));
    let (over, is_over) = oneshot::channel();
    let idle = std::thread::spawn(move || {
        std::thread::sleep(ms(50));
        over.send(())
    });
    is_over.await.unwrap();
    idle.join().unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_may_be_longer_than_any_clock_can_tell() {
    for deadline in [Duration::from_secs(60 * 60 * 24 * 365 * 100), Duration::MAX] {
        let layer = bsale().deadline(deadline);
        let handler = Handler::new(Does::AnswerAfter(HOUR, 204));
        let answer = answer(send(&layer, &handler, post(BSALE))).await;
        assert_eq!(answer, handled(60 * 60 * 1000));
    }
}

// Bodies and threads that leave no time

/// If they were read in one turn, their end would be that of a probe.
#[tokio::test(start_paused = true)]
async fn endless_empty_frames_let_other_tasks_run_and_end_at_the_deadline() {
    let endless = Script::new(vec![Step::Data(b""); 10_000]);
    let (layer, handler) = (three_hundred(), Handler::new(Does::Never));
    let request = begun(status_of(&layer, &handler, post_body(endless))).await;
    advance(ms(D)).await;
    assert_eq!(request.await, Ok(408));
}

/// A task without budget is not told by tokio that its timers are due.
#[tokio::test(start_paused = true)]
async fn a_task_without_budget_starts_no_handler_after_the_deadline() {
    let ready = Arc::new(AtomicBool::new(false));
    let handler = Handler::answers(204);
    let flag = Arc::clone(&ready);
    let gate = Gate {
        opens: move || flag.load(Ordering::SeqCst),
        inner: handler.clone(),
    };
    let request = begun(three_hundred().layer(gate).oneshot(post(ALEGRA))).await;

    advance(ms(D)).await;
    ready.store(true, Ordering::SeqCst);
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
    let response = request.await.unwrap();
    assert_eq!(rejection(&response), Some(RejectionKind::Busy));
    assert_eq!(handler.called(), 0);
}

/// Whoever polls the request at the deadline has used up the budget of the task.
#[tokio::test(start_paused = true)]
async fn a_request_without_budget_is_answered_at_the_deadline() {
    let handler = Handler::new(Does::Never);
    let never_ready = handler.clone().ready_after(None);
    let whole = Step::Data(ALEGRA.as_bytes());
    for (body, handler, expected) in [
        (whole.clone(), &handler, 202),
        (whole, &never_ready, 503),
        (Step::Hang, &handler, 408),
    ] {
        let body = post_body(Script::new([body]));
        let mut request = Box::pin(three_hundred().layer(handler.clone()).oneshot(body));
        let mut polls = 0;
        let start = Instant::now();
        let task = tokio::spawn(poll_fn(move |cx| {
            polls += 1;
            assert!(polls < 100, "it spins");
            let is_due = start.elapsed() >= ms(D);
            while let (true, Poll::Ready(budget)) = (is_due, coop::poll_proceed(cx)) {
                budget.made_progress();
            }
            request.as_mut().poll(cx)
        }));
        let response = task.await.unwrap().unwrap();
        assert_eq!(response.status(), expected);
        assert_eq!(start.elapsed(), ms(D));
    }
}

/// The thread may be busy with other tasks then.
#[tokio::test(start_paused = true)]
async fn a_handler_that_ended_in_time_is_answered_after_the_deadline_too() {
    for (does, status) in [
        (Does::Answer(204), 204),
        (Does::AnswerAfter(ms(D - 2), 204), 204),
        (Does::AnswerAfter(ms(D - 2), 500), 500),
    ] {
        let handler = Handler::new(does);
        let layer = three_hundred().late(Late::Refuse);
        let request = begun(status_of(&layer, &handler, post(ALEGRA))).await;
        sleep(ms(D - 1)).await;
        assert_eq!(handler.finished(), 1);
        advance(ms(2)).await;
        assert_eq!(request.await, Ok(status), "{does:?}");
    }
}

/// A timer that is due when it is made fires only when tokio next looks at the clock.
#[tokio::test(start_paused = true)]
async fn a_thread_that_was_blocked_starts_no_handler_after_the_deadline() {
    let busy = |at| (Ok(503), Some(RejectionKind::Busy), ms(at));
    for (time, expected) in [(D - 1, handled(D - 1)), (D, busy(D)), (D + 1, busy(D + 1))] {
        let starts = usize::from(time < D);
        let handler = Handler::answers(204);
        let blocks = custom(Rules::new("blocks"), move |_| {
            block(ms(time));
            Ok(Received::event(Other(())))
        });
        let decoding = WebhookLayer::new(blocks, Access::open()).deadline(ms(D));
        let answered = answer(send(&decoding, &handler, post("{}"))).await;
        assert_eq!(answered, expected, "decoding");
        assert_eq!(handler.called(), starts);
        assert_eq!(decoding.background().in_flight(), 0);

        let handler = Handler::answers(204);
        let layer = three_hundred();
        let opens = move || {
            block(ms(time));
            true
        };
        let inner = handler.clone();
        let request = layer.layer(Gate { opens, inner }).oneshot(post(ALEGRA));
        assert_eq!(answer(request).await, expected, "readiness");
        assert_eq!(handler.called(), starts);
        assert_eq!(layer.background().in_flight(), 0);
    }
}

/// Like code that blocks its thread: time passes, and tokio does not look at the clock.
fn block(time: Duration) {
    let advanced = pin!(advance(time)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        advanced.is_pending(),
        "it has advanced the clock and yields"
    );
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
