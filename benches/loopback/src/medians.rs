//! What the benches in process left behind, as tables of ratios: one for each of their groups.
//!
//! criterion runs one row after the other, so a machine that changes its pace meanwhile changes the
//! ratios. Benches that were run in rounds, each saved under a name of its own, are compared by round.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, de::DeserializeOwned};

use crate::stats::{Quartiles, Ratio};

/// The rows that the others of their group are divided by; in a group without any, its first row.
const BASES: [&str; 3] = ["(b)", "(c)", "(c')"];

/// The folders of a row that are no round of their own: the last run, what it was compared with.
const NO_ROUNDS: [&str; 4] = ["new", "base", "change", "report"];

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
    last: Estimate,
    /// The medians by the names under which they were saved, if there are at least two.
    rounds: BTreeMap<String, f64>,
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
                last: median,
                rounds: rounds(folder)?,
            });
        } else {
            collect(&path, rows)?;
        }
    }
    Ok(())
}

fn rounds(folder: &Path) -> Result<BTreeMap<String, f64>> {
    let mut rounds = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let estimates = entry.path().join("estimates.json");
        if !NO_ROUNDS.contains(&&*name) && estimates.is_file() {
            let Estimates { median } = read(&estimates)?;
            rounds.insert(name, median.point_estimate);
        }
    }
    if rounds.len() < 2 {
        rounds.clear();
    }
    Ok(rounds)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not criterion's", path.display()))
}

impl Row {
    /// The median, and what it lies in: the middle half of the rounds, or criterion's interval.
    fn median(&self) -> Quartiles {
        if self.rounds.is_empty() {
            let Interval {
                lower_bound,
                upper_bound,
            } = self.last.confidence_interval;
            return Quartiles {
                low: lower_bound,
                median: self.last.point_estimate,
                high: upper_bound,
            };
        }
        let figures: Vec<f64> = self.rounds.values().copied().collect();
        Quartiles::of(&figures)
    }

    /// How many times the base's time it takes.
    fn ratio(&self, base: &Self) -> String {
        let (ours, theirs): (Vec<_>, Vec<_>) = self
            .rounds
            .iter()
            .filter_map(|(round, ours)| Some((*ours, *base.rounds.get(round)?)))
            .unzip();
        if ours.is_empty() {
            let ratio = self.last.point_estimate / base.last.point_estimate;
            return format!("{ratio:.2}");
        }
        if self.name == base.name {
            return "1.00".to_owned();
        }
        let Ratio { low, value, high } = Ratio::of(&ours, &theirs);
        format!("{value:.2} ({low:.2}–{high:.2})")
    }

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
    let interval = match rows.iter().all(|row| row.rounds.is_empty()) {
        true => "median (95 % interval)",
        false => "median (middle half)",
    };
    let mut header = vec![String::new(), interval.to_owned()];
    header.extend(bases.iter().map(|base| match base.name.split_once(' ') {
        Some((letter, _)) if BASES.contains(&letter) => format!("× {letter}"),
        _ => format!("× {}", base.name),
    }));
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in rows {
        let mut cells = vec![row.name.clone(), time(row.median())];
        cells.extend(bases.iter().map(|base| row.ratio(base)));
        table.add_row(cells);
    }
    table
}

fn time(Quartiles { low, median, high }: Quartiles) -> String {
    let (unit, scale) = match median {
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
    format!(
        "{} {unit} ({}–{})",
        digits(median),
        digits(low),
        digits(high)
    )
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    /// A round of half the pace doubles both rows and changes no ratio.
    #[test]
    fn rounds_are_compared_by_round() {
        let folder = env::temp_dir().join(format!("medians-{}", process::id()));
        for (row, pace) in [("(b) slow", 40.0), ("(d) fast", 10.0)] {
            for (round, factor) in [("r1", 1.0), ("r2", 2.0), ("r3", 2.0), ("new", 9.0)] {
                let folder = folder.join("group").join(row).join(round);
                fs::create_dir_all(&folder).unwrap();
                let time = pace * factor;
                let interval = format!(r#"{{"lower_bound":{time},"upper_bound":{time}}}"#);
                let median =
                    format!(r#"{{"point_estimate":{time},"confidence_interval":{interval}}}"#);
                fs::write(
                    folder.join("estimates.json"),
                    format!(r#"{{"median":{median}}}"#),
                )
                .unwrap();
                let names = format!(r#"{{"group_id":"group","full_id":"group/{row}"}}"#);
                fs::write(folder.join("benchmark.json"), names).unwrap();
            }
        }
        let mut rows = Vec::new();
        let collected = collect(&folder, &mut rows);
        fs::remove_dir_all(&folder).unwrap();
        collected.unwrap();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        let [slow, fast] = &rows[..] else {
            panic!("{} rows", rows.len());
        };
        assert_eq!(time(fast.median()), "20.0 ns (15.0–20.0)");
        assert_eq!(fast.ratio(slow), "0.25 (0.25–0.25)");
        assert_eq!(slow.ratio(slow), "1.00");
    }
}
