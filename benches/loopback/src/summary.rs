//! What the slices of a run say together.

use anyhow::Result;

use crate::{
    latencies,
    payload::Payload,
    receiver::Receiver,
    results::{Results, Slice},
    stats::{Quartiles, Ratio},
};

/// Those of whom everybody's ratio is told.
pub(crate) const BASES: [Receiver; 2] = [Receiver::Json, Receiver::ByHand];

/// Receivers that took turns: only their figures may be divided by each other.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) payload: Payload,
    pub(crate) connections: usize,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) receiver: Receiver,
    /// Requests per second.
    pub(crate) rate: Quartiles,
    pub(crate) rate_ratios: [Option<Ratio>; BASES.len()],
    /// The server's microseconds on the processor, for each request.
    pub(crate) cpu: Quartiles,
    pub(crate) cpu_ratios: [Option<Ratio>; BASES.len()],
    /// Microseconds at p50, p99 and p99.9.
    pub(crate) latency: [u64; 3],
    /// How many cores the server, the generator and everything else kept busy.
    pub(crate) cores: [f64; 3],
}

pub(crate) fn comparisons(results: &Results) -> Result<Vec<Comparison>> {
    let mut comparisons: Vec<Comparison> = Vec::new();
    for slice in &results.slices {
        let (payload, connections) = (slice.payload, slice.connections);
        let is_known =
            |known: &Comparison| known.payload == payload && known.connections == connections;
        if !comparisons.iter().any(is_known) {
            comparisons.push(comparison(&results.slices, payload, connections)?);
        }
    }
    Ok(comparisons)
}

fn comparison(slices: &[Slice], payload: Payload, connections: usize) -> Result<Comparison> {
    let turns = Receiver::ALL.map(|receiver| Turns::of(slices, payload, connections, receiver));
    let present = turns.iter().filter(|turns| !turns.slices.is_empty());
    Ok(Comparison {
        payload,
        connections,
        rows: present.map(|own| own.row(&turns)).collect::<Result<_>>()?,
    })
}

/// The slices of one receiver in one comparison, by round.
struct Turns<'a> {
    receiver: Receiver,
    slices: Vec<&'a Slice>,
}

impl<'a> Turns<'a> {
    fn of(slices: &'a [Slice], payload: Payload, connections: usize, receiver: Receiver) -> Self {
        let mut slices: Vec<_> = slices
            .iter()
            .filter(|slice| slice.payload == payload && slice.connections == connections)
            .filter(|slice| slice.receiver == receiver)
            .collect();
        slices.sort_by_key(|slice| slice.round);
        Self { receiver, slices }
    }

    fn row(&self, all: &[Turns<'_>]) -> Result<Row> {
        let ratios = |figure: fn(&Slice) -> f64| {
            BASES.map(|base| {
                let base = all.iter().find(|turns| turns.receiver == base)?;
                let measured = base.slices.len() == self.slices.len();
                measured.then(|| Ratio::of(&self.figures(figure), &base.figures(figure)))
            })
        };
        Ok(Row {
            receiver: self.receiver,
            rate: Quartiles::of(&self.figures(rate)),
            rate_ratios: ratios(rate),
            cpu: Quartiles::of(&self.figures(cpu)),
            cpu_ratios: ratios(cpu),
            latency: self.latency()?,
            cores: CORES.map(|cores| Quartiles::of(&self.figures(cores)).median),
        })
    }

    fn figures(&self, figure: fn(&Slice) -> f64) -> Vec<f64> {
        self.slices.iter().map(|slice| figure(slice)).collect()
    }

    fn latency(&self) -> Result<[u64; 3]> {
        let mut all = latencies::none()?;
        for slice in &self.slices {
            all.add(latencies::decode(&slice.latencies)?)?;
        }
        Ok([0.5, 0.99, 0.999].map(|quantile| all.value_at_quantile(quantile)))
    }
}

fn rate(slice: &Slice) -> f64 {
    slice.requests as f64 / slice.seconds
}

fn cpu(slice: &Slice) -> f64 {
    1e6 * slice.server_cpu_seconds / slice.requests as f64
}

const CORES: [fn(&Slice) -> f64; 3] = [
    |slice| slice.server_cpu_seconds / slice.seconds,
    |slice| slice.generator_cpu_seconds / slice.seconds,
    |slice| slice.others_cpu_seconds / slice.seconds,
];
