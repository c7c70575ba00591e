use std::time::Duration;

use crate::util::{
    ALEGRA, Does, Handler, Outcomes, Script, Step, alegra, answer, ms, post_body, send,
};

const D: Duration = ms(3000);

/// Body, readiness and handler take each of these times, in every combination.
#[tokio::test(start_paused = true)]
async fn there_is_one_answer_and_it_leaves_by_the_deadline() {
    let delays = [0, 1, 1499, 1500, 2999, 3000, 9000].map(ms);
    let ways = delays.iter().flat_map(|body| {
        let pairs = delays
            .iter()
            .flat_map(|ready| delays.map(|run| (*ready, run)));
        pairs.map(|(ready, run)| (*body, ready, run))
    });
    for (body, ready, run) in ways {
        let (layer, outcomes) = Outcomes::of(alegra().deadline(D));
        let handler = Handler::new(Does::AnswerAfter(run, 204)).ready_after(Some(ready));
        let slow = Script::new([Step::Wait(body), Step::Data(ALEGRA.as_bytes())]);
        let (status, _, after) = answer(send(&layer, &handler, post_body(slow))).await;

        let all = body + ready + run;
        let expected = match () {
            () if body >= D => 408,
            () if body + ready >= D => 503,
            () if all >= D => 202,
            () => 204,
        };
        let way = format!("body {body:?}, ready {ready:?}, run {run:?}");
        assert_eq!((status, after), (Ok(expected), all.min(D)), "{way}");
        let first: Vec<_> = outcomes.seen().into_iter().filter(|told| !told.2).collect();
        assert_eq!(first.len(), 1, "{way}");
        assert_eq!(first[0].1, Some(expected), "{way}");
    }
}
