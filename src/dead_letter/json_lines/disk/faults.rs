//! Steps that fail, for the tests.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(file_lock), allow(dead_code))]

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

#[derive(Default)]
pub(in super::super) struct Faults {
    steps: AtomicUsize,
    syncs: AtomicUsize,
    plan: Mutex<Plan>,
    unsynced: Mutex<Unsynced>,
}

#[derive(Debug, Clone, Copy)]
struct Unsynced {
    lines: bool,
    directory: bool,
}

/// Who wrote before may have died before it synced.
impl Default for Unsynced {
    fn default() -> Self {
        Self {
            lines: true,
            directory: true,
        }
    }
}

#[derive(Default, Clone, Copy)]
pub(in super::super) enum Plan {
    #[default]
    Fine,
    /// This many steps pass, and then this many fail. A write that fails has written that many
    /// eighths.
    Fail {
        after: usize,
        times: usize,
        eighths: usize,
    },
    Panic,
}

impl Faults {
    pub(in super::super) fn plan(&self, plan: Plan) {
        self.steps.store(0, Ordering::SeqCst);
        *self.plan.lock().unwrap() = plan;
    }

    /// How many steps there were since the plan.
    pub(in super::super) fn steps(&self) -> usize {
        self.steps.load(Ordering::SeqCst)
    }

    pub(in super::super) fn syncs(&self) -> usize {
        self.syncs.load(Ordering::SeqCst)
    }

    pub(super) fn step(&self) -> io::Result<()> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        let plan = *self.plan.lock().unwrap();
        match plan {
            Plan::Fail { after, times, .. } if step >= after && step - after < times => {
                Err(io::Error::other("a planned fault"))
            }
            Plan::Panic => panic!("a planned panic"),
            Plan::Fail { .. } | Plan::Fine => Ok(()),
        }
    }

    pub(super) fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        self.expect(|unsynced| !unsynced.directory, "an append");
        let result = self.step();
        let plan = *self.plan.lock().unwrap();
        if let (Err(_), Plan::Fail { eighths, .. }) = (&result, plan) {
            file.write_all(&bytes[..bytes.len() * eighths / 8])?;
        }
        self.unsynced.lock().unwrap().lines = result.is_ok();
        result
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        // Where it fails nobody relies on the lines.
        self.unsynced.lock().unwrap().lines = false;
        self.step()
    }

    pub(super) fn create(&self) -> io::Result<()> {
        self.expect(|unsynced| !unsynced.directory, "a creation");
        self.step()?;
        self.unsynced.lock().unwrap().directory = true;
        Ok(())
    }

    /// A file is renamed or removed.
    pub(super) fn change(&self) -> io::Result<()> {
        self.expect(
            |unsynced| !unsynced.lines && !unsynced.directory,
            "a change",
        );
        self.step()?;
        self.unsynced.lock().unwrap().directory = true;
        Ok(())
    }

    pub(super) fn sync_directory(&self) -> io::Result<()> {
        self.step()?;
        self.unsynced.lock().unwrap().directory = false;
        Ok(())
    }

    /// What somebody relies on has to be safe first.
    fn expect(&self, is_safe: impl FnOnce(Unsynced) -> bool, what: &str) {
        let unsynced = *self.unsynced.lock().unwrap();
        assert!(is_safe(unsynced), "{what} while unsynced: {unsynced:?}");
    }

    pub(in super::super) fn expect_synced(&self) {
        self.expect(|unsynced| !unsynced.lines, "an Ok");
    }
}
