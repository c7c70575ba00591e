//! Steps that fail, for the tests.

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
        let result = self.step();
        let plan = *self.plan.lock().unwrap();
        if let (Err(_), Plan::Fail { eighths, .. }) = (&result, plan) {
            file.write_all(&bytes[..bytes.len() * eighths / 8])?;
        }
        result
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.step()
    }
}
