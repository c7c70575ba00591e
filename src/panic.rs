use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs a user's code and catches its panic. Whatever it has changed may only be dropped after a
/// panic.
pub(crate) fn caught<T>(theirs: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(theirs)).map_err(discard)
}

/// Drops the payload of a panic. It belongs to the user, so its `Drop` may panic too.
#[cold]
fn discard(payload: Box<dyn Any + Send>) -> Panicked {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Leaked, since the `Drop` of this second payload may panic as well.
        mem::forget(again);
    }
    Panicked
}

/// Drops a user's value and ignores its panic.
pub(crate) fn let_go<T>(theirs: T) {
    let _ = caught(|| drop(theirs));
}

/// The user's code panicked. Only the panic hook sees the payload.
#[derive(Debug)]
pub(crate) struct Panicked;

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped, with one less of its kind, down to zero.
    struct Matryoshka(u8);

    impl Drop for Matryoshka {
        fn drop(&mut self) {
            if let Some(inner) = self.0.checked_sub(1) {
                panic_any(Self(inner));
            }
        }
    }

    #[test]
    fn the_payload_of_a_panic_may_panic_when_it_is_dropped() {
        for layers in 0..4 {
            assert!(caught(|| panic_any(Matryoshka(layers))).is_err());
            let_go(Matryoshka(layers));
        }
    }
}
