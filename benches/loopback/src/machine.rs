//! What a figure is worth nothing without.

use std::{fs, process::Command, thread, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::receiver::Receiver;

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Of TCP. One that paces does so over loopback as well.
    pub(crate) congestion_control: String,
    pub(crate) rustc: String,
    /// Of the receivers that are not Rust.
    pub(crate) versions: Vec<String>,
    /// What was measured, where git knows.
    pub(crate) commit: Option<String>,
}

impl Machine {
    pub(crate) fn of(receivers: &[Receiver]) -> Self {
        let foreign = receivers.iter().filter_map(|receiver| receiver.foreign());
        Self {
            date: now(),
            cpu: cpu().unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: first_line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            congestion_control: first_line("/proc/sys/net/ipv4/tcp_congestion_control")
                .unwrap_or_else(unknown),
            rustc: env!("RUSTC_VERSION").to_owned(),
            versions: foreign
                .map(|foreign| foreign.version().unwrap_or_else(|_| unknown()))
                .collect(),
            commit: commit(),
        }
    }

    /// One line, below a table or a plot.
    pub(crate) fn line(&self) -> String {
        let Self {
            cpu,
            cores,
            kernel,
            congestion_control,
            rustc,
            ..
        } = self;
        let day = self.date.split('T').next().unwrap_or_default();
        let mut line =
            format!("{cpu}, {cores} cores, Linux {kernel} ({congestion_control}), {rustc}");
        for version in &self.versions {
            line.push_str(", ");
            line.push_str(version);
        }
        format!("{line}, {day}")
    }
}

/// In UTC, to the second.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.to_owned())
}

/// With a plus where something was not committed.
fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR")])
        .args(["describe", "--always", "--exclude=*", "--dirty=+"])
        .output()
        .ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| commit.trim().to_owned())
}

fn unknown() -> String {
    String::from("unknown")
}
