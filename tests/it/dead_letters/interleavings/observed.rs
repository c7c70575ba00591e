//! What has to be true of one delivery, whatever happened to it.

use tower_webhook::{Failed, LetterReason, Outcome, OutcomeKind, Rejection, RejectionKind};

use super::{
    actors::{Answer, Handled, Heard},
    case::{Case, Plan, Scale, Sends},
};
use crate::util::{Broken, Call, Keeps, ms};

/// What was observed of one delivery.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    pub(super) case: &'a Case,
    pub(super) plan: &'a Plan,
    pub(super) heard: Heard,
    pub(super) handled: Handled,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) calls: Vec<Call>,
    /// Whether the store has a letter of it that is not done.
    pub(super) is_kept: bool,
    pub(super) strikes: u32,
}

impl Observed<'_> {
    #[track_caller]
    fn is(&self, true_that: bool, what: &str) {
        assert!(true_that, "{what}: {self:#?}");
    }

    #[track_caller]
    pub(super) fn check(&self, scale: &Scale) {
        let outcomes = self.outcomes.iter();
        let (firsts, lates): (Vec<_>, Vec<_>) = outcomes.partition(|it| !it.is_late_end());
        self.is(firsts.len() == 1, "one outcome");
        let first = firsts[0];
        let called = self.handled.called.is_some();
        let unanswered = matches!(first.kind(), OutcomeKind::Late | OutcomeKind::GivenUp);
        let due = usize::from(called && unanswered);
        let is_due = lates.len() == due;
        self.is(is_due, "a late end if the handler did not answer");
        let is_handled = |it: &&Outcome| it.kind() == OutcomeKind::Handled;
        let handled = self.outcomes.iter().filter(is_handled).count();
        let succeeded = usize::from(self.handled.succeeded);
        self.is(handled == succeeded, "a handler that succeeds is handled");

        if let Some(answer) = &self.heard.answer {
            self.the_answer_is_that_of(first, answer);
        }
        for outcome in &self.outcomes {
            self.the_store_agrees_with(outcome);
        }
        self.the_last_letter_agrees();
        self.the_store_was_asked_in_order();
        if scale.paused && self.heard.answer.is_some() {
            self.is(self.heard.took <= scale.deadline + ms(1000), "in time");
        }
        let is_2xx = first.status().is_some_and(|status| status.is_success());
        let strikes = u32::from(!is_2xx);
        self.is(self.strikes == strikes, "a strike for all but a 2xx");
    }

    fn the_answer_is_that_of(&self, first: &Outcome, answer: &Answer) {
        self.is(first.kind() != OutcomeKind::GivenUp, "it was answered");
        match answer {
            Err(Broken) => {
                self.is(first.kind() == OutcomeKind::Failed, "an error is a failure");
                self.is(first.status().is_none(), "an error has no status");
            }
            Ok((status, rejection)) => {
                let told = first.status().map(|status| status.as_u16());
                self.is(told == Some(*status), "the status of the answer");
                if first.kind() == OutcomeKind::Stored {
                    self.is(*status == 202, "stored is a success");
                } else {
                    let told = first.rejection().map(Rejection::kind);
                    self.is(told == *rejection, "the rejection of the answer");
                }
            }
        }
        // The layer's own success leaves only when the store has confirmed.
        if matches!(answer, Ok((202, _))) {
            self.is(self.heard.was_kept, "acknowledged before it was kept");
        }
        if matches!(answer, Ok((200..300, _))) && self.plan.sends != Sends::Probe {
            let is_there = self.handled.succeeded || self.is_kept;
            self.is(is_there, "acknowledged and lost");
        }
    }

    fn the_store_agrees_with(&self, outcome: &Outcome) {
        let is_stored = outcome.kind() == OutcomeKind::Stored;
        let stored = outcome.stored().map(|reason| reason.as_str());
        self.is(stored.is_some() == is_stored, "what is stored has a reason");
        // The outcome has the reason; the store may have an earlier letter only.
        let confirmed = |call: &Call| {
            let before = matches!(call.what, "pending" | "shutdown");
            (before || Some(call.what) == stored) && call.confirmed == Some(true)
        };
        if is_stored {
            let is_kept = self.calls.iter().any(confirmed);
            self.is(is_kept, "told as stored and not kept");
        }
        let is_failure = match outcome.rejection().map(Rejection::kind) {
            Some(RejectionKind::Timeout) => false,
            _ => matches!(outcome.kind(), OutcomeKind::Failed | OutcomeKind::Rejected),
        };
        if is_failure {
            self.is(!self.calls.is_empty(), "the store was asked");
            let accepts = self.case.failed == Failed::Accept || outcome.is_late_end();
            let is_stored_instead = accepts && self.case.sound;
            self.is(!is_stored_instead, "a sound store makes it a success");
        }
    }

    fn the_last_letter_agrees(&self) {
        if matches!(self.plan.sends, Sends::Probe | Sends::Nothing) {
            self.is(self.calls.is_empty(), "nothing to store");
        }
        let confirmed = self.calls.iter().filter(|it| it.confirmed == Some(true));
        let Some(last) = confirmed.filter_map(|it| it.letter.as_ref()).next_back() else {
            return;
        };
        let called = u32::from(self.handled.called.is_some());
        // A drain may store it before the handler starts.
        let is_early = last.reason() == LetterReason::Shutdown && last.attempts() < called;
        let attempts = last.attempts() == called || is_early;
        self.is(attempts, "how often a handler had it");
        match &self.heard.answer {
            Some(Ok((202, _))) => {
                self.is(last.is_acknowledged(), "an acknowledged letter says so");
            }
            Some(Ok((200..300, _))) | None => {}
            Some(_) if self.case.sound => {
                self.is(!last.is_acknowledged(), "a letter of a failure says so");
            }
            Some(_) => {}
        }
    }

    fn the_store_was_asked_in_order(&self) {
        let id = self.calls.first().map(|call| &call.id);
        let one_id = self.calls.iter().all(|call| Some(&call.id) == id);
        self.is(one_id, "one id");
        let dones = self.calls.iter().filter(|call| call.what == "done").count();
        let succeeded = usize::from(self.handled.succeeded);
        self.is(dones <= succeeded, "done is what succeeded");
        let hangs = self.calls.iter().any(|call| call.keeps == Keeps::Hangs);
        if self.handled.succeeded && !self.calls.is_empty() && !hangs {
            self.is(dones == 1, "what succeeded is done");
            let last = self.calls.last().map(|call| call.what);
            self.is(last == Some("done"), "done is last");
        }
    }
}
