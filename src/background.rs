use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, TryAcquireError},
    time::{Instant, timeout_at},
};

use crate::{
    clock, metrics,
    panic::{caught, let_go},
};

/// How long the store may take beyond what was waited for anyway.
pub(crate) const STORE_TIME: Duration = Duration::from_secs(1);

/// How much may wait for the store at once, in bytes: a store that hangs must not take the memory
/// along. One letter alone may always.
const STORE_BYTES: usize = 64 * 1024 * 1024;

/// A handle on the handlers that are running, those included whose answer is long out.
///
/// From [`WebhookLayer::background`](crate::WebhookLayer::background). Clones are cheap and all
/// speak of the same handlers: those of every service that the layer, or a clone of it, made.
///
/// # Shutdown
///
/// Stop accepting connections, then [`drain`](Self::drain), then exit. Exiting before the drain is
/// over cuts handlers off whose deliveries were acknowledged.
///
/// With a [store](crate::WebhookLayer::dead_letters), drain first and stop accepting then: what comes
/// meanwhile is stored and answered as a success, and nobody finds the door shut. What the drain
/// leaves over is stored, too.
#[derive(Clone)]
pub struct Background {
    shared: Arc<Shared>,
}

/// A closed semaphore means that the drain has begun. Closing and handing out slots go through the
/// one semaphore, so no slot is handed out after the closing.
struct Shared {
    provider: &'static str,
    slots: Semaphore,
    capacity: AtomicUsize,
    running: Mutex<Running>,
    store_calls: AtomicUsize,
    store_bytes: AtomicUsize,
    idle: Notify,
}

/// The deliveries whose handlers run, where there is a store for what a drain leaves over.
#[derive(Default)]
struct Running {
    deliveries: HashMap<u64, Arc<dyn LeftOver>>,
    next: u64,
    /// A drain is over.
    left_over: bool,
}

/// A delivery whose handler has to end before the process may.
pub(crate) trait LeftOver: Send + Sync {
    /// Has it stored, unless its handler has ended.
    fn shut_down(self: Arc<Self>);
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSlot {
    Busy,
    Draining,
}

impl Background {
    pub(crate) fn new(provider: &'static str, capacity: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                provider,
                slots: Semaphore::new(capacity),
                capacity: AtomicUsize::new(capacity),
                running: Mutex::default(),
                store_calls: AtomicUsize::new(0),
                store_bytes: AtomicUsize::new(0),
                idle: Notify::new(),
            }),
        }
    }

    /// How many deliveries hold a slot: their handler runs, or is about to.
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

    /// Refuses new deliveries from now on with `503 Service Unavailable`, waits until every handler
    /// has ended, at most `limit`, and says how many are left.
    ///
    /// With a [store](crate::WebhookLayer::dead_letters), new deliveries are stored and answered as
    /// successes, the wait is for the store's calls too, and what is left over at `limit` is stored
    /// with the reason [`Shutdown`](crate::LetterReason::Shutdown). The store has one second more
    /// for that.
    ///
    /// It cannot be undone, and dropping the future does not undo it either. Probes are still
    /// answered. Calling it again waits again.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.shared.slots.close();
        let end = clock::after(Instant::now(), limit);
        let is_idle = || self.in_flight() == 0 && self.store_calls() == 0;
        if !self.wait_until(end, is_idle).await {
            for delivery in self.shared.left_over() {
                let _ = caught(|| delivery.shut_down());
            }
            let end = clock::after(Instant::now(), STORE_TIME);
            self.wait_until(end, || self.store_calls() == 0).await;
        }
        self.in_flight()
    }

    /// Whether it became true by then. Asked whenever a handler or a call to the store has ended.
    async fn wait_until(&self, end: Instant, is_over: impl Fn() -> bool) -> bool {
        loop {
            let mut idle = pin!(self.shared.idle.notified());
            idle.as_mut().enable();
            if is_over() {
                return true;
            }
            if timeout_at(end, idle).await.is_err() {
                return is_over();
            }
        }
    }

    pub(crate) fn provider(&self) -> &'static str {
        self.shared.provider
    }

    fn store_calls(&self) -> usize {
        self.shared.store_calls.load(Ordering::Acquire)
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

    pub(crate) fn try_slot(&self) -> Result<Slot, NoSlot> {
        match self.shared.slots.try_acquire() {
            Ok(permit) => {
                permit.forget();
                Ok(Slot::new(&self.shared))
            }
            Err(TryAcquireError::NoPermits) => Err(NoSlot::Busy),
            Err(TryAcquireError::Closed) => Err(NoSlot::Draining),
        }
    }

    /// Waits in line; `None` once the drain has begun.
    pub(crate) fn slot(&self) -> SlotFuture {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // Given up after a slot was assigned and before it was taken, the wait itself has
            // given the slot back by the time that this is dropped.
            let _line = Line(&shared);
            shared.slots.acquire().await.ok()?.forget();
            Some(Slot::new(&shared))
        })
    }

    /// The right to call the store; none while as much waits for it as may wait, unless the call
    /// must be.
    pub(crate) fn store_call(&self, weight: usize, must: bool) -> Option<StoreCall> {
        let before = self.shared.store_bytes.fetch_add(weight, Ordering::AcqRel);
        if !must && before > 0 && before.saturating_add(weight) > STORE_BYTES {
            self.shared.store_bytes.fetch_sub(weight, Ordering::AcqRel);
            return None;
        }
        self.shared.store_calls.fetch_add(1, Ordering::AcqRel);
        Some(StoreCall {
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

/// Boxed: only a request that finds every slot taken makes one.
pub(crate) type SlotFuture = Pin<Box<dyn Future<Output = Option<Slot>> + Send + Sync>>;

/// The right to run a handler, given back when dropped.
pub(crate) struct Slot {
    shared: Arc<Shared>,
    running: Option<u64>,
}

impl Slot {
    fn new(shared: &Arc<Shared>) -> Self {
        metrics::handler_begins(shared.provider);
        Self {
            shared: Arc::clone(shared),
            running: None,
        }
    }

    /// Has the delivery stored if a drain leaves its handler over.
    pub(crate) fn hold(&mut self, delivery: Arc<dyn LeftOver>) {
        let mut running = self.shared.running();
        let key = running.next;
        running.next += 1;
        running.deliveries.insert(key, Arc::clone(&delivery));
        self.running = Some(key);
        let left_over = running.left_over;
        drop(running);
        if left_over {
            // The slot was taken just before the drain was over.
            delivery.shut_down();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(key) = self.running {
            let delivery = self.shared.running().deliveries.remove(&key);
            // It may be the delivery's end: outside of the lock, for the event is not ours.
            let_go(delivery);
        }
        metrics::handler_ends(self.shared.provider);
        self.shared.slots.add_permits(1);
        self.shared.tell_drain();
    }
}

/// A call to the store under way.
pub(crate) struct StoreCall {
    shared: Arc<Shared>,
    weight: usize,
}

impl Drop for StoreCall {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.store_bytes.fetch_sub(self.weight, Ordering::AcqRel);
        shared.store_calls.fetch_sub(1, Ordering::AcqRel);
        shared.tell_drain();
    }
}

/// A place in the line for a slot.
struct Line<'a>(&'a Shared);

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.tell_drain();
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left_over(&self) -> Vec<Arc<dyn LeftOver>> {
        let mut running = self.running();
        running.left_over = true;
        running.deliveries.values().map(Arc::clone).collect()
    }

    fn tell_drain(&self) {
        if self.slots.is_closed() {
            self.idle.notify_waiters();
        }
    }
}
