use std::{
    any::Any,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

/// Runs a user's code and catches its panic. After a panic, the caller may only drop what the code has
/// changed.
pub(crate) fn caught<T>(theirs: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(theirs)).map_err(drop_payload)
}

/// Drops the payload of a panic. It belongs to the user, so its `Drop` may panic too.
#[cold]
fn drop_payload(payload: Box<dyn Any + Send>) -> Panicked {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Leaked, since the `Drop` of this second payload may panic as well.
        mem::forget(again);
    }
    Panicked
}

pin_project! {
    /// A user's future, whose panics are caught. It is dropped before its output is given.
    pub(crate) struct Caught<F, T> {
        #[pin]
        future: Option<F>,
        last: Option<T>,
    }
}

impl<F, T> Caught<F, T> {
    /// Drops `last`, a value of the user's, after the future.
    pub(crate) fn new(future: F, last: T) -> Self {
        Self {
            future: Some(future),
            last: Some(last),
        }
    }

    /// Drops the future without its output.
    pub(crate) fn stop(self: Pin<&mut Self>) {
        let this = self.project();
        let mut future = this.future;
        let _ = caught(|| future.set(None));
        discard(this.last.take());
    }
}

impl<F: Future, T> Future for Caught<F, T> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut future = this.future;
        let polled = caught(|| {
            let future = future.as_mut().as_pin_mut();
            future.expect("polled after completion").poll(cx)
        });
        if matches!(polled, Ok(Poll::Pending)) {
            return Poll::Pending;
        }
        let dropped = caught(|| future.set(None));
        discard(this.last.take());
        match (polled, dropped) {
            (Ok(Poll::Ready(output)), Ok(())) => Poll::Ready(Ok(output)),
            (polled, _) => {
                discard(polled);
                Poll::Ready(Err(Panicked))
            }
        }
    }
}

/// Drops a user's value and ignores its panic.
pub(crate) fn discard<T>(theirs: T) {
    let _ = caught(|| drop(theirs));
}

/// The user's code panicked. Only the panic hook sees the payload.
#[derive(Debug)]
pub(crate) struct Panicked;
