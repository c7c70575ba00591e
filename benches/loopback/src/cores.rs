//! Which cores the load generator and the receivers run on.

use anyhow::{Context, Result, bail};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

/// The calling thread, in the words of the kernel.
const THIS: Pid = Pid::from_raw(0);

#[derive(Debug)]
pub(crate) struct Cores {
    pins: Option<Pins>,
}

#[derive(Debug)]
struct Pins {
    generator: CpuSet,
    servers: CpuSet,
}

impl Cores {
    /// Everybody runs where the kernel likes.
    pub(crate) fn shared() -> Self {
        Self { pins: None }
    }

    /// Pins the calling thread, which is to be the load generator, to the first core it may use.
    pub(crate) fn pinned() -> Result<Self> {
        let allowed = sched_getaffinity(THIS).context("cannot ask which cores are ours")?;
        let (mut generator, mut servers) = (CpuSet::new(), CpuSet::new());
        let mut ours = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false));
        let (Some(first), Some(second)) = (ours.next(), ours.next()) else {
            bail!("--pin needs two cores at least; run without it");
        };
        generator.set(first)?;
        for core in [second].into_iter().chain(ours) {
            servers.set(core)?;
        }
        pin(&generator)?;
        let pins = Some(Pins { generator, servers });
        Ok(Self { pins })
    }

    /// Starts a process where the receivers are. It inherits the cores, so it knows them from its
    /// first instruction, and makes as many workers.
    pub(crate) fn of_servers<T>(&self, start: impl FnOnce() -> T) -> Result<T> {
        let Some(pins) = &self.pins else {
            return Ok(start());
        };
        pin(&pins.servers)?;
        let started = start();
        pin(&pins.generator)?;
        Ok(started)
    }
}

fn pin(cores: &CpuSet) -> Result<()> {
    sched_setaffinity(THIS, cores).context("cannot choose the core to run on")
}
