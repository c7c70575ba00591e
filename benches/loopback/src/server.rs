//! The parent's side of a receiver: a child process that listens.

use std::{
    env,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::unistd::Pid;

use crate::{cores::Cores, cpu, payload::Payload, receiver::Receiver};

/// Python takes its time to import.
const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) receiver: Receiver,
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Server {
    pub(crate) fn start(receiver: Receiver, payload: Payload, cores: &Cores) -> Result<Self> {
        let mut command = match receiver.foreign() {
            Some(foreign) => foreign.command(payload),
            None => {
                let mut command = Command::new(env::current_exe()?);
                command.args(["serve", receiver.name(), payload.name()]);
                command
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = cores
            .of_servers(|| command.spawn())?
            .with_context(|| format!("cannot start {}", receiver.label()))?;
        let stdout = child.stdout.take();
        let mut server = Self {
            receiver,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            child,
        };
        let port = stdout
            .and_then(port)
            .with_context(|| format!("{} did not say its port", receiver.label()))?;
        server.address.set_port(port);
        Ok(server)
    }

    /// What the process has used of the processor so far, all threads, user and system.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        cpu::of_process(Pid::from_raw(self.child.id().try_into()?))
            .with_context(|| format!("{} is gone", self.receiver.label()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        let patience = Instant::now() + END;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > patience {
                // Gone meanwhile, or not ours to end: either way there is no more to do.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The first line that it prints. Reading has no time limit of its own, hence the thread.
fn port(stdout: ChildStdout) -> Option<u16> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Nobody listens any more if it took too long.
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.recv_timeout(START).ok()?.ok()?;
    line.trim().parse().ok()
}
