use std::{
    error::Error,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use crate::panic::{Panicked, caught, let_go};

/// Why a call to the store came to nothing, where it is not the store's own word.
#[derive(Debug)]
pub(super) struct NoCall(&'static str);

pub(super) const OVERLOADED: NoCall =
    NoCall("too many letters wait for the store; it does not keep up");

impl fmt::Display for NoCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for NoCall {}

/// The store's code is not ours: its panics are its failures.
pub(super) async fn unwound<F>(call: impl FnOnce() -> F) -> Result<(), Box<dyn Error + Send + Sync>>
where
    F: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Unpin,
{
    let panicked = |Panicked| Box::new(NoCall("the store panicked"));
    let mut call = caught(call).map_err(panicked)?;
    let result = poll_fn(|cx| match caught(|| Pin::new(&mut call).poll(cx)) {
        Ok(poll) => poll,
        Err(why) => Poll::Ready(Err(panicked(why).into())),
    })
    .await;
    match caught(|| drop(call)) {
        Ok(()) => result,
        Err(why) => {
            let_go(result);
            Err(panicked(why).into())
        }
    }
}
