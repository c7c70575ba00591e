use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::{task::coop, time::Instant};

use crate::{deadline::Deadline, rejection::RejectionKind};

/// Reserved at most on a sender's word; past it the buffer grows with what arrives.
const TRUSTED_RESERVE: usize = 16 * 1024;

/// Up to this size a body is copied out of the frame that it came in: a kept frame pins the
/// server's whole read buffer, and deliveries are kept.
const COPIED_OUT: usize = 64 * 1024;

pin_project! {
    /// Reads a body into one piece, in memory of its own size, by the deadline.
    pub(crate) struct Collect<B> {
        #[pin]
        body: B,
        limit: usize,
        read: Read,
        begun: bool,
    }
}

enum Read {
    Nothing,
    /// One frame so far: the usual case, and no copy.
    Frame(Bytes),
    Frames(Vec<u8>),
    /// All of it is given away.
    Taken,
}

impl<B: Body> Collect<B> {
    pub(crate) fn new(body: B, limit: usize) -> Self {
        Self {
            body,
            limit,
            read: Read::Nothing,
            begun: false,
        }
    }

    /// The clock is asked before the body: a body that is always ready, with frames that are
    /// empty, would otherwise be read for ever, and at the very deadline the clock wins. It is not
    /// asked before the first frame, most often the only one, nor is the timer registered where
    /// there is nothing to wait for: that costs more than the clock.
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut deadline: Pin<&mut Deadline>,
    ) -> Poll<Result<Bytes, RejectionKind>> {
        let mut this = self.project();
        assert!(!matches!(this.read, Read::Taken), "polled after completion");
        while !this.body.is_end_stream() {
            if mem::replace(this.begun, true) && Instant::now() >= deadline.instant() {
                return Poll::Ready(Err(RejectionKind::Timeout));
            }
            let budget = ready!(coop::poll_proceed(cx));
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
                ready!(deadline.as_mut().poll(cx));
                return Poll::Ready(Err(RejectionKind::Timeout));
            };
            budget.made_progress();
            match frame {
                None => break,
                Some(Err(_)) => return Poll::Ready(Err(RejectionKind::Truncated)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        if !this.read.push(data, *this.limit) {
                            return Poll::Ready(Err(RejectionKind::TooLarge));
                        }
                    }
                }
            }
        }
        Poll::Ready(Ok(this.read.take()))
    }
}

impl Read {
    /// Whether it fits.
    fn push(&mut self, mut data: impl Buf, limit: usize) -> bool {
        let more = data.remaining();
        if more > limit - self.len() {
            return false;
        }
        if more == 0 {
            return true;
        }
        match self {
            Self::Nothing => *self = Self::Frame(data.copy_to_bytes(more)),
            Self::Frame(first) => {
                let mut all =
                    Vec::with_capacity((first.len() + more).max(TRUSTED_RESERVE.min(limit)));
                all.extend_from_slice(first);
                append(&mut all, data);
                *self = Self::Frames(all);
            }
            Self::Frames(all) => {
                if all.capacity() - all.len() < more {
                    // Doubles like any `Vec`, but never past the limit.
                    let target = (all.capacity() * 2).clamp(all.len() + more, limit);
                    all.reserve_exact(target - all.len());
                }
                append(all, data);
            }
            Self::Taken => unreachable!("nothing is read after the end"),
        }
        true
    }

    fn take(&mut self) -> Bytes {
        match mem::replace(self, Self::Taken) {
            Self::Nothing | Self::Taken => Bytes::new(),
            Self::Frame(frame) if frame.len() <= COPIED_OUT => Bytes::copy_from_slice(&frame),
            Self::Frame(frame) => frame,
            // What was reserved and not used goes back.
            Self::Frames(all) => Bytes::from(all.into_boxed_slice()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing | Self::Taken => 0,
            Self::Frame(frame) => frame.len(),
            Self::Frames(all) => all.len(),
        }
    }
}

fn append(all: &mut Vec<u8>, mut data: impl Buf) {
    while data.has_remaining() {
        let chunk = data.chunk();
        all.extend_from_slice(chunk);
        let read = chunk.len();
        data.advance(read);
    }
}
