//! What has to hold for one delivery, whatever happened to it.

use tower_webhook::{Failed, Outcome, OutcomeKind, RejectionKind};

use crate::{
    actors::{Handled, Heard},
    case::{Case, Plan, Scale, Sends},
    util::{
        Broken,
        letters::{Care, Entry},
        ms,
    },
};

/// What became of one delivery.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    pub(crate) case: &'a Case,
    pub(crate) plan: &'a Plan,
    pub(crate) heard: Heard,
    pub(crate) handled: Handled,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) entries: Vec<Entry>,
    /// Whether the store has it, not done.
    pub(crate) is_kept: bool,
    pub(crate) strikes: u32,
}

impl Story<'_> {
    #[track_caller]
    fn is(&self, true_that: bool, what: &str) {
        assert!(true_that, "{what}: {self:#?}");
    }

    #[track_caller]
    pub(crate) fn holds(&self, scale: &Scale) {
        let (firsts, lates): (Vec<_>, Vec<_>) = self
            .outcomes
            .iter()
            .partition(|outcome| !outcome.is_late_end());
        self.is(firsts.len() == 1, "one outcome");
        let first = firsts[0];
        let called = self.handled.called.is_some();
        let unanswered = matches!(first.kind(), OutcomeKind::Late | OutcomeKind::GivenUp);
        let due = usize::from(called && unanswered);
        self.is(
            lates.len() == due,
            "a late end where the handler did not answer",
        );
        let handled = self.outcomes.iter();
        let handled = handled.filter(|it| it.kind() == OutcomeKind::Handled);
        let succeeded = usize::from(self.handled.succeeded);
        self.is(handled.count() == succeeded, "told as it was");

        self.the_answer_is_that_of(first);
        self.the_store_agrees_with_all();
        self.the_store_was_asked_in_order();
        if scale.paused {
            let limit = scale.deadline + ms(1000);
            self.is(
                self.heard.answer.is_none() || self.heard.took <= limit,
                "in time",
            );
        }
        let is_2xx = first.status().is_some_and(|status| status.is_success());
        self.is(
            self.strikes == u32::from(!is_2xx),
            "a strike for all but a 2xx",
        );
    }

    fn the_answer_is_that_of(&self, first: &Outcome) {
        let Some(answer) = &self.heard.answer else {
            return;
        };
        self.is(first.kind() != OutcomeKind::GivenUp, "it was answered");
        match answer {
            Err(Broken) => {
                self.is(first.kind() == OutcomeKind::Failed, "an error is a failure");
                self.is(first.status().is_none(), "an error has no status");
            }
            Ok((status, rejection)) => {
                let told = first.status().map(|status| status.as_u16());
                self.is(told == Some(*status), "the status that went out");
                let told = first.rejection().map(tower_webhook::Rejection::kind);
                let is_stored = first.kind() == OutcomeKind::Stored;
                self.is(
                    is_stored || told == *rejection,
                    "the rejection that went out",
                );
                self.is(!is_stored || *status == 202, "stored is a success");
            }
        }
        // A success of the layer's own is heard of what is kept, and of nothing else.
        let claims = matches!(answer, Ok((202, _)));
        self.is(!claims || self.heard.was_kept, "claimed and not kept");
        let is_probe = self.plan.sends == Sends::Probe;
        let is_success = matches!(answer, Ok((200..300, _))) && !is_probe;
        self.is(
            !is_success || self.handled.succeeded || self.is_kept,
            "acknowledged and lost",
        );
    }

    fn the_store_agrees_with_all(&self) {
        for outcome in &self.outcomes {
            let stored = outcome.stored().map(|reason| reason.as_str());
            self.is(
                stored.is_some() == (outcome.kind() == OutcomeKind::Stored),
                "a reason for what is stored",
            );
            // Told is the reason; kept it may also be as what it was before.
            let confirmed = |entry: &Entry| {
                let before = matches!(entry.what, "pending" | "shutdown");
                (before || Some(entry.what) == stored) && entry.confirmed == Some(true)
            };
            self.is(
                stored.is_none() || self.entries.iter().any(confirmed),
                "told as stored and not kept",
            );
            let is_failure = match outcome.rejection().map(tower_webhook::Rejection::kind) {
                Some(RejectionKind::Timeout) => false,
                _ => matches!(outcome.kind(), OutcomeKind::Failed | OutcomeKind::Rejected),
            };
            self.is(
                !is_failure || !self.entries.is_empty(),
                "the store was asked",
            );
            let accepts = self.case.failed == Failed::Accept || outcome.is_late_end();
            self.is(
                !is_failure || !accepts || !self.case.sound,
                "a sound store makes a success of a failure",
            );
        }
        let nothing = matches!(self.plan.sends, Sends::Probe | Sends::Nothing);
        self.is(!nothing || self.entries.is_empty(), "nothing to store");
        let mut letters = self.entries.iter().filter(|entry| entry.what != "done");
        let Some(last) = letters.rfind(|it| it.confirmed == Some(true)) else {
            return;
        };
        let called = u32::from(self.handled.called.is_some());
        // A drain may be over before the handler begins.
        let is_early = last.what == "shutdown" && last.attempts < called;
        self.is(
            last.attempts == called || is_early,
            "how often a handler had it",
        );
        if let Some(answer) = &self.heard.answer {
            let claims = matches!(answer, Ok((202, _)));
            self.is(
                !claims || last.acknowledged,
                "an acknowledged letter says so",
            );
            let is_failure = !matches!(answer, Ok((200..300, _)));
            self.is(
                !is_failure || !self.case.sound || !last.acknowledged,
                "a letter of a failure that went out says so",
            );
        }
    }

    fn the_store_was_asked_in_order(&self) {
        let id = self.entries.first().map(|entry| &entry.id);
        let one_id = self.entries.iter().all(|entry| Some(&entry.id) == id);
        self.is(one_id, "one id");
        let dones = self.entries.iter().filter(|entry| entry.what == "done");
        let dones = dones.count();
        self.is(
            dones <= usize::from(self.handled.succeeded),
            "done is what succeeded",
        );
        let hangs = self.entries.iter().any(|entry| entry.care == Care::Hang);
        if self.handled.succeeded && !self.entries.is_empty() && !hangs {
            self.is(dones == 1, "what succeeded is done");
            self.is(
                self.entries.last().is_some_and(|it| it.what == "done"),
                "done is last",
            );
        }
    }
}
