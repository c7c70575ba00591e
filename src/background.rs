use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, TryAcquireError},
    time::{Instant, timeout_at},
};

use crate::clock;

/// A handle on the handlers that are running, those included whose answer is long out.
///
/// From [`WebhookLayer::background`](crate::WebhookLayer::background). Clones are cheap and all
/// speak of the same handlers: those of every service that the layer, or a clone of it, made.
///
/// # Shutdown
///
/// Stop accepting connections, then [`drain`](Self::drain), then exit. Exiting before the drain is
/// over cuts handlers off whose deliveries were acknowledged.
#[derive(Clone)]
pub struct Background {
    shared: Arc<Shared>,
}

/// A closed semaphore means that the drain has begun. Closing and handing out slots go through the
/// one semaphore, so no slot is handed out after the closing.
struct Shared {
    slots: Semaphore,
    capacity: AtomicUsize,
    idle: Notify,
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSlot {
    Busy,
    Draining,
}

impl Background {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                slots: Semaphore::new(capacity),
                capacity: AtomicUsize::new(capacity),
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
    /// It cannot be undone, and dropping the future does not undo it either. Probes are still
    /// answered. Calling it again waits again.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.shared.slots.close();
        let end = clock::after(Instant::now(), limit);
        loop {
            let mut idle = pin!(self.shared.idle.notified());
            idle.as_mut().enable();
            let left = self.in_flight();
            if left == 0 || timeout_at(end, idle).await.is_err() {
                return self.in_flight();
            }
        }
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
                Ok(Slot(Arc::clone(&self.shared)))
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
            Some(Slot(Arc::clone(&shared)))
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
pub(crate) struct Slot(Arc<Shared>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.slots.add_permits(1);
        self.0.tell_drain();
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
    fn tell_drain(&self) {
        if self.slots.is_closed() {
            self.idle.notify_waiters();
        }
    }
}
