use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tower::Layer;

use crate::{
    access::Access,
    answer::{Failed, Late},
    background::Background,
    config::{self, Config},
    dead_letter::{DeadLetters, Store},
    error::{ConfigError, valid},
    outcome::Outcome,
    provider::Provider,
    service::Webhook,
    strikes::Strikes,
};

/// Makes a route the receiver of one provider's webhooks.
///
/// Use one layer for each URL that is registered with a provider. Made by
/// [`new`](WebhookLayer::new); the provider's [`Rules`](crate::Rules) are the defaults, and each
/// setter replaces one of them.
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
    config: Arc<Config<P>>,
}

impl<P: Provider> WebhookLayer<P> {
    /// A layer for that provider and whoever `access` lets in.
    ///
    /// # Panics
    ///
    /// When the provider's rules contradict themselves.
    #[must_use]
    #[track_caller]
    pub fn new(provider: P, access: Access) -> Self {
        Self {
            config: Arc::new(valid(Config::new(provider, access))),
        }
    }
}

impl<P> WebhookLayer<P> {
    /// By when there is an answer, counted from `call()`. Default: 3 s for Alegra, 1.5 s for Bsale.
    ///
    /// The network's share comes on top: an answer that leaves after 3 s may well arrive after 4.
    ///
    /// # Panics
    ///
    /// When it is zero, or not shorter than the provider itself waits (5 s for Alegra).
    /// [`try_deadline`](Self::try_deadline) returns that instead.
    #[must_use]
    #[track_caller]
    pub fn deadline(self, deadline: Duration) -> Self {
        valid(self.try_deadline(deadline))
    }

    /// [`deadline`](Self::deadline) for a value that is read from a file or the environment.
    ///
    /// # Errors
    ///
    /// Where `deadline` panics.
    pub fn try_deadline(mut self, deadline: Duration) -> Result<Self, ConfigError> {
        config::check_deadline(deadline, &self.config.rules)?;
        self.set().deadline = deadline;
        Ok(self)
    }

    /// What the provider hears when the handler is not done by the deadline. Default:
    /// [`Late::Accept`]. Its twin for handlers that failed is [`failed`](Self::failed).
    #[must_use]
    pub fn late(mut self, late: Late) -> Self {
        self.set().late = late;
        self
    }

    /// The limit of a body, in bytes. Default: 1 MiB for Alegra, 64 KiB for Bsale.
    ///
    /// A body is decoded on the connection's task: the worst of 1 MiB take some tens of
    /// milliseconds there.
    ///
    /// # Panics
    ///
    /// When it is zero. [`try_body_limit`](Self::try_body_limit) returns that instead.
    #[must_use]
    #[track_caller]
    pub fn body_limit(self, bytes: usize) -> Self {
        valid(self.try_body_limit(bytes))
    }

    /// [`body_limit`](Self::body_limit) for a value that is read from a file or the environment.
    ///
    /// # Errors
    ///
    /// Where `body_limit` panics.
    pub fn try_body_limit(mut self, bytes: usize) -> Result<Self, ConfigError> {
        config::check_body_limit(bytes)?;
        self.set().body_limit = bytes;
        Ok(self)
    }

    /// How many handlers may run at once, those included whose answer is out. Default: 1,024.
    ///
    /// A delivery that finds no slot waits for one, until the deadline.
    ///
    /// # Panics
    ///
    /// When it is zero or more than a semaphore of tokio's holds.
    /// [`try_max_in_flight`](Self::try_max_in_flight) returns that instead.
    #[must_use]
    #[track_caller]
    pub fn max_in_flight(self, handlers: usize) -> Self {
        valid(self.try_max_in_flight(handlers))
    }

    /// [`max_in_flight`](Self::max_in_flight) for a value that is read from a file or the
    /// environment.
    ///
    /// # Errors
    ///
    /// Where `max_in_flight` panics.
    pub fn try_max_in_flight(self, handlers: usize) -> Result<Self, ConfigError> {
        if handlers == 0 || handlers > Semaphore::MAX_PERMITS {
            return Err(ConfigError::new(format!(
                "max_in_flight has to be between 1 and {}: with {handlers} no handler could ever \
                 run or be counted",
                Semaphore::MAX_PERMITS
            )));
        }
        self.config.background.set_capacity(handlers);
        Ok(self)
    }

