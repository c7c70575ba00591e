//! One process at a time. The lock is on a file of its own, which is never renamed or deleted:
//! whoever opens the path of a file that others rename may lock the wrong one.

use std::{fs::File, path::Path};

use super::{JsonLinesError, disk, names::Names};

/// Held as long as the file is open.
pub(super) fn lock(names: &Names) -> Result<File, JsonLinesError> {
    let path = names.lock();
    let file = disk::open_private(&path)
        .map_err(|error| JsonLinesError::io("open the lock", &path, &error))?;
    try_lock(&file, &path, names.active())?;
    Ok(file)
}

#[cfg(file_lock)]
#[allow(
    clippy::incompatible_msrv,
    reason = "build.rs has seen that this standard library has it"
)]
fn try_lock(file: &File, lock: &Path, path: &Path) -> Result<(), JsonLinesError> {
    use std::fs::TryLockError;

    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JsonLinesError::in_use(format!(
            "`{}` is open already, in another process or elsewhere in this one: stop the other \
             process; in one process, open it once and clone what was opened",
            path.display()
        )),
        TryLockError::Error(error) => JsonLinesError::io("lock", lock, &error),
    })
}

#[cfg(not(file_lock))]
fn try_lock(_file: &File, _lock: &Path, path: &Path) -> Result<(), JsonLinesError> {
    Err(JsonLinesError::new(format!(
        "`{}` cannot be locked against other processes by a program that was built with Rust older \
         than 1.89: build it with a newer one",
        path.display()
    )))
}

#[cfg(all(test, not(file_lock)))]
mod tests {
    use crate::JsonLines;

    #[test]
    fn without_locks_nothing_is_opened() {
        let path = std::env::temp_dir().join("tower-webhook-not-locked");
        let sentence = JsonLines::open(&path).map_err(|error| error.to_string());
        let Err(sentence) = sentence else {
            panic!("it was opened");
        };
        assert!(sentence.ends_with(
            "cannot be locked against other processes by a program that was built with Rust older \
             than 1.89: build it with a newer one"
        ));
        assert!(!path.exists());
        let _ = std::fs::remove_file(path.with_extension("lock"));
    }
}
