//! What the layer logs. These tests need a process of their own: tracing has one subscriber for a
//! process, and remembers for each place in the code whether it is interested. So each test calls
//! [`log`] first.

#[path = "../it/util/mod.rs"]
#[allow(dead_code, unused_imports, reason = "these tests need a part of it")]
mod util;

mod alarms;
mod broken_store;
mod p06_no_leak;
mod span;
#[cfg(feature = "signed")]
mod strangers;
mod wrong_delivery;

use std::{cell::RefCell, io, sync::Once};

use tower_webhook::Strikes;
use tracing_subscriber::filter::LevelFilter;

thread_local! {
    /// What this test logged: each has a thread of its own.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };

    /// Set for a log that reads the counts at each alarm and panics.
    static BROKEN: RefCell<Option<Strikes>> = const { RefCell::new(None) };
}

struct Log;

fn log() -> Log {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
    Log
}

impl Log {
    /// What was logged since the last call.
    fn take(&self) -> String {
        String::from_utf8(LOG.take()).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(bytes).contains(" strikes=") {
            let broken = BROKEN.with_borrow(|strikes| strikes.as_ref().map(Strikes::worst));
            assert!(broken.is_none(), "{}", util::PANIC);
        }
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
