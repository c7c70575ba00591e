use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tower::Layer;

use crate::{
    access::Access,
    background::Background,
    config::{self, Config},
    dead_letter::{DeadLetters, Store},
    outcome::Outcome,
    policy::{Failed, Late},
    provider::Provider,
    service::Webhook,
    strikes::Strikes,
};

/// Makes a route the receiver of one provider's webhooks.
///
/// Use one layer for each route. Made by [`new`](WebhookLayer::new); the provider's
/// [`Rules`](crate::Rules) are the defaults, and each setter replaces one of them.
///
/// # Clone
///
/// Clones share their [slots](Self::max_in_flight), their [`Background`] and their [`Strikes`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_webhook::{Access, Late, WebhookLayer, alegra::Alegra};
///
/// let layer = WebhookLayer::new(Alegra::new(), Access::path(["5f0c6f0b3ee44e6a9c6c0a1f6f2f7a10"]))
///     .deadline(Duration::from_secs(2))
///     .late(Late::Accept)
///     .max_in_flight(256)
///     .on_outcome(|outcome| println!("{:?} {:?}", outcome.event(), outcome.kind()));
/// # let _ = layer;
/// ```
pub struct WebhookLayer<P> {
    provider: Arc<P>,
    config: Arc<Config>,
}

impl<P: Provider> WebhookLayer<P> {
    /// A layer for that provider, and for requests that `access` admits.
    ///
    /// # Panics
    ///
    /// When the provider's [rules](crate::Rules) are invalid: a success that is no 2xx, or one with a
    /// body that cannot have one, events by HEAD or the like, a body limit or a deadline of zero, a
    /// deadline not shorter than its limit.
    #[must_use]
    #[track_caller]
    pub fn new(provider: P, access: Access) -> Self {
        Self {
            config: Arc::new(Config::new(provider.rules(), access)),
            provider: Arc::new(provider),
        }
    }
}

impl<P> WebhookLayer<P> {
    /// The longest time from `call()` to the response; a [store](Self::dead_letters) can add one
    /// second. Default: 3 s for Alegra, 1.5 s for Bsale.
    ///
    /// The time on the network is extra: an answer that leaves after 3 s may arrive after 4.
    ///
    /// # Panics
    ///
    /// When it is zero, or not shorter than the provider itself waits (5 s for Alegra).
    #[must_use]
    #[track_caller]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        config::check_deadline(deadline, &self.config.rules);
        self.set().deadline = deadline;
        self
    }

    /// The response when the handler is late. Default: [`Late::Accept`]. For handlers that failed see
    /// [`failed`](Self::failed).
    #[must_use]
    pub fn late(mut self, late: Late) -> Self {
        self.set().late = late;
        self
    }

    /// The limit of a body, in bytes. Default: 1 MiB for Alegra, 64 KiB for Bsale.
    ///
    /// The layer decodes a body on the connection's task. The worst bodies of 1 MiB hold its thread
    /// for some tens of milliseconds; a smaller limit bounds that.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[must_use]
    #[track_caller]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        config::check_body_limit(bytes);
        self.set().body_limit = bytes;
        self
    }

    /// How many handlers may run at once, late ones included. Default: 1,024.
    ///
    /// A delivery that finds no free slot waits for one until the deadline. Set this before the layer
    /// serves requests: a lower limit only takes away slots that are free.
    ///
    /// # Panics
    ///
    /// When it is zero, or more than [`Semaphore::MAX_PERMITS`].
    #[must_use]
    #[track_caller]
    pub fn max_in_flight(self, handlers: usize) -> Self {
        assert!(
            (1..=Semaphore::MAX_PERMITS).contains(&handlers),
            "max_in_flight has to be between 1 and {}: with {handlers} no handler could ever run or \
             be counted",
            Semaphore::MAX_PERMITS
        );
        self.config.background.set_capacity(handlers);
        self
    }

    /// Cancels a handler that runs for longer than this, whether or not its answer is out. Default:
    /// no limit.
    ///
    /// Use it against handlers that never end and would keep their slots for ever. A cancelled
    /// handler has failed and its work is unfinished, so choose a long limit. With
    /// [`dead_letters`](Self::dead_letters) the delivery is stored. Nothing can cancel a handler that
    /// blocks its thread.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[must_use]
    #[track_caller]
    pub fn handler_limit(mut self, limit: Duration) -> Self {
        assert!(
            !limit.is_zero(),
            "a handler_limit of zero would end every handler; leave it out for no limit"
        );
        self.set().handler_limit = Some(limit);
        self
    }

    /// Calls `observer` with the [`Outcome`] of every request, and of every handler that ends after
    /// its request did. A second call replaces the first observer.
    ///
    /// It runs on the task that has the outcome, several at once, so it must not block. A panic in it
    /// is caught and logged.
    #[must_use]
    pub fn on_outcome(mut self, observer: impl Fn(&Outcome) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.set().observers).user = Some(Arc::new(observer));
        self
    }

    /// Stores deliveries that fail, and, with [`Late::Accept`], late ones until they are done.
    /// Default: no store, and each failure goes out to the provider.
    ///
    /// Once the store has confirmed a letter, the provider gets a success, so a stored failure is
    /// neither a strike nor a loss. [`failed`](Self::failed) can change that. The
    /// [manual](crate#with-a-dead-letter-store) says what is stored, when, and how each case is
    /// answered.
    ///
    /// A letter holds the whole body, personal data included. A second call replaces the first
    /// store.
    #[doc(alias = "DLQ")]
    #[must_use]
    pub fn dead_letters(mut self, store: impl DeadLetters) -> Self {
        let store = Store {
            letters: Box::new(store),
            background: self.background(),
        };
        self.set().store = Some(Arc::new(store));
        self
    }

    /// The response to a failed delivery that the store has confirmed. Default: [`Failed::Accept`]. It
    /// has no effect without [`dead_letters`](Self::dead_letters).
    #[must_use]
    pub fn failed(mut self, failed: Failed) -> Self {
        self.set().failed = failed;
        self
    }

    /// A handle on the running handlers, for shutdown and health checks.
    #[must_use]
    pub fn background(&self) -> Background {
        self.config.background.clone()
    }

    /// A handle on the counts of failed answers in a row, for alarms and health checks.
    #[must_use]
    pub fn strikes(&self) -> Strikes {
        self.config.observers.strikes.clone()
    }

    fn set(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.config)
    }
}

impl<S, P> Layer<S> for WebhookLayer<P> {
    type Service = Webhook<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Webhook::new(inner, Arc::clone(&self.provider), Arc::clone(&self.config))
    }
}

impl<P> Clone for WebhookLayer<P> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            config: Arc::clone(&self.config),
        }
    }
}

impl<P> fmt::Debug for WebhookLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookLayer").field(&self.config).finish()
    }
}
