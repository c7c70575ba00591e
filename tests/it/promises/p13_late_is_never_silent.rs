use std::time::Duration;

use tower::{Layer, Service};
use tower_webhook::{Late, OutcomeKind, Provider, RejectionKind, WebhookLayer};

use crate::util::{ALEGRA, BSALE, Does, Handler, Outcomes, alegra, bsale, ms, post, status_of};

/// How a handler ends after the deadline, and what is told of that.
#[rustfmt::skip]
const LATE_ENDS: [(Does, OutcomeKind, Option<u16>); 5] = [
    (Does::AnswerAfter(ms(9000), 204), OutcomeKind::Handled, Some(204)),
    (Does::AnswerAfter(ms(9000), 502), OutcomeKind::Failed, Some(502)),
    (Does::FailAfter(ms(9000)), OutcomeKind::Failed, None),
    (Does::PanicAfter(ms(9000)), OutcomeKind::Failed, None),
    (Does::Never, OutcomeKind::Failed, None),
];

async fn tells_late_ends<P: Provider>(
    made: impl Fn() -> WebhookLayer<P>,
    body: &'static str,
    event: &str,
    status: u16,
) {
    for (does, kind, end) in LATE_ENDS {
        let (layer, outcomes) = Outcomes::of(made().handler_limit(ms(30_000)));
        let answered = status_of(&layer, &Handler::new(does), post(body)).await;
        assert_eq!(answered, Ok(status));
        let late = (OutcomeKind::Late, Some(status), false);
        assert_eq!(outcomes.seen(), [late], "{does:?}");
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        assert_eq!(outcomes.seen(), [late, (kind, end, true)], "{does:?}");

        let told = &outcomes.all()[1];
        assert_eq!(told.event(), Some(event));
        assert_eq!(told.body_size(), Some(body.len()));
        let why = told.rejection().map(|rejection| rejection.kind());
        let expected = match does {
            Does::PanicAfter(_) => (ms(9000), Some(RejectionKind::Panicked)),
            Does::Never => (ms(30_000), Some(RejectionKind::Interrupted)),
            _ => (ms(9000), None),
        };
        assert_eq!((told.duration(), why), expected, "{does:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_late_handler_is_told_once_with_the_time_it_took() {
    tells_late_ends(alegra, ALEGRA, "new-client", 202).await;
    tells_late_ends(|| alegra().late(Late::Refuse), ALEGRA, "new-client", 503).await;
    tells_late_ends(bsale, BSALE, "document", 200).await;
}

/// An observer that panics costs neither the answer nor the handler.
#[tokio::test(start_paused = true)]
async fn an_observer_may_panic() {
    let layer = alegra().on_outcome(|_| panic!("a bug in the observer"));
    for (does, status) in [(Does::Answer(200), 200), (Does::PanicInCall, 500)] {
        let answered = status_of(&layer, &Handler::new(does), post(ALEGRA)).await;
        assert_eq!(answered, Ok(status));
    }
    assert_eq!(layer.background().drain(ms(0)).await, 0);
}

/// Nobody polls the future after its answer, and nobody has dropped it either.
#[tokio::test(start_paused = true)]
async fn in_an_answered_future_that_is_kept() {
    let (layer, outcomes) = Outcomes::of(alegra());
    let handler = Handler::new(Does::AnswerAfter(ms(4000), 204));
    let mut kept = layer.layer(handler).call(post(ALEGRA));
    assert_eq!((&mut kept).await.expect("an answer").status(), 202);
    assert_eq!(layer.background().drain(Duration::MAX).await, 0);
    assert_eq!(outcomes.seen().len(), 2);
    drop(kept);
}
