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
    pub(crate) struct Deadline {
        at: Instant,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl Deadline {
    pub(crate) fn new(at: Instant) -> Self {
        Self { at, timer: None }
    }

    pub(crate) fn instant(&self) -> Instant {
        self.at
    }

    /// Waits for it.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let timer = match this.timer.as_mut().as_pin_mut() {
            Some(timer) => timer,
            None => {
                this.timer.set(Some(sleep_until(*this.at)));
                this.timer.as_pin_mut().expect("set above")
            }
        };
        clock::poll(timer, cx)
    }

    pub(crate) fn reset(self: Pin<&mut Self>, at: Instant) {
        let this = self.project();
        *this.at = at;
        if let Some(timer) = this.timer.as_pin_mut() {
            timer.reset(at);
        }
    }
}
