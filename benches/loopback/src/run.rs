//! Receivers take turns under the same load.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cli::Options,
    cores::Cores,
    load::load,
    machine::{self, Machine},
    payload::Payload,
    progress::Progress,
    receiver::Receiver,
    results::{Results, Slice},
    server::Server,
    table,
};

pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) {
        bail!("this build is not optimized; `cargo run --release -- run` measures");
    }
    let plan = Plan::new(options)?;
    let mut results = Results {
        machine: Machine::of(&plan.receivers),
        pinned: options.pin,
        slices: Vec::new(),
    };
    let cores = match options.pin {
        true => Cores::pinned()?,
        false => Cores::shared(),
    };
    let path = options
        .out
        .clone()
        .unwrap_or_else(|| Results::default_path(&machine::now()));
    let mut progress = Progress::new(plan.turns(), plan.time());
    for &payload in &plan.payloads {
        let mut servers = start(&plan.receivers, payload, &cores)?;
        for &connections in &plan.connections {
            let rounds = plan.compare(&mut servers, payload, connections, &cores, &mut progress);
            results
                .slices
                .extend(rounds.with_context(|| payload.label())?);
            // Now, so that a later failure does not cost what is measured.
            results.write(&path)?;
        }
    }
    progress.end();
    table::print(&results, false)?;
    println!("\nThe raw figures are in {}", path.display());
    Ok(())
}

/// Whether everything works, in a few seconds.
pub(crate) fn smoke() -> Result<()> {
    const SLICE: Duration = Duration::from_millis(100);
    for payload in Payload::ALL {
        let request = payload.request();
        for server in start(&Receiver::RUST, payload, &Cores::shared())? {
            let measured = load(&server, &request, 32, SLICE).with_context(|| payload.label())?;
            let requests = measured.latencies.len();
            ensure!(requests > 0, "{} answered nothing", server.receiver.label());
            println!(
                "{:<18} {:<29} {requests} requests in {SLICE:?}",
                payload.label(),
                server.receiver.label()
            );
        }
    }
    Ok(())
}

/// All of them are up at the same time, so that they find the same machine.
fn start(receivers: &[Receiver], payload: Payload, cores: &Cores) -> Result<Vec<Server>> {
    receivers
        .iter()
        .map(|&receiver| Server::start(receiver, payload, cores))
        .collect()
}

struct Plan {
    receivers: Vec<Receiver>,
    payloads: Vec<Payload>,
    connections: Vec<usize>,
    rounds: u32,
    slice: Duration,
    warm_up: Duration,
}

impl Plan {
    fn new(options: &Options) -> Result<Self> {
        let payloads = match &options.payloads[..] {
            [] => Payload::ALL.to_vec(),
            chosen => chosen.to_vec(),
        };
        Ok(Self {
            receivers: receivers(&options.receivers)?,
            payloads,
            connections: options.connections.clone(),
            rounds: options.rounds,
            slice: options.slice.into(),
            warm_up: options.warm_up.into(),
        })
    }

    /// Who takes part over so many connections. The others need a fifth of all time for a figure that
    /// few would look at.
    fn takes_part(&self, receiver: Receiver, connections: usize) -> bool {
        receiver.foreign().is_none() || self.connections.first() == Some(&connections)
    }

    fn compare(
        &self,
        servers: &mut [Server],
        payload: Payload,
        connections: usize,
        cores: &Cores,
        progress: &mut Progress,
    ) -> Result<Vec<Slice>> {
        let request = payload.request();
        let what = format!("{}, connections: {connections}", payload.label());
        let mut servers: Vec<_> = servers
            .iter_mut()
            .filter(|server| self.takes_part(server.receiver, connections))
            .collect();
        let receivers: Vec<_> = servers.iter().map(|server| server.receiver).collect();
        progress.comparison(&what, self.comparison_time(&receivers));
        for server in servers.iter().filter(|server| server.receiver.warms_up()) {
            progress.turn(format!("{what}: {} warms up", server.receiver.label()));
            load(server, &request, connections, self.warm_up)?;
            progress.turn_is_over();
        }
        let mut slices = Vec::new();
        for round in 0..self.rounds {
            // Nobody always comes after the same one.
            fastrand::shuffle(&mut servers);
            for server in &mut servers {
                progress.turn(format!("{what}: {}", server.receiver.label()));
                // Where a program's memory lies is luck that a longer turn would not even out.
                if !server.receiver.warms_up() {
                    **server = Server::start(server.receiver, payload, cores)?;
                }
                let measured = load(server, &request, connections, self.slice)?;
                let slice = Slice::new(payload, connections, round, server.receiver, &measured)?;
                ensure!(
                    slice.requests > 0,
                    "{} answered nothing in a slice; make it longer with --slice",
                    server.receiver.label()
                );
                slices.push(slice);
                progress.turn_is_over();
            }
        }
        Ok(slices)
    }

    fn turns(&self) -> u64 {
        self.comparisons()
            .map(|receivers| {
                let warm_ups = receivers.iter().filter(|receiver| receiver.warms_up());
                warm_ups.count() as u64 + receivers.len() as u64 * u64::from(self.rounds)
            })
            .sum()
    }

    fn time(&self) -> Duration {
        self.comparisons()
            .map(|receivers| self.comparison_time(&receivers))
            .sum()
    }

    fn comparison_time(&self, receivers: &[Receiver]) -> Duration {
        // Connecting, the run-in and the last answers.
        const AROUND: Duration = Duration::from_millis(110);
        let turns = (self.slice + AROUND) * self.rounds;
        receivers
            .iter()
            .map(|receiver| match receiver.warms_up() {
                true => self.warm_up + AROUND + turns,
                false => turns,
            })
            .sum()
    }

    /// Who takes part in each comparison.
    fn comparisons(&self) -> impl Iterator<Item = Vec<Receiver>> {
        self.payloads.iter().flat_map(|_| {
            self.connections.iter().map(|&connections| {
                let takes_part = |receiver: &Receiver| self.takes_part(*receiver, connections);
                self.receivers.iter().copied().filter(takes_part).collect()
            })
        })
    }
}

/// Those that were asked for. Who is not installed is left out, and named.
fn receivers(chosen: &[Receiver]) -> Result<Vec<Receiver>> {
    let is_there = |receiver: Receiver| {
        let there = receiver
            .foreign()
            .is_none_or(|foreign| foreign.is_installed());
        if !there {
            eprintln!(
                "{} is left out: it is not installed, or not as its lock says today; \
                 `cargo run --release -- install` installs it",
                receiver.label()
            );
        }
        there
    };
    let wanted = |receiver: &Receiver| chosen.is_empty() || chosen.contains(receiver);
    let receivers: Vec<_> = Receiver::ALL
        .into_iter()
        .filter(|receiver| wanted(receiver) && is_there(*receiver))
        .collect();
    ensure!(!receivers.is_empty(), "there is nobody to measure");
    Ok(receivers)
}
