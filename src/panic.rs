use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs code that is not ours: the handler's, the provider's, the observer's. What it leaves behind
/// when it panics is not looked at again, only dropped.
pub(crate) fn caught<T>(theirs: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(theirs)).map_err(discard)
}

/// What it panicked with is theirs as well.
#[cold]
fn discard(payload: Box<dyn Any + Send>) -> Panicked {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Leaked: whoever panics with that will hardly stop.
        mem::forget(again);
    }
    Panicked
}

/// Drops what is not ours where something is known already that its panic would take along.
pub(crate) fn let_go<T>(theirs: T) {
    let _ = caught(|| drop(theirs));
}

/// That it panicked; with what is nobody's business but the panic hook's.
#[derive(Debug)]
pub(crate) struct Panicked;

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics with another of its kind when it is dropped, that many times.
    struct Matryoshka(u8);

    impl Drop for Matryoshka {
        fn drop(&mut self) {
            if let Some(inner) = self.0.checked_sub(1) {
                panic_any(Self(inner));
            }
        }
    }

    #[test]
    fn what_it_panics_with_may_panic_again() {
        for layers in 0..4 {
            assert!(caught(|| panic_any(Matryoshka(layers))).is_err());
            let_go(Matryoshka(layers));
        }
    }
}
