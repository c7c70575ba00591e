use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code that is not ours: the handler's, the provider's, the observer's. What it leaves behind
/// when it panics is not looked at again, only dropped.
pub(crate) fn caught<T>(theirs: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(theirs)).map_err(|_| Panicked)
}

/// That it panicked; with what is nobody's business but the panic hook's.
#[derive(Debug)]
pub(crate) struct Panicked;
