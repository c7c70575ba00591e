use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;

use super::*;
use crate::{
    background::Background,
    dead_letter::{DeadLetter, DeadLetters},
    outcome::{Outcome, OutcomeKind},
    provider::Rules,
    strikes::Strikes,
};

struct Forgetful;

impl DeadLetters for Forgetful {
    async fn store(
        &self,
        _letter: DeadLetter,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

/// Between the letter and the outcome of a failure that goes out there is no room for another.
#[tokio::test]
async fn a_failure_that_goes_out_is_the_request_s_end() {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&outcomes);
    let rules = Rules::new("any");
    let observers = Observers {
        strikes: Strikes::new(&rules),
        user: Some(Arc::new(move |outcome: &Outcome| {
            let seen = (outcome.kind(), outcome.is_late_end());
            sink.lock().expect("no panic").push(seen);
        })),
    };
    let keeper = Keeper::new(Forgetful, Background::new("any", 1));
    let facts = Facts::new("any", Instant::now());
    let journal = Journal::new(facts, Arc::new(observers), Some(Arc::new(keeper)));
    let record = || Record::undecoded("any", None, Bytes::new());
    let kept = journal.failed_openly(LetterReason::Status, record);
    assert!(!kept.expect("a letter").settled);
    journal.settle(End::given_up());
    journal.handler_ended(End::answered(StatusCode::BAD_GATEWAY));
    let outcomes = outcomes.lock().expect("no panic");
    assert_eq!(*outcomes, [(OutcomeKind::Failed, false)]);
}
