use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, timeout_at},
};

use crate::{clock, metrics};

/// Extra time for the store, after the wait that happens anyway.
pub(crate) const STORE_TIME: Duration = Duration::from_secs(1);

/// How many bytes may wait for the store at once, so that a store that hangs does not use up the
/// memory. A single letter may be larger.
const STORE_BYTES: usize = 64 * 1024 * 1024;

/// A handle on the running handlers, late ones included.
///
/// From [`WebhookLayer::background`](crate::WebhookLayer::background). Clones are cheap. All of them
/// count the handlers of every service that the layer, or a clone of it, has made.
///
/// The guide says [how to shut down](crate::guide::setup#shutdown).
#[derive(Clone)]
pub struct Background {
    shared: Arc<Shared>,
}

/// The drain closes the semaphore. Slots come from the same semaphore, so none is handed out after
/// that.
struct Shared {
    provider: &'static str,
    slots: Semaphore,
    capacity: AtomicUsize,
    /// True once a drain has given up on the handlers that still run. Each delivery with a store has a
    /// receiver until it has called the store for that.
    left_over: watch::Sender<bool>,
    /// The bytes of the letters that wait for the store. Each letter has some.
    store_bytes: AtomicUsize,
    /// Wakes the drain when a handler or a call to the store has ended.
    ended: Notify,
}

impl Background {
    pub(crate) fn new(provider: &'static str, capacity: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                provider,
                slots: Semaphore::new(capacity),
                capacity: AtomicUsize::new(capacity),
                left_over: watch::Sender::new(false),
                store_bytes: AtomicUsize::new(0),
                ended: Notify::new(),
            }),
        }
    }

    /// How many deliveries hold a slot: from before the handler starts until its end is reported, also
    /// when the response is already out. Waiting for a store can add one second.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let capacity = self.shared.capacity.load(Ordering::Acquire);
        capacity.saturating_sub(self.shared.slots.available_permits())
    }

    /// Whether [`drain`](Self::drain) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.slots.is_closed()
    }

    /// Refuses new deliveries from now on with `503 Service Unavailable`. Waits at most `limit` for
    /// all handlers to end. Returns how many are left.
    ///
    /// With a [store](crate::WebhookLayer::dead_letters), it stores new deliveries, and waits for the
    /// calls to the store too. It stores the deliveries of handlers that still run at `limit` with the
    /// reason [`Shutdown`](crate::LetterReason::Shutdown). The store has one second more for that.
    ///
    /// It cannot be undone, not even by dropping the future. Probes are still answered. A second call
    /// waits again.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.shared.slots.close();
        let end = clock::after(Instant::now(), limit);
        let is_idle = || self.in_flight() == 0 && self.is_store_idle();
        if !self.wait_until(end, is_idle).await {
            self.shared.left_over.send_replace(true);
            let end = clock::after(Instant::now(), STORE_TIME);
            let _ = timeout_at(end, self.shared.left_over.closed()).await;
            self.wait_until(end, || self.is_store_idle()).await;
        }
        self.in_flight()
    }

    /// Whether `is_over` becomes true by `end`. Looks whenever a handler or a call to the store has
    /// ended.
    async fn wait_until(&self, end: Instant, is_over: impl Fn() -> bool) -> bool {
        loop {
            let mut ended = pin!(self.shared.ended.notified());
            ended.as_mut().enable();
            if is_over() {
                return true;
            }
            if timeout_at(end, ended).await.is_err() {
                return is_over();
            }
        }
    }

    pub(crate) fn provider(&self) -> &'static str {
        self.shared.provider
    }

    fn is_store_idle(&self) -> bool {
        self.shared.store_bytes.load(Ordering::Acquire) == 0
    }

    pub(crate) fn set_capacity(&self, capacity: usize) {
        let before = self.shared.capacity.load(Ordering::Acquire);
        let after = if capacity >= before {
            self.shared.slots.add_permits(capacity - before);
            capacity
        } else {
            before - self.shared.slots.forget_permits(before - capacity)
        };
        self.shared.capacity.store(after, Ordering::Release);
    }

    /// Takes a free slot, or waits in line for one; `None` once the drain has begun.
    pub(crate) async fn slot(&self) -> Option<Slot> {
        // If this future is dropped with a slot assigned and not taken, the semaphore gets the slot
        // back first, and then the drain is woken.
        let _wake = WakeDrain(&self.shared);
        self.shared.slots.acquire().await.ok()?.forget();
        metrics::slot(self.shared.provider, true);
        Some(Slot {
            shared: Arc::clone(&self.shared),
        })
    }

    /// The right to call the store, with a letter of `weight` bytes. `None` while too much waits for
    /// the store, unless the call `must` be made.
    pub(crate) fn store_call(&self, weight: usize, must: bool) -> Option<StorePermit> {
        let waiting = &self.shared.store_bytes;
        let taken = waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
            let after = before + weight;
            (must || before == 0 || after <= STORE_BYTES).then_some(after)
        });
        taken.ok()?;
        Some(StorePermit {
            shared: Arc::clone(&self.shared),
            weight,
        })
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("in_flight", &self.in_flight())
            .field("draining", &self.is_draining())
            .finish()
    }
}

/// The right to run a handler, given back when dropped.
pub(crate) struct Slot {
    shared: Arc<Shared>,
}

impl Slot {
    /// Becomes true when a drain gives up on the handler. To be dropped after the store was called.
    pub(crate) fn left_over(&self) -> watch::Receiver<bool> {
        self.shared.left_over.subscribe()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        metrics::slot(self.shared.provider, false);
        self.shared.slots.add_permits(1);
        self.shared.wake_drain();
    }
}

/// A call to the store under way.
pub(crate) struct StorePermit {
    shared: Arc<Shared>,
    weight: usize,
}

impl Drop for StorePermit {
    fn drop(&mut self) {
        let waiting = &self.shared.store_bytes;
        waiting.fetch_sub(self.weight, Ordering::AcqRel);
        self.shared.ended.notify_waiters();
    }
}

struct WakeDrain<'a>(&'a Shared);

impl Drop for WakeDrain<'_> {
    fn drop(&mut self) {
        self.0.wake_drain();
    }
}

impl Shared {
    fn wake_drain(&self) {
        if self.slots.is_closed() {
            self.ended.notify_waiters();
        }
    }
}
