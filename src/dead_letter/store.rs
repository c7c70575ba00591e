use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
};

use tower::BoxError;

use super::DeadLetter;

/// A store of dead letters: a file ([`JsonLines`](crate::JsonLines)), a queue, a table.
///
/// Set by [`WebhookLayer::dead_letters`](crate::WebhookLayer::dead_letters). Each call runs in a task
/// of its own and is not cancelled when the request is. It must not block its thread: use
/// `spawn_blocking` for that. Calls about one delivery, or one replay, come one after the other; all
/// others run side by side.
///
/// The layer logs the text of an error, so it must not quote the letter.
///
/// # Closures
///
/// A closure from a [`DeadLetter`] to a future of a `Result` is a store too. Its [`done`](Self::done)
/// does nothing. It also gets [pending](crate::LetterReason::Pending) letters, whose late handlers may
/// succeed later, so be careful when you replay them.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use tower_webhook::{Access, DeadLetter, WebhookLayer, alegra::Alegra};
///
/// let (queue, letters) = std::sync::mpsc::channel();
/// let access = Access::path(["5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"]);
/// let layer = WebhookLayer::new(Alegra::new(), access).dead_letters(move |letter: DeadLetter| {
///     let sent = queue.send(letter);
///     async move { sent.map_err(|_| "nobody reads the queue") }
/// });
/// # let _ = (layer, letters);
/// ```
pub trait DeadLetters: Send + Sync + 'static {
    /// Stores a letter. After `Ok` the provider gets a success, so the letter has to survive a crash.
    ///
    /// A letter replaces an earlier one with the same id.
    ///
    /// # Errors
    ///
    /// If the store may have failed to keep the letter. The failure then goes out to the provider.
    fn store(&self, letter: DeadLetter) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Marks a letter as done: a late or replayed handler has succeeded. The default does nothing.
    ///
    /// The store may not know the id, if it failed to store the letter. That is no error.
    ///
    /// # Errors
    ///
    /// If the store may have failed to mark it. It may then be replayed again.
    fn done(&self, id: &str) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = id;
        ready(Ok(()))
    }
}

impl<F, Fut, E> DeadLetters for F
where
    F: Fn(DeadLetter) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    async fn store(&self, letter: DeadLetter) -> Result<(), BoxError> {
        self(letter).await.map_err(Into::into)
    }
}

/// For a store that the application shares.
impl<T: DeadLetters> DeadLetters for Arc<T> {
    fn store(&self, letter: DeadLetter) -> impl Future<Output = Result<(), BoxError>> + Send {
        T::store(self, letter)
    }

    fn done(&self, id: &str) -> impl Future<Output = Result<(), BoxError>> + Send {
        T::done(self, id)
    }
}

pub(crate) type StoreCall<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// [`DeadLetters`] behind a pointer.
pub(crate) trait ErasedDeadLetters: Send + Sync {
    fn store(&self, letter: DeadLetter) -> StoreCall<'_>;
    fn done<'a>(&'a self, id: &'a str) -> StoreCall<'a>;
}

impl<T: DeadLetters> ErasedDeadLetters for T {
    fn store(&self, letter: DeadLetter) -> StoreCall<'_> {
        Box::pin(DeadLetters::store(self, letter))
    }

    fn done<'a>(&'a self, id: &'a str) -> StoreCall<'a> {
        Box::pin(DeadLetters::done(self, id))
    }
}
