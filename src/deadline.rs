use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock;

pin_project! {
    /// When a request has to be answered. tokio hears of it once there is something to wait for: a
    /// timer takes longer to make than to look at the clock, and most probes need none.
    #[project = DeadlineProj]
    pub(crate) enum Deadline {
        At { at: Instant },
        Timer { #[pin] timer: Sleep },
    }
}

impl Deadline {
    pub(crate) fn new(at: Instant) -> Self {
        Self::At { at }
    }

    pub(crate) fn instant(&self) -> Instant {
        match self {
            Self::At { at } => *at,
            Self::Timer { timer } => timer.deadline(),
        }
    }

    /// Waits for it.
    pub(crate) fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.as_mut().project() {
                DeadlineProj::Timer { timer } => return clock::poll(timer, cx),
                DeadlineProj::At { at } => {
                    let timer = sleep_until(*at);
                    self.set(Self::Timer { timer });
                }
            }
        }
    }

    pub(crate) fn reset(self: Pin<&mut Self>, to: Instant) {
        match self.project() {
            DeadlineProj::At { at } => *at = to,
            DeadlineProj::Timer { timer } => timer.reset(to),
        }
    }
}
