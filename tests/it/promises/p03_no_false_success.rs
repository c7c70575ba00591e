use tower_webhook::{Late, OutcomeKind};

use crate::util::{
    ALEGRA, BSALE, Does, Handler, Outcomes, Script, Step, alegra, bsale, ms, post, post_body,
    status_of,
};

const DELIVERIES: [&str; 4] = [
    ALEGRA,
    r#"{"subject":"no-such","message":1}"#,
    r#"{"subject":"new-client","message":"text"}"#,
    r#"{"message":{"client":{"id":1}},"subject":"delete-client"}"#,
];

/// A 2xx is the handler's own, or goes out while the handler has the delivery.
#[tokio::test(start_paused = true)]
async fn a_2xx_leaves_only_for_what_a_handler_has() {
    let statuses = [200, 202, 204, 301, 400, 404, 429, 500, 503, 599];
    let answers = statuses.into_iter().flat_map(|status| {
        let after = [2999, 3000, 60_000].map(|delay| Does::AnswerAfter(ms(delay), status));
        after.into_iter().chain([Does::Answer(status)])
    });
    let failures = [
        Does::Fail,
        Does::FailAfter(ms(2999)),
        Does::FailAfter(ms(3001)),
        Does::PanicInCall,
        Does::PanicAfter(ms(2999)),
        Does::PanicAfter(ms(3001)),
        Does::Never,
    ];
    let handlers = answers.chain(failures);
    for does in handlers {
        for late in [Late::Accept, Late::Refuse] {
            for body in DELIVERIES {
                let (layer, outcomes) = Outcomes::of(alegra().late(late));
                let handler = Handler::new(does);
                let is_2xx = |status| (200..300).contains(&status);
                let answer = status_of(&layer, &handler, post(body)).await;
                let success = answer.is_ok_and(is_2xx);
                let own = match does {
                    Does::Answer(status) => Some(status),
                    Does::AnswerAfter(delay, status) if delay < ms(3000) => Some(status),
                    _ => None,
                };
                let ended = handler.finished() == 1 || matches!(does, Does::PanicInCall);
                let running = handler.called() == 1 && !ended;
                let allowed = match own {
                    Some(status) => is_2xx(status),
                    None => running && late == Late::Accept,
                };
                assert_eq!(success, allowed, "{does:?} {late:?} {body}");
                let kind = outcomes.all()[0].kind();
                assert_eq!(
                    success,
                    kind == OutcomeKind::Handled
                        || (kind == OutcomeKind::Late && late == Late::Accept)
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_reached_a_handler_is_never_a_success() {
    let handler = Handler::answers(200).ready_after(None);
    let requests = [
        vec![Step::Data(ALEGRA.as_bytes())],
        vec![Step::Data(b"{"), Step::Break],
        vec![Step::Data(b"{"), Step::Hang],
        vec![Step::Data(b"[]]")],
        vec![Step::Break],
        vec![Step::Hang],
    ];
    for steps in requests {
        let request = post_body(Script::new(steps));
        let status = status_of(&alegra(), &handler, request).await.unwrap();
        assert!(status >= 300, "{status}");
    }
    assert_eq!(status_of(&bsale(), &handler, post(BSALE)).await, Ok(503));
    assert_eq!(handler.called(), 0);
}
