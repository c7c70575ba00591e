//! The plots of a run.

mod axis;
mod bars;
mod latency;
mod svg;

use std::{fs, path::Path};

use anyhow::{Context, Result};

use self::bars::Bars;
use crate::{
    payload::Payload,
    receiver::Receiver,
    results::Results,
    summary::{Comparison, comparisons},
};

/// The comparison in which everybody takes part.
const CONNECTIONS: usize = 32;

pub(crate) fn draw(results: &Results, folder: &Path) -> Result<()> {
    let mut comparisons = comparisons(results)?;
    for comparison in &mut comparisons {
        // Beside it nothing else could be told apart in a long body.
        comparison
            .rows
            .retain(|row| row.receiver != Receiver::Floor);
    }
    let chosen = |payloads: &[Payload]| -> Vec<&Comparison> {
        let is_chosen = |comparison: &&Comparison| {
            comparison.connections == CONNECTIONS && payloads.contains(&comparison.payload)
        };
        comparisons.iter().filter(is_chosen).collect()
    };
    let short = chosen(&[Payload::Client, Payload::Invoice]);
    let long = chosen(&[Payload::LongInvoice]);
    let footer = results.circumstances();
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, comparisons, svg) in [
        ("rate.svg", &short, rate(&short, &footer)),
        ("rate-100kb.svg", &long, rate(&long, &footer)),
        ("cpu.svg", &short, cpu(&short, &footer)),
        ("latency.svg", &short, latency::draw(&short, &footer)),
    ] {
        if comparisons.is_empty() {
            eprintln!("{name} is left out: the run has nothing over {CONNECTIONS} connections");
            continue;
        }
        let path = folder.join(name);
        fs::write(&path, svg).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn rate(comparisons: &[&Comparison], footer: &str) -> String {
    Bars {
        title: "Requests per second over 32 connections, more is better",
        axis: "requests per second; the median of the slices, and their middle half",
        of: |row| row.rate,
        digits: 0,
    }
    .draw(comparisons, footer)
}

fn cpu(comparisons: &[&Comparison], footer: &str) -> String {
    Bars {
        title: "Processor time of the server for one request, less is better",
        axis: "µs, user and system; the median of the slices, and their middle half",
        of: |row| row.cpu,
        digits: 1,
    }
    .draw(comparisons, footer)
}