    /// Ends a handler that runs for longer than this, whether or not its answer is out. Default:
    /// off, a handler may take as long as it likes.
    ///
    /// It is a backstop against handlers that never end and would hold their slots for ever. A
    /// handler that it ends has failed, and its delivery is unfinished (it is stored, if there are
    /// [`dead_letters`](Self::dead_letters)): choose it generously. A
    /// handler that blocks its thread cannot be ended, by this or by anything else.
    ///
    /// # Panics
    ///
    /// When it is zero. [`try_handler_limit`](Self::try_handler_limit) returns that instead.
    #[must_use]
    #[track_caller]
    pub fn handler_limit(self, limit: Duration) -> Self {
        valid(self.try_handler_limit(limit))
    }

    /// [`handler_limit`](Self::handler_limit) for a value that is read from a file or the
    /// environment.
    ///
    /// # Errors
    ///
    /// Where `handler_limit` panics.
    pub fn try_handler_limit(mut self, limit: Duration) -> Result<Self, ConfigError> {
        if limit.is_zero() {
            return Err(ConfigError::new(
                "a handler_limit of zero would end every handler; leave it out for no limit",
            ));
        }
        self.set().handler_limit = Some(limit);
        Ok(self)
    }

    /// Calls `observer` with the [`Outcome`] of every request, and of every handler that ends after
    /// its request did. A second call replaces the first observer.
    ///
    /// It runs where the outcome came about, several at once, so it must not block. A panic in it
    /// is caught.
    #[must_use]
    pub fn on_outcome<F>(mut self, observer: F) -> Self
    where
        F: Fn(&Outcome) + Send + Sync + 'static,
    {
        Arc::make_mut(&mut self.set().observers).user = Some(Arc::new(observer));
        self
    }

    /// Keeps what fails in `store`, and what is late until it is done. Default: nothing is kept, and
    /// a failure goes out to the provider.
    ///
    /// Stored is each delivery that got past access with its body read and did not end in success:
    /// the handler's own status that is no 2xx, its error, its panic, its
    /// [`handler_limit`](Self::handler_limit), no slot or readiness by the deadline, a drain, and,
    /// unless access is [open](Access::open), a body that cannot be read as the provider's. A
    /// probe by another method than POST is not stored, whatever is wrong with it, and neither is
    /// what a client gave up before its handler began. Once the store has confirmed it, the provider
    /// hears a success: what is safely kept is neither a strike nor a loss. [`Failed::Refuse`] lets
    /// the failure out instead. A store that fails, or has not answered within a second after the
    /// deadline, never makes a success of a failure.
    ///
    /// A delivery that is late is stored as [pending](crate::LetterReason::Pending) before its
    /// success leaves ([`Late::Accept`]), and done when its handler succeeds. Should the store not
    /// confirm that, the answer is `503 Service Unavailable`.
    ///
    /// Bodies are kept as they came, personal data included: whoever reads the store reads them. A
    /// second call replaces the first store.
    #[doc(alias = "DLQ")]
    #[must_use]
    pub fn dead_letters(mut self, store: impl DeadLetters) -> Self {
        let store = Store::new(Box::new(store), self.background());
        self.set().store = Some(Arc::new(store));
        self
    }

    /// What the provider hears of a delivery that failed and that the store has. Default:
    /// [`Failed::Accept`]. Without [`dead_letters`](Self::dead_letters) it means nothing.
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

    /// A handle on the failed answers in a row, for alarms and health checks.
    #[must_use]
    pub fn strikes(&self) -> Strikes {
        self.config.observers.strikes.clone()
    }

    fn set(&mut self) -> &mut Config<P> {
        Arc::make_mut(&mut self.config)
    }
}

impl<S, P> Layer<S> for WebhookLayer<P> {
    type Service = Webhook<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Webhook::new(inner, Arc::clone(&self.config))
    }
}

impl<P> Clone for WebhookLayer<P> {
    fn clone(&self) -> Self {
        Self {
            config: Arc::clone(&self.config),
        }
    }
}

impl<P> fmt::Debug for WebhookLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookLayer").field(&self.config).finish()
    }
}
