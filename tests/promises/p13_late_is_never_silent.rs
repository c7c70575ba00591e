use http::StatusCode;
use tower_webhook::{OutcomeKind, RejectionKind};

use crate::util::{ALEGRA, Does, Handler, Outcomes, alegra, ms, post, send};

#[tokio::test(start_paused = true)]
async fn p13_how_a_late_handler_ends_is_told() {
    let late = (OutcomeKind::Late, Some(202), false);
    for (does, end) in [
        (
            Does::AnswerAfter(ms(9000), StatusCode::NO_CONTENT),
            (OutcomeKind::Handled, Some(204), true),
        ),
        (
            Does::AnswerAfter(ms(9000), StatusCode::BAD_GATEWAY),
            (OutcomeKind::Failed, Some(502), true),
        ),
        (Does::FailAfter(ms(9000)), (OutcomeKind::Failed, None, true)),
        (
            Does::PanicAfter(ms(9000)),
            (OutcomeKind::Failed, None, true),
        ),
        (Does::Never, (OutcomeKind::Failed, None, true)),
    ] {
        let (layer, outcomes) = Outcomes::of(alegra().handler_limit(ms(30_000)));
        let response = send(&layer, &Handler::new(does), post(ALEGRA))
            .await
            .unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(outcomes.seen(), [late], "{does:?}");
        assert_eq!(layer.background().drain(ms(60_000)).await, 0);
        assert_eq!(outcomes.seen(), [late, end], "{does:?}");

        let told = &outcomes.all()[1];
        assert_eq!(told.event(), Some("new-client"));
        assert_eq!(told.body_size(), Some(ALEGRA.len()));
        let why = told.rejection().map(|rejection| rejection.kind());
        let (duration, kind) = match does {
            Does::PanicAfter(_) => (ms(9000), Some(RejectionKind::Panicked)),
            Does::Never => (ms(30_000), Some(RejectionKind::Interrupted)),
            _ => (ms(9000), None),
        };
        assert_eq!((told.duration(), why), (duration, kind), "{does:?}");
    }
}

/// A broken observer costs neither the answer nor the handler.
#[tokio::test(start_paused = true)]
async fn p13_an_observer_that_panics_is_survived() {
    let layer = alegra().on_outcome(|_| panic!("a bug in the observer"));
    for does in [Does::Answer(StatusCode::OK), Does::PanicInCall] {
        let handler = Handler::new(does);
        let response = send(&layer, &handler, post(ALEGRA)).await.unwrap();
        assert_eq!(
            response.status().is_success(),
            matches!(does, Does::Answer(_))
        );
    }
    assert_eq!(layer.background().drain(ms(0)).await, 0);
}
