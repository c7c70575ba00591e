use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
    vec,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::sleep;

/// A body that follows a script.
pub struct Script {
    steps: vec::IntoIter<Step>,
    sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    size: Option<u64>,
}

#[derive(Clone)]
pub enum Step {
    Data(&'static [u8]),
    Owned(Bytes),
    Wait(Duration),
    Break,
    Hang,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect::<Vec<_>>().into_iter(),
            sleep: None,
            size: None,
        }
    }

    /// The same, of a body that says that it has so many bytes.
    pub fn of_size(self, bytes: usize) -> Self {
        let size = Some(bytes as u64);
        Self { size, ..self }
    }
}

/// The error of [`Step::Break`].
#[derive(Debug)]
pub struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was reset")
    }
}

impl std::error::Error for Reset {}

impl Body for Script {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            return Poll::Ready(match self.steps.next() {
                None => None,
                Some(Step::Data(data)) => Some(Ok(Frame::data(Bytes::from_static(data)))),
                Some(Step::Owned(data)) => Some(Ok(Frame::data(data))),
                Some(Step::Wait(delay)) => {
                    self.sleep = Some(Box::pin(sleep(delay)));
                    continue;
                }
                Some(Step::Break) => Some(Err(Reset)),
                Some(Step::Hang) => {
                    self.sleep = Some(Box::pin(std::future::pending()));
                    continue;
                }
            });
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.size
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
