//! Latency percentiles on a logarithmic axis, since they lie far apart; the figures beside it.

use super::{
    axis::{Logarithmic, written},
    svg::{Anchor, Svg, WIDTH},
};
use crate::{
    receiver::Receiver,
    summary::{Comparison, Row},
};

const TITLE: &str = "Latency over 32 connections, less is better";
const KEY: &str = "disc: p50, ring: p99, stroke: p99.9";
const AXIS: &str = "ms, logarithmic; from the request's first byte to the answer's last";
const LEFT: f64 = 212.0;
const RIGHT: f64 = WIDTH - 210.0;
/// Where the figures end.
const COLUMNS: [(f64, &str); 3] = [
    (WIDTH - 146.0, "p50"),
    (WIDTH - 82.0, "p99"),
    (WIDTH - 18.0, "p99.9"),
];
const ROW: f64 = 28.0;
const HEADING: f64 = 34.0;

pub(crate) fn draw(comparisons: &[&Comparison], footer: &str) -> String {
    let rows = comparisons.iter().flat_map(|comparison| &comparison.rows);
    let (least, greatest) = rows
        .flat_map(millis)
        .fold((f64::MAX, 0.01), |(least, greatest): (f64, f64), figure| {
            (least.min(figure), greatest.max(figure))
        });
    let axis = Logarithmic::around(least, greatest);
    let mut svg = Svg::default();
    svg.text(16.0, 28.0, Anchor::Start, "title", TITLE);
    let top = 46.0;
    let panels = |comparison: &&Comparison| HEADING + ROW * comparison.rows.len() as f64;
    let bottom = top + comparisons.iter().map(panels).sum::<f64>() + 4.0;
    for tick in axis.ticks() {
        let x = x(&axis, tick);
        svg.line((x, top), (x, bottom), "grid");
        svg.text(x, bottom + 16.0, Anchor::Middle, "small", &tick_label(tick));
    }
    let mut y = top;
    for comparison in comparisons {
        svg.text(
            16.0,
            y + 22.0,
            Anchor::Start,
            "panel",
            comparison.payload.label(),
        );
        for (x, name) in COLUMNS {
            svg.text(x, y + 22.0, Anchor::End, "small", &format!("{name} ms"));
        }
        y += HEADING;
        for each in &comparison.rows {
            row(&mut svg, &axis, y + ROW / 2.0, each);
            y += ROW;
        }
    }
    svg.text(
        (LEFT + RIGHT) / 2.0,
        bottom + 36.0,
        Anchor::Middle,
        "",
        AXIS,
    );
    svg.text(
        (LEFT + RIGHT) / 2.0,
        bottom + 54.0,
        Anchor::Middle,
        "small",
        KEY,
    );
    let height = svg.footer(bottom + 80.0, footer);
    svg.finish(bottom + 76.0 + height, TITLE)
}

fn row(svg: &mut Svg, axis: &Logarithmic, y: f64, row: &Row) {
    let class = match row.receiver {
        Receiver::Layer => "ours",
        _ => "other",
    };
    let figures = millis(row);
    let [p50, p99, p999] = figures.map(|figure| x(axis, figure));
    svg.text(LEFT - 10.0, y + 4.5, Anchor::End, "", row.receiver.title());
    svg.bar(p50, y - 2.0, p999 - p50, 4.0, class);
    svg.circle(p50, y, 6.0, class);
    svg.circle(p99, y, 5.0, "mark");
    svg.line((p999, y - 7.0), (p999, y + 7.0), "mark");
    for ((x, _), figure) in COLUMNS.into_iter().zip(figures) {
        svg.text(x, y + 4.5, Anchor::End, "", &written(figure, 2));
    }
}

fn tick_label(tick: f64) -> String {
    // The first digit that is not nothing: 0.05, 0.2, 1, 50.
    written(tick, (-tick.log10().floor()).max(0.0) as usize)
}

fn millis(row: &Row) -> [f64; 3] {
    // A percentile of nothing at all has no place on a logarithmic axis.
    row.latency.map(|micros| micros.max(1) as f64 / 1e3)
}

fn x(axis: &Logarithmic, figure: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * axis.place(figure)
}
