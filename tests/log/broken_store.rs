//! A store whose errors or calls panic on top of everything else costs no letter and no answer.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tokio::time::sleep;
use tower_webhook::{DeadLetter, DeadLetters, LetterReason, OutcomeKind};

use crate::{
    log,
    util::{
        ALEGRA, Does, Handler, Outcomes, PANIC, PanicsOnDrop, alegra, ms, post, quiet_panics,
        status_of,
    },
};

type StoreError = Box<dyn Error + Send + Sync>;

/// An error that panics when it is printed, in the log for instance.
#[derive(Debug)]
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("{PANIC}")
    }
}

impl Error for Unprintable {}

impl fmt::Display for PanicsOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is full")
    }
}

impl Error for PanicsOnDrop {}

/// A store that notes the reasons of its letters. Its first call ends with `first`.
struct Broken {
    reasons: Arc<Mutex<Vec<LetterReason>>>,
    first: fn() -> Result<(), StoreError>,
    first_panics_on_drop: bool,
}

impl DeadLetters for Broken {
    fn store(&self, letter: DeadLetter) -> impl Future<Output = Result<(), StoreError>> + Send {
        let mut reasons = self.reasons.lock().unwrap();
        let first = reasons.is_empty().then_some(self.first);
        reasons.push(letter.reason());
        let panics = first.is_some() && self.first_panics_on_drop;
        let call = Box::pin(async move {
            // Meanwhile the handler ends, and its letter has to wait.
            sleep(ms(400)).await;
            first.map_or(Ok(()), |first| first())
        });
        Call { call, panics }
    }
}

/// A call that may panic when it is dropped.
struct Call {
    call: Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>,
    panics: bool,
}

impl Future for Call {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().poll(cx)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        assert!(!self.panics, "{PANIC}");
    }
}

/// The handler is late, and fails while the store is told of that.
async fn is_told_of_both(first: fn() -> Result<(), StoreError>, first_panics_on_drop: bool) {
    quiet_panics();
    let _log = log();
    let reasons = Arc::<Mutex<Vec<_>>>::default();
    let store = Broken {
        reasons: reasons.clone(),
        first,
        first_panics_on_drop,
    };
    let (layer, outcomes) = Outcomes::of(alegra().dead_letters(store));
    let handler = Handler::new(Does::FailAfter(ms(3200)));
    let answered = status_of(&layer, &handler, post(ALEGRA)).await;
    let both = [LetterReason::Pending, LetterReason::Error];
    assert_eq!(*reasons.lock().unwrap(), both);
    assert_eq!(answered, Ok(202));
    assert_eq!(outcomes.seen(), [(OutcomeKind::Stored, Some(202), false)]);
    assert_eq!(layer.background().drain(ms(10_000)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_when_it_is_printed_costs_no_letter() {
    is_told_of_both(|| Err(Unprintable.into()), false).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_when_it_is_dropped_costs_no_letter() {
    is_told_of_both(|| Err(PanicsOnDrop.into()), false).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_when_it_is_dropped_costs_no_letter() {
    is_told_of_both(|| Ok(()), true).await;
    is_told_of_both(|| Err(PanicsOnDrop.into()), true).await;
}
