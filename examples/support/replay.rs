//! Dead letters on their way to the handlers once more.

use std::{fmt, pin::Pin};

use http::{Request, Response};
use tower::Service;
use tower_webhook::{
    DeadLetter, JsonLines, Provider, Rejection, RejectionKind, RequestBody, Unmarked, Webhook,
};

use super::{letters, shown::Shown, status, tell};

/// What became of a letter.
pub(crate) enum Fate {
    /// The handler's own 2xx: the store knows that it is done.
    Done,
    /// The handler's own 2xx, and the store could not be told.
    Unmarked,
    /// The handler had it and failed again. It stays, with one attempt more.
    Failed(String),
    /// No handler had it: it stays as it is.
    NotReplayable(String),
    /// The layer is draining: it stays as it is, and so will the next.
    Stopped,
}

type Driving = Pin<Box<dyn Future<Output = Fate> + Send>>;
type Drive = Box<dyn Fn(DeadLetter) -> Driving + Send + Sync>;

/// Which provider's letters are driven where.
#[derive(Default)]
pub(crate) struct Routes(Vec<(&'static str, Drive)>);

impl Routes {
    /// The letters of the provider of that name go to what this layer is around.
    pub(crate) fn with<S, P, R>(mut self, provider: &'static str, webhook: Webhook<S, P>) -> Self
    where
        P: Provider,
        S: Service<Request<RequestBody>, Response = Response<R>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        R: Send + 'static,
    {
        let drive = move |letter: DeadLetter| -> Driving {
            let driving = webhook.replay(letter);
            Box::pin(async move {
                match driving.await {
                    Ok(response) => fate(&response),
                    Err(_) => Fate::Failed("the service returned an error".to_owned()),
                }
            })
        };
        self.0.push((provider, Box::new(drive)));
        self
    }

    pub(crate) async fn drive(&self, letter: DeadLetter) -> Fate {
        let provider = letter.record().provider();
        match self.0.iter().find(|(name, _)| *name == provider) {
            Some((_, drive)) => drive(letter).await,
            None => Fate::NotReplayable("nothing here receives that provider".to_owned()),
        }
    }
}

fn fate<B>(response: &Response<B>) -> Fate {
    let status = response.status();
    let Some(rejection) = response.extensions().get::<Rejection>() else {
        return match status.is_success() {
            true if response.extensions().get::<Unmarked>().is_some() => Fate::Unmarked,
            true => Fate::Done,
            false => Fate::Failed(format!("the handler answered {}", status.as_str())),
        };
    };
    match rejection.kind() {
        RejectionKind::Draining => Fate::Stopped,
        RejectionKind::Panicked => Fate::Failed("the handler panicked".to_owned()),
        RejectionKind::Interrupted => Fate::Failed("the handler was cut off".to_owned()),
        // Its text is the provider's code's own, nothing of the body is in it.
        _ => Fate::NotReplayable(rejection.to_string()),
    }
}

/// How a replay went.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) done: usize,
    /// Handled with success, which the file does not know.
    pub(crate) unmarked: usize,
    pub(crate) failed: usize,
    pub(crate) not_replayable: usize,
    /// Those that could not be read from the file.
    pub(crate) lost: usize,
    pub(crate) skipped: usize,
    /// Given to a handler, and not heard of.
    pub(crate) unfinished: usize,
    pub(crate) not_reached: usize,
}

impl Summary {
    pub(crate) fn matched(&self) -> usize {
        self.done + self.unmarked + self.failed + self.not_replayable + self.unfinished
    }

    /// Whether all that was to be done is done.
    pub(crate) fn is_all_done(&self) -> bool {
        self.done == self.matched() && self.lost == 0 && self.not_reached == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} matched: {} done, {} failed, {} not replayable",
            self.matched(),
            self.done,
            self.failed,
            self.not_replayable
        )?;
        for (number, what) in [
            (self.unmarked, "handled and not marked as done"),
            (self.unfinished, "unfinished"),
            (self.lost, "not to be read"),
            (self.not_reached, "not reached"),
        ] {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}

/// Drives every letter that waits now and that the filter lets through, until one finds its layer
/// draining.
///
/// One at a time, the delivery that was received first before the others: what was edited twice is
/// edited in that order, and what the handlers lean on, that may be the reason why the letters are
/// dead, is not met by all of them at once. A program whose letters are independent of each other
/// may run more.
pub(crate) async fn run(
    store: &JsonLines,
    routes: &Routes,
    filter: impl Fn(&DeadLetter) -> bool,
    summary: &mut Summary,
) {
    let mut letters = store.letters();
    let total = left(&letters);
    while let Some(letter) = letters.next() {
        let letter = match letter {
            Ok(letter) if filter(&letter) => letter,
            Ok(_) => {
                summary.skipped += 1;
                continue;
            }
            Err(error) => {
                summary.lost += 1;
                tell(error);
                continue;
            }
        };
        status::show(&format!(
            "letter {} of {total}: {} done, {} failed, {} not replayable",
            total - left(&letters),
            summary.done,
            summary.failed,
            summary.not_replayable
        ));
        // Counted from now on, should nobody wait for the end.
        summary.unfinished += 1;
        let fate = routes.drive(letter.clone()).await;
        summary.unfinished -= 1;
        match fate {
            Fate::Done => summary.done += 1,
            Fate::Unmarked => {
                summary.unmarked += 1;
                told(
                    "handled, and not marked as done",
                    &letter,
                    "the store failed",
                );
            }
            Fate::Failed(why) => {
                summary.failed += 1;
                told("failed", &letter, &why);
            }
            Fate::NotReplayable(why) => {
                summary.not_replayable += 1;
                told("not replayable", &letter, &why);
            }
            Fate::Stopped => {
                summary.not_reached = 1 + left(&letters);
                break;
            }
        }
    }
    status::show("");
}

fn told(what: &str, letter: &DeadLetter, why: &str) {
    let id = Shown(letter.id());
    let delivery = letters::delivery(letter.record());
    tell(format_args!("{what}: {id} {delivery}: {why}"));
}

/// How many are still to come, at most: some may be done by then.
fn left(letters: &tower_webhook::Letters) -> usize {
    letters.size_hint().1.unwrap_or(0)
}
