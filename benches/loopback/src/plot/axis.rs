//! Axes: where a figure is drawn, and which figures are written below.

/// From nothing to a bit more than the greatest.
#[derive(Debug)]
pub(crate) struct Linear {
    step: f64,
    steps: usize,
}

impl Linear {
    pub(crate) fn to(greatest: f64) -> Self {
        const STEPS: f64 = 5.0;
        let rough = greatest / STEPS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|&step| step >= rough)
            .unwrap_or(rough);
        Self {
            step,
            steps: (greatest / step).ceil() as usize,
        }
    }

    /// Between 0 and 1.
    pub(crate) fn place(&self, figure: f64) -> f64 {
        figure / (self.step * self.steps as f64)
    }

    pub(crate) fn ticks(&self) -> impl Iterator<Item = f64> {
        (0..=self.steps).map(|step| step as f64 * self.step)
    }
}

/// From a 1, 2 or 5 of a power of ten to another, around all figures.
#[derive(Debug)]
pub(crate) struct Logarithmic {
    ticks: Vec<f64>,
}

impl Logarithmic {
    pub(crate) fn around(least: f64, greatest: f64) -> Self {
        let all: Vec<f64> = (-3..=5)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .collect();
        let from = all.iter().rposition(|&tick| tick <= least).unwrap_or(0);
        // The last tick is nobody's beginning.
        let from = from.min(all.len() - 2);
        let to = all.iter().position(|&tick| tick >= greatest);
        let to = to.unwrap_or(all.len() - 1).max(from + 1);
        Self {
            ticks: all[from..=to].to_vec(),
        }
    }

    /// Between 0 and 1.
    pub(crate) fn place(&self, figure: f64) -> f64 {
        let (from, to) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        (figure / from).ln() / (to / from).ln()
    }

    pub(crate) fn ticks(&self) -> impl Iterator<Item = f64> {
        self.ticks.iter().copied()
    }
}

/// With a thin space between thousands.
pub(crate) fn written(figure: f64, digits: usize) -> String {
    let text = format!("{figure:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_holds_the_greatest() {
        for greatest in [0.7, 4.0, 76_279.0, 100_000.0] {
            let axis = Linear::to(greatest);
            let place = axis.place(greatest);
            assert!((0.75..=1.0).contains(&place), "{greatest} at {place}");
            assert!((4..=7).contains(&axis.ticks().count()), "{axis:?}");
        }
    }

    #[test]
    fn a_logarithmic_axis_holds_both_ends() {
        let axis = Logarithmic::around(0.4, 31.0);
        let ticks: Vec<_> = axis.ticks().map(|tick| written(tick, 1)).collect();
        assert_eq!(
            ticks,
            ["0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "20.0", "50.0"]
        );
        assert_eq!((axis.place(0.2), axis.place(50.0)), (0.0, 1.0));
        assert!((axis.place(10.0_f64.sqrt()) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_of_one_figure_has_a_length() {
        assert_eq!(Logarithmic::around(1.0, 1.0).ticks().count(), 2);
        assert_eq!(Logarithmic::around(1e9, 1e9).ticks().count(), 2);
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(written(999.0, 0), "999");
        assert_eq!(written(76_279.4, 0), "76\u{2009}279");
        assert_eq!(written(1_234_567.25, 1), "1\u{2009}234\u{2009}567.2");
    }
}
