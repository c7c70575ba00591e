//! The table: one row for each receiver, payload and number of connections.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use crate::{
    results::Results,
    stats::Ratio,
    summary::{Comparison, Row, comparisons},
};

const HEADER: [&str; 15] = [
    "payload", "conn.", "receiver", "req/s", "× (b)", "× (c)", "p50 ms", "p99 ms", "p99.9 ms",
    "CPU µs", "× (b)", "× (c)", "server", "load", "others",
];

const LEGEND: &str = "\
req/s: the median over the slices (and their middle half). CPU µs: of the server, for each request.
× (b), × (c): the ratio of the medians (and its 95 % interval), above 1 more than (b) or (c).
server, load, others: how many cores each kept busy.";

const DISTURBED: &str = "\
Something else was running: rates and latencies are worse than they would be, and CPU times less so.";

pub(crate) fn print(results: &Results, markdown: bool) -> Result<()> {
    let mut table = Table::new();
    table.load_preset(match markdown {
        true => presets::ASCII_MARKDOWN,
        false => presets::UTF8_BORDERS_ONLY,
    });
    table.set_header(HEADER);
    for (index, column) in table.column_iter_mut().enumerate() {
        if index != 0 && index != 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let comparisons = comparisons(results)?;
    for comparison in &comparisons {
        for row in &comparison.rows {
            let mut cells = vec![
                comparison.payload.label().to_owned(),
                comparison.connections.to_string(),
            ];
            cells.extend(cells_of(row));
            table.add_row(cells);
        }
    }
    println!("{table}\n");
    println!("{}", results.circumstances());
    println!("{LEGEND}");
    if comparisons.iter().any(was_disturbed) {
        println!("{DISTURBED}");
    }
    Ok(())
}

/// Whether everything else took a tenth of a core, or more.
fn was_disturbed(comparison: &Comparison) -> bool {
    let others = |row: &Row| row.cores[2];
    comparison.rows.iter().any(|row| others(row) > 0.1)
}

fn cells_of(row: &Row) -> [String; 13] {
    let [p50, p99, p999] = row
        .latency
        .map(|micros| format!("{:.2}", micros as f64 / 1e3));
    let [rate_b, rate_c] = row.rate_ratios.map(ratio);
    let [cpu_b, cpu_c] = row.cpu_ratios.map(ratio);
    let [server, load, others] = row.cores.map(|cores| format!("{cores:.2}"));
    let rate = row.rate;
    [
        row.receiver.label().to_owned(),
        format!("{:.0} ({:.0}–{:.0})", rate.median, rate.low, rate.high),
        rate_b,
        rate_c,
        p50,
        p99,
        p999,
        format!("{:.1}", row.cpu.median),
        cpu_b,
        cpu_c,
        server,
        load,
        others,
    ]
}

fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |Ratio { low, value, high }| {
        match low == high {
            true => format!("{value:.2}"),
            false => format!("{value:.2} ({low:.2}–{high:.2})"),
        }
    })
}
