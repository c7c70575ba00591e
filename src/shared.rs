use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// A list that handles share and that changes at run time. A request reads one state of the list, and
/// never waits for a change in the making.
pub(crate) struct Shared<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// Locked only to clone the `Arc`, or to replace it.
    list: RwLock<Arc<[T]>>,
    /// Held by the one who changes the list.
    changing: Mutex<()>,
}

impl<T: Clone> Shared<T> {
    pub(crate) fn new(list: impl Into<Arc<[T]>>) -> Self {
        Self(Arc::new(Inner {
            list: RwLock::new(list.into()),
            changing: Mutex::default(),
        }))
    }

    /// The list as it is now.
    pub(crate) fn load(&self) -> Arc<[T]> {
        let list = self.0.list.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&list)
    }

    /// Replaces the list by what the closure makes of it, unless that fails.
    pub(crate) fn change<R, E>(
        &self,
        change: impl FnOnce(&mut Vec<T>) -> Result<R, E>,
    ) -> Result<R, E> {
        let _one = self
            .0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut next = self.load().to_vec();
        let changed = change(&mut next)?;
        let next = next.into();
        *self.0.list.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(changed)
    }

    /// Removes all but those that stay. Returns how many were removed.
    pub(crate) fn retain(&self, stays: impl Fn(&T) -> bool) -> usize {
        let Ok(removed) = self.change(|list| {
            let before = list.len();
            list.retain(stays);
            Ok::<_, Infallible>(before - list.len())
        });
        removed
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
