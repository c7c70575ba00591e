use std::{
    error::Error,
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
};

use super::DeadLetter;

/// Where letters are kept: a file ([`JsonLines`](crate::JsonLines)), a queue, a table.
///
/// Given to [`WebhookLayer::dead_letters`](crate::WebhookLayer::dead_letters). Each call runs in a
/// task of its own, to its end, whoever still waits for it, so it must not block its thread: what
/// blocks belongs on `spawn_blocking`. Calls about one delivery, or one replay, come one after the
/// other; all others run side by side.
///
/// The text of an error is logged, so it must not quote the letter.
///
/// # Closures
///
/// A closure from a [`DeadLetter`] to a future of a `Result` is a store too, one whose
/// [`done`](Self::done) does nothing. It is given what is [pending](crate::LetterReason::Pending)
/// like any other letter, so what it keeps has to be replayed with care: a late handler may well
/// have succeeded.
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
    /// Keeps a letter. With `Ok` it has to be safe from a crash: the provider hears a success then.
    ///
    /// A letter whose id was stored before replaces what was stored.
    ///
    /// # Errors
    ///
    /// When it is not known to be kept; the failure then goes out to the provider.
    fn store(
        &self,
        letter: DeadLetter,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;

    /// The delivery of that letter was handled with success, late or replayed: it is no longer to
    /// be replayed. The default does nothing.
    ///
    /// The letter may be one that could not be stored: an id that the store does not know is fine.
    ///
    /// # Errors
    ///
    /// When it may still be taken for undone.
    fn done(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send {
        let _ = id;
        ready(Ok(()))
    }
}

impl<F, Fut, E> DeadLetters for F
where
    F: Fn(DeadLetter) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    async fn store(&self, letter: DeadLetter) -> Result<(), Box<dyn Error + Send + Sync>> {
        self(letter).await.map_err(Into::into)
    }
}
/// For a store that is held elsewhere too.
impl<T: DeadLetters> DeadLetters for Arc<T> {
    fn store(
        &self,
        letter: DeadLetter,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send {
        T::store(self, letter)
    }

    fn done(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send {
        T::done(self, id)
    }
}

pub(crate) type StoreCall<'a> =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'a>>;

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
