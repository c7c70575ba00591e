//! The raw figures of a run: a JSON file, every slice in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{latencies, load::Measured, machine::Machine, payload::Payload, receiver::Receiver};

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) pinned: bool,
    pub(crate) slices: Vec<Slice>,
}

/// One turn of one receiver.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Slice {
    pub(crate) payload: Payload,
    pub(crate) connections: usize,
    pub(crate) round: u32,
    pub(crate) receiver: Receiver,
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) server_cpu_seconds: f64,
    pub(crate) generator_cpu_seconds: f64,
    pub(crate) others_cpu_seconds: f64,
    /// Microseconds, as HdrHistogram writes them everywhere: V2, compressed, base64.
    pub(crate) latencies: String,
}

impl Results {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} holds no results of a run", path.display()))
    }

    /// One slice a line, for people who compare files.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let slices: Vec<_> = self
            .slices
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<_, _>>()?;
        let text = format!(
            "{{\"machine\":{},\n\"pinned\":{},\n\"slices\":[\n{}\n]}}\n",
            serde_json::to_string(&self.machine)?,
            self.pinned,
            slices.join(",\n")
        );
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What stands below a table or a plot: the machine, and who had which core.
    pub(crate) fn circumstances(&self) -> String {
        let cores = match self.pinned {
            true => "the load generator on a core of its own, the receivers on the others",
            false => "all cores shared by the load generator and the receivers",
        };
        format!("{}, {cores}", self.machine.line())
    }

    /// Where they are kept unless told.
    pub(crate) fn default_path(date: &str) -> PathBuf {
        let name = format!("{}.json", date.replace(':', "."));
        [env!("CARGO_MANIFEST_DIR"), "results", &name]
            .iter()
            .collect()
    }
}

impl Slice {
    pub(crate) fn new(
        payload: Payload,
        connections: usize,
        round: u32,
        receiver: Receiver,
        measured: &Measured,
    ) -> Result<Self> {
        Ok(Self {
            payload,
            connections,
            round,
            receiver,
            requests: measured.latencies.len(),
            seconds: measured.time.as_secs_f64(),
            server_cpu_seconds: measured.server_cpu.as_secs_f64(),
            generator_cpu_seconds: measured.generator_cpu.as_secs_f64(),
            others_cpu_seconds: measured.others_cpu.as_secs_f64(),
            latencies: latencies::encode(&measured.latencies)?,
        })
    }
}
