//! The load generator: one thread, non-blocking sockets, requests rendered beforehand, each answer
//! checked. A closed loop: a connection sends its next request when the last one is answered.

mod connection;

use std::{
    io,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use self::connection::Connection;
use crate::{cpu, latencies, server::Server};

/// Under load and not yet measured, at the beginning of each slice.
const RUN_IN: Duration = Duration::from_millis(100);

/// How long the last answers of a slice are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one slice gave.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) time: Duration,
    pub(crate) server_cpu: Duration,
    pub(crate) generator_cpu: Duration,
    /// What everything else on the machine used meanwhile.
    pub(crate) others_cpu: Duration,
    /// One latency a request, in microseconds.
    pub(crate) latencies: Histogram<u64>,
}

/// Loads the server for that long, over so many new connections.
pub(crate) fn load(
    server: &Server,
    request: &[u8],
    connections: usize,
    time: Duration,
) -> Result<Measured> {
    slice(server, request, connections, time)
        .with_context(|| format!("{}, connections: {connections}", server.receiver.label()))
}

fn slice(server: &Server, request: &[u8], connections: usize, time: Duration) -> Result<Measured> {
    let mut generator = Generator::connect(server, request, connections)?;
    generator.run(RUN_IN, |_| ())?;

    let mut latencies = latencies::none()?;
    let before = Clocks::read(server)?;
    generator.run(time, |latency| {
        latencies::record(&mut latencies, latency);
    })?;
    let after = Clocks::read(server)?;

    generator.finish()?;
    let server_cpu = after.server - before.server;
    let generator_cpu = after.generator - before.generator;
    let machine = after.machine - before.machine;
    Ok(Measured {
        time: after.wall - before.wall,
        server_cpu,
        generator_cpu,
        // The machine's clock is coarser than the other two.
        others_cpu: machine.saturating_sub(server_cpu + generator_cpu),
        latencies,
    })
}

struct Clocks {
    wall: Instant,
    server: Duration,
    generator: Duration,
    machine: Duration,
}

impl Clocks {
    fn read(server: &Server) -> Result<Self> {
        Ok(Self {
            machine: cpu::of_machine()?,
            server: server.cpu_time()?,
            generator: cpu::of_this_thread()?,
            wall: Instant::now(),
        })
    }
}

struct Generator<'a> {
    poll: Poll,
    events: Events,
    request: &'a [u8],
    connections: Vec<Connection>,
    /// How many connections wait for an answer.
    waiting: usize,
}

impl<'a> Generator<'a> {
    /// Connects, and sends the first request over each connection.
    fn connect(server: &Server, request: &'a [u8], connections: usize) -> Result<Self> {
        let mut generator = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(connections),
            request,
            connections: Vec::with_capacity(connections),
            waiting: connections,
        };
        for token in 0..connections {
            let mut connection = Connection::open(server.address).context("cannot connect")?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = generator.poll.registry();
            registry.register(&mut connection.stream, Token(token), interest)?;
            connection.send(request, Instant::now())?;
            generator.connections.push(connection);
        }
        Ok(generator)
    }

    /// Asks again and again for that long, and tells the latency of each answer.
    fn run(&mut self, time: Duration, mut answered: impl FnMut(Duration)) -> Result<()> {
        let end = Instant::now() + time;
        while self.wait(end)? {
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                if let Some(now) = connection.advance(self.request)? {
                    answered(now - connection.sent_at);
                    connection.send(self.request, now)?;
                }
            }
        }
        Ok(())
    }

    /// Waits for the last answer of each connection, so that no work of this slice is left to the next.
    fn finish(mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.waiting > 0 {
            if !self.wait(end)? {
                bail!(
                    "{} requests were not answered in {PATIENCE:?}",
                    self.waiting
                );
            }
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                if connection.advance(self.request)?.is_some() {
                    self.waiting -= 1;
                }
            }
        }
        Ok(())
    }

    /// Waits for something to do; false once the time is over.
    fn wait(&mut self, end: Instant) -> Result<bool> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        match self.poll.poll(&mut self.events, Some(left)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error).context("cannot wait for the sockets"),
        }
    }
}
