//! One bar a receiver, with the middle half of its slices; one panel a payload.

use super::{
    axis::{Linear, written},
    svg::{Anchor, Svg, WIDTH},
};
use crate::{
    receiver::Receiver,
    stats::Quartiles,
    summary::{Comparison, Row},
};

const LEFT: f64 = 212.0;
/// Leaves room for the figure beside the longest bar.
const RIGHT: f64 = WIDTH - 90.0;
const ROW: f64 = 30.0;
const BAR: f64 = 20.0;
const HEADING: f64 = 34.0;

#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) title: &'static str,
    pub(crate) axis: &'static str,
    pub(crate) of: fn(&Row) -> Quartiles,
    pub(crate) digits: usize,
}

impl Bars {
    pub(crate) fn draw(&self, comparisons: &[&Comparison], footer: &str) -> String {
        let rows = comparisons.iter().flat_map(|comparison| &comparison.rows);
        let axis = Linear::to(rows.map(|row| (self.of)(row).high).fold(1.0, f64::max));
        let mut svg = Svg::default();
        svg.text(16.0, 28.0, Anchor::Start, "title", self.title);
        let top = 46.0;
        let mut y = top;
        let panels = |comparison: &&Comparison| HEADING + ROW * comparison.rows.len() as f64;
        let bottom = top + comparisons.iter().map(panels).sum::<f64>() + 4.0;
        self.grid(&mut svg, &axis, top, bottom);
        for comparison in comparisons {
            svg.text(
                16.0,
                y + 22.0,
                Anchor::Start,
                "panel",
                comparison.payload.label(),
            );
            y += HEADING;
            for row in &comparison.rows {
                self.row(&mut svg, &axis, y, row);
                y += ROW;
            }
        }
        svg.text(
            (LEFT + RIGHT) / 2.0,
            bottom + 36.0,
            Anchor::Middle,
            "",
            self.axis,
        );
        let height = svg.footer(bottom + 62.0, footer);
        svg.finish(bottom + 58.0 + height, self.title)
    }

    fn grid(&self, svg: &mut Svg, axis: &Linear, top: f64, bottom: f64) {
        for tick in axis.ticks() {
            let x = x(axis, tick);
            svg.line((x, top), (x, bottom), "grid");
            svg.text(x, bottom + 16.0, Anchor::Middle, "small", &written(tick, 0));
        }
    }

    fn row(&self, svg: &mut Svg, axis: &Linear, y: f64, row: &Row) {
        let Quartiles { low, median, high } = (self.of)(row);
        let middle = y + ROW / 2.0;
        let class = match row.receiver {
            Receiver::Layer => "ours",
            _ => "other",
        };
        svg.text(
            LEFT - 10.0,
            middle + 4.5,
            Anchor::End,
            "",
            row.receiver.title(),
        );
        svg.bar(LEFT, middle - BAR / 2.0, x(axis, median) - LEFT, BAR, class);
        let (low, high) = (x(axis, low), x(axis, high));
        svg.line((low, middle), (high, middle), "mark");
        for end in [low, high] {
            svg.line((end, middle - 4.0), (end, middle + 4.0), "mark");
        }
        let beside = high.max(x(axis, median)) + 8.0;
        svg.text(
            beside,
            middle + 4.5,
            Anchor::Start,
            "",
            &written(median, self.digits),
        );
    }
}

fn x(axis: &Linear, figure: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * axis.place(figure)
}
