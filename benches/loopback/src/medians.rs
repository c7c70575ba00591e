//! What the benches in process left behind, as tables of ratios: one for each of their groups.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, de::DeserializeOwned};

/// The rows that the others of their group are divided by; in a group without any, its first row.
const BASES: [&str; 3] = ["(b)", "(c)", "(c')"];

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    full_id: String,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

struct Row {
    group: String,
    name: String,
    median: Estimate,
}

/// Prints what criterion wrote below the folder, which is `target/criterion` of whoever ran it.
pub(crate) fn print(folder: &Path) -> Result<()> {
    let mut rows = Vec::new();
    collect(folder, &mut rows)?;
    if rows.is_empty() {
        bail!(
            "no figures of criterion's are below {}; `cargo bench` makes them",
            folder.display()
        );
    }
    rows.sort_by(|a, b| (&a.group, a.order()).cmp(&(&b.group, b.order())));
    for group in rows.chunk_by(|a, b| a.group == b.group) {
        println!("{}\n\n{}\n", group[0].group, table(group));
    }
    Ok(())
}

fn collect(folder: &Path, rows: &mut Vec<Row>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        if path.ends_with("new") {
            let Benchmark { group_id, full_id } = read(&path.join("benchmark.json"))?;
            let Estimates { median } = read(&path.join("estimates.json"))?;
            let name = full_id
                .strip_prefix(&group_id)
                .map_or(&*full_id, |name| name.trim_start_matches('/'));
            rows.push(Row {
                name: name.to_owned(),
                group: group_id,
                median,
            });
        } else {
            collect(&path, rows)?;
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not criterion's", path.display()))
}

impl Row {
    /// Numbers by their size, names by their letters.
    fn order(&self) -> (u64, &str) {
        let number = self.name.replace(',', "");
        let digits = number.split(' ').next().unwrap_or_default();
        (digits.parse().unwrap_or(0), &self.name)
    }
}

fn table(rows: &[Row]) -> Table {
    let mut bases: Vec<&Row> = BASES
        .iter()
        .filter_map(|base| {
            rows.iter()
                .find(|row| row.name.split(' ').next() == Some(base))
        })
        .collect();
    if bases.is_empty() {
        bases.extend(rows.first());
    }
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let mut header = vec![String::new(), "median (95 % interval)".to_owned()];
    header.extend(bases.iter().map(|base| match base.name.split_once(' ') {
        Some((letter, _)) if BASES.contains(&letter) => format!("× {letter}"),
        _ => format!("× {}", base.name),
    }));
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in rows {
        let mut cells = vec![row.name.clone(), time(&row.median)];
        cells.extend(bases.iter().map(|base| {
            let ratio = row.median.point_estimate / base.median.point_estimate;
            format!("{ratio:.2}")
        }));
        table.add_row(cells);
    }
    table
}

fn time(median: &Estimate) -> String {
    let (unit, scale) = match median.point_estimate {
        nanos if nanos < 1e3 => ("ns", 1.0),
        nanos if nanos < 1e6 => ("µs", 1e3),
        _ => ("ms", 1e6),
    };
    let digits = |nanos: f64| {
        let value = nanos / scale;
        match value {
            value if value < 10.0 => format!("{value:.2}"),
            value if value < 100.0 => format!("{value:.1}"),
            value => format!("{value:.0}"),
        }
    };
    let Interval {
        lower_bound,
        upper_bound,
    } = median.confidence_interval;
    format!(
        "{} {unit} ({}–{})",
        digits(median.point_estimate),
        digits(lower_bound),
        digits(upper_bound)
    )
}
