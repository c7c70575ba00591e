//! A line at the bottom of a terminal that is written over again and again, and other output above.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What to do before other output, at the beginning of the line and up to its end.
const CLEAR: &str = "\r\x1b[K";

static STATUS: Mutex<String> = Mutex::new(String::new());

/// Shows a status, instead of the one before, on a terminal alone. An empty one takes it away.
///
/// It has to be shorter than a terminal is wide, and all our own text.
pub(crate) fn show(text: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let mut status = status();
        text.clone_into(&mut status);
        let _ = write!(stderr, "{CLEAR}{text}");
    }
}

/// Writes whole lines, above the status.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    let status = status();
    if status.is_empty() {
        return write();
    }
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{CLEAR}");
    let written = write();
    let _ = write!(stderr, "{status}");
    written
}

/// stderr, above the status.
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        above(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn status() -> MutexGuard<'static, String> {
    STATUS.lock().unwrap_or_else(PoisonError::into_inner)
}
