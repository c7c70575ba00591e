use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tower_webhook::WebhookLayer;

use crate::util::{ALEGRA, Does, Handler, Outcomes, Script, Step, alegra, ms, post_body, send};

const D: Duration = ms(3000);

/// Whatever is slow, and however many things are, there is one answer and it leaves by D.
#[tokio::test(start_paused = true)]
async fn p1_exactly_one_answer_by_the_deadline() {
    let delays = [
        ms(0),
        ms(1),
        ms(1499),
        ms(1500),
        ms(2999),
        ms(3000),
        ms(9000),
    ];
    for body in delays {
        for ready in delays {
            for run in delays {
                let (layer, outcomes) = Outcomes::of(alegra());
                let layer: WebhookLayer<_> = layer.deadline(D);
                let handler = Handler::new(Does::AnswerAfter(run, StatusCode::NO_CONTENT))
                    .ready_after(Some(ready));
                let slow = Script::new([Step::Wait(body), Step::Data(ALEGRA.as_bytes())]);

                let start = Instant::now();
                let response = send(&layer, &handler, post_body(slow)).await.unwrap();
                let all = body + ready + run;
                assert_eq!(
                    start.elapsed(),
                    all.min(D),
                    "body {body:?}, ready {ready:?}, run {run:?}"
                );
                let status = response.status().as_u16();
                match () {
                    () if body >= D => assert_eq!(status, 408),
                    () if body + ready >= D => assert_eq!(status, 503),
                    () if all >= D => assert_eq!(status, 202),
                    () => assert_eq!(status, 204),
                }
                let first: Vec<_> = outcomes.seen().into_iter().filter(|told| !told.2).collect();
                assert_eq!(first.len(), 1);
                assert_eq!(first[0].1, Some(status));
            }
        }
    }
}
